"""Embedding what is known of schema groups when it is imported: no journey pays for it."""

from __future__ import annotations

from collections.abc import Iterable

from agents.data.agent import DataAgent
from agents.data.platform import load_platform
from core_engine.state import State
from shared.catalog import Catalog
from shared.llm.client import Models


async def index_groups(groups: Iterable[Catalog], state: State, models: Models) -> None:
    """Raises ModelUnavailable when there is no embedding model; the groups can be used all the same."""
    for catalog in groups:
        platform = load_platform(catalog.platform)
        agent = DataAgent(platform, state.catalogs, models, state.sandbox, state.settings)
        await agent.index(catalog.schema_group)
