"""The agents by name. Only what an agent needs is imported, so that its service runs on its own lock file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.agent import Agent
from agents.data.platform import load_platform, platform_names
from core_engine.state import State
from shared.database import create_tables
from shared.errors import NotFound
from shared.llm.client import Models

FIRST_PLATFORM_PORT = 9020
PORTS = {"planner": 9000, "sop": 9010, "known_errors": 9011} | {
    name: FIRST_PLATFORM_PORT + number for number, name in enumerate(platform_names())
}
"""Where each agent listens when it is served alone."""
AGENTS = tuple(PORTS)


def check_agent(name: str) -> None:
    """Raises NotFound, with the nearest name, for what is no agent of ours."""
    if name not in AGENTS:
        raise NotFound.named("agent", name, AGENTS)


@asynccontextmanager
async def open_agent(name: str, state: State, models: Models) -> AsyncIterator[Agent]:
    """The agent of that name; only what it needs is imported. Raises NotFound with the nearest name."""
    check_agent(name)
    if name == "planner":
        from agents.planner import Planner

        yield Planner(models, state.settings.prompts_dir)
    elif name == "sop":
        from agents.knowledge.glossary import store as glossary
        from agents.knowledge.graph import store as graph
        from agents.knowledge.procedures import Procedures
        from agents.knowledge.sop import Sop
        from agents.knowledge.store.tables import schema
        from agents.knowledge.telling import Telling

        await create_tables(state.engine, schema, glossary.schema, graph.schema)
        procedures = Procedures(state.engine, models, state.settings)
        try:
            yield Sop(procedures, Telling(state.engine))
        finally:
            await procedures.close()
    elif name == "known_errors":
        from agents.knowledge.known_errors.agent import KnownErrors
        from agents.knowledge.known_errors.index import KnownErrorIndex
        from agents.knowledge.store.tables import schema

        await create_tables(state.engine, schema)
        index = KnownErrorIndex(state.engine, models, state.settings)
        try:
            yield KnownErrors(index)
        finally:
            await index.close()
    else:
        from agents.data.agent import DataAgent
        from agents.data.parts import catalogs_without

        platform = load_platform(name)
        catalogs = catalogs_without(state.settings.without, state.catalogs, state.engine)
        yield DataAgent(platform, catalogs, models, state.sandbox, state.settings, state.connections)
