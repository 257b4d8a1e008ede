"""A place for caches of each kind that there is, a test's own: SQLite, PostgreSQL and Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.ledger import schema
from shared.llm.caching.redis_store import RedisLink, RedisStore
from shared.llm.caching.sql_store import SqlEmbeddings, SqlResponses
from shared.llm.caching.store import CacheStore
from tests.databases import postgresql_schema, sqlite_file

TABLES = ("response_cache", "embedding_cache")
REDIS = "redis://127.0.0.1:6379"


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass(frozen=True)
class Place:
    """responses: a new store as another process would open it, with what is given changed."""

    kind: str
    responses: Callable[..., CacheStore]
    embeddings: Callable[..., CacheStore]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
async def place(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> AsyncIterator[Place]:
    if request.param == "redis":
        async with redis_prefix() as prefix:
            link = RedisLink(REDIS)
            yield Place(
                "redis",
                lambda **given: RedisStore(link, "responses", **_given(given, clock), prefix=prefix),
                lambda: RedisStore(link, "embeddings", prefix=prefix),
            )
            await link.close()
        return
    opened = sqlite_file(tmp_path) if request.param == "sqlite" else postgresql_schema()
    async with opened as engine:
        async with engine.begin() as connection:
            await connection.run_sync(schema.create_all, tables=[schema.tables[name] for name in TABLES])
        yield Place(
            request.param,
            lambda **given: SqlResponses(engine, **_given(given, clock)),
            lambda: SqlEmbeddings(engine),
        )


def _given(given: dict[str, Any], clock: Clock) -> dict[str, Any]:
    return {"days": 30, "max_bytes": 2**20, "clock": clock} | given


@asynccontextmanager
async def redis_prefix() -> AsyncIterator[str]:
    """A prefix of keys that nobody else uses; what lies under it is dropped afterwards."""
    prefix = f"lexiquery_{uuid4().hex}:"
    async with Redis.from_url(REDIS) as redis:
        try:
            await redis.ping()
        except RedisError as error:
            pytest.skip(f"no Redis at 127.0.0.1:6379: {error}")
        yield prefix
        if names := [name async for name in redis.scan_iter(match=f"{prefix}*")]:
            await redis.unlink(*names)
