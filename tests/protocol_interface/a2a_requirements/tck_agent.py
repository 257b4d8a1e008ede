"""The agent that the public TCK (github.com/a2aproject/a2a-tck, branch 1.0-dev) wants to meet, on our own server.

Its scenarios prescribe what an agent answers to message ids of its own; no product does. Start it and run the TCK:

    python -m tests.protocol_interface.a2a_requirements.tck_agent 9999 9998
    run_tck.py --sut-host http://127.0.0.1:9999
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from a2a.helpers import new_data_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import AgentSkill, Part
from starlette.applications import Starlette

from protocol_interface.a2a_server import grpc_place, webhooks_of
from shared.a2a.card import build_card
from shared.a2a.server import A2AServer
from shared.a2a.tasks import begin
from shared.database import open_database
from shared.settings import Settings

Scenario = Callable[[TaskUpdater], Awaitable[None]]
STREAM_SECONDS = 2
FILE = Part(raw=b"tck", media_type="text/plain", filename="output.txt")
LINK = Part(url="https://example.com/output.txt", media_type="text/plain", filename="output.txt")
ARTIFACTS = {
    "tck-stream-artifact-text": Part(text="Streamed text content"),
    "tck-stream-artifact-file": FILE,
    "tck-stream-ordering-001": Part(text="Ordered output"),
    "tck-stream-001": Part(text="Stream hello from TCK"),
    "tck-stream-003": Part(text="Stream task lifecycle"),
    "tck-artifact-file-url": LINK,
    "tck-artifact-file": FILE,
    "tck-artifact-text": Part(text="Generated text content"),
    "tck-artifact-data": new_data_part({"key": "value", "count": 42}),
}


class TckAgent(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        said = context.message.message_id if context.message else ""
        if said.startswith("tck-message-response"):
            updates = TaskUpdater(event_queue, context.task_id or "", context.context_id or "")
            await event_queue.enqueue_event(updates.new_agent_message([Part(text="Direct message response")]))
            return
        _, task = await begin(context, event_queue)
        await self._scenario(said, TaskUpdater(event_queue, task.id, task.context_id))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()

    async def _scenario(self, said: str, updates: TaskUpdater) -> None:
        if said.startswith("tck-input-required"):
            await updates.requires_input()
        elif said.startswith("tck-reject-task"):
            await updates.reject()
        elif part := next((part for prefix, part in ARTIFACTS.items() if said.startswith(prefix)), None):
            await updates.start_work()
            await updates.add_artifact([part])
            await updates.complete()
        elif said.startswith("tck-stream-artifact-chunked"):
            await self._chunks(updates)
        else:
            await updates.start_work()
            await asyncio.sleep(2 * STREAM_SECONDS if said.startswith("test-resubscribe") else 0)
            await updates.complete(updates.new_agent_message([Part(text="Hello from TCK")]))

    async def _chunks(self, updates: TaskUpdater) -> None:
        await updates.start_work()
        await updates.add_artifact([Part(text="chunk-1 ")], artifact_id="chunks")
        await updates.add_artifact([Part(text="chunk-2")], artifact_id="chunks", append=True, last_chunk=True)
        await updates.complete()


def tck_app(settings: Settings, url: str) -> Starlette:
    skill = AgentSkill(id="tck", name="TCK", description="Answers as the TCK's scenarios say", tags=["tck"])
    card = build_card(name="tck", description="For the TCK", version="1", url=url, skills=[skill], secured=False)
    engine = open_database(settings.sqlalchemy_url)
    server = A2AServer(
        TckAgent(),
        card,
        engine=engine,
        wait_for_input=600,
        webhooks=webhooks_of(settings),
        place=grpc_place(settings, url),
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with server.running():
            yield
        await engine.dispose()

    return Starlette(routes=server.routes, lifespan=lifespan)


def main(port: int, grpc_port: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), grpc_port=grpc_port)
        uvicorn.run(tck_app(settings, f"http://127.0.0.1:{port}"), port=port, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
