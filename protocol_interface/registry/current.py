"""The index in memory, kept as new as SQL: one small query tells whether there is anything to read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from protocol_interface.registry.index import Index, Known, known_of
from protocol_interface.registry.store import Store

log = structlog.get_logger(__name__)
_MANY = 200
"""Agents that are read aside, so that whoever else waits goes on."""


class Current:
    """gone: told of each agent that is no more."""

    def __init__(self, store: Store, gone: Callable[[str], None]) -> None:
        self._store = store
        self._gone = gone
        self._index = Index()
        self._reading = asyncio.Lock()
        self._looked = float("-inf")

    async def lately(self, seconds: float) -> Index:
        """With every change that was in SQL so many seconds ago."""
        return self._index if time.monotonic() - self._looked < seconds else await self.index()

    async def index(self) -> Index:
        """With every change that is in SQL by now."""
        if self._index.lease_end <= (now := time.time()):
            await self._end_leases(now)
        looked, version = time.monotonic(), await self._store.version()
        if version != self._index.version:
            async with self._reading:
                if version > self._index.version:
                    await self._read(await self._changed())
                    self._index.version = version
        self._looked = looked
        return self._index

    async def reread(self, names: Sequence[str]) -> None:
        """Agents of which something is new that is no change."""
        async with self._reading:
            await self._read(names)

    async def _changed(self) -> list[str] | None:
        if self._index.version >= 0:
            return await self._store.changed(self._index.version)
        await self._store.adopt()
        return None

    async def _read(self, names: Sequence[str] | None) -> None:
        """Those agents as they are in SQL, or all of them, into the index."""
        rows = await self._store.agents(names)
        known = _known_of(rows) if len(rows) < _MANY else await asyncio.to_thread(_known_of, rows)
        gone = set(names or ()) - {one.agent.id for one in known}
        self._index.put(known, gone)
        for name in gone:
            self._gone(name)

    async def _end_leases(self, now: float) -> None:
        """Who is over is removed; who was renewed by another process is read again."""
        seemed = self._index.over(now)
        if ended := await self._store.ended(now):
            log.info("leases are over", agents=ended[:20], count=len(ended))
            async with self._store.writing() as writing:
                await writing.end_leases(now)
        await self.reread(seemed)


def _known_of(rows: Sequence[Any]) -> list[Known]:
    return [known_of(*one) for one in rows]
