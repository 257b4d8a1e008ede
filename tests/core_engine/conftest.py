"""A journey's surroundings: real store, ledger, catalogs and workflow; agents that a test scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from core_engine.bootstrap import LexiQuery, assemble
from core_engine.journey import Journeys
from core_engine.state import open_state
from core_engine.store import Store
from core_engine.store import schema as store_schema
from core_engine.workflows import open_journeys
from protocol_interface.a2a_client import A2AClient, Report
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from protocol_interface.registry import schema as registry_schema
from shared.catalog import Catalog, Catalogs, Column, Table
from shared.catalog import schema as catalog_schema
from shared.database import create_tables
from shared.ledger import Ledger
from shared.llm.runtime import open_models
from shared.models import Answer, Question
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama

POSTGRESQL = "postgresql://postgres@127.0.0.1:5432"
Reply = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]

HOSTS = Catalog(
    schema_group="estate",
    platform="sql",
    tables=[Table(name="hosts", columns=[Column(name="name", type="VARCHAR"), Column(name="cores", type="INTEGER")])],
)


def says(output: dict[str, Any]) -> Reply:
    async def reply(_: dict[str, Any]) -> dict[str, Any]:
        return output

    return reply


def fails(error: Exception) -> Reply:
    async def reply(_: dict[str, Any]) -> dict[str, Any]:
        raise error

    return reply


def hangs(reached: asyncio.Event) -> Reply:
    """Sets `reached` and then never answers."""

    async def reply(_: dict[str, Any]) -> dict[str, Any]:
        reached.set()
        await asyncio.Event().wait()
        return {}

    return reply


def an_answer(query: str = "SELECT name FROM hosts", verdict: str = "proven") -> dict[str, Any]:
    proof = {"verdict": verdict, "checks": []}
    answer = {"platform": "sql", "schema_group": "estate", "query": query, "route": "direct", "proof": proof}
    return {"answers": [{**answer, "result": {"columns": ["name"], "rows": [["web-1"]]}, "confidence": 0.9}]}


def _registered(name: str, skills: list[str], platform: str | None = None) -> RegisteredAgent:
    return RegisteredAgent(
        id=name,
        name=name,
        description="an agent",
        url="http://agent",
        version="1",
        skills=[{"id": skill} for skill in skills],
        platform=platform,
    )


@dataclass
class ScriptedAgents:
    """Two agents and a planner that say what the test scripts; every request is kept in `asked`."""

    replies: dict[str, Reply] = field(
        default_factory=lambda: {
            "sop.search": says({"hits": [{"agent": "sop", "title": "T", "source": "s", "excerpt": "e", "score": 0.5}]}),
            "sql.link": says({"tables": []}),
            "planner.plan": says(
                {
                    "steps": [
                        {"agent": "sop", "skill": "search", "reason": "a runbook bears on it"},
                        {"agent": "sql", "skill": "query", "reason": "its table fits"},
                    ]
                }
            ),
            "sql.query": says(an_answer()),
        }
    )
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    says: dict[str, str] = field(default_factory=dict)
    trusted: bool = True
    silent: set[str] = field(default_factory=set)
    platforms: tuple[str, ...] = ("sql",)

    async def discover(self) -> list[RegisteredAgent]:
        registered = [
            _registered("planner", ["plan"]),
            _registered("sop", ["search"]),
            *(_registered(platform, ["query", "link"], platform=platform) for platform in self.platforms),
        ]
        return [
            agent.model_copy(update={"trusted": self.trusted, "healthy": agent.id not in self.silent})
            for agent in registered
        ]

    async def invoke(
        self,
        agent: str,
        skill: str,
        request: dict[str, Any],
        *,
        seconds: float | None = None,
        report: Report | None = None,
    ) -> dict[str, Any]:
        self.asked.append((f"{agent}.{skill}", request))
        if report and (said := self.says.get(f"{agent}.{skill}")):
            await report(said)
        return await self.replies[f"{agent}.{skill}"](request)


@dataclass
class Workshop:
    """Starts journeys and waits for their answers."""

    journeys: Journeys
    store: Store

    async def answer(self, journey_id: str) -> Answer:
        while (answer := await self.store.answer(journey_id)) is None:
            await self.journeys.wait_for_event(0.1)
        return answer

    async def ask(
        self, question: str = "Which hosts are there?", journey_id: str = "journey-1", **fields: Any
    ) -> Answer:
        await self.journeys.start(journey_id, Question(question=question, **fields), [])
        return await asyncio.wait_for(self.answer(journey_id), 60)


@pytest.fixture
def agents() -> ScriptedAgents:
    return ScriptedAgents()


OpenWorkshop = Callable[[], AbstractAsyncContextManager[Workshop]]


@pytest.fixture
async def open_workshop(
    settings: Settings, engine: AsyncEngine, ledger: Ledger, agents: ScriptedAgents
) -> OpenWorkshop:
    """Opens the workflow runtime on the test's data directory; opening it again is a restart of the process."""
    await create_tables(engine, store_schema, catalog_schema)
    catalogs, store = Catalogs(engine), Store(engine)
    await catalogs.put(HOSTS)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Workshop]:
        async with open_journeys(
            database_url=f"sqlite:///{settings.data_dir / 'journeys.db'}",
            executor_id="local",
            store=store,
            ledger=ledger,
            agents=agents,
            catalogs=catalogs,
            sandbox=Sandbox(settings),
        ) as journeys:
            yield Workshop(journeys, store)

    return opened


@pytest.fixture
async def lexiquery(
    settings: Settings, scripted_ollama: ScriptedOllama, agents: ScriptedAgents
) -> AsyncIterator[LexiQuery]:
    """Everything but the agents, which are scripted."""
    scripted_ollama.models.append("tiny:latest")
    changes = {"ollama_host": scripted_ollama.url, "model": "tiny"}
    async with with_scripted(agents, settings.model_copy(update=changes)) as opened:
        yield opened


@asynccontextmanager
async def with_scripted(agents: ScriptedAgents, settings: Settings) -> AsyncIterator[LexiQuery]:
    async with open_state(settings) as state, open_models(settings, state.ledger, state.engine) as models:
        await create_tables(state.engine, registry_schema)
        await state.catalogs.put(HOSTS)
        registry = Registry(state.engine)
        client = A2AClient(registry, ledger=state.ledger, local={}, settings=settings)
        async with assemble(state, models, registry, client, agents=agents) as opened:
            yield opened
        await client.close()


@pytest.fixture
async def workshop(open_workshop: OpenWorkshop) -> AsyncIterator[Workshop]:
    async with open_workshop() as opened:
        yield opened


@pytest.fixture
def postgresql() -> Iterator[str]:
    """The URL of an empty database."""
    try:
        server = psycopg.connect(f"{POSTGRESQL}/postgres", autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432 that user postgres may use: {error}")
    name = f"lexiquery_{uuid4().hex}"
    with server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield f"{POSTGRESQL}/{name}"
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
