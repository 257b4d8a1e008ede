"""Group commit: what arrives while a transaction is under way is written by the next, all together.

A change is with the database when `write` returns, and on its disk soon
(docs/decisions/0013-the-ledger-waits-for-the-database.md). The writer keeps connections of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger.changes import Change, Finish
from shared.ledger.on_file import OnFile
from shared.ledger.on_server import OnServer
from shared.ledger.transactions import in_transaction
from shared.ledger.writing import is_of_the_database

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Writer:
    """The one that writes to the ledger in this process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = OnFile(engine) if _has_file(engine) else OnServer(engine)
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
            when = "yet" if isinstance(problem, Exception) and is_of_the_database(problem) else "and will not be"
            log.error(f"how a call ended is not on the ledger {when}", call_id=call_id, reason=str(problem))
        then()


def _has_file(engine: AsyncEngine) -> bool:
    return engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:")
