"""Connecting a schema group to the platform that its queries run on."""

from __future__ import annotations

from pathlib import Path

from agents.data.connectors.connector import connector_for
from core_engine.state import State
from shared.errors import NotFound
from shared.models import Model

_FILES = ("sqlite:///", "duckdb:///")


class Connected(Model):
    """place: where queries of the group run, without secrets, None for the sandbox; answered: whether it was tried, and
    answered."""

    schema_group: str
    place: str | None
    answered: bool

    def render(self) -> str:
        if self.place is None:
            return f"queries of {self.schema_group} run in the sandbox, where it has rows"
        tried = ", which answered" if self.answered else "; it was not tried"
        return f"queries of {self.schema_group} run on {self.place}{tried}"


async def connect(group: str, url: str, state: State, *, check: bool) -> Connected:
    """Keep the group's connection, after a query that reads nothing was answered through it, if `check`.

    Raises NotFound for an unknown group, InvalidInput for a URL that can't be used, QueryFailed and SourceUnavailable
    when the platform doesn't answer the query; nothing is kept then.
    """
    catalog = await state.catalogs.get(group)
    url = _from_here(url)
    connector = connector_for(url, catalog, state.settings)
    if check:
        await connector.run(connector.probe, limit=1, seconds=state.settings.connection_seconds)
    await state.connections.put(group, url)
    return Connected(schema_group=group, place=connector.place, answered=check)


async def disconnect(group: str, state: State) -> Connected:
    """Raises NotFound for a group that is unknown, or not connected."""
    await state.catalogs.get(group)
    if not await state.connections.remove(group):
        raise NotFound(f"schema group '{group}' is not connected to a platform")
    return Connected(schema_group=group, place=None, answered=False)


def _from_here(url: str) -> str:
    """A file's URL with its whole path: a server may run in another folder."""
    for start in _FILES:
        if url.startswith(start) and url != start:
            return start + str(Path(url.removeprefix(start)).absolute())
    return url
