"""The databases that are measured: a file on the disk, and a schema of its own that is dropped afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.database import create_tables, open_database
from shared.ledger import schema

Name = Literal["sqlite", "postgresql"]
_SIZE = """SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = $1::text::regnamespace"""


@dataclass(frozen=True)
class Place:
    """A ledger of its own. open: a new engine on it, without connections; where: the file, or the schema of `url`;
    synced: as open, but every transaction waits for PostgreSQL's disk, as one does that the ledger does not write."""

    name: Name
    url: str
    where: str
    open: Callable[[], AsyncEngine]
    synced: Callable[[], AsyncEngine] | None = None

    async def size(self) -> int:
        """Bytes of tables and indexes."""
        if self.name == "sqlite":
            return sum(path.stat().st_size for path in Path(self.where).parent.iterdir())
        connection = await asyncpg.connect(self.url)
        try:
            return int(await connection.fetchval(_SIZE, self.where))
        finally:
            await connection.close()

    async def settle(self) -> None:
        """What a database does by itself in time: statistics for its planner, rows that are known to be visible."""
        if self.name == "postgresql":
            connection = await asyncpg.connect(self.url, server_settings={"search_path": self.where})
            try:
                for table in schema.tables:
                    await connection.execute(f"VACUUM ANALYZE {table}")
            finally:
                await connection.close()


@asynccontextmanager
async def ledger_on(name: Name, folder: Path, postgresql: str) -> AsyncIterator[Place]:
    async with _sqlite(folder) if name == "sqlite" else _postgresql(postgresql) as place:
        engine = place.open()
        await create_tables(engine, schema)
        await engine.dispose()
        yield place


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory(prefix="lexiquery-bench-", dir=folder) as temporary:
        path = Path(temporary) / "lexiquery.db"
        yield Place("sqlite", str(path), str(path), lambda: open_database(f"sqlite:///{path}"))


@asynccontextmanager
async def _postgresql(url: str) -> AsyncIterator[Place]:
    name = f"lexiquery_bench_{uuid4().hex[:12]}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
        yield Place(
            "postgresql",
            url,
            name,
            open=partial(_in_schema, make_url(url), search_path=name),
            synced=partial(_in_schema, make_url(url), search_path=name, synchronous_commit="local"),
        )
    finally:
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
        await connection.close()


def _in_schema(url: URL, **settings: str) -> AsyncEngine:
    """As shared.database opens it, with settings of the session."""
    options = {"server_settings": settings}
    return create_async_engine(url.set(drivername="postgresql+asyncpg"), pool_pre_ping=True, connect_args=options)
