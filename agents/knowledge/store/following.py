"""Vectors on their way: passages are searched by words at once, and their vectors follow while other things go on.

What is missing is known from SQL and Chroma alone, so that a process that was killed goes on at its next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextvars import Context
from itertools import islice

import structlog
from sqlalchemy.exc import DBAPIError

from agents.knowledge.store.passages import Passage
from agents.knowledge.store.vectors import Vectors
from shared import context
from shared.errors import LexiQueryError, ModelUnavailable, StorageFailed

AT_ONCE = 64
"""Passages of one call; so many are waited for."""
_CALLS = 2
"""One is computed by the model while the vectors of the other are stored."""
_QUIET_SECONDS = 0.1
"""After a part of an import: where the next one comes at once, its words are read first."""
_LOOK_SECONDS = 0.1
_log = structlog.get_logger()
Embed = Callable[[Sequence[str]], Awaitable[list[list[float]]]]


class Following:
    """The passages of a collection without a vector, and the task that sees to them. For one event loop."""

    def __init__(self, vectors: Vectors, embed: Embed) -> None:
        self._vectors = vectors
        self._embed = embed
        self._storing = asyncio.Lock()
        self._missing: dict[str, Passage] = {}
        self._taken: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self._problem: LexiQueryError | DBAPIError | None = None
        self._resumes = 0.0
        """When computing goes on, by the clock of the event loop."""

    @property
    def left(self) -> int:
        """Passages without a vector, as far as is known."""
        return len(self._missing)

    async def compare(self, passages: Sequence[Passage], dropped: Collection[str] | None) -> None:
        """Note which of the passages have no vector, and delete vectors: of `dropped` passages, or of all that are not
        among these, which are then every passage there is."""
        async with self._storing:
            wanted = {passage.id for passage in passages}
            there = await self._vectors.ids(None if dropped is None else [passage.id for passage in passages])
            gone = there - wanted if dropped is None else set(dropped) - wanted
            if gone:
                await self._vectors.delete(sorted(gone))
            for key in list(self._missing) if dropped is None else gone:
                self._missing.pop(key, None)
            self._missing |= {passage.id: passage for passage in passages if passage.id not in there}
            self._resumes = asyncio.get_running_loop().time() + _QUIET_SECONDS

    async def catch_up(self) -> int:
        """Wait for a few vectors, but not for many; how many are still to come.

        Raises what the last attempt at them ended with (mostly ModelUnavailable), and begins another.
        """
        if self.left <= AT_ONCE:
            await self.settled()
        elif problem := self._ended():
            self._begin()
            raise problem
        else:
            self._begin()
        return self.left

    async def settled(self) -> None:
        """When every passage has its vector. Raises what keeps them from it, mostly ModelUnavailable."""
        while self._missing:
            self._resumes = 0.0
            await asyncio.shield(self._begin())
            if problem := self._ended():
                raise problem

    def resume(self) -> None:
        """Go on where Chroma went away; nobody waits for it."""
        if self._missing and isinstance(self._ended(), StorageFailed):
            self._begin()

    async def close(self) -> None:
        """Stops after what is being stored; the rest is left to the next start."""
        self._missing.clear()
        if self._task:
            self._task.cancel()
            await asyncio.wait([self._task])
        async with self._storing:
            await self._vectors.close()

    def _begin(self) -> asyncio.Task[None]:
        """Of no journey, whoever began it: a budget or a trace is not about it."""
        if self._task is None or self._task.done():
            self._problem = None
            self._task = asyncio.create_task(self._follow(context.current().agent), context=Context())
        return self._task

    def _ended(self) -> LexiQueryError | DBAPIError | None:
        return self._problem if self._task and self._task.done() else None

    async def _follow(self, agent: str) -> None:
        self._taken = set()
        with context.scoped(agent=agent):
            try:
                async with asyncio.TaskGroup() as calls:
                    for _ in range(_CALLS):
                        calls.create_task(self._work())
            except* (LexiQueryError, DBAPIError) as problems:
                self._problem = _first(problems)
                _log.warning("vectors_incomplete", left=self.left, reason=str(self._problem))

    async def _work(self) -> None:
        while some := list(islice((one for one in self._missing.values() if one.id not in self._taken), AT_ONCE)):
            if asyncio.get_running_loop().time() < self._resumes:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            self._taken |= {passage.id for passage in some}
            vectors = await self._embed([passage.context for passage in some])
            await asyncio.shield(self._store(some, vectors))

    async def _store(self, passages: Sequence[Passage], vectors: Sequence[Sequence[float]]) -> None:
        """Of those that are still wanted: a document may have gone in between."""
        async with self._storing:
            kept = {
                passage.id: vector
                for passage, vector in zip(passages, vectors, strict=True)
                if passage.id in self._missing
            }
            if kept:
                await self._vectors.add(list(kept), list(kept.values()))
            self._taken -= {passage.id for passage in passages}
            for key in kept:
                self._missing.pop(key, None)


def _first(problems: BaseExceptionGroup[LexiQueryError | DBAPIError]) -> LexiQueryError | DBAPIError:
    """A model that is away before all else: the import goes on without it."""
    found = [problem for problem in problems.exceptions if not isinstance(problem, BaseExceptionGroup)]
    return next((problem for problem in found if isinstance(problem, ModelUnavailable)), found[0])
