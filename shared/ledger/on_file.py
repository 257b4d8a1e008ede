"""Writing to a file of SQLite: in the loop as long as nothing has to be waited for, else in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import set_pragmas
from shared.ledger.changes import Change, Finish
from shared.ledger.direct import written_at_hand
from shared.ledger.queue import NOTHING, Queue, Waiting, sums_may_wait, tell
from shared.ledger.writing import write_all

T = TypeVar("T")
_AT_HAND = 8  # changes that the loop writes itself, at a fifth of a millisecond each on a slow machine
_CHECKPOINT_PAGES = 4000
"""Of the log, 16 MB, that are copied into the file at once: a page that many calls wrote, as one of an index, is copied
once. SQLite's own 1,000 take a tenth more of a hundred recorders."""


class OnFile:
    """Two connections to a file. `_at_hand` is the loop's, which has written a call sooner than it wakes a thread. It
    waits for nothing: what finds the file locked, needs a look at what is there or comes with many others, sums and
    checkpoints are for the thread, which alone uses `_connection`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = create_engine(engine.url.set(drivername="sqlite"))
        event.listen(self._engine, "connect", _begins_by_itself)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None
        self._at_hand: Connection | None = None
        self._queue = Queue()

    def write_soon(self, change: Waiting) -> None:
        is_free = self._queue.add(change)
        if isinstance(change[0], Finish):  # nobody waits for it
            self._queue.sum_later(self._start, ended=1)
            if is_free:
                asyncio.get_running_loop().call_soon(self._start)
        elif is_free:
            self._start()

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor(), lambda: work(self._connected()))

    async def close(self) -> None:
        self._queue.close()
        if self._thread:
            with sums_may_wait():
                await self.run(self._queue.catch_up)
        if self._at_hand:
            self._at_hand.close()
            self._at_hand = None
        thread, self._thread = self._thread, None
        if thread:  # it disconnects after all that it was given
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            await asyncio.to_thread(thread.shutdown)

    def _start(self) -> None:
        while (taken := self._queue.next()) != NOTHING:
            batch, are_sums_due = taken
            left = self._left_at_hand(batch)
            if left or are_sums_due:
                self._executor().submit(self._drain, (left, are_sums_due), asyncio.get_running_loop())
                return

    def _left_at_hand(self, batch: list[Waiting]) -> list[Waiting]:
        """What of it the loop can't write."""
        if self._at_hand is None or len(batch) > _AT_HAND:
            return batch
        written = written_at_hand(self._at_hand, [change for change, _ in batch])
        tell(batch[:written], [None] * written)
        return batch[written:]

    def _executor(self) -> ThreadPoolExecutor:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return self._thread

    def _drain(self, taken: tuple[list[Waiting], bool], loop: asyncio.AbstractEventLoop) -> None:
        while taken != NOTHING:
            batch, are_sums_due = taken
            if batch:
                problems = self._written([change for change, _ in batch])
                with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                    loop.call_soon_threadsafe(tell, batch, problems)
            if are_sums_due:
                with sums_may_wait():
                    self._queue.catch_up(self._connected())
            taken = self._queue.next()
        if self._queue.has_kept:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._queue.sum_later, self._start)

    def _written(self, changes: list[Change]) -> Sequence[Exception | None]:
        try:
            problems = write_all(self._connected(), changes)
        except Exception as error:  # noqa: BLE001 -- there is no connection: all who wait are told, and others go on
            problems = [error] * len(changes)
        self._queue.keep(changes, problems)
        return problems

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = _with(self._engine.connect(), f"wal_autocheckpoint={_CHECKPOINT_PAGES}")
            self._at_hand = _with(self._engine.connect(), "busy_timeout=0", "wal_autocheckpoint=0")
        return self._connection

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        self._engine.dispose()


def _with(connection: Connection, *pragmas: str) -> Connection:
    driver: Any = connection.connection.driver_connection
    for pragma in pragmas:
        driver.execute(f"PRAGMA {pragma}")
    return connection


def _begins_by_itself(connection: Any, _: object) -> None:
    connection.isolation_level = None
    set_pragmas(connection)
