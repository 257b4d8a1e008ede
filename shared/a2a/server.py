"""One agent's A2A server: its routes and its gRPC port, the tasks that they keep, and the webhooks that it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from a2a.server.agent_execution import AgentExecutor
from a2a.types import AgentCard, TaskStatusUpdateEvent
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.routing import BaseRoute

from shared.a2a.card import add_grpc, protocol_routes
from shared.a2a.lost import Watch
from shared.a2a.push import KeptPushConfigs, PushSender, Webhooks
from shared.a2a.requests import CardOf, Requests
from shared.a2a.tasks import KeptTasks, RecentTasks, schema
from shared.a2a.wire import VALUES
from shared.database import create_tables

if TYPE_CHECKING:
    from shared.a2a.grpc_server import GrpcPlace


class A2AServer:
    """engine: keeps tasks in SQL (the recent ones in memory if not given).

    wait_for_input: seconds that a task waits in memory for its client's reply; it then goes on from the kept task.
    extended: makes the card of those who have the key. webhooks: how they are called; none are without an engine.
    place: where gRPC is served.
    """

    def __init__(
        self,
        executor: AgentExecutor,
        card: AgentCard,
        *,
        engine: AsyncEngine | None,
        wait_for_input: float | None = None,
        extended: CardOf | None = None,
        webhooks: Webhooks | None = None,
        place: GrpcPlace | None = None,
    ) -> None:
        self._engine = engine
        self._card = card
        self._place = place
        self._tasks = KeptTasks(engine, card.name) if engine else RecentTasks()
        self._push = PushSender(KeptPushConfigs(engine, card.name), webhooks) if engine and webhooks else None
        card.capabilities.push_notifications = self._push is not None
        card.capabilities.extended_agent_card = extended is not None
        self._requests = Requests(
            executor,
            self._tasks,
            card,
            wait_for_input=wait_for_input if engine else None,
            extended=extended,
            push=self._push,
        )
        self.routes: list[BaseRoute] = protocol_routes(self._requests, card)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What the host's lifespan must be in. From its start on, tasks that a killed server left are closed, and their
        webhooks told; at its end, those that are still at work."""
        async with AsyncExitStack() as stack:
            if self._push:
                stack.push_async_callback(self._push.close)
            if self._engine:
                await create_tables(self._engine, schema)
                await self._look_after_others(self._engine, stack)
            if isinstance(self._tasks, KeptTasks):
                stack.push_async_callback(self._tasks.end_held)
            stack.push_async_callback(self._requests.aclose)
            if self._place:
                await self._serve_grpc(self._place, stack)
            yield

    async def _look_after_others(self, engine: AsyncEngine, stack: AsyncExitStack) -> None:
        watch = Watch(engine)
        await watch.start(self._tell_of_lost)
        if self._push:
            await self._push.configs.load()
        watching = asyncio.create_task(watch.run(self._tell_of_lost))
        stack.push_async_callback(_end, watching)

    async def _tell_of_lost(self, event: TaskStatusUpdateEvent) -> None:
        if self._push:
            self._push.tell(event.task_id, event, await self._push.configs.of_lost(event.task_id))

    async def _serve_grpc(self, place: GrpcPlace, stack: AsyncExitStack) -> None:
        from shared.a2a.grpc_server import GrpcServer

        server = GrpcServer(self._requests, place, VALUES)
        await server.start()
        stack.push_async_callback(server.stop)
        add_grpc(self._card, server.address)


async def _end(task: asyncio.Task[None]) -> None:
    """Cancelled and waited for: what still cancels a statement on SQLite when the loop closes would never end."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
