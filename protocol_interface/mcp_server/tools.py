"""The tools; each method of `Tools` is one, its docstring the description that clients see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp_types import CallToolResult, InputRequiredResult, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field

from protocol_interface.mcp_server.agents import Agents
from protocol_interface.mcp_server.journeys import Journeys, permitted
from protocol_interface.mcp_server.oauth import needs_execute
from protocol_interface.mcp_server.results import result
from protocol_interface.mcp_server.rows import render_page
from protocol_interface.mcp_server.schema import input_schema, output_schema
from protocol_interface.mcp_server.tables import DescribedTable, describe
from protocol_interface.product import Explanation, Product
from shared.models import (
    Answer,
    ExecuteRequest,
    HitLimit,
    Hits,
    JourneyCostSummary,
    Links,
    Model,
    Proof,
    ProveRequest,
    QueryRequest,
    Question,
    Rows,
)
from shared.render import render_answer, render_cost, render_hits, render_links, render_proof

Run = Annotated[bool | None, Field(description="run the queries; unset: ask the user")]
Platforms = Annotated[list[str] | None, Field(description="only these, e.g. kql")]
RowLimit = Annotated[int, Field(ge=1, le=10_000)]
Offset = Annotated[int, Field(ge=0)]


# What a client's model reads of the three longest outputs; the rest is there, and not announced.
_OF_ANSWER = ("journey_id", "status", "answers", "knowledge", "clarification", "cost")
_OF_TABLE = ("columns", "relationships")
_OF_COST = ("calls", "prompt_tokens", "completion_tokens", "seconds", "cost")


class JourneyState(Model):
    """What is said of a journey in any case; of one that has ended, its whole Answer is."""

    journey_id: str
    status: str


class Tools:
    def __init__(self, product: Product, journeys: Journeys) -> None:
        self._product = product
        self._journeys = journeys

    def offered(self) -> list[Tool]:
        return [
            make_tool(self.ask, Answer, _OF_ANSWER, read_only=False),
            make_tool(self.prove, Proof),
            make_tool(self.execute, Rows, read_only=False),
            make_tool(self.explain, Explanation),
            make_tool(self.search_procedures, Hits),
            make_tool(self.find_tables, Links),
            make_tool(self.describe_table, DescribedTable, _OF_TABLE),
            make_tool(self.list_agents, Agents),
            make_tool(self.journey, JourneyState),
            make_tool(self.journey_cost, JourneyCostSummary, _OF_COST),
        ]

    async def ask(
        self,
        question: str,
        ctx: Context[Any, Any],
        schema_group: str | None = None,
        platforms: Platforms = None,
        run: Run = None,
    ) -> CallToolResult | InputRequiredResult:
        """Answer a question about operations data with proven queries, their rows, runbooks and exact cost."""
        asked = Question(question=question, schema_group=schema_group, platforms=platforms)
        return await self._journeys.ask(asked, ctx, run)

    async def prove(
        self, platform: str, schema_group: str, query: str | None = None, plan: dict[str, Any] | None = None
    ) -> CallToolResult:
        """Check a query or a plan without a model: parse, bind, safety, dry run."""
        asked = ProveRequest(platform=platform, schema_group=schema_group, query=query, plan=plan)
        proof = await self._product.prove(asked)
        return result(proof, render_proof(proof))

    async def execute(
        self, platform: str, schema_group: str, query: str, limit: RowLimit = 100, offset: Offset = 0
    ) -> CallToolResult:
        """Run a query that can be proven; its rows."""
        needs_execute()
        asked = ExecuteRequest(platform=platform, schema_group=schema_group, query=query, limit=limit, offset=offset)
        rows = await self._product.execute(asked)
        return result(rows, render_page(rows, offset))

    async def explain(self, platform: str, schema_group: str, query: str) -> CallToolResult:
        """Say what a query does and which tables it reads."""
        said = await self._product.explain(QueryRequest(platform=platform, schema_group=schema_group, query=query))
        return result(said, said.explanation)

    async def search_procedures(self, question: str, limit: HitLimit = 5) -> CallToolResult:
        """Find passages of runbooks and known errors."""
        hits = await self._product.search_procedures(question, limit)
        return result(Hits(hits=hits), render_hits(hits))

    async def find_tables(self, question: str, schema_group: str | None = None, limit: HitLimit = 5) -> CallToolResult:
        """Find tables that may hold an answer."""
        found = await self._product.find_tables(question, schema_group, limit)
        return result(Links(tables=found), render_links(found))

    async def describe_table(self, schema_group: str, table: str) -> CallToolResult:
        """A table's columns, known values and relationships."""
        found = describe(await self._product.catalog(schema_group), table)
        return result(found, found.render())

    async def list_agents(self) -> CallToolResult:
        """List the agents, their skills and platforms."""
        agents = Agents.of(await self._product.list_agents())
        return result(agents, agents.render())

    async def journey(self, journey_id: str) -> CallToolResult:
        """An earlier question's answer, or that it still runs."""
        answer = await self._product.peek(journey_id)
        if answer is None:
            running = JourneyState(journey_id=journey_id, status="running")
            return result(running, f"journey {journey_id} is still running")
        allowed = permitted(answer)
        return result(allowed, render_answer(allowed))

    async def journey_cost(self, journey_id: str) -> CallToolResult:
        """What a journey's model calls took."""
        cost = await self._product.journey_cost(journey_id)
        return result(cost, render_cost(cost))


def make_tool(fn: Any, output: type[BaseModel] | None, shown: Sequence[str] = (), *, read_only: bool = True) -> Tool:
    """A tool that refuses arguments it doesn't know, with schemas made short. output: None says nothing of it; shown:
    as of output_schema."""
    hints = ToolAnnotations(read_only_hint=True) if read_only else ToolAnnotations(destructive_hint=False)
    tool = Tool.from_function(fn, annotations=hints)
    arguments = type(fn.__name__, (tool.fn_metadata.arg_model,), {"model_config": ConfigDict(extra="forbid")})
    tool.fn_metadata = FuncMetadata(arg_model=arguments, output_schema=output and output_schema(output, shown))
    tool.parameters = input_schema(arguments)
    return tool
