"""Agents that answer as no agent of ours would, served by the SDK's own handler and registered by a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from a2a.helpers import get_data_parts, new_data_part, new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from starlette.applications import Starlette

from protocol_interface.registry import Registry
from shared.a2a.card import protocol_routes
from shared.a2a.tasks import begin
from tests.agents.serving import loopback_socket, on_a_socket


class Foreign(AgentExecutor):
    """Answers with the given parts, or asks back without them; hold: it works for ever. got: what it was sent."""

    def __init__(
        self, parts: list[Part] | None = None, calls: list[dict[str, Any]] | None = None, *, hold: bool = False
    ) -> None:
        self.parts = parts
        self.calls = calls
        self.got: Any = None
        self.cancelled = asyncio.Event()
        self._go = asyncio.Event()
        if not hold:
            self._go.set()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message, task = await begin(context, event_queue)
        self.got = get_data_parts(message.parts)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        await self._go.wait()
        if self.parts is None:
            await updates.requires_input(new_text_message("Which one?"))
            return
        await updates.add_artifact(self.parts, metadata={"calls": self.calls} if self.calls else None)
        await updates.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.current_task is not None
        self.cancelled.set()
        updates = TaskUpdater(event_queue, context.current_task.id, context.current_task.context_id)
        report = {"calls": self.calls} if self.calls else None
        await updates.cancel(updates.new_agent_message([Part(text="stopped")], metadata=report))


@asynccontextmanager
async def foreign(registry: Registry, executor: AgentExecutor) -> AsyncIterator[None]:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = AgentCard(
        name="foreign",
        description="not ours",
        version="7",
        supported_interfaces=[
            AgentInterface(url=f"{url}/a2a/jsonrpc", protocol_binding="JSONRPC", protocol_version="1.0")
        ],
        capabilities=AgentCapabilities(streaming=False),
        default_input_modes=["application/json"],
        default_output_modes=["application/json"],
        skills=[AgentSkill(id="echo", name="echo", description="echoes", tags=[])],
    )
    handler = DefaultRequestHandler(executor, InMemoryTaskStore(), card)
    async with on_a_socket(Starlette(routes=protocol_routes(handler, card)), listener):
        await registry.register_url(url)
        yield
        await handler.aclose()


class Failing(Foreign):
    """Its tasks fail with an error of that code."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        _, task = await begin(context, event_queue)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        problem = new_data_part({"code": self.code, "message": "it says so", "suggestion": {"not": "text"}})
        await updates.failed(updates.new_agent_message([problem]))
