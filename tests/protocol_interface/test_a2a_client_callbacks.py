"""Agents without streams that call back: LexiQuery is woken, and asks them how the task is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc  # type: ignore[import-untyped]
import httpx
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.helpers import new_data_part, new_text_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.routes import create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import GetTaskRequest, Task, TaskState, a2a_pb2_grpc
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.applications import Starlette

from core_engine.bootstrap import open_lexiquery
from core_engine.problems import install_problem_responses
from core_engine.server import build_app
from protocol_interface.a2a_client import NOTIFICATIONS_PATH, A2AClient, peer
from protocol_interface.a2a_client.callbacks import Callbacks
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.registry import Registry
from shared.a2a.tasks import begin
from shared.errors import NotFound
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.scripted_peer import DONE, TASK, Reply, ScriptedPeer, peer_card, refuses, says, task
from tests.scripted_ollama import ScriptedOllama

BINDINGS = [(binding, version) for version in ("1.0", "0.3") for binding in ("JSONRPC", "HTTP+JSON", "GRPC")]
CREATE, LOOK = "CreateTaskPushNotificationConfig", "GetTask"
WORKING, COMPLETED = says(task("working")["task"]), says(DONE["task"])
HOUR = 3600.0
URL = "http://127.0.0.1:8000"


class Slow(AgentExecutor):
    """Goes on when it is told to: to a word in between, and to its end."""

    def __init__(self) -> None:
        self.word, self.end = asyncio.Event(), asyncio.Event()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        _, begun = await begin(context, event_queue)
        updates = TaskUpdater(event_queue, begun.id, begun.context_id)
        await updates.start_work()
        await self.word.wait()
        await updates.update_status(TaskState.TASK_STATE_WORKING, new_text_message("half of it is read"))
        await self.end.wait()
        await updates.add_artifact([new_data_part({"n": 3})])
        await updates.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError


class Looked(DefaultRequestHandler):
    """The SDK's own handler, with its own push notifications; `looked` once somebody asked for a task."""

    looked: asyncio.Event

    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        found: Task | None = await super().on_get_task(params, context)
        self.looked.set()
        return found


@asynccontextmanager
async def slow_peer(
    registry: Registry, executor: Slow, binding: str = "JSONRPC", version: str = "1.0"
) -> AsyncIterator[Looked]:
    """Built from the SDK alone, without streams."""
    configs = InMemoryPushNotificationConfigStore()
    async with httpx.AsyncClient(trust_env=False) as http:
        card = peer_card("slow", "http://unused.example", binding=binding, version=version, streaming=False, push=True)
        sender = BasePushNotificationSender(http, configs)
        handler = Looked(executor, InMemoryTaskStore(), card, push_config_store=configs, push_sender=sender)
        handler.looked = asyncio.Event()
        serving = _over_grpc(handler) if binding == "GRPC" else _over_http(handler)
        async with serving as url:
            await registry.register(
                peer_card("slow", url, binding=binding, version=version, streaming=False, push=True), url=url
            )
            yield handler
        await handler.aclose()


@asynccontextmanager
async def _over_http(handler: DefaultRequestHandler) -> AsyncIterator[str]:
    jsonrpc = create_jsonrpc_routes(handler, "/", enable_v0_3_compat=True)
    rest = create_rest_routes(handler, enable_v0_3_compat=True)
    async with on_a_socket(Starlette(routes=[*jsonrpc, *rest]), loopback_socket()) as url:
        yield url


@asynccontextmanager
async def _over_grpc(handler: DefaultRequestHandler) -> AsyncIterator[str]:
    server = grpc.aio.server()
    a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(handler), server)  # type: ignore[no-untyped-call]
    a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(CompatGrpcHandler(handler), server)  # type: ignore[no-untyped-call]
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"http://127.0.0.1:{port}"
    await server.stop(grace=0)


@pytest.fixture
async def served(registry: Registry, remote_client: A2AClient) -> AsyncIterator[str]:
    """LexiQuery's URL, where it serves what it is called back by."""
    app = FastAPI()
    install_problem_responses(app)
    app.include_router(a2a_router(registry, remote_client))
    async with on_a_socket(app, loopback_socket()) as url:
        remote_client.callbacks.serve_at(url)
        yield url


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(("binding", "version"), BINDINGS, ids=["-".join(one) for one in BINDINGS])
async def test_a_task_is_seen_to_go_on_when_its_agent_calls_back(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch, binding: str, version: str
) -> None:
    monkeypatch.setattr(peer, "LOOK_AGAIN_SECONDS", HOUR)
    executor, heard = Slow(), asyncio.Queue[str]()
    async with slow_peer(registry, executor, binding, version) as handler:
        asking = asyncio.create_task(remote_client.invoke("slow", "echo", {}, report=heard.put))
        await handler.looked.wait()
        executor.word.set()
        assert await heard.get() == "half of it is read"
        executor.end.set()
        assert await asking == {"n": 3}


async def test_an_agent_is_waited_for_where_nothing_of_ours_is_served(
    registry: Registry, remote_client: A2AClient
) -> None:
    executor = Slow()
    executor.word.set()
    executor.end.set()
    async with slow_peer(registry, executor) as handler:
        assert await remote_client.invoke("slow", "echo", {}) == {"n": 3}
    assert not handler.looked.is_set()


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize(
    "reply",
    [refuses(-32003), says({**TASK, "url": "http://a.example"}), None],
    ids=["it refuses", "it forgets", "it says nothing"],
)
async def test_a_task_is_looked_at_when_its_agent_does_not_call_back(
    registry: Registry, remote_client: A2AClient, monkeypatch: pytest.MonkeyPatch, reply: Reply | None
) -> None:
    monkeypatch.setattr(peer, "CONFIG_SECONDS", 0.05)
    sent = says(task("submitted"))
    scripted = ScriptedPeer(
        {"SendMessage": [sent], CREATE: [reply], LOOK: [WORKING, COMPLETED]}, streaming=False, push=True
    )
    async with scripted.registered(registry):
        assert await remote_client.invoke("scripted", "echo", {}) == {"n": 1}
    assert scripted.asked == ["SendMessage", CREATE, LOOK, LOOK]


async def test_a_token_of_nobody_s_is_refused_and_a_late_call_is_taken(served: str, remote_client: A2AClient) -> None:
    with remote_client.callbacks.awaited() as callback:
        token = callback.token
    by = {"header": {"X-A2A-Notification-Token": token}, "credentials": {"Authorization": f"Bearer {token}"}}
    async with httpx.AsyncClient(base_url=served) as http:
        for headers in ({}, {"X-A2A-Notification-Token": "guessed"}, {"Authorization": "Bearer guessed"}):
            refused = await http.post(NOTIFICATIONS_PATH, headers=headers, content=b"{}")
            assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        for headers in by.values():
            assert (await http.post(NOTIFICATIONS_PATH, headers=headers, content=b"{}")).status_code == 204


async def test_a_server_that_wants_its_key_is_called_back_without_it(
    settings: Settings, scripted_ollama: ScriptedOllama
) -> None:
    changes = {"ollama_host": scripted_ollama.url, "api_key": SecretStr("the key")}
    async with open_lexiquery(settings.model_copy(update=changes)) as lexiquery:
        transport = httpx.ASGITransport(build_app(lexiquery, URL))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
            with lexiquery.client.callbacks.awaited() as callback:
                told = callback.config("t-1")
                taken = await http.post(told.url, headers={"X-A2A-Notification-Token": told.token})
            refused = await http.post(NOTIFICATIONS_PATH, headers={"X-A2A-Notification-Token": "guessed"})
            elsewhere = await http.get("/a2a/agents/discover", headers={"X-A2A-Notification-Token": told.token})
    assert [one.status_code for one in (taken, refused, elsewhere)] == [204, 404, 401]


def test_the_tasks_whose_late_calls_are_taken_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protocol_interface.a2a_client.callbacks._ENDED", 2)
    callbacks = Callbacks()
    callbacks.serve_at("http://127.0.0.1:8000")
    ended = []
    for _ in range(3):
        with callbacks.awaited() as callback:
            ended.append(callback.token)
    callbacks.called(ended[1])
    with pytest.raises(NotFound, match="no task waits"):
        callbacks.called(ended[0])


@pytest.mark.parametrize(
    ("ours", "theirs", "reached"),
    [
        ("http://127.0.0.1:8000", "localhost", True),
        ("http://[::1]:8000", "127.0.0.1", True),
        ("http://127.0.0.1:8000", "agents.example", False),
        ("http://localhost:8000", "10.0.0.7", False),
        ("http://0.0.0.0:8000", "127.0.0.1", False),
        ("https://lexiquery.example/at", "10.0.0.7", True),
    ],
)
def test_only_who_can_reach_our_address_is_told_it(ours: str, theirs: str, *, reached: bool) -> None:
    callbacks = Callbacks()
    assert not callbacks.reached_from(theirs)
    callbacks.serve_at(ours)
    assert callbacks.reached_from(theirs) is reached
