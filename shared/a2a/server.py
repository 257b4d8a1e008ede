"""One agent's A2A server: its routes, and the tasks that they keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.types import AgentCard
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from shared.a2a.card import protocol_routes
from shared.a2a.tasks import KeptTasks, RecentTasks, close_lost_tasks, schema
from shared.database import create_tables


class A2AServer:
    """engine: keeps tasks in SQL (the recent ones in memory if not given).

    wait_for_input: seconds that a task waits in memory for its client's reply; it then goes on from the kept task.
    """

    def __init__(
        self,
        executor: AgentExecutor,
        card: AgentCard,
        *,
        engine: AsyncEngine | None,
        wait_for_input: float | None = None,
    ) -> None:
        self._engine = engine
        store = KeptTasks(engine, card.name) if engine else RecentTasks()
        waits = wait_for_input if engine else None
        self._handler = DefaultRequestHandler(executor, store, card, interrupted_task_timeout=waits)
        self.routes: list[BaseRoute] = protocol_routes(self._handler, card)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What the host's lifespan must be in; tasks that a killed server left are closed at its start."""
        if self._engine:
            await create_tables(self._engine, schema)
            await close_lost_tasks(self._engine)
        yield
        await self._handler.aclose()
