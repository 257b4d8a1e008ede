"""Writing to PostgreSQL, and to a database in memory: over the loop's own connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.ledger.changes import Change, Finish
from shared.ledger.direct import commit_soon, drop, written_directly
from shared.ledger.queue import NOTHING, Queue, Waiting, sums_may_wait, tell
from shared.ledger.writing import write_all

T = TypeVar("T")


class OnServer:
    """One connection of the pool, kept: to take one and hand it back is four more trips to PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._queue = Queue()
        self._draining: asyncio.Task[None] | None = None

    def write_soon(self, change: Waiting) -> None:
        if self._queue.add(change):
            self._start()
        if isinstance(change[0], Finish):
            self._queue.sum_later(self._start, ended=1)

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._turn:
            return await (await self._connected()).run_sync(work)

    async def close(self) -> None:
        self._queue.close()
        if self._draining:
            await asyncio.wait([self._draining])
        if self._connection:
            with sums_may_wait():
                await self.run(self._queue.catch_up)
        async with self._turn:
            if self._connection:
                await drop(self._connection)
                self._connection = None

    def _start(self) -> None:
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while (taken := self._queue.next()) != NOTHING:
            batch, are_sums_due = taken
            if batch:
                tell(batch, await self._written([change for change, _ in batch]))
            if are_sums_due:
                with sums_may_wait():
                    await self.run(self._queue.catch_up)
        if self._queue.has_kept:
            self._queue.sum_later(self._start)

    async def _written(self, changes: list[Change]) -> Sequence[Exception | None]:
        problems: Sequence[Exception | None]
        written = 0
        try:
            async with self._turn:
                written = await written_directly(await self._connected(), changes)
            rest = changes[written:]
            problems = await self.run(partial(write_all, changes=rest)) if rest else []
        except Exception as error:  # noqa: BLE001 -- there is no connection: all who wait are told, and others go on
            problems = [error] * len(changes[written:])
        problems = [*[None] * written, *problems]
        self._queue.keep(changes, problems)
        return problems

    async def _connected(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        await commit_soon(self._connection)
        return self._connection
