"""Everything that the MCP server offers, used by the official client, on each transport and protocol version."""

from __future__ import annotations

from typing import Any

import pytest
from mcp_types import PromptReference, ResourceTemplateReference, TextContent, TextResourceContents

from shared.models import Answer, Hits, JourneyCostSummary, Links, Model, Proof, Rows
from tests.protocol_interface.mcp_serving import VERSIONS, both_versions, connected, text_of

transports = pytest.mark.parametrize("transport", ["memory", "http", "stdio"])
QUERY = {"platform": "kql", "schema_group": "ops_logs", "query": "SigninLogs | count"}
CALLS: dict[str, dict[str, Any]] = {
    "ask": {"question": "How many failed sign-ins?"},
    "query_kql": {"question": "How many failed sign-ins?", "schema_group": "ops_logs"},
    "prove": QUERY,
    "execute": QUERY,
    "explain": QUERY,
    "search_procedures": {"question": "vpn"},
    "find_tables": {"question": "failed sign-ins"},
    "describe_table": {"schema_group": "ops_logs", "table": "SigninLogs"},
    "list_agents": {},
    "journey": {"journey_id": "journey-1"},
    "journey_cost": {"journey_id": "journey-1"},
}
SAYS = {
    "ask": "SigninLogs | count",
    "query_kql": "SigninLogs | count",
    "prove": "proof: plausible",
    "execute": "(1 row)",
    "explain": "Reads SigninLogs.",
    "search_procedures": "VPN outage (vpn.md, 0.71)",
    "find_tables": "SigninLogs of ops_logs (kql, 0.80): 'sign-in'",
    "describe_table": "SigninLogs.UserId = IdentityInfo.AccountObjectId",
    "list_agents": "kql (query, platform kql; answers): Writes KQL",
    "journey": "SigninLogs | count",
    "journey_cost": "cost unknown: no price for 2 of 2 calls",
}
FORMS: dict[str, type[Model]] = {
    "ask": Answer,
    "query_kql": Answer,
    "prove": Proof,
    "execute": Rows,
    "search_procedures": Hits,
    "find_tables": Links,
    "journey": Answer,
    "journey_cost": JourneyCostSummary,
}
READ = {
    "catalog://ops_logs/SigninLogs": '"name":"UserId"',
    "sop://network/vpn.md": "Restart the gateway.",
    "sop://doc-1": "Restart the gateway.",
    "journey://journey-1": "SigninLogs | count",
    "ledger://journey/journey-1": '"prompt_tokens":811',
}
TEMPLATES = {"catalog://{group}/{table}", "sop://{+id}", "journey://{journey_id}", "ledger://journey/{journey_id}"}
PROMPTS = {
    "investigate_alert": ({"alert": "100 failed sign-ins"}, "VPN outage (vpn.md, 0.71)"),
    "explain_query": (QUERY, "In one sentence: Reads SigninLogs."),
    "port_spl_to_kql": ({"query": "index=signin", "schema_group": "ops_logs"}, "ResultType string"),
}


@transports
@both_versions
async def test_every_tool_resource_and_prompt_is_served(transport: str, mode: str) -> None:
    async with connected(transport, mode) as client:
        assert client.protocol_version == VERSIONS[mode]
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert tools.keys() == CALLS.keys()
        for name, arguments in CALLS.items():
            result = await client.call_tool(name, arguments)
            assert (name, result.is_error) == (name, False)
            assert SAYS[name] in text_of(result)
            assert set((tools[name].output_schema or {})["required"]) <= set(result.structured_content)
            if name in FORMS:
                FORMS[name].model_validate(result.structured_content)
        found = await client.list_resource_templates()
        assert {template.uri_template for template in found.resource_templates} == TEMPLATES
        for uri, part in READ.items():
            (content,) = (await client.read_resource(uri)).contents
            assert isinstance(content, TextResourceContents)
            assert part in content.text
        assert {prompt.name for prompt in (await client.list_prompts()).prompts} == PROMPTS.keys()
        for prompt, (arguments, part) in PROMPTS.items():
            (message,) = (await client.get_prompt(prompt, arguments)).messages
            assert isinstance(message.content, TextContent)
            assert part in message.content.text


COMPLETIONS: list[tuple[str, str, str, dict[str, str], list[str]]] = [
    ("catalog://{group}/{table}", "group", "OPS", {}, ["ops_logs"]),
    ("catalog://{group}/{table}", "table", "sig", {"group": "ops_logs"}, ["SigninLogs"]),
    ("catalog://{group}/{table}", "table", "", {}, ["SigninLogs", "IdentityInfo"]),
    ("catalog://{group}/{table}", "table", "", {"group": "nowhere"}, []),
    ("sop://{+id}", "id", "vpn", {}, ["network/vpn.md"]),
    ("journey://{journey_id}", "journey_id", "jour", {}, ["journey-1"]),
    ("ledger://journey/{journey_id}", "journey_id", "2", {}, []),
    ("explain_query", "platform", "", {}, ["kql"]),
    ("explain_query", "schema_group", "ops", {}, ["ops_logs"]),
    ("explain_query", "query", "ops", {}, []),
]


@both_versions
async def test_arguments_are_completed_from_what_is_there(mode: str) -> None:
    async with connected("http", mode) as client:
        await client.call_tool("ask", CALLS["ask"])
        for name, argument, begun, given, values in COMPLETIONS:
            ref = ResourceTemplateReference(uri=name) if "://" in name else PromptReference(name=name)
            found = await client.complete(ref, {"name": argument, "value": begun}, given)
            assert (name, argument, found.completion.values) == (name, argument, values)
