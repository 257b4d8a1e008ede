"""Caches in the process's database, SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.at_hand import FEW, at_hand
from shared.database import insert_on
from shared.ledger.tables import UtcDateTime, schema
from shared.llm.caching.store import MEMORY_SECONDS, Allowance, Kept, batches, utc_now

_responses = Table(
    "response_cache",
    schema,
    Column("key", String(64), primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("kept_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime, nullable=False),
)
# Holds all that pruning reads, so that the values stay unread.
Index("response_cache_by_use", _responses.c.used_at, _responses.c.key, _responses.c.bytes)
_embeddings = Table(
    "embedding_cache",
    schema,
    Column("model", String(160), primary_key=True, comment="digest, or name where the server tells none"),
    Column("text_hash", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False, comment="float32"),
)
_AT_ONCE = 500
"""Keys of one statement: SQLite takes 32,766 variables in it, PostgreSQL as many."""
_PRUNING = 0x1E9C
"""Key of PostgreSQL's advisory lock that is held while a process prunes."""


class SqlResponses:
    """Responses for `days`, in at most max_bytes: what was not used for longest goes first.

    The time of a use is written at most every ten minutes, so among entries of the same minutes the order is loose.
    """

    def __init__(
        self, engine: AsyncEngine, *, days: int, max_bytes: int, clock: Callable[[], datetime] = utc_now
    ) -> None:
        self._engine = engine
        self._life = timedelta(days=days)
        self._allowance = Allowance(max_bytes)
        self._clock = clock

    @property
    def place(self) -> str:
        return self._engine.url.render_as_string()

    async def get(self, shelf: str, keys: Collection[str]) -> dict[str, bytes]:
        now = self._clock()
        table = _responses.c
        query = select(table.key, table.value, table.used_at).where(
            table.key.in_(keys), table.kept_at > now - self._life
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        stale = [row.key for row in rows if now - row.used_at >= timedelta(seconds=MEMORY_SECONDS)]
        if stale:
            async with self._engine.begin() as connection:
                await connection.execute(update(_responses).where(table.key.in_(stale)).values(used_at=now))
        return {row.key: row.value for row in rows}

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None:
        """Replaces what is there: it is too old, or says the same."""
        now = self._clock()
        rows = [
            {"key": key, "value": value, "bytes": len(value), "kept_at": now, "used_at": now}
            for key, value in sorted(values.items())
        ]
        async with self._engine.begin() as connection:
            await connection.execute(_upsert(self._engine), rows)
        if self._allowance.is_used_up(sum(map(len, values.values()))):
            async with self._engine.begin() as connection:
                await self._prune(connection)

    async def kept(self) -> Kept:
        table = _responses.c
        return await _kept(
            self._engine, select(func.count(), func.coalesce(func.sum(table.bytes), 0), func.min(table.used_at))
        )

    async def clear(self) -> int:
        return await _clear(self._engine, _responses)

    async def _prune(self, connection: AsyncConnection) -> None:
        if self._engine.dialect.name == "postgresql":
            # Two that delete the same rows in different order would wait for each other for ever.
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _PRUNING})
        table = _responses.c
        await connection.execute(delete(_responses).where(table.kept_at <= self._clock() - self._life))
        if (await connection.scalar(select(func.sum(table.bytes))) or 0) <= self._allowance.most:
            return
        so_far = func.sum(table.bytes).over(order_by=(table.used_at.desc(), table.key)).label("so_far")
        newest_first = select(table.key, so_far).subquery()
        too_much = select(newest_first.c.key).where(newest_first.c.so_far > self._allowance.target)
        await connection.execute(delete(_responses).where(table.key.in_(too_much)))


class SqlEmbeddings:
    """Vectors for ever: an unchanged catalog is embedded once in its life, and a vector takes 1.5 to 3 KB."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._at_hand = at_hand(engine)

    @property
    def place(self) -> str:
        return self._engine.url.render_as_string()

    async def get(self, shelf: str, keys: Collection[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        if len(keys) <= FEW and (rows := self._at_hand.rows(_vectors(shelf, keys))) is not None:
            return {row.text_hash: row.vector for row in rows}
        async with self._engine.connect() as connection:
            for some in batches(keys, _AT_ONCE):
                found |= {row.text_hash: row.vector for row in await connection.execute(_vectors(shelf, some))}
        return found

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None:
        """One that another process kept first stays."""
        # In one order, so that two processes that keep the same vectors never wait for each other's rows.
        rows = [{"model": shelf, "text_hash": key, "vector": vector} for key, vector in sorted(values.items())]
        # Rows beside the statement and not in it: one with other values is compiled anew, which takes longer.
        insert = insert_on(self._engine.dialect, _embeddings).on_conflict_do_nothing()
        if len(rows) <= FEW and self._at_hand.rows(insert, rows) is not None:
            return
        async with self._engine.begin() as connection:
            await connection.execute(insert, rows)

    async def kept(self) -> Kept:
        size = func.coalesce(func.sum(func.length(_embeddings.c.vector)), 0)
        return await _kept(self._engine, select(func.count(), size))

    async def clear(self) -> int:
        return await _clear(self._engine, _embeddings)


def _vectors(shelf: str, keys: Collection[str]) -> Select[Any]:
    table = _embeddings.c
    return select(table.text_hash, table.vector).where(table.model == shelf, table.text_hash.in_(keys))


def _upsert(engine: AsyncEngine) -> Any:
    insert = insert_on(engine.dialect, _responses)
    changed = {name: insert.excluded[name] for name in ("value", "bytes", "kept_at", "used_at")}
    return insert.on_conflict_do_update(index_elements=["key"], set_=changed)


async def _kept(engine: AsyncEngine, query: Select[Any]) -> Kept:
    async with engine.connect() as connection:
        return Kept(*(await connection.execute(query)).one())


async def _clear(engine: AsyncEngine, table: Table) -> int:
    async with engine.begin() as connection:
        return (await connection.execute(delete(table))).rowcount
