"""LexiQuery as an MCP server: tools and a resource over the Product, on streamable HTTP and on stdio.

Both protocol 2025-11-25 and 2026-07-28 are served on one endpoint. A tool's failure is a tool error (`isError`) with
our code, message and suggestion, and the problem detail in `_meta`. API keys are the host application's business.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, suppress
from typing import Annotated, Any, get_args

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import FuncMetadata
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from mcp_types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.routing import Route

from protocol_interface.mcp_schema import input_schema, output_schema
from protocol_interface.mcp_timing import Timed
from protocol_interface.product import Event, Product, RegisteredAgent, Stage
from shared import __version__
from shared.errors import InvalidInput, LexiQueryError, NotFound, did_you_mean, problem_detail
from shared.models import Answer, HitLimit, Hits, JourneyCostSummary, Model, Proof, ProveRequest, Question
from shared.render import render_answer, render_cost, render_hits, render_proof
from shared.telemetry import Telemetry

_INSTRUCTIONS = (
    "Ask questions on operations data in plain language; answers hold queries proven to run, rows, runbooks and cost. "
    "When an answer needs clarification, ask again with one of its options."
)
_STAGES: tuple[str, ...] = get_args(Stage)
_PROBLEM = "lexiquery/problem"
_RESOURCE_WAIT = 5.0  # seconds that reading a journey waits for its end
_CANCEL_WAIT = 5.0  # seconds that a cancelled call gives the journey to take note

Group = Annotated[str, Field(description="schema group, e.g. ops_logs")]
Platforms = Annotated[list[str] | None, Field(description="only these, e.g. kql; the planner picks if left out")]


class Agents(Model):
    agents: list[RegisteredAgent]


class Tools:
    """The tools; each method is one, its docstring the description that clients see."""

    def __init__(self, product: Product) -> None:
        self._product = product

    async def ask(
        self,
        question: str,
        ctx: Context[Any, Any],
        schema_group: Annotated[
            str | None, Field(description="where to look; found from the question if left out")
        ] = None,
        platforms: Platforms = None,
        run: Annotated[bool, Field(description="run the proven queries and return rows")] = True,
    ) -> CallToolResult:
        """Answer a question about operations data with queries proven to run, their rows, runbooks and exact cost."""
        asked = Question(question=question, schema_group=schema_group, platforms=platforms, run=run)
        with anyio.CancelScope(shield=True):  # a journey that started must be known, or nobody could cancel it
            journey_id = await self._product.start(asked)
        try:
            await self._report(journey_id, ctx)
            answer = await self._product.answer(journey_id)
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(_CANCEL_WAIT, shield=True), suppress(LexiQueryError):
                await self._product.cancel(journey_id)
            raise
        return _result(answer, render_answer(answer), is_error=answer.status == "failed")

    async def _report(self, journey_id: str, ctx: Context[Any, Any]) -> None:
        """One progress notification a stage. Progress counts the stages done; it never falls, also after a crash."""
        done = -1
        async for event in self._product.events(journey_id):
            stage = _started(event)
            if stage in _STAGES and (index := _STAGES.index(stage)) > done:
                done = index
                await ctx.report_progress(index, len(_STAGES), stage)
        await ctx.report_progress(len(_STAGES), len(_STAGES), "answer")

    async def prove(self, platform: str, schema_group: Group, query: str) -> CallToolResult:
        """Check a query against a schema group without a model: parse, bind, safety, dry run. Explains problems."""
        proof = await self._product.prove(ProveRequest(platform=platform, schema_group=schema_group, query=query))
        return _result(proof, render_proof(proof))

    async def search_procedures(self, question: str, limit: HitLimit = 5) -> CallToolResult:
        """Find passages of runbooks and known errors that bear on a question."""
        hits = await self._product.search_procedures(question, limit)
        return _result(Hits(hits=hits), render_hits(hits))

    async def list_agents(self) -> CallToolResult:
        """List the agents, their skills and platforms."""
        agents = await self._product.list_agents()
        return _result(Agents(agents=agents), "\n".join(_agent_line(agent) for agent in agents) or "no agents")

    async def journey_cost(self, journey_id: str) -> CallToolResult:
        """What a journey's model calls took: tokens, seconds and money, by agent, model and operation."""
        cost = await self._product.journey_cost(journey_id)
        return _result(cost, render_cost(cost))


class LexiQueryServer(MCPServer[Any]):
    """MCPServer whose tool errors carry our code, message and suggestion."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            if isinstance(error.__cause__, LexiQueryError):
                return _failure(error.__cause__)
            if isinstance(error.__cause__, ValidationError):
                return _failure(_bad_argument(error.__cause__, await self._arguments_of(name)))
            raise

    async def _arguments_of(self, name: str) -> list[str]:
        return [key for tool in await self.list_tools() if tool.name == name for key in tool.input_schema["properties"]]


def build_mcp(product: Product, telemetry: Telemetry | None = None) -> MCPServer[Any]:
    offered = Tools(product)
    tools = [
        _tool(offered.ask, Answer, read_only=False),
        _tool(offered.prove, Proof),
        _tool(offered.search_procedures, Hits),
        _tool(offered.list_agents, Agents),
        _tool(offered.journey_cost, JourneyCostSummary, depth=1),
    ]
    server = LexiQueryServer(
        name="lexiquery",
        title="LexiQuery",
        version=__version__,
        instructions=_INSTRUCTIONS,
        tools=tools,
        middleware=[Timed(telemetry or Telemetry(), {tool.name for tool in tools})],
    )

    @server.resource("journey://{journey_id}", mime_type="application/json", description="The answer of a journey")
    async def journey(journey_id: str) -> str:
        return await _journey(product, journey_id)

    return server


def mount_mcp(
    host: Starlette, product: Product, telemetry: Telemetry | None = None, path: str = "/mcp"
) -> AbstractAsyncContextManager[None]:
    """Serve streamable HTTP at exactly `path` of a host application, which keeps out whom it doesn't serve.
    telemetry: told how long requests took.

    Returns the context that the host's lifespan must be in while it serves; it can be entered once.
    """
    server = build_mcp(product, telemetry)
    # The host's own check of Host and Origin (shared/serving.py), or its API key, covers this path too.
    server.streamable_http_app(transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False))
    host.router.routes.append(Route(path, endpoint=StreamableHTTPASGIApp(server.session_manager)))
    return server.session_manager.run()


async def run_stdio(product: Product) -> None:
    """Serve on stdin and stdout until stdin ends. What else is printed meanwhile goes to stderr."""
    await build_mcp(product).run_stdio_async()


def _tool(fn: Any, output: type[BaseModel], *, read_only: bool = True, depth: int = 2) -> Tool:
    """A tool that refuses arguments it doesn't know, with schemas made short."""
    tool = Tool.from_function(fn, annotations=ToolAnnotations(read_only_hint=read_only, open_world_hint=False))
    arguments = type(fn.__name__, (tool.fn_metadata.arg_model,), {"model_config": ConfigDict(extra="forbid")})
    tool.fn_metadata = FuncMetadata(arg_model=arguments, output_schema=output_schema(output, depth))
    tool.parameters = input_schema(arguments)
    return tool


async def _journey(product: Product, journey_id: str) -> str:
    try:
        with anyio.fail_after(_RESOURCE_WAIT):
            return (await product.answer(journey_id)).model_dump_json()
    except TimeoutError as error:
        raise ResourceError(f"journey '{journey_id}' is still running; read it again later") from error
    except NotFound as error:
        raise ResourceNotFoundError(str(error)) from error
    except LexiQueryError as error:
        raise ResourceError(f"{error.code}: {error}") from error


def _started(event: Event) -> str | None:
    if event.kind != "stage" or event.data.get("status") != "started":
        return None
    return str(event.data.get("stage"))


def _result(output: BaseModel, text: str, *, is_error: bool = False) -> CallToolResult:
    structured = output.model_dump(mode="json")
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=structured, is_error=is_error
    )


def _failure(error: LexiQueryError) -> CallToolResult:
    problem = problem_detail(error).model_dump(mode="json", exclude_none=True)
    return CallToolResult(
        content=[TextContent(type="text", text=f"{error.code}: {error}")], is_error=True, _meta={_PROBLEM: problem}
    )


def _bad_argument(error: ValidationError, known: list[str]) -> InvalidInput:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return InvalidInput(f"unknown argument '{name}'", suggestion=did_you_mean(name, known))
    if problem["type"] == "missing":
        return InvalidInput(f"argument '{name}' is missing")
    return InvalidInput(f"argument '{name}': {problem['msg']}")


def _agent_line(agent: RegisteredAgent) -> str:
    skills = ", ".join(str(skill.get("id")) for skill in agent.skills)
    platform = f", platform {agent.platform}" if agent.platform else ""
    return f"{agent.name} ({skills}{platform}; {agent.health}): {agent.description}"
