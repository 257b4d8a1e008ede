"""The one SQL database of a process: SQLite in the data directory, or PostgreSQL by setting."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Dialect, MetaData, Table, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateColumn

from shared.errors import InvalidInput, LexiQueryError, StorageFailed

_EXPECTED = "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE"
_POOL_SECONDS = 600.0
"""Longest wait for a connection: a hundred journeys at once wait in turn on a slow machine, and none of them fails."""
_CREATING = 0x1E91
"""Key of PostgreSQL's advisory lock that is held while tables are made."""


def open_database(url: str) -> AsyncEngine:
    """An engine for `url`; SQLite gets WAL, so that readers and one writer don't block each other.

    Raises InvalidInput for the URL of neither, which may hold a password and is not repeated.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput("LEXIQUERY_DATABASE_URL is not the URL of a database", suggestion=_EXPECTED) from error
    if parsed.get_backend_name() == "postgresql":
        address = parsed.set(drivername="postgresql+asyncpg")
        return create_async_engine(address, pool_pre_ping=True, pool_timeout=_POOL_SECONDS)
    if parsed.get_backend_name() != "sqlite" or parsed.host:
        raise InvalidInput("LEXIQUERY_DATABASE_URL is of neither SQLite nor PostgreSQL", suggestion=_EXPECTED)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    queue = {"pool_timeout": _POOL_SECONDS} if is_file(parsed) else {}  # one in memory has a single connection
    engine = create_async_engine(parsed.set(drivername="sqlite+aiosqlite"), connect_args={"factory": _File}, **queue)

    @event.listens_for(engine.sync_engine, "connect")
    def _connected(connection: Any, _: object) -> None:
        set_pragmas(connection)

    return engine


def is_file(url: URL) -> bool:
    """Whether it is a file of SQLite: not a server, and not a database in memory."""
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


class _File(sqlite3.Connection):
    """A connection that gives its lock back when it closes.

    SQLite keeps a closed connection, with its transaction and the lock of it, for as long as a statement of it lives;
    and when a task was cancelled amid a write, what it raised keeps the cursor until the garbage is collected.
    """

    def close(self) -> None:
        with suppress(sqlite3.Error):  # it is closed, or its disk fails: close it all the same
            self.rollback()
        super().close()


def insert_on(dialect: Dialect, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An insert that can say what becomes of a row which is there: both databases can, each by its own class."""
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


def set_pragmas(connection: Any) -> None:
    """WAL, for readers beside one writer, and a wait for its lock. connection: a driver's, to SQLite."""
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


async def create_tables(engine: AsyncEngine, *schemas: MetaData) -> None:
    """Create what is missing of `schemas`. Raises StorageFailed when the database can't be reached or written."""
    try:
        async with engine.begin() as connection:
            if engine.dialect.name == "postgresql":  # services that start together would make the same table twice
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CREATING})
            for schema in schemas:
                await connection.run_sync(_create, schema)
    except DBAPIError as error:
        raise StorageFailed(f"can't use the database {engine.url!r}: {error.orig}") from error
    except OSError as error:
        raise StorageFailed(
            f"can't reach the database {engine.url!r}: {error.strerror or error}",
            suggestion="start it, or mend LEXIQUERY_DATABASE_URL",
        ) from error


def _create(connection: Connection, schema: MetaData) -> None:
    """The tables that are not there, and what those of an older LexiQuery lack."""
    inspector = inspect(connection)
    there = {name: columns for (_, name), columns in inspector.get_multi_columns().items()}
    indexed = {name: {index["name"] for index in some} for (_, name), some in inspector.get_multi_indexes().items()}
    schema.create_all(connection, [table for table in schema.tables.values() if table.name not in there], False)
    for table in schema.tables.values():
        if table.name in there:
            _add_columns(connection, table, {column["name"] for column in there[table.name]})
            _change_indexes(connection, table, indexed.get(table.name, set()))


def _add_columns(connection: Connection, table: Table, there: set[str]) -> None:
    """New columns may be empty, or have a default in the database."""
    missing = [column for column in table.columns if column.name not in there]
    for column in missing:
        added = CreateColumn(column).compile(dialect=connection.dialect)
        name = connection.dialect.identifier_preparer.format_table(table)
        connection.execute(text(f"ALTER TABLE {name} ADD COLUMN {added}"))


def _change_indexes(connection: Connection, table: Table, there: set[str | None]) -> None:
    """Those that the table has now; its info names under `retired` what it had once."""
    for name in there.intersection(table.info.get("retired", ())):
        connection.execute(text(f"DROP INDEX {name}"))
    for index in table.indexes:
        if index.name not in there:
            index.create(connection)


_OF_DISKS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EFBIG,
        errno.ENFILE,
        errno.EMFILE,
    }
)


def storage_failure(error: DBAPIError | OSError) -> LexiQueryError:
    """What a full disk, a lost database or a file that can't be written means to a user.

    StorageFailed; for an error of the system that is not a disk's, such as a broken connection, an internal error.
    """
    if isinstance(error, DBAPIError):
        return StorageFailed(f"the database failed: {error.orig}", suggestion="is its disk full, or the file damaged?")
    where = f" {error.filename}" if error.filename else ""
    if error.errno not in _OF_DISKS:
        return LexiQueryError(f"the system failed: {type(error).__name__}{where}: {error.strerror or error}")
    return StorageFailed(f"can't use{where}: {error.strerror or error}")
