"""Caches in a Redis, which several hosts share. It is a convenience: one that is down costs misses and a warning."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.errors import InvalidInput, SourceUnavailable
from shared.llm.caching.store import Allowance, Kept, Kind, batches, utc_now
from shared.logging import get_logger

log = get_logger(__name__)
T = TypeVar("T")
PREFIX = "lexiquery:"
_EXPECTED = "expected redis://USER:PASSWORD@HOST:6379/0, or rediss:// with TLS"
# A cache must answer faster than a model does, and what doesn't is left alone for a while.
_TIMEOUTS: dict[str, Any] = {"socket_connect_timeout": 1.0, "socket_timeout": 1.0}
_PAUSE_SECONDS = 10.0
_SECONDS_BETWEEN_WARNINGS = 60.0
_AT_ONCE = 500
_DAY = 24 * 60 * 60
_LONGEST_DAYS = 90
"""How long that is kept which has no age of its own: Redis is memory."""


class RedisLink:
    """One Redis, for caches of every kind; connected to when asked. Raises InvalidInput for a URL of something else."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # A connection that lay idle may be closed: tried again at once. A slow one isn't.
        retry = Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))
        try:
            self._client = Redis.from_url(url, retry=retry, **_TIMEOUTS)
            pool: Any = self._client.connection_pool
            pool.make_connection()  # which reads the URL's options, and connects to nothing
            self.place = _without_secrets(url)
        except (ValueError, TypeError) as error:  # whose texts repeat the URL, and with it a password
            raise InvalidInput("LEXIQUERY_CACHE_URL is not the URL of a Redis", suggestion=_EXPECTED) from error
        self._clock = clock
        self._left_alone_until = float("-inf")
        self._warned_at = float("-inf")

    async def tried(self, work: Callable[[Redis], Awaitable[T]]) -> T | None:
        """What `work` gives; None when Redis fails, or failed a moment ago."""
        if self._clock() < self._left_alone_until:
            return None
        try:
            return await work(self._client)
        except (RedisError, OSError) as error:
            self._left_alone_until = self._clock() + _PAUSE_SECONDS
            self._warn(error)
            return None

    async def asked(self, work: Callable[[Redis], Awaitable[T]]) -> T:
        """What `work` gives. Raises SourceUnavailable."""
        try:
            return await work(self._client)
        except (RedisError, OSError) as error:
            raise SourceUnavailable(
                f"can't use the Redis at {self.place}: {error}", suggestion="start it, or mend LEXIQUERY_CACHE_URL"
            ) from error

    async def close(self) -> None:
        await self._client.aclose()

    def _warn(self, error: Exception) -> None:
        if self._clock() - self._warned_at >= _SECONDS_BETWEEN_WARNINGS:
            self._warned_at = self._clock()
            log.warning("nothing is cached: redis failed", redis=self.place, problem=f"{type(error).__name__}: {error}")


class RedisStore:
    """Values under `PREFIX KIND:SHELF:KEY`, each with an expiry.

    With max_bytes two more keys say how large each entry is and when it was last used, so that what was not used for
    longest can go first: a Redis drops nothing by itself unless it was set up to, and then by its own choice.
    """

    def __init__(
        self,
        link: RedisLink,
        kind: Kind,
        *,
        days: int | None = None,
        max_bytes: int | None = None,
        prefix: str = PREFIX,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._link = link
        self._values = f"{prefix}{kind}:"
        self._uses, self._sizes = f"{prefix}uses:{kind}", f"{prefix}sizes:{kind}"
        self._seconds = (days or _LONGEST_DAYS) * _DAY
        self._allowance = Allowance(max_bytes) if max_bytes else None
        self._clock = clock

    @property
    def place(self) -> str:
        return self._link.place

    async def get(self, shelf: str, keys: Collection[str]) -> dict[str, bytes]:
        async def read(redis: Redis) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for some in batches(keys, _AT_ONCE):
                values: Any = await redis.mget([self._name(shelf, key) for key in some])
                found |= {key: value for key, value in zip(some, values, strict=True) if value is not None}
            if found and self._allowance:
                now = self._clock().timestamp()
                await redis.zadd(self._uses, {self._name(shelf, key): now for key in found}, xx=True)
            return found

        return await self._link.tried(read) or {}

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None:
        async def write(redis: Redis) -> None:
            named = {self._name(shelf, key): value for key, value in values.items()}
            for some in batches(named.items(), _AT_ONCE):
                await self._write(redis, dict(some))
            if self._allowance and self._allowance.is_used_up(sum(map(len, values.values()))):
                await self._prune(redis, self._allowance)

        await self._link.tried(write)

    async def kept(self) -> Kept:
        async def count(redis: Redis) -> Kept:
            entries = size = 0
            async for names in self._pages(redis):
                lengths = await _all(redis, [("STRLEN", name) for name in names])
                entries, size = entries + len(names), size + sum(lengths)
            oldest: Any = await redis.zrange(self._uses, 0, 0, withscores=True)
            return Kept(entries, size, datetime.fromtimestamp(oldest[0][1], UTC) if oldest else None)

        return await self._link.asked(count)

    async def clear(self) -> int:
        async def drop(redis: Redis) -> int:
            dropped = 0
            async for names in self._pages(redis):
                dropped += await redis.unlink(*names)
            await redis.unlink(self._uses, self._sizes)
            return dropped

        return await self._link.asked(drop)

    def _name(self, shelf: str, key: str) -> str:
        return f"{self._values}{shelf}:{key}"

    async def _write(self, redis: Redis, named: dict[str, bytes]) -> None:
        async with redis.pipeline(transaction=self._allowance is not None) as pipe:
            for name, value in named.items():
                pipe.set(name, value, ex=self._seconds)
            if self._allowance:
                now = self._clock().timestamp()
                pipe.zadd(self._uses, dict.fromkeys(named, now))
                pipe.hset(self._sizes, mapping={name: len(value) for name, value in named.items()})
                for index in (self._uses, self._sizes):  # gone when the last entry is
                    pipe.expire(index, self._seconds)
            await pipe.execute()

    async def _prune(self, redis: Redis, allowance: Allowance) -> None:
        """Drop what has expired, and from the end of what was used last, if all is too much."""
        sizes: Any = await redis.hgetall(self._sizes)
        newest_first: Any = await redis.zrange(self._uses, 0, -1, desc=True, withscores=True)
        most = allowance.target if sum(map(int, sizes.values())) > allowance.most else inf
        expired, so_far, drop = self._clock().timestamp() - self._seconds, 0, []
        for name, used in newest_first:
            so_far += int(sizes.get(name, 0))
            if so_far > most or used <= expired:
                drop.append(name)
        for some in batches(drop, _AT_ONCE):
            await _all(redis, [("UNLINK", *some), ("ZREM", self._uses, *some), ("HDEL", self._sizes, *some)])

    async def _pages(self, redis: Redis) -> Any:
        """Names of all values, some hundred at a time; a name that Redis gives twice comes once a page."""
        page: dict[bytes, None] = {}
        async for name in redis.scan_iter(match=f"{self._values}*", count=_AT_ONCE):
            page[name] = None
            if len(page) == _AT_ONCE:
                yield list(page)
                page = {}
        if page:
            yield list(page)


async def _all(redis: Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    """The answers of many commands, sent at once."""
    async with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)
        answers: list[Any] = await pipe.execute()
    return answers


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
    return f"{parts.scheme}://{host}{parts.path}"
