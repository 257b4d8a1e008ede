"""SQL databases through SQLAlchemy: PostgreSQL, SQLite, MySQL and MariaDB, each held to reading by its own engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, Connection, Row
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from agents.data.connectors.connector import Connector, within
from agents.data.connectors.credentials import check_named, filled
from agents.data.connectors.engines import database_url
from agents.data.connectors.pages import page
from shared.catalog import Catalog
from shared.errors import QueryFailed, QueryTimeout, SourceUnavailable
from shared.models import Rows
from shared.settings import Settings

_BATCH = 1000
# Columns, the driver's types of them, and rows.
_Found = tuple[list[str], list[Any], list[Row[Any]]]
_STOPPED = ("QueryCanceledError", "max_statement_time", "maximum statement execution time")


class Database(Connector):
    """A connection a query, closed after it; rows come through a cursor of the server, so that no more are read than
    asked for."""

    name = "database"
    probe = "SELECT 1"

    def __init__(self, url: str, catalog: Catalog, settings: Settings) -> None:
        self._asked, self._engine = database_url(url, ("postgresql", "sqlite", "mysql", "mariadb"))
        check_named("password", self._asked.password)
        self.place = self._asked.set(query={}).render_as_string(hide_password=True)

    async def run(self, query: str, *, limit: int, offset: int = 0, seconds: float) -> Rows:
        async with within(seconds, self.place), self._open(seconds) as connection:
            columns, types, found = await self._read(connection, query, limit, offset)
            if len(found) > limit:
                await connection.invalidate()  # closing it in order would read what is left of the result first
        kinds = ["JSON" if type_ in self._engine.json_types else "" for type_ in types]
        return page(columns, found, limit, kinds)

    async def _read(self, connection: AsyncConnection, query: str, limit: int, offset: int) -> _Found:
        work = asyncio.create_task(connection.run_sync(_fetch, query, limit, offset))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._engine.stop(connection, work)
            await asyncio.gather(work, return_exceptions=True)
            await connection.invalidate()
            raise
        except self._engine.errors() as error:
            raise _failed(error, self.place) from error

    @asynccontextmanager
    async def _open(self, seconds: float) -> AsyncIterator[AsyncConnection]:
        """A connection that only reads. Raises SourceUnavailable."""
        asked = self._filled()
        arguments = self._engine.connect_args(asked, seconds)
        engine = create_async_engine(self._engine.url(asked), connect_args=arguments, poolclass=NullPool)
        try:
            async with engine.connect() as connection:
                await self._engine.hold(connection, seconds)
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise SourceUnavailable(f"can't use {self.place}: {_message(error)}") from error
        finally:
            await engine.dispose()

    def _filled(self) -> URL:
        asked = self._asked
        parts = (asked.username, asked.password, asked.host, asked.database)
        user, password, host, database = (filled(text) if text else None for text in parts)
        return asked.set(username=user, password=password, host=host, database=database)


def _fetch(connection: Connection, query: str, limit: int, offset: int) -> _Found:
    """Columns, the driver's types of them, and at most one row more than `limit`. The text goes to the driver as it is:
    no `:name` or `%` of it is taken for a parameter."""
    result = connection.execution_options(stream_results=True, no_parameters=True).exec_driver_sql(query)
    described = result.cursor.description if result.cursor is not None else None
    if described is None:
        raise QueryFailed("the query answers no rows")
    left = offset
    while left and (skipped := result.fetchmany(min(left, _BATCH))):
        left -= len(skipped)
    found: list[Row[Any]] = []
    while not left and len(found) <= limit and (more := result.fetchmany(min(limit + 1 - len(found), _BATCH))):
        found += more
    return [column[0] for column in described], [column[1] for column in described], found


def _failed(error: Exception, place: str) -> QueryFailed:
    message = _message(error)
    if any(sign in repr(getattr(error, "orig", error)) for sign in _STOPPED):
        return QueryTimeout(f"{place} stopped the query: {message}", suggestion="narrow its time range")
    return QueryFailed(message)


def _message(error: BaseException) -> str:
    """What the database said, without the driver's names and numbers around it."""
    said = getattr(error, "orig", None) or error
    said = said.__cause__ if isinstance(error, DBAPIError) and said.__cause__ is not None else said
    if len(said.args) == 2 and isinstance(said.args[0], int) and said.args[1]:
        return str(said.args[1])
    return str(said) or type(said).__name__
