"""The MCP server, met by the official client: in memory, over HTTP on a real socket, and over stdio."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette

from protocol_interface.mcp_server import build_mcp, mount_mcp
from shared.models import Answer, Hits, JourneyCostSummary, Proof, Question
from tests.protocol_interface.notebook import Notebook

ROOT = Path(__file__).parents[2]
# `legacy` is the initialize handshake, which settles on 2025-11-25.
VERSIONS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
both_versions = pytest.mark.parametrize("mode", VERSIONS)


def _text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


@asynccontextmanager
async def _served(product: Notebook) -> AsyncIterator[str]:
    """The product's MCP endpoint in a host application on a real socket; its URL."""
    contexts: list[Any] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with contexts[0]:
            yield

    host = Starlette(lifespan=lifespan)
    contexts.append(mount_mcp(host, product))
    server = uvicorn.Server(uvicorn.Config(host, port=0, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await anyio.lowlevel.checkpoint()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        await serving


@both_versions
async def test_an_answer_comes_as_text_and_as_structure(mode: str) -> None:
    async with Client(build_mcp(Notebook()), mode=mode) as client:
        result = await client.call_tool("ask", {"question": "How many failed sign-ins?"})
        assert client.protocol_version == VERSIONS[mode]
    answer = Answer.model_validate(result.structured_content)
    assert answer.answers[0].query == "SigninLogs | count"
    assert not result.is_error
    assert "SigninLogs | count" in _text(result)
    assert "cost unknown: no price for 2 of 2 calls" in _text(result)


async def test_what_ask_is_told_reaches_the_journey() -> None:
    product = Notebook()
    async with Client(build_mcp(product)) as client:
        asked = {"question": "Failures?", "schema_group": "ops_logs", "platforms": ["kql"], "run": False}
        result = await client.call_tool("ask", asked)
    assert product.asked[0].model_dump(include=set(asked)) == asked
    assert "not run" in _text(result)


@both_versions
async def test_progress_names_each_stage_and_only_rises(mode: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with Client(build_mcp(Notebook()), mode=mode) as client:
        await client.call_tool("ask", {"question": "Failures?"}, progress_callback=note)
    stages = ["discovery", "planning", "knowledge", "data", "validation", "answer"]
    assert [message for _, _, message in seen] == stages
    assert [progress for progress, _, _ in seen] == [0, 1, 2, 3, 4, 5]
    assert {total for _, total, _ in seen} == {5}


@both_versions
async def test_cancelling_ask_cancels_the_journey(mode: str) -> None:
    product = Notebook(hold=True)
    async with _served(product) as url, Client(url, mode=mode) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "ask", {"question": "Failures?"})
        await product.reached_data.wait()
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await product.was_cancelled.wait()
    assert product.cancelled == ["journey-1"]


async def test_a_vague_question_comes_back_with_options() -> None:
    async with Client(build_mcp(Notebook())) as client:
        result = await client.call_tool("ask", {"question": "How many?"})
    assert Answer.model_validate(result.structured_content).status == "needs_clarification"
    assert "How many of what?" in _text(result)
    assert "- sign-ins" in _text(result)


MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {"question": " "}, "invalid_input: the question is empty"),
    (
        "ask",
        {"question": "Failures?", "schema_group": "ops_log"},
        "not_found: unknown schema group 'ops_log'; did you mean 'ops_logs'?",
    ),
    (
        "ask",
        {"question": "Failures?", "platform": ["kql"]},
        "invalid_input: unknown argument 'platform'; did you mean 'platforms'?",
    ),
    ("ask", {}, "invalid_input: argument 'question' is missing"),
    ("journey_cost", {"journey_id": "journey-7"}, "not_found: unknown journey 'journey-7'"),
    (
        "search_procedures",
        {"question": "vpn", "limit": 0},
        "invalid_input: argument 'limit': Input should be greater than or equal to 1",
    ),
]


@both_versions
@pytest.mark.parametrize(("tool", "arguments", "says"), MISTAKES)
async def test_a_mistake_is_a_tool_error_that_says_what_and_how_to_mend_it(
    mode: str, tool: str, arguments: dict[str, Any], says: str
) -> None:
    async with Client(build_mcp(Notebook()), mode=mode) as client:
        result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert _text(result) == says
    assert result.meta is not None
    assert result.meta["lexiquery/problem"]["code"] == says.split(":")[0]


async def test_a_fault_shows_neither_its_text_nor_a_trace() -> None:
    async with Client(build_mcp(Notebook(fault=RuntimeError("secret path /srv/x")))) as client:
        result = await client.call_tool("ask", {"question": "Failures?"})
    assert result.is_error
    assert _text(result) == "Error executing tool ask"


async def test_a_misspelt_table_gets_the_nearest_name() -> None:
    query = {"platform": "kql", "schema_group": "ops_logs", "query": "SigninLog | count"}
    async with Client(build_mcp(Notebook())) as client:
        result = await client.call_tool("prove", query)
    assert Proof.model_validate(result.structured_content).verdict == "rejected"
    assert "line 1, column 1: unknown table 'SigninLog'; did you mean 'SigninLogs'?" in _text(result)


async def test_procedures_agents_and_costs_are_served() -> None:
    async with Client(build_mcp(Notebook())) as client:
        await client.call_tool("ask", {"question": "Failures?"})
        hits = await client.call_tool("search_procedures", {"question": "vpn"})
        agents = await client.call_tool("list_agents")
        cost = await client.call_tool("journey_cost", {"journey_id": "journey-1"})
    assert Hits.model_validate(hits.structured_content).hits[0].title == "VPN outage"
    assert _text(agents) == "kql (query, platform kql; answers): Writes KQL"
    assert JourneyCostSummary.model_validate(cost.structured_content).prompt_tokens == 811


@both_versions
async def test_a_journey_is_a_resource(mode: str) -> None:
    async with Client(build_mcp(Notebook()), mode=mode) as client:
        await client.call_tool("ask", {"question": "Failures?"})
        (content,) = (await client.read_resource("journey://journey-1")).contents
        assert Answer.model_validate_json(content.model_dump()["text"]).question == "Failures?"
        with pytest.raises(MCPError, match="unknown journey 'journey-9'"):
            await client.read_resource("journey://journey-9")


async def test_a_running_journey_says_so_instead_of_blocking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol_interface.mcp_server._RESOURCE_WAIT", 0.01)
    product = Notebook(hold=True)
    journey_id = await product.start(Question(question="Failures?"))
    async with Client(build_mcp(product)) as client:
        with pytest.raises(MCPError, match="journey 'journey-1' is still running"):
            await client.read_resource(f"journey://{journey_id}")


async def test_all_tools_together_fit_1500_tokens() -> None:
    async with Client(build_mcp(Notebook())) as client:
        tools = (await client.list_tools()).tools
    assert {tool.name for tool in tools} == {"ask", "prove", "search_procedures", "list_agents", "journey_cost"}
    text = "".join(json.dumps(tool.model_dump(mode="json", by_alias=True, exclude_none=True)) for tool in tools)
    assert len(text) / 4 < 1500  # four characters a token is on the safe side for JSON


@both_versions
async def test_http_is_served_at_exactly_the_path(mode: str) -> None:
    async with _served(Notebook()) as url, Client(url, mode=mode) as client:
        result = await client.call_tool("ask", {"question": "Failures?"})
        assert client.protocol_version == VERSIONS[mode]
    assert Answer.model_validate(result.structured_content).status == "completed"


@both_versions
async def test_stdio_serves_while_a_library_prints(mode: str) -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tests.protocol_interface.stdio_server"], cwd=ROOT
    )
    async with Client(server, mode=mode) as client:
        result = await client.call_tool("ask", {"question": "Failures?"})
    assert Answer.model_validate(result.structured_content).status == "completed"
