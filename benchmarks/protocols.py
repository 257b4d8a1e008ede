"""What LexiQuery adds to a call over A2A and MCP, and many streams at once."""

from __future__ import annotations

import asyncio
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import httpx
import uvicorn
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.helpers import new_data_part
from a2a.types import AgentCard, Message, Role, SendMessageRequest
from mcp import Client as McpClient
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from agents.agent import Agent, Skill
from agents.serve import agent_app, agent_card
from benchmarks.bare_protocols import AGENT, OUTPUT, bare_a2a, bare_mcp
from benchmarks.figures import Figures, ms
from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_server import lexiquery_card, mount_a2a
from protocol_interface.mcp_server import mount_mcp
from protocol_interface.product import Event, Product, RegisteredAgent
from protocol_interface.registry import Registry
from protocol_interface.registry import schema as registry_schema
from shared.database import create_tables, open_database
from shared.ledger import Ledger
from shared.ledger import schema as ledger_schema
from shared.models import Answer, JourneyCostSummary, Plan, Question
from shared.settings import Settings

_STAGES = ("discovery", "planning", "knowledge", "data", "validation")
_EVENTS = 2 * len(_STAGES) + 4
"""Of one question: its task, that it is at work, each stage's start and end, the answer, that it is done."""
_WARMING = 5
_PATIENCE = 60.0
"""Seconds for one call: a machine that is busy otherwise is slow, not broken."""
_COLUMNS = ("of", "the SDK", "LexiQuery", "times the SDK", "CPU of the SDK", "of LexiQuery", "times the SDK")
Call = Callable[[], Awaitable[object]]


async def measure_protocols(figures: Figures, rounds: int, streams: int) -> None:
    """rounds: of each pair of calls, ours and the SDK's one after the other; streams: at once."""
    rows = []
    async with AsyncExitStack() as stack:
        for title, bare, ours in [*await _a2a_pairs(stack), await _mcp_pair(stack)]:
            rows.append([title, *await _compared(bare, ours, rounds)])
    figures.table("protocols, a call", _COLUMNS, rows)
    figures.table(
        "protocols, streams at once", ("streams", "events", "arrived", "lost", "seconds"), [await _many(streams)]
    )


async def _compared(bare: Call, ours: Call, rounds: int) -> list[str]:
    """The middle of each, and of their ratios: what else the machine does meets both of a round."""
    for call in (bare, ours) * _WARMING:
        await call()
    theirs, mine = _Calls(bare), _Calls(ours)
    for number in range(rounds):
        for calls in (theirs, mine) if number % 2 else (mine, theirs):
            await calls.one_more()
    row: list[str] = []
    for other, one in ((theirs.seconds, mine.seconds), (theirs.cpu, mine.cpu)):
        ratio = statistics.median(b / a for a, b in zip(other, one, strict=True))
        row += [ms(statistics.median(other)), ms(statistics.median(one)), f"{ratio:.2f}"]
    return row


class _Calls:
    """What each of some calls took: seconds by the clock on the wall, and of computing."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.seconds: list[float] = []
        self.cpu: list[float] = []

    async def one_more(self) -> None:
        began, cpu = time.perf_counter(), time.process_time()
        await self._call()
        self.seconds.append(time.perf_counter() - began)
        self.cpu.append(time.process_time() - cpu)


class _Sop(Agent):
    name = "sop"
    description = "Finds runbooks"

    def skills(self) -> list[Skill]:
        return [Skill(id="search", name="search", description="finds passages")]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        return OUTPUT


async def _a2a_pairs(stack: AsyncExitStack) -> list[tuple[str, Call, Call]]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lexiquery-bench-")))
    engine = open_database(f"sqlite:///{folder / 'lexiquery.db'}")
    stack.push_async_callback(engine.dispose)
    await create_tables(engine, ledger_schema, registry_schema)
    ledger = Ledger(engine)
    stack.push_async_callback(ledger.close)
    http = await stack.enter_async_context(httpx.AsyncClient(timeout=_PATIENCE))
    asked = _Asking(stack, engine, ledger, Settings(data_dir=folder), http)
    return [
        ("A2A in one process, client and server", await asked.bare_here(), await asked.here()),
        ("A2A over TCP, the server", await asked.bare(), await asked.served()),
        ("A2A over TCP, the server, tasks in SQLite", await asked.bare(engine), await asked.served(engine)),
        ("A2A streamed over TCP, client and server", await asked.bare(streaming=True), await asked.there()),
    ]


class _Asking:
    """The same question to servers of the SDK and of LexiQuery."""

    def __init__(
        self, stack: AsyncExitStack, engine: AsyncEngine, ledger: Ledger, settings: Settings, http: httpx.AsyncClient
    ) -> None:
        self._stack = stack
        self._engine = engine
        self._ledger = ledger
        self._settings = settings
        self._http = http

    async def bare_here(self) -> Call:
        card, app = bare_a2a("http://bare.localhost")
        http = await self._stack.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app), timeout=_PATIENCE)
        )
        return _asks(card, http, streaming=False)

    async def here(self) -> Call:
        url = "http://sop.agents.localhost"
        return await self._invokes(url, {"sop": agent_app(_Sop(), url=url)})

    async def there(self) -> Call:
        listener, url = _listening()
        await self._stack.enter_async_context(_served(agent_app(_Sop(), url=url, ledger=self._ledger), listener))
        return await self._invokes(url, {})

    async def bare(self, engine: AsyncEngine | None = None, *, streaming: bool = False) -> Call:
        listener, url = _listening()
        card, app = bare_a2a(url, engine)
        await self._stack.enter_async_context(_served(app, listener))
        return _asks(card, self._http, streaming=streaming)

    async def served(self, engine: AsyncEngine | None = None) -> Call:
        listener, url = _listening()
        app = agent_app(_Sop(), url=url, ledger=self._ledger, engine=engine)
        await self._stack.enter_async_context(_served(app, listener))
        return _asks(agent_card(_Sop(), url), self._http, streaming=False)

    async def _invokes(self, url: str, local: dict[str, Starlette]) -> Call:
        registry = Registry(self._engine)
        card = agent_card(_Sop(), url)
        card.name = name = "sop" if local else "sop-there"
        await registry.register(card, url=url)
        client = A2AClient(registry, ledger=self._ledger, local=local, settings=self._settings)
        self._stack.push_async_callback(client.close)
        return lambda: client.invoke(name, "search", {"question": "Why?"})


def _asks(card: AgentCard, http: httpx.AsyncClient, *, streaming: bool) -> Call:
    client = ClientFactory(ClientConfig(streaming=streaming, httpx_client=http)).create(card)

    async def ask() -> None:
        async for _ in client.send_message(_message({"skill": "search", "input": {"question": "Why?"}})):
            pass

    return ask


def _message(asked: dict[str, Any]) -> SendMessageRequest:
    part = new_data_part(asked, "application/json")
    return SendMessageRequest(message=Message(message_id=str(uuid4()), role=Role.ROLE_USER, parts=[part]))


async def _mcp_pair(stack: AsyncExitStack) -> tuple[str, Call, Call]:
    bare = bare_mcp([AGENT])
    bare_listener, bare_url = _listening()
    await stack.enter_async_context(_served(bare.streamable_http_app(), bare_listener))
    listener, url = _listening()
    host = Starlette(lifespan=lambda _: running())
    mounted = mount_mcp(host, cast(Product, _Desk()), settings=Settings(), url=url)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with mounted:
            yield

    await stack.enter_async_context(_served(host, listener))
    return "MCP over TCP, tool list_agents", await _tool(stack, bare_url), await _tool(stack, url)


async def _tool(stack: AsyncExitStack, url: str) -> Call:
    client = await stack.enter_async_context(McpClient(f"{url}/mcp"))
    return lambda: client.call_tool("list_agents", {})


class _Desk:
    """What the servers need of a product to list agents and to answer a question without work.

    ready: questions that have begun; they go on when `go` is set.
    """

    def __init__(self) -> None:
        self.ready = asyncio.Semaphore(0)
        self.go = asyncio.Event()

    async def list_agents(self) -> list[RegisteredAgent]:
        return [AGENT]

    async def agents_version(self) -> int:
        return 1

    async def start(self, question: Question) -> str:
        return str(uuid4())

    async def cancel(self, journey_id: str) -> None:
        raise NotImplementedError

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        self.ready.release()
        await self.go.wait()
        sequence = 0
        for stage in _STAGES:
            for status in ("started", "completed"):
                sequence += 1
                data = {"stage": stage, "status": status}
                yield Event(journey_id=journey_id, sequence=sequence, kind="stage", data=data)
        yield Event(journey_id=journey_id, sequence=sequence + 1, kind="answer", data=_answer(journey_id))


def _answer(journey_id: str) -> dict[str, Any]:
    cost = JourneyCostSummary(
        journey_id=journey_id,
        calls=0,
        failed_calls=0,
        prompt_tokens=None,
        completion_tokens=None,
        seconds=0.0,
        cost=None,
        unpriced_calls=0,
        uncounted_calls=0,
    )
    answer = Answer(journey_id=journey_id, status="completed", question="?", plan=Plan(steps=[]), cost=cost)
    return answer.model_dump(mode="json")


async def _many(streams: int) -> list[str]:
    """Questions to LexiQuery's own endpoint, whose streams are all open before one of them goes on."""
    desk = _Desk()
    listener, url = _listening()
    host = Starlette(lifespan=lambda _: running())
    mounted = mount_a2a(host, cast(Product, desk), url)

    @asynccontextmanager
    async def running() -> AsyncIterator[None]:
        async with mounted:
            yield

    limits = httpx.Limits(max_connections=streams)
    async with _served(host, listener), httpx.AsyncClient(limits=limits, timeout=None) as http:  # noqa: S113 -- measured
        client = ClientFactory(ClientConfig(httpx_client=http)).create(lexiquery_card(url))
        reading = [asyncio.create_task(_count(client)) for _ in range(streams)]
        for _ in reading:
            await desk.ready.acquire()
        began = time.perf_counter()
        desk.go.set()
        arrived = sum(await asyncio.gather(*reading))
    expected, seconds = streams * _EVENTS, time.perf_counter() - began
    return [str(streams), f"{expected:,}", f"{arrived:,}", f"{expected - arrived:,}", f"{seconds:.1f}"]


async def _count(client: Client) -> int:
    asked = _message({"skill": "answer_question", "input": {"question": "?"}})
    return len([event async for event in client.send_message(asked)])


def _listening() -> tuple[socket.socket, str]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@asynccontextmanager
async def _served(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving
