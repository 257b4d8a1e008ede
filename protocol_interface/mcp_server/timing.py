"""How long MCP requests take, for telemetry: the server's outermost layer that is ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult
from mcp_types.methods import SPEC_CLIENT_METHODS, SPEC_CLIENT_NOTIFICATION_METHODS

from shared.telemetry import Telemetry
from shared.telemetry.spans import failure

_METHODS = SPEC_CLIENT_METHODS | SPEC_CLIENT_NOTIFICATION_METHODS


class Timed:
    """Middleware around every request and notification. is_tool: whether a name is that of a tool that we have.

    What MCP or we don't have (a method, a tool) is not named: a client that makes names up would make time series.
    """

    def __init__(self, telemetry: Telemetry, is_tool: Callable[[str], bool]) -> None:
        self._telemetry = telemetry
        self._is_tool = is_tool

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        began, problem = time.monotonic(), None
        try:
            result = await call_next(ctx)
            problem = "tool_error" if _is_tool_error(result) else None
            return result
        except BaseException as error:
            problem = str(error.error.code) if isinstance(error, MCPError) else failure(error)
            raise
        finally:
            method = ctx.method if ctx.method in _METHODS else "_OTHER"
            self._telemetry.mcp_request_ended(method, self._tool(ctx), time.monotonic() - began, problem)

    def _tool(self, ctx: ServerRequestContext[Any, Any]) -> str | None:
        name = (ctx.params or {}).get("name") if ctx.method == "tools/call" else None
        return name if isinstance(name, str) and self._is_tool(name) else None


def _is_tool_error(result: HandlerResult) -> bool:
    """A result is here as its model or as what is sent of it."""
    if isinstance(result, CallToolResult):
        return bool(result.is_error)
    return isinstance(result, dict) and result.get("isError") is True
