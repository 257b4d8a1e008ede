"""Telling clients that the tools are others now.

Protocol 2025-11-25 has `notifications/tools/list_changed` to every session; 2026-07-28 has streams that a client opens
with `subscriptions/listen`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakSet

import anyio
import structlog
from mcp.server.connection import Connection
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.subscriptions import SubscriptionBus, ToolsListChanged
from sqlalchemy.exc import DatabaseError

from protocol_interface.mcp_server.data_tools import DataTools
from shared.errors import LexiQueryError

log = structlog.get_logger(__name__)


class Announcer:
    """Watches the registry while the server runs; as middleware it learns who is there to be told."""

    def __init__(self, tools: DataTools, bus: SubscriptionBus, seconds: float) -> None:
        """seconds: between two looks at the registry's version."""
        self._tools = tools
        self._bus = bus
        self._seconds = seconds
        self._connections: WeakSet[Connection] = WeakSet()

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        result = await call_next(ctx)
        if ctx.method == "initialize" and isinstance(result, dict):
            result["capabilities"]["tools"]["listChanged"] = True
        if ctx.method == "notifications/initialized":
            self._connections.add(ctx.session._connection)  # the SDK shows it to no middleware otherwise
        return result

    async def look(self) -> None:
        """Read the registry if it changed, and tell clients if that changed the tools; while it can't be read the tools
        stay as they are."""
        try:
            changed = await self._tools.refresh()
        except (LexiQueryError, DatabaseError, OSError) as error:
            log.warning("the registry was not read", problem=str(error))
            return
        if changed:
            await self._bus.publish(ToolsListChanged())
            for connection in list(self._connections):
                await connection.send_tool_list_changed()

    @asynccontextmanager
    async def watching(self, _: object) -> AsyncIterator[None]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch)
            yield
            tasks.cancel_scope.cancel()

    async def _watch(self) -> None:
        while True:
            await self.look()
            await anyio.sleep(self._seconds)
