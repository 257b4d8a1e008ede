"""Where cached values lie: what a store must do, and memory in front of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Literal, Protocol, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

from shared.llm.caching.memory import Memory

log = structlog.get_logger(__name__)

Kind = Literal["responses", "embeddings"]
T = TypeVar("T")
MEMORY_SECONDS = 600.0
"""A value is read from its store again after this: so the store learns roughly what is in use (and drops the rest
first), and what another process clears is gone here soon."""


@dataclass(frozen=True)
class Kept:
    """What a store holds. oldest_use: when the entry that goes next was last used; None where that isn't kept."""

    entries: int
    bytes: int
    oldest_use: datetime | None = None


class CacheStore(Protocol):
    """Bytes of one kind, kept beyond the process: SQL or Redis.

    Keys lie on shelves: a vector's on its model's, all responses on one. A store that can't be reached is a miss
    where a miss will do (get, put), and an error where it is asked about itself (kept, clear).
    """

    @property
    def place(self) -> str:
        """Where it is, without passwords."""
        ...

    async def get(self, shelf: str, keys: Collection[str]) -> dict[str, bytes]:
        """Those of `keys` that are there."""
        ...

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None: ...

    async def kept(self) -> Kept:
        """Raises SourceUnavailable."""
        ...

    async def clear(self) -> int:
        """Drop everything of this kind; the number of entries dropped. Raises SourceUnavailable."""
        ...


async def _nothing_to_close() -> None:
    return None


@dataclass(frozen=True)
class CacheStores:
    """The store of each kind. close: gives connections back that are not the database's."""

    responses: CacheStore
    embeddings: CacheStore
    close: Callable[[], Awaitable[None]] = _nothing_to_close

    def of(self, kind: Kind) -> CacheStore:
        return self.responses if kind == "responses" else self.embeddings


class Layered:
    """A store with memory in front of it; memory alone where store is None. A database that fails is a miss."""

    def __init__(self, store: CacheStore | None, max_bytes: int) -> None:
        self._store = store
        self._memory = Memory(max_bytes, seconds=MEMORY_SECONDS if store else None)

    async def get(self, shelf: str, keys: Iterable[str]) -> dict[str, bytes]:
        """Those of `keys` that are known."""
        found: dict[str, bytes] = {}
        missing: list[str] = []
        for key in dict.fromkeys(keys):
            value = self._memory.get((shelf, key))
            if value is None:
                missing.append(key)
            else:
                found[key] = value
        if not missing or self._store is None:
            return found
        try:
            stored = await self._store.get(shelf, missing)
        except DBAPIError as error:
            _warn(error)
            return found
        self._hold(shelf, stored)
        return found | stored

    async def put(self, shelf: str, values: Mapping[str, bytes]) -> None:
        self._hold(shelf, values)
        if self._store is not None and values:
            try:
                await self._store.put(shelf, values)
            except DBAPIError as error:
                _warn(error)

    def _hold(self, shelf: str, values: Mapping[str, bytes]) -> None:
        for key, value in values.items():
            self._memory.put((shelf, key), value)


def _warn(error: DBAPIError) -> None:
    log.warning("the cache's database failed", reason=str(error.orig))


class Allowance:
    """When a store of at most max_bytes is looked over: at a process's first write, then after each 16th that it wrote.

    Looking over reads the sizes of all entries, so it is not done at each write. What is then beyond 15 sixteenths
    (`most`) is cut to 14 (`target`): there is room until the next look, and not each look has to cut. N processes that
    write at once stay within the bound and N - 1 sixteenths.
    """

    def __init__(self, max_bytes: int) -> None:
        self._step = max_bytes // 16
        self.most = max_bytes - self._step
        self.target = self.most - self._step
        self._written = self._step

    def is_used_up(self, written: int) -> bool:
        """Whether to look now, after `written` more bytes; if so, the next step begins."""
        self._written += written
        if self._written < self._step:
            return False
        self._written = 0
        return True


def utc_now() -> datetime:
    return datetime.now(UTC)


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
