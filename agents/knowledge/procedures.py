"""Procedures, also called runbooks or SOPs: what people do when something happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest import import_procedures, import_upload, remove_procedure
from agents.knowledge.library import Library
from agents.knowledge.search import Match
from agents.knowledge.store import StoredDocument
from shared.llm.client import Models
from shared.models import IngestReport, KnowledgeHit
from shared.settings import Settings


class Procedures:
    """The procedures of a data directory. `close` frees the vector store."""

    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings) -> None:
        self._library = Library(engine, models, settings, "procedures")

    async def add(self, paths: Sequence[Path]) -> IngestReport:
        """See import_procedures."""
        return await import_procedures(paths, self._library)

    async def upload(self, filename: str, content: bytes) -> IngestReport:
        """See import_upload."""
        return await import_upload(filename, content, self._library)

    async def search(self, text: str, limit: int = 5) -> list[KnowledgeHit]:
        """The procedures that bear on the text, best first, one hit a document; empty when none fits."""
        return [_hit(match) for match in await self._library.search(text, limit)]

    async def list(self) -> list[StoredDocument]:
        return await self._library.documents()

    async def remove(self, source: str) -> str:
        """See remove_procedure."""
        return await remove_procedure(source, self._library)

    async def close(self) -> None:
        await self._library.close()


def _hit(match: Match) -> KnowledgeHit:
    passage = match.passage
    title = " > ".join(passage.path) or passage.title
    return KnowledgeHit(agent="sop", title=title, source=passage.source, excerpt=match.excerpt, score=match.score)
