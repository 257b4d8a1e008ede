"""Procedures, also called runbooks or SOPs: what people do when something happens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.documents.document import as_title
from agents.knowledge.ingest.files import Progress, add_files
from agents.knowledge.ingest.importing import import_documents, settle_vectors, sync_vectors
from agents.knowledge.ingest.reader import Reader
from agents.knowledge.ingest.web import ListedHosts
from agents.knowledge.library import Library
from agents.knowledge.search.excerpts import shortened
from agents.knowledge.search.filtering import EVERYBODY, Filters
from agents.knowledge.search.index import Match
from shared.documents import IngestReport, IngestRequest
from shared.llm.client import Models
from shared.models import KnowledgeHit
from shared.settings import Settings

_LONGEST_TITLE = 1000
"""As KnowledgeHit allows."""


class Procedures:
    """The procedures of a data directory. `close` frees the vector store and ends the reader."""

    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings, reader: Reader | None = None) -> None:
        """reader: reads the documents; one of its own if not given."""
        self._library = Library(engine, models, settings, "procedures")
        self._web = ListedHosts(settings.document_hosts)
        self._reader = reader or Reader(settings)
        self._own_reader = reader is None

    async def add(
        self,
        paths: Sequence[str | Path],
        *,
        labels: list[str] | None = None,
        progress: Progress | None = None,
        use_git: bool = True,
        allow_empty: bool = False,
    ) -> IngestReport:
        """Files, folders and web addresses, with all their vectors; see add_files."""
        report = await add_files(
            paths,
            self.keep,
            labels=labels,
            progress=progress,
            use_git=use_git,
            allow_empty=allow_empty,
            read_before=await self._library.hashes(),
        )
        await self.settle(report)
        return report

    async def settle(self, report: IngestReport) -> None:
        """Wait for the vectors that the import left to come; the report says so, or what keeps them."""
        await settle_vectors(self._library, report)

    async def ingest(self, request: IngestRequest) -> IngestReport:
        """Of anybody, unless the request is signed; see import_documents."""
        return await self._import(request)

    async def keep(self, request: IngestRequest) -> IngestReport:
        """Like ingest, of who keeps the database: no request from elsewhere is passed on to it."""
        return await self._import(request, keeps=True)

    async def _import(self, request: IngestRequest, *, keeps: bool = False) -> IngestReport:
        reader = self._reader
        return await import_documents(request, self._library, reader.read, self._web, reader.begin, keeps=keeps)

    async def remove(self, name: str) -> IngestReport:
        """Forget a document, by its id or its source, with its history. Raises NotFound with the nearest name."""
        found = await self._library.store.document(name)
        await self._library.remove([found.location])
        report = IngestReport(removed=[found.source])
        await sync_vectors(self._library, report, [])
        return report

    async def search(self, text: str, limit: int = 5, filters: Filters = EVERYBODY) -> list[KnowledgeHit]:
        """The procedures that bear on the text, best first, one hit a document; empty when none fits."""
        return [_hit(match) for match in await self._library.search(text, limit, filters=filters)]

    async def close(self) -> None:
        await self._library.close()
        if self._own_reader:
            await asyncio.to_thread(self._reader.close)


def _hit(match: Match) -> KnowledgeHit:
    passage = match.passage
    path = " > ".join(as_title(one) for one in passage.path) or as_title(passage.title)
    return KnowledgeHit(
        agent="sop",
        title=shortened(path, _LONGEST_TITLE),
        source=passage.source,
        excerpt=match.excerpt,
        score=match.score,
        reason=match.reason,
    )
