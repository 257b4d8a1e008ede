"""A collection as a whole: documents and passages in SQL, their vectors in Chroma, an index in memory.

SQL is the truth. Vectors follow it: what is missing there is added, what is left over is deleted, so that a crash
between the two, or a change of the embedding model, mends itself on the next import or search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge import scoring
from agents.knowledge.chunks import CHUNK_CHARACTERS, Chunk
from agents.knowledge.search import NEAREST, Match, SearchIndex
from agents.knowledge.store import KnowledgeStore, Passage, StoredDocument
from agents.knowledge.vectors import Vectors
from shared.errors import InvalidInput, ModelUnavailable
from shared.llm.client import Models
from shared.settings import Settings

_EMBED_AT_ONCE = 64
_log = structlog.get_logger()


class Library:
    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings, collection: str) -> None:
        self._store = KnowledgeStore(engine, collection)
        self._vectors = Vectors(settings, collection)
        self._models = models
        self._settings = settings
        self._index: tuple[int, SearchIndex] | None = None
        self._changing = asyncio.Lock()

    async def documents(self) -> list[StoredDocument]:
        return await self._store.documents()

    async def hashes(self) -> dict[str, str]:
        return await self._store.hashes()

    async def put(self, location: str, source: str, title: str, content_hash: str, chunks: Sequence[Chunk]) -> None:
        """Add or replace a document. Its vectors come with the next `sync`."""
        async with self._changing:
            await self._store.put(location, source, title, content_hash, chunks)

    async def remove(self, locations: Iterable[str]) -> None:
        async with self._changing:
            await self._store.remove(locations)

    async def sync(self) -> None:
        """Make the vectors those of the passages. Raises ModelUnavailable when they can't be computed."""
        async with self._changing:
            await self._sync(await self._store.passages())

    async def search(self, question: str, limit: int) -> list[Match]:
        """At most `limit` documents that fit, best first; by words alone while the embedding model is away.

        Raises InvalidInput for an overlong question.
        """
        return [match for match in await self.ranked(question, limit) if match.score >= scoring.FLOOR]

    async def ranked(self, question: str, limit: int) -> list[Match]:
        """Like `search`, also what does not fit."""
        if len(question) > self._settings.question_limit:
            raise InvalidInput(
                f"the question has {len(question):,} characters, more than {self._settings.question_limit:,}"
            )
        index = await self._current_index()
        cosines = await self._cosines(question, index) if index.passages else {}
        return await asyncio.to_thread(index.ranked, question, cosines, limit, self._settings.embedding_model_name)

    async def close(self) -> None:
        await self._vectors.close()

    async def _cosines(self, question: str, index: SearchIndex) -> dict[str, float]:
        try:
            [vector] = await self._models.embed([question], purpose="search")
        except ModelUnavailable as error:
            _log.warning("search_by_words_only", reason=str(error))
            return {}
        near = await self._vectors.nearest(vector, NEAREST)
        rest = [key for key in index.best_by_words(question, NEAREST) if key not in near]
        return near | await self._vectors.cosines(vector, rest)

    async def _current_index(self) -> SearchIndex:
        version = await self._store.version()
        if self._index is not None and self._index[0] == version:
            return self._index[1]
        async with self._changing:
            version = await self._store.version()
            if self._index is None or self._index[0] != version:
                passages = await self._store.passages()
                self._index = version, await asyncio.to_thread(SearchIndex, passages)
                await self._sync_if_possible(passages)
            return self._index[1]

    async def _sync_if_possible(self, passages: Sequence[Passage]) -> None:
        try:
            await self._sync(passages)
        except ModelUnavailable as error:
            _log.warning("vectors_incomplete", reason=str(error))

    async def _sync(self, passages: Sequence[Passage]) -> None:
        there = await self._vectors.ids()
        wanted = {passage.id: passage for passage in passages}
        if left_over := there - wanted.keys():
            await self._vectors.delete(sorted(left_over))
        # Alike in length, or the short ones of a batch are padded to the longest.
        missing = sorted(
            (wanted[key] for key in wanted.keys() - there), key=lambda passage: (len(passage.context), passage.id)
        )
        for start in range(0, len(missing), _EMBED_AT_ONCE):
            some = missing[start : start + _EMBED_AT_ONCE]
            # A long code block is embedded by its beginning, as the model would cut it anyway.
            texts = [passage.context[:CHUNK_CHARACTERS] for passage in some]
            await self._vectors.add([passage.id for passage in some], await self._models.embed(texts, purpose="index"))
