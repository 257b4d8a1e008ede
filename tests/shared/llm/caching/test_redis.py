"""Redis by setting: it may be down, and nobody learns its password."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import InvalidInput, SourceUnavailable
from shared.llm.caching import open_stores
from shared.llm.caching.redis_store import RedisLink, RedisStore
from shared.settings import Settings
from tests.shared.llm.caching.conftest import REDIS, redis_prefix

GONE = "redis://ana:hush@127.0.0.1:1/3"


class Time:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def linked(url: str, clock: Time) -> AsyncIterator[tuple[RedisStore, list[MutableMapping[str, Any]]]]:
    """A store, and what is logged meanwhile."""
    link = RedisLink(url, clock=clock)
    with structlog.testing.capture_logs() as logged:
        yield RedisStore(link, "responses"), logged
    await link.close()


async def test_a_redis_that_is_down_is_a_miss_and_a_warning_once_a_minute() -> None:
    time = Time()
    async with linked(GONE, time) as (store, logged):
        for seconds in (0, 5, 30, 59):
            time.now = seconds
            await store.put("chat", {"a": b"x"})
            assert await store.get("chat", ["a"]) == {}
        assert len(logged) == 1
        time.now = 70
        assert await store.get("chat", ["a"]) == {}
        assert [line["log_level"] for line in logged] == ["warning", "warning"]
    assert "hush" not in str(logged)
    assert logged[0]["redis"] == "redis://127.0.0.1:1/3"


async def test_a_redis_that_failed_is_left_alone_for_ten_seconds() -> None:
    accepted = 0

    def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal accepted
        accepted += 1
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    time, port = Time(), server.sockets[0].getsockname()[1]
    async with server, linked(f"redis://127.0.0.1:{port}", time) as (store, _):
        assert await store.get("chat", ["a"]) == {}
        tried = accepted
        time.now = 9.9
        assert await store.get("chat", ["a"]) == {}
        assert accepted == tried
        time.now = 10
        assert await store.get("chat", ["a"]) == {}
        assert accepted > tried


async def test_who_asks_about_a_redis_that_is_down_is_told() -> None:
    async with linked(GONE, Time()) as (store, _):
        for asked in (store.kept(), store.clear()):
            with pytest.raises(SourceUnavailable, match=r"the Redis at redis://127\.0\.0\.1:1/3") as raised:
                await asked
            assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "url", ["http://:hush@h", "redis://:hush@h:port/0", "redis://:hush@h?hush=1", "redis://:hush@h?socket_timeout=hush"]
)
def test_what_is_no_redis_of_anybody_is_said_without_its_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="LEXIQUERY_CACHE_URL is not the URL of a Redis") as raised:
        RedisLink(url)
    assert "hush" not in str(raised.value)


async def test_everything_in_redis_expires() -> None:
    async with redis_prefix() as prefix, Redis.from_url(REDIS) as redis:
        link = RedisLink(REDIS)
        await RedisStore(link, "responses", days=30, max_bytes=1000, prefix=prefix).put("chat", {"a": b"x"})
        await RedisStore(link, "embeddings", prefix=prefix).put("model", {"a": b"x"})
        names = {name.decode().removeprefix(prefix): name async for name in redis.scan_iter(match=f"{prefix}*")}
        days = {name: round(await redis.ttl(full) / 86400) for name, full in names.items()}
        await link.close()
    assert days == {"responses:chat:a": 30, "uses:responses": 30, "sizes:responses": 30, "embeddings:model:a": 90}


async def test_the_setting_chooses_redis(settings: Settings, engine: AsyncEngine) -> None:
    stores = open_stores(settings.model_copy(update={"cache_url": SecretStr(f"{REDIS}/0")}), engine)
    assert {stores.responses.place, stores.embeddings.place} == {"redis://127.0.0.1:6379/0"}
    await stores.close()
    stores = open_stores(settings, engine)
    assert stores.responses.place.startswith("sqlite+aiosqlite:///")
    await stores.close()
