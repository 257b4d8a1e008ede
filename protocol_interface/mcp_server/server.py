"""The MCP server: tools, resources, prompts and completion over the Product."""

from __future__ import annotations

import hashlib
from typing import Any

from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.subscriptions import InMemorySubscriptionBus
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, CallToolResult, GetPromptResult, InputRequiredResult
from mcp_types import Tool as ListedTool
from pydantic import SecretStr, ValidationError

from protocol_interface.mcp_server.changes import Announcer
from protocol_interface.mcp_server.completion import add_completion
from protocol_interface.mcp_server.data_tools import DataTools
from protocol_interface.mcp_server.journeys import Journeys
from protocol_interface.mcp_server.prompts import add_prompts, check_prompt
from protocol_interface.mcp_server.resources import add_resources
from protocol_interface.mcp_server.results import bad_argument, check_nul, failure
from protocol_interface.mcp_server.timing import Timed
from protocol_interface.mcp_server.tools import Tools
from protocol_interface.product import Product
from shared import __version__
from shared.errors import InvalidInput, LexiQueryError, NotFound
from shared.telemetry import Telemetry

_INSTRUCTIONS = (
    "Ask questions on operations data in plain language; answers hold queries proven to run, rows, runbooks and cost. "
    "When an answer needs clarification, ask again with one of its options."
)
_WATCH_SECONDS = 2.0
"""Between two looks at the registry."""


class LexiQueryServer(MCPServer[None]):
    """MCPServer with the registry's tools beside its own, whose tool errors carry our code, message and suggestion."""

    def __init__(
        self, product: Product, telemetry: Telemetry, *, watch_seconds: float, secret: SecretStr | None
    ) -> None:
        journeys, bus = Journeys(product), InMemorySubscriptionBus()
        own = Tools(product, journeys).offered()
        self._data = DataTools(product, journeys)
        self._announcer = Announcer(self._data, bus, watch_seconds)
        self._names = {tool.name for tool in own}
        super().__init__(
            name="lexiquery",
            title="LexiQuery",
            version=__version__,
            instructions=_INSTRUCTIONS,
            tools=own,
            middleware=[Timed(telemetry, self._is_tool), self._announcer],
            lifespan=self._announcer.watching,
            subscriptions=bus,
            request_state_security=_shared_by_replicas(secret),
        )

    async def list_tools(self) -> list[ListedTool]:
        await self._announcer.look()
        return [*await super().list_tools(), *map(_listed, self._data.current.values())]

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        try:
            check_nul(arguments)
            if name not in self._names:
                await self._announcer.look()
            if tool := self._data.current.get(name):
                found = await tool.run(arguments, context or Context(mcp_server=self), convert_result=True)
                assert isinstance(found, CallToolResult | InputRequiredResult), "as the tool's function gives"
                return found
            if name not in self._names and name not in {one.name for one in await super().list_tools()}:
                return failure(NotFound.named("tool", name[:100], [*self._names, *self._data.current]))
            return await super().call_tool(name, arguments, context)
        except InvalidInput as error:
            return failure(error)
        except ToolError as error:
            if isinstance(error.__cause__, LexiQueryError):
                return failure(error.__cause__)
            if isinstance(error.__cause__, ValidationError):
                return failure(bad_argument(error.__cause__, await self._arguments_of(name)))
            raise

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        try:
            check_nul(arguments or {})
            check_prompt(name, arguments or {}, await self.list_prompts())
        except LexiQueryError as error:
            raise MCPError(INVALID_PARAMS, f"{error.code}: {error}") from error
        return await super().get_prompt(name, arguments, context)

    async def _arguments_of(self, name: str) -> list[str]:
        return [key for tool in await self.list_tools() if tool.name == name for key in tool.input_schema["properties"]]

    def _is_tool(self, name: str) -> bool:
        return name in self._names or name in self._data.current


def build_mcp(
    product: Product,
    telemetry: Telemetry | None = None,
    *,
    watch_seconds: float = _WATCH_SECONDS,
    secret: SecretStr | None = None,
) -> LexiQueryServer:
    """secret: what replicas of this server have in common, so that a call may go on at another one."""
    server = LexiQueryServer(product, telemetry or Telemetry(), watch_seconds=watch_seconds, secret=secret)
    add_resources(server, product)
    add_prompts(server, product)
    add_completion(server, product)
    return server


async def run_stdio(product: Product) -> None:
    """Serve on stdin and stdout until stdin ends. What else is printed meanwhile goes to stderr."""
    await build_mcp(product).run_stdio_async()


def _listed(tool: Tool) -> ListedTool:
    return ListedTool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.parameters,
        output_schema=tool.output_schema,
        annotations=tool.annotations,
    )


def _shared_by_replicas(secret: SecretStr | None) -> RequestStateSecurity | None:
    if secret is None:
        return None
    return RequestStateSecurity(keys=[hashlib.sha256(f"mcp {secret.get_secret_value()}".encode()).digest()])
