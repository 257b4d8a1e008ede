"""Which platform a schema group's queries run on: one URL a group, its secrets by the names of their variables."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, MetaData, String, Table, Text, delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

schema = MetaData()
_connections = Table(
    "connections",
    schema,
    Column("schema_group", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("connected_at", DateTime(timezone=True), nullable=False),
)


class Connections:
    """Kept beside the catalogs, so that every service sees them; read anew for each query."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def put(self, group: str, url: str) -> None:
        """Connect the group, or connect it elsewhere. url: one that `connector_for` takes."""
        row = {"schema_group": group, "url": url, "connected_at": datetime.now(UTC)}
        async with self._engine.begin() as connection:
            await connection.execute(delete(_connections).where(_connections.c.schema_group == group))
            await connection.execute(_connections.insert().values(row))

    async def get(self, group: str) -> str | None:
        async with self._engine.connect() as connection:
            url = await connection.scalar(select(_connections.c.url).where(_connections.c.schema_group == group))
            return str(url) if url is not None else None

    async def all(self) -> dict[str, str]:
        """Group → URL, of the groups that are connected."""
        async with self._engine.connect() as connection:
            return {row.schema_group: row.url for row in await connection.execute(select(_connections))}

    async def remove(self, group: str) -> bool:
        """Whether there was one."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(_connections).where(_connections.c.schema_group == group))
            return gone.rowcount > 0
