"""A collection as a whole: documents and passages in SQL, their vectors in Chroma, an index in memory.

SQL is the truth. Vectors follow it: what is missing there is added, what is left over is deleted, so that a crash
between the two, or a change of the embedding model, mends itself on the next import or search. So does what Chroma
missed while it was away. A passage is found by its words as soon as it is in SQL, and by its meaning once its vector
has followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.search import scoring
from agents.knowledge.search.filtering import EVERYBODY, Filters
from agents.knowledge.search.index import ByWords, Match, SearchIndex
from agents.knowledge.store.following import Following
from agents.knowledge.store.passages import Details, KnowledgeStore, Passage
from agents.knowledge.store.vectors import Vectors
from shared.documents import StoredDocument
from shared.errors import InvalidInput, ModelUnavailable, StorageFailed
from shared.llm.client import Models
from shared.settings import Settings

NEAREST = 100
_COMPARED = 500
"""Passages that are compared one by one rather than looked up."""
_CHANGED_AT_ONCE = 1000
_EMBEDDED_CHARACTERS = 400
"""Of a passage with its titles: what it is about stands there, and its words are searched whole."""
_log = structlog.get_logger()
T = TypeVar("T")


@dataclass(frozen=True)
class _Indexed:
    """states: what each document was when it was read, by location."""

    version: int
    states: Mapping[str, tuple[object, ...]]
    search: SearchIndex


class Library:
    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings, collection: str) -> None:
        self.store = KnowledgeStore(engine, collection)
        self.vectors = Vectors(settings, collection)
        self._following = Following(self.vectors, self.embedded)
        self._models = models
        self._settings = settings
        self._index: _Indexed | None = None
        self._indexing = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._dropped: set[str] = set()
        """Passages that are gone, and whose vectors may be there."""
        self._behind = False
        """The vectors could not be compared the last time: the next time all of them are."""

    async def documents(self) -> list[StoredDocument]:
        return await self.store.documents()

    async def hashes(self) -> dict[str, str]:
        return await self.store.hashes()

    async def put(
        self,
        location: str,
        source: str,
        title: str,
        content_hash: str,
        chunks: Sequence[Chunk],
        details: Details | None = None,
    ) -> None:
        """Add or replace a document. Its vectors come with the next `sync` or `follow`."""
        async with self._changing:
            self._dropped |= await self.store.put(location, source, title, content_hash, chunks, details)

    async def remove(self, locations: Iterable[str]) -> None:
        async with self._changing:
            self._dropped |= await self.store.remove(locations)

    async def rename(self, location: str, to: str, source: str, *, read_again: bool = False) -> None:
        """The document lies elsewhere; its passages and their vectors stay. read_again: as KnowledgeStore has it."""
        async with self._changing:
            await self.store.rename(location, to, source, read_again=read_again)

    async def relabel(self, location: str, given: Collection[str]) -> None:
        async with self._changing:
            await self.store.relabel(location, given)

    async def commit(self, revisions: Mapping[str, str]) -> None:
        async with self._changing:
            await self.store.commit(revisions)

    async def sync(self, locations: Collection[str] | None = None) -> None:
        """Make the vectors those of the passages: of all, or of the documents at `locations` and of what was dropped.

        Raises ModelUnavailable when they can't be computed, StorageFailed when Chroma is away; the next time makes up
        for it.
        """
        await self._compare(locations)
        await self._following.settled()

    async def follow(self, locations: Collection[str] | None = None) -> int:
        """Like `sync`, but many vectors are computed while other things go on; how many are still to come.

        Raises what `sync` does, also when that is known from the last time only.
        """
        await self._compare(locations)
        return await self._following.catch_up()

    async def settled(self) -> None:
        """When every vector that `follow` left to come is there. Raises ModelUnavailable."""
        await self._following.settled()

    async def search(
        self,
        question: str,
        limit: int,
        *,
        filters: Filters = EVERYBODY,
    ) -> list[Match]:
        """At most `limit` documents that fit, best first; by words alone while the embedding model or Chroma is away.

        Raises InvalidInput for an overlong question.
        """
        found = await self.ranked(question, limit, filters=filters)
        return [match for match in found if match.score >= scoring.FLOOR]

    async def ranked(
        self,
        question: str,
        limit: int,
        *,
        filters: Filters = EVERYBODY,
    ) -> list[Match]:
        """Like `search`, also what does not fit."""
        if len(question) > self._settings.question_limit:
            raise InvalidInput(
                f"the question has {len(question):,} characters, more than {self._settings.question_limit:,}"
            )
        if not (self._index and self._index.search.passages) and not (await self.index()).passages:
            return []  # and no model is asked
        index, by_words, cosines = await self._compared(question, filters)
        model = self._settings.embedding_model_name
        return await asyncio.to_thread(
            index.ranked, question, cosines, limit, model, filters=filters, by_words=by_words
        )

    async def index(self) -> SearchIndex:
        """Of what is stored now. Only what changed since the last one is read."""
        version = await self.store.version()
        if self._index is not None and self._index.version == version:
            return self._index.search
        async with self._indexing:
            version = await self.store.version()
            if self._index is None:
                self._index = await self._first_index(version)
            elif self._index.version != version:
                self._index = await self._next_index(version, self._index)
            return self._index.search

    async def embedded(self, contexts: Sequence[str]) -> list[list[float]]:
        """Unit vectors, each of the beginning of a text."""
        return await self._models.embed([text[:_EMBEDDED_CHARACTERS] for text in contexts], purpose="index")

    async def close(self) -> None:
        await self._following.close()

    async def _first_index(self, version: int) -> _Indexed:
        """Mends what a crash or a change of the embedding model left of the vectors, too."""
        async with self._changing:
            states, passages = await self._states(), await self.store.passages()
            search = await asyncio.to_thread(SearchIndex, passages)
            with suppress(StorageFailed):  # it is in the log
                await self._note(passages, None)
        with suppress(ModelUnavailable, StorageFailed):  # it is in the log
            await self._following.catch_up()
        return _Indexed(version, states, search)

    async def _next_index(self, version: int, last: _Indexed) -> _Indexed:
        """Who changed the documents sees to their vectors."""
        states = await self._states()
        changed = [location for location, state in states.items() if last.states.get(location) != state]
        if len(changed) > _CHANGED_AT_ONCE:
            return _Indexed(version, states, await asyncio.to_thread(SearchIndex, await self.store.passages()))
        passages = await self.store.passages(changed) if changed else []
        gone = last.states.keys() - states.keys()
        return _Indexed(version, states, await asyncio.to_thread(last.search.changed, gone, passages))

    async def _states(self) -> dict[str, tuple[object, ...]]:
        known = (await self.store.known()).items()
        return {location: (one.id, one.source, one.content_hash, one.labels) for location, one in known}

    async def _compared(self, question: str, filters: Filters) -> tuple[SearchIndex, ByWords, dict[str, float | None]]:
        """By words, and the cosines of the passages nearest to the question and of those that have most of its words;
        None of one without a vector as yet."""
        embedded = self._models.embed([question], purpose="search")  # first: who computes it is another process
        vectors, found = await asyncio.gather(embedded, self._by_words(question, filters), return_exceptions=True)
        index, by_words = _raised(found)
        try:
            [vector] = _raised(vectors)
            near, rest = await asyncio.gather(
                self._nearest(vector, index, filters), self.vectors.cosines(vector, by_words.best)
            )
        except (ModelUnavailable, StorageFailed) as error:
            _log.warning("search_by_words_only", reason=str(error))
            return index, by_words, {}
        if self._behind:
            with suppress(ModelUnavailable, StorageFailed):  # it is in the log
                await self.follow([])
        self._following.resume()
        return index, by_words, dict.fromkeys(by_words.best) | near | rest

    async def _by_words(self, question: str, filters: Filters) -> tuple[SearchIndex, ByWords]:
        index = await self.index()
        return index, await asyncio.to_thread(index.by_words, question, filters)

    async def _nearest(self, vector: Sequence[float], index: SearchIndex, filters: Filters) -> dict[str, float]:
        """Of the passages that the filters let through. More are asked for until enough of them do."""
        if (few := index.wanted(filters, _COMPARED)) is not None:
            return await self.vectors.cosines(vector, few)
        limit = NEAREST
        while True:
            found = await self.vectors.nearest(vector, limit)
            seen = index.seen(found, filters)
            if len(seen) >= NEAREST or len(found) < limit:
                return {key: found[key] for key in seen[:NEAREST]}
            limit *= 4

    async def _compare(self, locations: Collection[str] | None) -> None:
        async with self._changing:
            every = locations is None or self._behind
            passages = await self.store.passages(None if every else locations)
            await self._note(passages, None if every else self._dropped)

    async def _note(self, passages: Sequence[Passage], dropped: Collection[str] | None) -> None:
        """As Following.compare has it; for who holds `_changing`. What fails is kept for the next time."""
        try:
            await self._following.compare(passages, dropped)
        except StorageFailed as error:
            self._behind = True
            _log.warning("vectors_behind", reason=str(error))
            raise
        self._behind, self._dropped = False, set()


def _raised(outcome: T | BaseException) -> T:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
