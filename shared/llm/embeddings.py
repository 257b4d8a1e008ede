"""Embeddings that were computed before, by model and text, in the process's database."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sqlalchemy import Column, LargeBinary, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger import schema

_cache = Table(
    "embedding_cache",
    schema,
    Column("model", String(160), primary_key=True, comment="digest, or name where the server tells none"),
    Column("text_hash", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False, comment="float32"),
)
T = TypeVar("T")
# SQLite takes 32,766 variables in a statement, PostgreSQL as many; a row has three.
_AT_ONCE = 500


def text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def unit(vector: Sequence[float]) -> list[float]:
    """The vector with length 1, in the float32 that the cache keeps; a zero vector stays zero."""
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return array("f", (value / length for value in vector)).tolist()


class EmbeddingCache:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, model: str, hashes: Iterable[str]) -> dict[str, list[float]]:
        """Those of `hashes` that are known, with their vectors."""
        found: dict[str, list[float]] = {}
        async with self._engine.connect() as connection:
            for some in batches(hashes, _AT_ONCE):
                query = select(_cache.c.text_hash, _cache.c.vector).where(
                    _cache.c.model == model, _cache.c.text_hash.in_(some)
                )
                found |= {row.text_hash: _unpack(row.vector) for row in await connection.execute(query)}
        return found

    async def put(self, model: str, vectors: dict[str, list[float]]) -> None:
        """Keep vectors by text hash; one that another process kept first stays."""
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        rows = [{"model": model, "text_hash": key, "vector": _pack(vector)} for key, vector in vectors.items()]
        async with self._engine.begin() as connection:
            for some in batches(rows, _AT_ONCE):
                await connection.execute(insert(_cache).values(some).on_conflict_do_nothing())


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _pack(vector: Sequence[float]) -> bytes:
    return array("f", vector).tobytes()


def _unpack(packed: bytes) -> list[float]:
    values = array("f")
    values.frombytes(packed)
    return values.tolist()
