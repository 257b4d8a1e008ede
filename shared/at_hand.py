"""Statements that a file of SQLite answers sooner than a thread wakes: they are run in the event loop itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import get_ident
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Executable, NullPool, Row, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import is_file, set_pragmas

FEW = 8
"""Rows that are read by their keys, or added, so. aiosqlite takes four trips to its thread for each statement: beside
other threads a millisecond or two. Eight rows take SQLite a tenth of one."""


class AtHand:
    """A connection of the loop's own, until `engine` is disposed of. It waits for nothing, and copies nothing of the
    log into the file: what takes longer goes the usual way."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._connection: Connection | None = None
        self._thread: int | None = None
        self._engine = None
        if is_file(engine.url):
            self._engine = create_engine(engine.url.set(drivername="sqlite"), poolclass=NullPool)
            event.listen(self._engine, "connect", _waits_for_nothing)
            event.listen(engine.sync_engine, "engine_disposed", self._close)

    def rows(
        self, statement: Executable, values: Sequence[Mapping[str, Any]] | None = None
    ) -> Sequence[Row[Any]] | None:
        """What the statement returns, of `values` one after the other; None, and nothing is changed, where it has to
        go the usual way: on another database, in another thread than before, or while the file is locked or fails."""
        self._thread = self._thread or get_ident()
        if self._engine is None or self._thread != get_ident():
            return None
        try:
            connection = self._connection = self._connection or self._engine.connect()
            with connection.begin():
                result = connection.execute(statement, values)
                return result.all() if result.returns_rows else ()
        except DBAPIError:
            return None

    def _close(self, _: object) -> None:
        connection, self._connection, self._engine = self._connection, None, None
        if connection:
            connection.close()


_of_engines: WeakKeyDictionary[AsyncEngine, AtHand] = WeakKeyDictionary()


def at_hand(engine: AsyncEngine) -> AtHand:
    """The engine's; the same for all who ask."""
    if engine not in _of_engines:
        _of_engines[engine] = AtHand(engine)
    return _of_engines[engine]


def _waits_for_nothing(connection: Any, _: object) -> None:
    set_pragmas(connection)
    for pragma in ("busy_timeout=0", "wal_autocheckpoint=0"):
        connection.execute(f"PRAGMA {pragma}")
