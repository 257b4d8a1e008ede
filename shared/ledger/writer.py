"""Group commit: what arrives while a transaction is under way is written by the next, all together.

A change is on disk when `write` returns. The writer keeps a connection of its own. On SQLite it has a thread of its
own too, since each statement of the asynchronous driver is a change of threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import set_pragmas
from shared.ledger.changes import Begin, Change, apply, as_twin

T = TypeVar("T")
Waiting = tuple[Change, asyncio.Future[None]]
_AT_ONCE = 200  # changes in a transaction; PostgreSQL takes 32,767 parameters in a statement


class Writer:
    """The one that writes to the ledger in this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = _OnThread(engine) if _has_file(engine) else _OnLoop(engine)

    async def write(self, change: Change) -> None:
        """Raises BudgetExceeded for a Begin that a limit refuses, and what the database raises. The change is written
        also when the caller is cancelled meanwhile."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._database.write_soon((change, written))
        await written

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection, in a transaction."""
        return await self._database.run(partial(_in_transaction, work=work))

    async def close(self) -> None:
        """Wait until everything is written."""
        await self._database.close()


class _OnThread:
    """One connection to a file, and the thread that alone uses it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = create_engine(engine.url.set(drivername="sqlite"))
        event.listen(self._engine, "connect", _begins_by_itself)
        event.listen(self._engine, "begin", _begin_immediate)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None
        self._waiting: list[Waiting] = []
        self._is_draining = False
        self._changing = threading.Lock()

    def write_soon(self, change: Waiting) -> None:
        with self._changing:
            self._waiting.append(change)
            if self._is_draining:
                return
            self._is_draining = True
        loop = asyncio.get_running_loop()
        # After what else is ready now: that may bring changes too, and the thread won't wait for the interpreter.
        loop.call_soon(self._executor().submit, self._drain, loop)

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor(), lambda: work(self._connected()))

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread:  # it disconnects after all that it was given
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            await asyncio.to_thread(thread.shutdown)

    def _executor(self) -> ThreadPoolExecutor:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return self._thread

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        while batch := self._next():
            loop.call_soon_threadsafe(_tell, batch, self._written([change for change, _ in batch]))

    def _next(self) -> list[Waiting]:
        with self._changing:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            self._is_draining = bool(batch)
            return batch

    def _written(self, changes: list[Change]) -> Sequence[Exception | None]:
        try:
            return write_all(self._connected(), changes)
        except DBAPIError as error:  # there is no connection
            return [error] * len(changes)

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
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None

    def write_soon(self, change: Waiting) -> None:
        self._waiting.append(change)
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._turn:
            if self._connection is None:
                self._connection = await self._engine.connect()
            return await self._connection.run_sync(work)

    async def close(self) -> None:
        if self._draining:
            await asyncio.wait([self._draining])
        async with self._turn:
            if self._connection:
                await self._connection.close()
                self._connection = None

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            changes = [change for change, _ in batch]
            try:
                _tell(batch, await self.run(partial(write_all, changes=changes)))
            except (DBAPIError, OSError) as error:  # there is no connection
                _tell(batch, [error] * len(batch))


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
    out. None for each, or what it was refused or failed with."""
    try:
        return _in_transaction(connection, lambda one: apply(one, changes))
    except Exception as error:  # noqa: BLE001 -- whoever waits for the change gets it
        if len(changes) == 1:
            return [_again(connection, changes[0], error)]
        return [problem for change in changes for problem in write_all(connection, [change])]


def _again(connection: Connection, change: Change, error: Exception) -> Exception | None:
    if not isinstance(error, IntegrityError) or isinstance(change, Begin):
        return error
    twin = as_twin(change)
    try:
        _in_transaction(connection, lambda one: apply(one, [twin]))
    except Exception as second:  # noqa: BLE001 -- as above
        return second
    return None


def _in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    try:
        with connection.begin():
            return work(connection)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    with connection.begin():
        return work(connection)  # the server was restarted; this connects again


def _has_file(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")


def _begins_by_itself(connection: Any, _: object) -> None:
    connection.isolation_level = None
    set_pragmas(connection)


def _begin_immediate(connection: Connection) -> None:
    """Or a transaction that reads before it writes fails at once when another process writes in between."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
