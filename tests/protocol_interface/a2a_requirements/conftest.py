"""LexiQuery's own endpoint and an agent's, each on three bindings, started once a module."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc.aio  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agents.serve import agent_app
from protocol_interface.a2a_server import grpc_place, mount_a2a
from protocol_interface.product import Event, GroupSummary
from shared.a2a.push import Webhooks
from shared.auth import ApiKeyRequired
from shared.context import current
from shared.database import open_database
from shared.errors import AgentUnavailable, Conflict
from shared.ledger import Ledger
from shared.models import Question
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent, model_call
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.a2a_requirements.wires import Grpc, JsonRpc, Rest, Wire
from tests.protocol_interface.notebook import Notebook

KEY = "the key of the requirements"
BINDINGS = ("JSONRPC", "HTTP+JSON", "GRPC")


class Desk(Notebook):
    """A product whose journey for the question 'Wait' goes on when `gate` opens, and for 'Fail' fails. ledger: has a
    call of each journey."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self._ledger = ledger

    async def start(self, question: Question) -> str:
        journey_id = await super().start(question)
        if self._ledger:
            await self._ledger.begin(model_call(f"call-of-{journey_id}", journey_id=journey_id, agent="kql"))
        return journey_id

    async def cancel(self, journey_id: str) -> None:
        if self.gate.is_set():
            raise Conflict(f"journey '{journey_id}' has ended")
        self.stop(journey_id)

    async def groups(self) -> list[GroupSummary]:
        return [GroupSummary(schema_group="ops_logs", platform="kql", tables=1)]

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        asked = self._question(journey_id).question
        if asked == "Fail":
            raise AgentUnavailable("nobody is left")
        async for event in super().events(journey_id):
            yield event
            if asked == "Wait" and event.data.get("stage") == "discovery":
                await self.reached(journey_id, self.gate)


class Gated(ScriptedAgent):
    """An agent that waits for the question 'Wait', and for 'Call' at its model."""

    async def _echo(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("question") == "Call":
            return await self._at_the_model(request)
        return await self._hang(request) if request.get("question") == "Wait" else request

    async def _at_the_model(self, request: dict[str, Any]) -> dict[str, Any]:
        """A call that is told on the ledger how it ended, as the metered client does."""
        assert self._ledger is not None
        call = model_call("call", journey_id=current().journey_id, agent=self.name).model_copy(
            update={"status": "pending"}
        )
        await self._ledger.begin(call)
        try:
            return await self._hang(request)
        except asyncio.CancelledError:
            await self._ledger.finish(call.model_copy(update={"status": "cancelled"}))
            raise


@dataclass
class Hook:
    """Somebody's webhook: what it was told."""

    told: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    failing: int = 0

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.ASGITransport(Starlette(routes=[Route("/{name:path}", self._take, methods=["POST"])]))

    async def _take(self, request: Request) -> Response:
        async with self.came:
            self.told.append((str(request.url), await request.json(), dict(request.headers)))
            self.came.notify_all()
            self.failing -= 1
        return Response(status_code=500 if self.failing >= 0 else 200)

    async def until(self, count: int, of: str = "") -> list[tuple[str, dict[str, Any], dict[str, str]]]:
        async with asyncio.timeout(20), self.came:
            await self.came.wait_for(lambda: len(self.of(of)) >= count)
        return self.of(of)

    def of(self, address: str) -> list[tuple[str, dict[str, Any], dict[str, str]]]:
        return [one for one in self.told if one[0].endswith(address)]


@dataclass
class Endpoint:
    """One server, its wires, and what opens the gate of a task that waits."""

    name: str
    http: httpx.AsyncClient
    wires: dict[str, Wire]
    hook: Hook
    gate: asyncio.Event

    async def completed(self, wire: Wire, **message: Any) -> dict[str, Any]:
        answered = await wire.call("SendMessage", {"message": said("How many failed?", **message)})
        return dict(answered["task"])

    async def waiting(self, wire: Wire, **configuration: Any) -> dict[str, Any]:
        """A task at work, that ends when the gate opens."""
        self.gate.clear()
        configuration["returnImmediately"] = True
        answered = await wire.call("SendMessage", {"message": said("Wait"), "configuration": configuration})
        return dict(answered["task"])


def said(text: str, **fields: Any) -> dict[str, Any]:
    return {"messageId": str(uuid4()), "role": "ROLE_USER", "parts": [{"text": text}], **fields}


async def _allowed(url: httpx.URL) -> None:
    """The rule of hosts has tests of its own."""


@asynccontextmanager
async def endpoint(
    name: str, folder: Path, *, key: str | None = None, limit_mb: int = 64, ledger: Ledger | None = None
) -> AsyncIterator[Endpoint]:
    settings = Settings(data_dir=folder, grpc_port=0, request_limit_mb=limit_mb)
    if key:
        settings = settings.model_copy(update={"api_key": SecretStr(key)})
    hook = Hook()
    webhooks = Webhooks(hook.transport, _allowed, delays=(0.0, 0.0))
    engine = open_database(settings.sqlalchemy_url)
    options: dict[str, Any] = {
        "engine": engine,
        "ledger": ledger,
        "webhooks": webhooks,
        "place": grpc_place(settings, "http://127.0.0.1"),
    }
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        app, gate = _agent(url, key, options) if name == "agent" else _lexiquery(url, key, options)
        await stack.enter_async_context(on_a_socket(app, listener))
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=30))
        card = (await http.get("/.well-known/agent-card.json")).json()
        [address] = {one["url"] for one in card["supportedInterfaces"] if one["protocolBinding"] == "GRPC"}
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        opened: list[Wire] = [JsonRpc(http), Rest(http), Grpc(channel)]
        wires = {wire.binding: wire for wire in opened}
        yield Endpoint(name, http, wires, hook, gate)


def _agent(url: str, key: str | None, options: dict[str, Any]) -> tuple[Starlette, asyncio.Event]:
    agent = Gated(ledger=options["ledger"])
    return agent_app(agent, url=url, api_key=key, **options), agent.release


def _lexiquery(url: str, key: str | None, options: dict[str, Any]) -> tuple[Starlette, asyncio.Event]:
    desk = Desk(options["ledger"])

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with mounted:
            yield

    app = Starlette(middleware=[Middleware(ApiKeyRequired, key=key)] if key else [], lifespan=lifespan)
    mounted = mount_a2a(app, desk, url, secured=key is not None, **options)
    return app, desk.gate


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["lexiquery", "agent"])
async def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    async with endpoint(request.param, tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["lexiquery", "agent"])
async def secured(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Endpoint]:
    async with endpoint(request.param, tmp_path_factory.mktemp(request.param), key=KEY) as opened:
        yield opened


@pytest.fixture(params=BINDINGS)
def wire(request: pytest.FixtureRequest, served: Endpoint) -> Wire:
    return served.wires[request.param]
