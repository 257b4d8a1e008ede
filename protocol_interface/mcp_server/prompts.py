"""Prompts: a task for the client's model, with what is known of it already in the text."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, Prompt
from pydantic import Field

from protocol_interface.mcp_server.results import missing_argument, unknown_argument
from protocol_interface.mcp_server.tables import describe
from protocol_interface.product import Product
from shared.catalog import Catalog
from shared.errors import InvalidInput, LexiQueryError, NotFound
from shared.models import ProveRequest, QueryRequest
from shared.render import render_hits, render_links, render_proof

T = TypeVar("T")
_TABLES = 5
_RUNBOOKS = 3
Group = Annotated[str, Field(description="schema group that the query reads")]
Groups = Annotated[str, Field(description="schema group to look in; every one, if not said")]
Target = Annotated[str, Field(description="schema group on KQL")]
Origin = Annotated[str, Field(description="schema group on SPL that the search reads, so that it can be explained")]


def add_prompts(server: MCPServer[None], product: Product) -> None:
    @server.prompt(title="Investigate an alert")
    async def investigate_alert(alert: str, schema_group: Groups = "") -> str:
        """What an alert means, what it touched, and what to do about it."""
        hits = await _known(product.search_procedures(alert, _RUNBOOKS))
        tables = await _known(product.find_tables(alert, schema_group or None, _TABLES))
        return "\n\n".join(
            [
                f"Investigate this alert:\n{alert}",
                "First follow the runbooks. Put each question to the tool `ask`, from narrow to wide: what exactly "
                "happened, to whom else, since when. Name the query behind every claim, and say what is not known.",
                render_hits(hits, "Runbooks that bear on it"),
                render_links(tables, "Tables that may hold more"),
                "End with what happened, how sure that is, and the next step of the runbook.",
            ]
        )

    @server.prompt(title="Explain a query")
    async def explain_query(query: str, platform: str, schema_group: Group) -> str:
        """What a query does, step by step, and where it may mislead."""
        asked = QueryRequest(platform=platform, schema_group=schema_group, query=query)
        said = await _known(product.explain(asked))
        proof = await _known(product.prove(ProveRequest(**asked.model_dump())))
        catalog = await _known(product.catalog(schema_group))
        return "\n\n".join(
            [
                f"Explain this {platform} query on {schema_group} step by step, to one who did not write it:\n{query}",
                f"In one sentence: {said.explanation}\n{render_proof(proof)}",
                *(describe(catalog, table).render() for table in said.tables[:_TABLES]),
                "Then say where it may mislead: what it leaves out, and filters on values that may never occur.",
            ]
        )

    @server.prompt(title="Port a query from SPL to KQL")
    async def port_spl_to_kql(query: str, schema_group: Target, source_group: Origin = "") -> str:
        """A Splunk search as a Kusto query on another schema group, proven."""
        catalog = await _known(_of_kql(product, schema_group))
        tables = await _known(product.find_tables(query, schema_group, _TABLES))
        asked = QueryRequest(platform="spl", schema_group=source_group, query=query)
        said = (await _known(product.explain(asked))).explanation if source_group else ""
        return "\n\n".join(
            [
                f"Write this Splunk search as a KQL query on schema group {schema_group}:\n{query}",
                *([f"It does this: {said}"] if said else []),
                *(describe(catalog, one.table).render() for one in tables),
                f"Check it with the tool `prove` (platform kql, schema_group {schema_group}) and mend what it names, "
                "until it is proven. Show the query, and list what SPL does that the query does not.",
            ]
        )


def check_prompt(name: str, arguments: Mapping[str, Any], prompts: Sequence[Prompt]) -> None:
    """Raises NotFound for a prompt that is none of these, InvalidInput for an argument too many or too few."""
    prompt = next((one for one in prompts if one.name == name), None)
    if prompt is None:
        raise NotFound.named("prompt", name[:100], [one.name for one in prompts])
    known = {one.name: one.required for one in prompt.arguments or []}
    for argument in arguments:
        if argument not in known:
            raise unknown_argument(argument, list(known))
    for argument, required in known.items():
        if required and argument not in arguments:
            raise missing_argument(argument, list(known))


async def _of_kql(product: Product, group: str) -> Catalog:
    catalog = await product.catalog(group)
    if catalog.platform != "kql":
        raise InvalidInput(
            f"schema group '{group}' is on platform '{catalog.platform}', not 'kql'",
            suggestion="name the group that the KQL query is to read, and this one as source_group",
        )
    return catalog


async def _known(work: Awaitable[T]) -> T:
    """Its outcome, errors in MCP's terms."""
    try:
        return await work
    except LexiQueryError as error:
        raise MCPError(INVALID_PARAMS, f"{error.code}: {error}") from error
