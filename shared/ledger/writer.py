"""Group commit: what arrives while a transaction is under way is written by the next, all together.

A change is with the database when `write` returns, and on its disk soon
(docs/decisions/0013-the-ledger-waits-for-the-database.md). The writer keeps a connection of its own. On SQLite it has
a thread of its own too, since each statement of the asynchronous driver is a change of threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import set_pragmas
from shared.ledger.changes import Begin, Change, Finish, apply, as_twin, is_begun, sum_missing
from shared.ledger.direct import commit_soon, drop, written_directly
from shared.ledger.transactions import in_transaction

T = TypeVar("T")
Waiting = tuple[Change, asyncio.Future[None]]
log = structlog.get_logger(__name__)
_SUMS_AFTER, _SUMS_OF = 1.0, 200
"""Seconds after a call has ended, or calls. Its sums are more rows than its own, and the same ones for the calls of
that time; what is in no sum yet is read before every call that has a budget. A database that took nothing is asked
again with them."""
_NOTHING: tuple[list[Waiting], bool] = ([], False)
_AT_ONCE = 200  # changes in a transaction; PostgreSQL takes 32,767 parameters in a statement
_KEPT = 200  # ends of calls that the database did not take; they may have texts
_OF_THE_DATABASE = frozenset(("08", "53", "55", "57", "58"))
"""Classes of PostgreSQL's SQLSTATE: connection, resources, object not ready, operator, system."""


class Writer:
    """The one that writes to the ledger in this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = _OnThread(engine) if _has_file(engine) else _OnLoop(engine)
        self._behind: set[asyncio.Future[None]] = set()

    async def write(self, change: Change) -> None:
        """Raises BudgetExceeded for a Begin that a limit refuses, and what the database raises. The change is written
        also when the caller is cancelled meanwhile."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._database.write_soon((change, written))
        await written

    def write_behind(self, change: Finish, then: Callable[[], None]) -> None:
        """Write it without anybody waiting, after all that was given before; then: called when that is over. What a
        database that takes nothing now refuses is written when it does; what can't be written is in the log."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._behind.add(written)
        written.add_done_callback(partial(self._is_written, change.record.id, then))
        self._database.write_soon((change, written))

    async def settled(self) -> None:
        """Wait until what was given to `write_behind` is written, or can't be."""
        loop = asyncio.get_running_loop()
        if behind := [one for one in self._behind if one.get_loop() is loop]:
            await asyncio.wait(behind)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection, in a transaction."""
        await self.settled()
        return await self._database.run(partial(in_transaction, work=work))

    async def close(self) -> None:
        """Wait until everything is written."""
        await self.settled()
        await self._database.close()

    def _is_written(self, call_id: str, then: Callable[[], None], written: asyncio.Future[None]) -> None:
        self._behind.discard(written)
        if not written.cancelled() and (problem := written.exception()):
            when = "yet" if isinstance(problem, Exception) and _is_of_the_database(problem) else "and will not be"
            log.error(f"how a call ended is not on the ledger {when}", call_id=call_id, reason=str(problem))
        then()


class _Queue:
    """Changes that wait for the next transaction, and whether the sums of days are behind what was written."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._kept: list[Change] = []
        self._is_draining = False
        self._are_sums_due = False
        self._summing: asyncio.TimerHandle | None = None
        self._ended = 0
        self._changing = threading.Lock()

    def add(self, change: Waiting) -> bool:
        """Whether nobody takes what waits yet: the caller has to see to it."""
        with self._changing:
            self._waiting.append(change)
            return self._starts()

    def sum_later(self, start: Callable[[], None], *, ended: int = 0) -> None:
        """And write what was kept. start: called in the loop when that is due and nobody takes what waits; ended: calls
        that the sums lack."""
        self._ended += ended
        if self._ended >= _SUMS_OF:
            self._sum(start)
        elif self._summing is None:
            self._summing = asyncio.get_running_loop().call_later(_SUMS_AFTER, self._sum, start)

    @property
    def has_kept(self) -> bool:
        return bool(self._kept)

    def next(self) -> tuple[list[Waiting], bool]:
        """What goes into the next transaction, and whether the sums follow it; nothing at all: whoever asks is done."""
        with self._changing:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            are_sums_due, self._are_sums_due = self._are_sums_due, False
            self._is_draining = bool(batch) or are_sums_due
            return batch, are_sums_due

    def keep(self, changes: Sequence[Change], problems: Sequence[Exception | None]) -> None:
        """Keep how calls ended that the database did not take, the newest of them, to be written with the sums: a call
        whose end nobody writes would count as lost, without its tokens."""
        ends = [
            change
            for change, problem in zip(changes, problems, strict=True)
            if isinstance(change, Finish) and problem and _is_of_the_database(problem)
        ]
        self._kept = [*self._kept, *ends][-_KEPT:]

    def kept(self) -> list[Change]:
        """What was kept, no longer kept here."""
        kept, self._kept = self._kept, []
        return kept

    def close(self) -> None:
        if self._summing:
            self._summing.cancel()
            self._summing = None

    def _sum(self, start: Callable[[], None]) -> None:
        self.close()
        self._ended = 0
        with self._changing:
            self._are_sums_due = True
            starts = self._starts()
        if starts:
            start()

    def _starts(self) -> bool:
        starts, self._is_draining = not self._is_draining, True
        return starts


class _OnThread:
    """One connection to a file, and the thread that alone uses it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = create_engine(engine.url.set(drivername="sqlite"))
        event.listen(self._engine, "connect", _begins_by_itself)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None
        self._queue = _Queue()

    def write_soon(self, change: Waiting) -> None:
        if self._queue.add(change):
            # After what else is ready now: that may bring changes too, and the thread won't wait for the interpreter.
            asyncio.get_running_loop().call_soon(self._start)
        if isinstance(change[0], Finish):
            self._queue.sum_later(self._start, ended=1)

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor(), lambda: work(self._connected()))

    async def close(self) -> None:
        self._queue.close()
        if self._thread:
            with _sums_may_wait():
                await self.run(self._catch_up)
        thread, self._thread = self._thread, None
        if thread:  # it disconnects after all that it was given
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            await asyncio.to_thread(thread.shutdown)

    def _start(self) -> None:
        self._executor().submit(self._drain, asyncio.get_running_loop())

    def _executor(self) -> ThreadPoolExecutor:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return self._thread

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        while (taken := self._queue.next()) != _NOTHING:
            batch, are_sums_due = taken
            if batch:
                problems = self._written([change for change, _ in batch])
                with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
                    loop.call_soon_threadsafe(_tell, batch, problems)
            if are_sums_due:
                with _sums_may_wait():
                    self._catch_up(self._connected())
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

    def _catch_up(self, connection: Connection) -> None:
        _catch_up(connection, self._queue)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        self._engine.dispose()


class _OnLoop:
    """One connection of the pool, kept: to take one and hand it back is four more trips to PostgreSQL."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._connection: AsyncConnection | None = None
        self._queue = _Queue()
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
            with _sums_may_wait():
                await self.run(self._catch_up)
        async with self._turn:
            if self._connection:
                await drop(self._connection)
                self._connection = None

    def _start(self) -> None:
        self._draining = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        while (taken := self._queue.next()) != _NOTHING:
            batch, are_sums_due = taken
            if batch:
                _tell(batch, await self._written([change for change, _ in batch]))
            if are_sums_due:
                with _sums_may_wait():
                    await self.run(self._catch_up)
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

    def _catch_up(self, connection: Connection) -> None:
        _catch_up(connection, self._queue)

    async def _connected(self) -> AsyncConnection:
        if self._connection is None:
            self._connection = await self._engine.connect()
        await commit_soon(self._connection)
        return self._connection


def _catch_up(connection: Connection, queue: _Queue) -> None:
    """Write what was kept, and add to the sums what they lack."""
    if kept := queue.kept():
        queue.keep(kept, write_all(connection, kept))
    while in_transaction(connection, sum_missing):
        pass


@contextmanager
def _sums_may_wait() -> Iterator[None]:
    """What can't be added to the sums now is added with the next calls, at the next start, or by who reads them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- calls are written all the same
        log.warning("calls are not in the sums of their day yet", reason=str(getattr(error, "orig", error)))


def _tell(batch: Sequence[Waiting], refused: Sequence[Exception | None]) -> None:
    for (_, written), problem in zip(batch, refused, strict=True):
        if written.done():
            continue
        if problem:
            written.set_exception(problem)
        else:
            written.set_result(None)


def write_all(connection: Connection, changes: Sequence[Change]) -> Sequence[Exception | None]:
    """Write the changes in one transaction, or each in its own: one that can't be written keeps none of the others
    out. None for each, or what it was refused or failed with. A database that takes nothing is asked once for all:
    each may have to wait for its lock."""
    try:
        return in_transaction(connection, lambda one: apply(one, changes))
    except Exception as error:  # noqa: BLE001 -- whoever waits for the change gets it
        if _is_of_the_database(error):
            return [error] * len(changes)
        if len(changes) == 1:
            return [_again(connection, changes[0], error)]
        return [problem for change in changes for problem in write_all(connection, [change])]


def _again(connection: Connection, change: Change, error: Exception) -> Exception | None:
    if not isinstance(error, IntegrityError):
        return error
    try:
        if isinstance(change, Begin):
            return None if in_transaction(connection, partial(is_begun, begin=change)) else error
        twin = as_twin(change)
        in_transaction(connection, lambda one: apply(one, [twin]))
    except Exception as second:  # noqa: BLE001 -- as above
        return second
    return None


def _is_of_the_database(error: Exception) -> bool:
    """Whether the database takes nothing now (locked, full, not reached), rather than not this one change."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        is_told = isinstance(error, OperationalError) or error.connection_invalidated
        return is_told or state[:2] in _OF_THE_DATABASE
    return isinstance(error, OSError | PoolTimeoutError)


def _has_file(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")


def _begins_by_itself(connection: Any, _: object) -> None:
    connection.isolation_level = None
    set_pragmas(connection)
