"""The one composition root: builds everything from Settings; production and tests call it, nothing else constructs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.engine import make_url
from starlette.types import ASGIApp

from core_engine.agents import AGENTS, open_agent
from core_engine.asking import Agents
from core_engine.groups import Groups
from core_engine.product import LocalProduct
from core_engine.runbooks import Runbooks
from core_engine.state import State, open_state, own_data_dir
from core_engine.workflows import open_journeys
from protocol_interface.a2a_client import A2AClient
from protocol_interface.health import register_own, watch_agents
from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry
from protocol_interface.registry import schema as registry_schema
from protocol_interface.registry.signatures import TrustedKeys
from protocol_interface.registry.static import register_cards
from shared.database import create_tables
from shared.errors import InvalidInput, did_you_mean
from shared.ledger.losses import closing_lost
from shared.llm.client import Models
from shared.llm.runtime import open_models
from shared.settings import Settings


@dataclass(frozen=True)
class LexiQuery:
    """Everything running in this process."""

    state: State
    models: Models
    registry: Registry
    client: A2AClient
    groups: Groups
    runbooks: Runbooks
    product: LocalProduct


@asynccontextmanager
async def open_lexiquery(settings: Settings, *, url: str | None = None, wait: float = 0.0) -> AsyncIterator[LexiQuery]:
    """Everything in this process: agents over in-memory A2A, journeys, models. url: where a server listens, if any.
    wait: seconds to wait for another owner of the data directory.

    Journeys that a killed process left behind go on. Raises AlreadyRunning, StorageFailed, InvalidInput (settings).
    """
    _check_agents(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(own_data_dir(settings, url=url, wait=wait))
        state = await stack.enter_async_context(open_state(settings))
        await stack.enter_async_context(closing_lost(state.ledger))
        await create_tables(state.engine, registry_schema)
        models = await stack.enter_async_context(open_models(settings, state.ledger, state.engine))
        keys, limit = TrustedKeys.read(settings.agent_keys), settings.registry_limit
        registry = Registry(state.engine, hosts=HostRule.of(settings), keys=keys, limit=limit)
        local = await _register_agents(registry, state, models, stack)
        await register_cards(registry, settings.agent_cards)
        client = A2AClient(registry, ledger=state.ledger, local=local, settings=settings)
        stack.push_async_callback(client.close)
        cards, seconds = settings.agent_cards, settings.health_seconds
        watching = watch_agents(registry, client, settings.agents, seconds=seconds, cards=cards)
        stack.push_async_callback(_end, asyncio.create_task(watching))
        yield await stack.enter_async_context(assemble(state, models, registry, client, agents=client))


async def _register_agents(
    registry: Registry, state: State, models: Models, stack: AsyncExitStack
) -> dict[str, ASGIApp]:
    """Register every agent: the static ones of the settings at their URL, the others as apps of this process."""
    from agents.serve import agent_app, agent_card

    local: dict[str, ASGIApp] = {}
    for name in AGENTS:
        if name in state.settings.agents:
            await register_own(registry, name, state.settings.agents[name])
            continue
        agent = await stack.enter_async_context(open_agent(name, state, models))
        url = f"http://{name}.agents.localhost"
        # Without the ledger: nobody needs a report of calls that are on it.
        local[name] = agent_app(agent, url=url, telemetry=state.telemetry)
        await registry.register(agent_card(agent, url), url=url)
    return local


def _check_agents(settings: Settings) -> None:
    for name in settings.agents:
        if name not in AGENTS:
            unknown = f"LEXIQUERY_AGENTS names '{name}', which is no agent of LexiQuery"
            raise InvalidInput(unknown, suggestion=did_you_mean(name, AGENTS))


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def assemble(
    state: State, models: Models, registry: Registry, client: A2AClient, *, agents: Agents
) -> AsyncIterator[LexiQuery]:
    """The journeys and the product on top of what is open. agents: whom journeys ask."""
    groups = Groups(state.catalogs, state.sandbox, state.connections)
    runbooks = Runbooks(state.engine, state.catalogs, state.sandbox, groups)
    await runbooks.prepare()
    async with open_journeys(
        database_url=_journeys_url(state.settings),
        executor_id=state.settings.executor_id,
        store=state.store,
        ledger=state.ledger,
        agents=agents,
        catalogs=state.catalogs,
        sandbox=state.sandbox,
        on_end=[state.telemetry.journey_ended],
    ) as journeys:
        product = LocalProduct(
            settings=state.settings,
            store=state.store,
            journeys=journeys,
            ledger=state.ledger,
            catalogs=state.catalogs,
            sandbox=state.sandbox,
            groups=groups,
            registry=registry,
            client=client,
        )
        yield LexiQuery(state, models, registry, client, groups, runbooks, product)


def _journeys_url(settings: Settings) -> str:
    """PostgreSQL keeps the workflows too; beside SQLite they have a file of their own."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() == "postgresql":
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    return f"sqlite:///{(settings.data_dir / 'journeys.db').resolve()}"
