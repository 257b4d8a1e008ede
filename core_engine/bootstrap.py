"""The one composition root: builds everything from Settings; production and tests call it, nothing else constructs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy.engine import make_url
from starlette.types import ASGIApp

from core_engine.agents import AGENTS, open_agent
from core_engine.journey import open_journeys
from core_engine.product import LocalProduct
from core_engine.state import State, open_state, own_data_dir
from protocol_interface.a2a_client import A2AClient
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Registry
from protocol_interface.registry import schema as registry_schema
from shared.database import create_tables
from shared.errors import AgentUnavailable
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.settings import Settings

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class LexiQuery:
    """Everything running in this process."""

    state: State
    models: Models
    registry: Registry
    client: A2AClient
    product: LocalProduct


class JourneyAgents:
    """The registry and the A2A client, as a journey needs them."""

    def __init__(self, registry: Registry, client: A2AClient) -> None:
        self._registry = registry
        self._client = client

    async def discover(self) -> list[RegisteredAgent]:
        return await self._registry.discover()

    async def invoke(
        self, agent: str, skill: str, request: dict[str, Any], *, seconds: float | None = None
    ) -> dict[str, Any]:
        return await self._client.invoke(agent, skill, request, seconds=seconds)


@asynccontextmanager
async def open_lexiquery(settings: Settings, *, url: str | None = None, wait: float = 0.0) -> AsyncIterator[LexiQuery]:
    """Everything in this process: agents over in-memory A2A, journeys, models. url: where a server listens, if any.
    wait: seconds to wait for another owner of the data directory.

    Journeys that a killed process left behind go on. Raises AlreadyRunning, StorageFailed.
    """
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(own_data_dir(settings, url=url, wait=wait))
        state = await stack.enter_async_context(open_state(settings))
        await state.ledger.close_lost()
        await create_tables(state.engine, registry_schema)
        models = await stack.enter_async_context(open_models(settings, state.ledger, state.engine))
        registry = Registry(state.engine)
        local = await _register_agents(registry, state, models, stack)
        client = A2AClient(registry, ledger=state.ledger, local=local, settings=settings)
        stack.push_async_callback(client.close)
        product = await stack.enter_async_context(_open_product(state, registry, client))
        yield LexiQuery(state, models, registry, client, product)


async def _register_agents(
    registry: Registry, state: State, models: Models, stack: AsyncExitStack
) -> dict[str, ASGIApp]:
    """Register every agent: the static ones of the settings at their URL, the others as apps of this process."""
    from agents.serve import agent_app, agent_card

    local: dict[str, ASGIApp] = {}
    for name in AGENTS:
        if name in state.settings.agents:
            await _register_remote(registry, name, state.settings.agents[name])
            continue
        agent = await stack.enter_async_context(open_agent(name, state, models))
        url = f"http://{name}.agents.localhost"
        local[name] = agent_app(agent, url=url, ledger=state.ledger)
        await registry.register(agent_card(agent, url), url=url)
    return local


async def _register_remote(registry: Registry, name: str, url: str) -> None:
    """An agent that does not answer now is left as it was last known: its tasks fail until it is back."""
    try:
        await registry.register_url(url, trusted=True)
    except AgentUnavailable as error:
        log.warning("agent not registered", agent=name, url=url, reason=str(error))


@asynccontextmanager
async def _open_product(state: State, registry: Registry, client: A2AClient) -> AsyncIterator[LocalProduct]:
    async with open_journeys(
        database_url=_journeys_url(state.settings),
        executor_id=state.settings.executor_id,
        store=state.store,
        ledger=state.ledger,
        agents=JourneyAgents(registry, client),
        catalogs=state.catalogs,
        sandbox=state.sandbox,
    ) as journeys:
        yield LocalProduct(
            settings=state.settings,
            store=state.store,
            journeys=journeys,
            ledger=state.ledger,
            catalogs=state.catalogs,
            sandbox=state.sandbox,
            registry=registry,
            client=client,
        )


def _journeys_url(settings: Settings) -> str:
    """PostgreSQL keeps the workflows too; beside SQLite they have a file of their own."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return f"sqlite:///{(settings.data_dir / 'journeys.db').resolve()}"
