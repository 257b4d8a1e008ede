"""A registry, and agents on it that do what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.serve import agent_app, agent_card
from protocol_interface import registry as registry_module
from protocol_interface.a2a_client import A2AClient
from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry
from shared.database import create_tables
from shared.ledger import Ledger
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent

LOCAL = "http://scripted.agents.localhost"


@pytest.fixture
async def registry(engine: AsyncEngine) -> Registry:
    """As in a server that listens to this machine only."""
    await create_tables(engine, registry_module.schema)
    return Registry(engine, hosts=HostRule(loopback=True))


@pytest.fixture
def agent(ledger: Ledger) -> ScriptedAgent:
    return ScriptedAgent(ledger=ledger)


@pytest.fixture
async def local_client(
    agent: ScriptedAgent, registry: Registry, ledger: Ledger, settings: Settings
) -> AsyncIterator[A2AClient]:
    """A client with the scripted agent in its process."""
    await registry.register(agent_card(agent, LOCAL), url=LOCAL)
    local = {agent.name: agent_app(agent, url=LOCAL, ledger=ledger)}
    client = A2AClient(registry, ledger=ledger, local=local, settings=settings)
    yield client
    await client.close()


@pytest.fixture
async def remote_client(registry: Registry, ledger: Ledger, settings: Settings) -> AsyncIterator[A2AClient]:
    """A client whose agents are all elsewhere."""
    client = A2AClient(registry, ledger=ledger, local={}, settings=settings)
    yield client
    await client.close()
