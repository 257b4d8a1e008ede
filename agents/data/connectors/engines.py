"""The database engines that can be held to reading: how each is reached, held and stopped."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.data.connectors.connector import CONNECT_SECONDS
from shared.errors import InvalidInput, NotFound

_AGAIN_SECONDS = 0.05


class Engine(ABC):
    """kind: the URL's scheme; driver: the Python package that speaks to it; json_types: the driver's number of a column
    of JSON."""

    kind: ClassVar[str]
    driver: ClassVar[str]
    options: ClassVar[frozenset[str]] = frozenset()
    json_types: ClassVar[frozenset[int]] = frozenset()

    @abstractmethod
    def url(self, asked: URL) -> URL:
        """With the driver, for reading only. Raises NotFound for a file that isn't there."""

    @abstractmethod
    def connect_args(self, asked: URL, seconds: float | None) -> dict[str, Any]:
        """What the driver is told besides. seconds: after which the server itself stops a query, None for never."""

    @abstractmethod
    async def hold(self, connection: AsyncConnection, seconds: float) -> None:
        """Before the first query: this transaction only reads."""

    async def stop(self, connection: AsyncConnection, work: asyncio.Task[Any]) -> None:
        """End `work`, which waits for a query on the connection, and the query with it."""
        work.cancel()

    def errors(self) -> tuple[type[Exception], ...]:
        """What the query's errors are; a driver may have its own, past SQLAlchemy."""
        return (DBAPIError,)

    def check(self, asked: URL) -> None:
        """Raises InvalidInput for an option of the URL that isn't known, or a driver that isn't installed."""
        if unknown := asked.query.keys() - self.options:
            known = f"known: {', '.join(sorted(self.options))}" if self.options else "it takes none"
            raise InvalidInput(f"can't use '{min(unknown)}' of the database's URL", suggestion=known)
        if find_spec(self.driver) is None:
            message = f"{self.kind} needs the Python package '{self.driver}', which is not installed"
            raise InvalidInput(message, suggestion=f"install {self.driver} where LexiQuery runs")


class Postgresql(Engine):
    kind = "postgresql"
    driver = "asyncpg"
    options = frozenset(("sslmode",))
    json_types = frozenset((114, 3802))

    def url(self, asked: URL) -> URL:
        return asked.set(drivername="postgresql+asyncpg", query={"ssl": asked.query.get("sslmode", "prefer")})

    def connect_args(self, asked: URL, seconds: float | None) -> dict[str, Any]:
        server = {"default_transaction_read_only": "on"}
        if seconds is not None:
            server["statement_timeout"] = str(max(1, round(seconds * 1000)))
        return {"timeout": CONNECT_SECONDS, "server_settings": server}

    async def hold(self, connection: AsyncConnection, seconds: float) -> None:
        await connection.execution_options(postgresql_readonly=True)

    def errors(self) -> tuple[type[Exception], ...]:
        return (DBAPIError, import_module(self.driver).PostgresError)


class Sqlite(Engine):
    kind = "sqlite"
    driver = "aiosqlite"

    def url(self, asked: URL) -> URL:
        path = Path(asked.database or "")
        if not path.is_file():
            raise NotFound(f"no database file at '{path}'", suggestion="write sqlite:////DIR/FILE for an absolute path")
        read_only = {"mode": "ro", "uri": "true"}
        return URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path.resolve()))}", query=read_only)

    def connect_args(self, asked: URL, seconds: float | None) -> dict[str, Any]:
        return {}

    async def hold(self, connection: AsyncConnection, seconds: float) -> None:
        await connection.exec_driver_sql("PRAGMA query_only = ON")
        await connection.exec_driver_sql("PRAGMA schema_version")  # reads the file: is it a database?

    async def stop(self, connection: AsyncConnection, work: asyncio.Task[Any]) -> None:
        """The driver's thread runs the query: cancelled, it would be waited for to its end. It is interrupted again and
        again, because what has not begun is not interrupted."""
        driver = (await connection.get_raw_connection()).driver_connection
        while driver is not None and not work.done():
            await driver.interrupt()
            await asyncio.wait([work], timeout=_AGAIN_SECONDS)


class Mysql(Engine):
    """MySQL and MariaDB. The server bounds a query by itself; each of the two has its own word for that."""

    kind = "mysql"
    driver = "aiomysql"
    options = frozenset(("ssl_ca",))
    json_types = frozenset((245,))

    def url(self, asked: URL) -> URL:
        return asked.set(drivername="mysql+aiomysql", query={"charset": "utf8mb4"})

    def connect_args(self, asked: URL, seconds: float | None) -> dict[str, Any]:
        known = {"connect_timeout": CONNECT_SECONDS, "init_command": "SET SESSION TRANSACTION READ ONLY"}
        authority = asked.query.get("ssl_ca")
        return known | ({"ssl": ssl.create_default_context(cafile=str(authority))} if authority else {})

    async def hold(self, connection: AsyncConnection, seconds: float) -> None:
        mariadb = getattr(connection.dialect, "is_mariadb", False)
        bound = (
            f"max_statement_time = {seconds:g}" if mariadb else f"max_execution_time = {max(1, round(seconds * 1000))}"
        )
        await connection.exec_driver_sql(f"SET SESSION {bound}")

    async def stop(self, connection: AsyncConnection, work: asyncio.Task[Any]) -> None:
        """The server would go on for a client that has gone: it is told by another connection."""
        driver: Any = (await connection.get_raw_connection()).driver_connection
        work.cancel()
        with suppress(SQLAlchemyError, OSError):  # the bound of `hold` stops it otherwise
            async with connection.engine.connect() as other:
                await other.exec_driver_sql(f"KILL QUERY {int(driver.thread_id())}")


_ENGINES: dict[str, Engine] = {"postgresql": Postgresql(), "sqlite": Sqlite(), "mysql": Mysql(), "mariadb": Mysql()}
_EXPECTED = {
    "sqlite": "sqlite:///FILE",
    "postgresql": "postgresql://USER:PASSWORD@HOST/DATABASE",
    "mysql": "mysql://USER:PASSWORD@HOST/DATABASE",
}


def database_url(url: str, known: Collection[str]) -> tuple[URL, Engine]:
    """The URL without the driver that it may name, and its engine. known: the kinds that will do.

    Raises InvalidInput, without the URL's password, for what is no such URL.
    """
    expected = f"expected {' or '.join(_EXPECTED[kind] for kind in _EXPECTED if kind in known)}"
    try:
        asked = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise InvalidInput("that is not the URL of a database", suggestion=expected) from error
    backend = asked.drivername.partition("+")[0].lower()
    backend = "postgresql" if backend == "postgres" else backend
    if backend not in known:
        raise InvalidInput(f"can't read a database of kind '{backend}'", suggestion=expected)
    engine = _ENGINES[backend]
    engine.check(asked)
    return asked.set(drivername=backend), engine
