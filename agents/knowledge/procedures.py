"""Procedures, also called runbooks or SOPs: what people do when something happens."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.files import add_files
from agents.knowledge.ingest import import_documents
from agents.knowledge.library import Library
from agents.knowledge.search import Match
from shared.documents import IngestReport, IngestRequest
from shared.llm.client import Models
from shared.models import KnowledgeHit
from shared.settings import Settings


class Procedures:
    """The procedures of a data directory. `close` frees the vector store."""

    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings) -> None:
        self._library = Library(engine, models, settings, "procedures")

    async def add(self, paths: Sequence[Path]) -> IngestReport:
        """Files and folders; see add_files."""
        return await add_files(paths, self.ingest)

    async def ingest(self, request: IngestRequest) -> IngestReport:
        """See import_documents."""
        return await import_documents(request, self._library)

    async def search(self, text: str, limit: int = 5) -> list[KnowledgeHit]:
        """The procedures that bear on the text, best first, one hit a document; empty when none fits."""
        return [_hit(match) for match in await self._library.search(text, limit)]

    async def close(self) -> None:
        await self._library.close()


def _hit(match: Match) -> KnowledgeHit:
    passage = match.passage
    title = " > ".join(passage.path) or passage.title
    return KnowledgeHit(agent="sop", title=title, source=passage.source, excerpt=match.excerpt, score=match.score)
