"""Group commit: what arrives while a transaction is under way is written by the next, all together.

A change is on disk when `write` returns. The writer keeps a connection of its own. On SQLite it has a thread of its
own too, since each statement of the asynchronous driver is a change of threads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.database import set_pragmas
from shared.ledger.changes import Begin, Change, apply, as_twin

T = TypeVar("T")
_AT_ONCE = 200  # changes in a transaction; PostgreSQL takes 32,767 parameters in a statement


class Writer:
    """The one that writes to the ledger in this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._waiting: list[tuple[Change, asyncio.Future[None]]] = []
        self._draining: asyncio.Task[None] | None = None
        self._database = _OnThread(engine) if _has_file(engine) else _OnLoop(engine)

    async def write(self, change: Change) -> None:
        """Raises BudgetExceeded for a Begin that a limit refuses, and what the database raises. The change is written
        also when the caller is cancelled meanwhile."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, written))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        await asyncio.shield(written)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """What `work` makes of a connection, in a transaction."""
        return await self._database.run(work)

    async def close(self) -> None:
        """Wait until everything is written."""
        if self._draining:
            await asyncio.wait([self._draining])
        await self._database.close()

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            await self._write(batch)

    async def _write(self, batch: list[tuple[Change, asyncio.Future[None]]]) -> None:
        changes = [change for change, _ in batch]
        try:
            refused = await self.run(lambda connection: apply(connection, changes))
        except Exception as error:  # noqa: BLE001 -- whoever waits for the change gets it
            if len(batch) > 1:  # one that can't be written keeps none of the others out
                for one in batch:
                    await self._write([one])
                return
            refused = [await self._again(changes[0], error)]
        for (_, written), problem in zip(batch, refused, strict=True):
            if written.done():
                continue
            if problem:
                written.set_exception(problem)
            else:
                written.set_result(None)

    async def _again(self, change: Change, error: Exception) -> Exception | None:
        if not isinstance(error, IntegrityError) or isinstance(change, Begin):
            return error
        twin = as_twin(change)
        try:
            await self.run(lambda connection: apply(connection, [twin]))
        except Exception as second:  # noqa: BLE001 -- as above
            return second
        return None


class _OnThread:
    """One connection to a file, and the thread that alone uses it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = create_engine(engine.url.set(drivername="sqlite"))
        event.listen(self._engine, "connect", _begins_by_itself)
        event.listen(self._engine, "begin", _begin_immediate)
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], T]) -> T:
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="ledger")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_transaction, work)

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread:
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            await asyncio.to_thread(thread.shutdown)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        if self._connection is None:
            self._connection = self._engine.connect()
        with self._connection.begin():
            return work(self._connection)

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

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._turn:
            if self._connection is None:
                self._connection = await self._engine.connect()
            try:
                return await _in_transaction(self._connection, work)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    raise
            return await _in_transaction(self._connection, work)  # the server was restarted; this connects again

    async def close(self) -> None:
        async with self._turn:
            if self._connection:
                await self._connection.close()
                self._connection = None


async def _in_transaction(connection: AsyncConnection, work: Callable[[Connection], T]) -> T:
    async with connection.begin():
        return await connection.run_sync(work)


def _has_file(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")


def _begins_by_itself(connection: Any, _: object) -> None:
    connection.isolation_level = None
    set_pragmas(connection)


def _begin_immediate(connection: Connection) -> None:
    """Or a transaction that reads before it writes fails at once when another process writes in between."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
