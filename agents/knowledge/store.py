"""Documents and their passages in SQL.

A collection (`procedures`, `known_errors`) has a version that each change moves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.knowledge.chunks import Chunk
from shared.models import Model

schema = MetaData()
_documents = Table(
    "knowledge_documents",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("location", String(1024), primary_key=True, comment="where it came from: a path, or upload:NAME"),
    Column("source", String(1024), nullable=False, comment="how it is cited"),
    Column("title", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
)
_passages = Table(
    "knowledge_passages",
    schema,
    Column("id", String(32), primary_key=True),
    Column("collection", String(32), nullable=False, index=True),
    Column("location", String(1024), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("path", Text, nullable=False, comment="JSON list of the titles above it"),
    Column("kind", String(8), nullable=False),
    Column("language", String(32)),
    Column("text", Text, nullable=False),
)
_versions = Table(
    "knowledge_versions",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
)

known_errors_table = Table(
    "known_errors",
    schema,
    Column("location", String(1024), primary_key=True, comment="the file and, after #, the id"),
    Column("content", Text, nullable=False, comment="KnownError as JSON"),
)


class StoredDocument(Model):
    """A document as it is kept. source: how it is cited; location: where it was read, its identity."""

    location: str
    source: str
    title: str
    content_hash: str
    imported_at: datetime
    passages: int = 0


@dataclass(frozen=True)
class Passage:
    """A chunk of a stored document. id: the same as long as its place and words are."""

    id: str
    location: str
    source: str
    title: str
    path: tuple[str, ...]
    kind: str
    text: str

    @property
    def context(self) -> str:
        """The text below the titles it stands under: what is embedded, and searched for words."""
        return f"{' > '.join(self.path)}\n{self.text}"


class KnowledgeStore:
    def __init__(self, engine: AsyncEngine, collection: str) -> None:
        self._engine = engine
        self._collection = collection

    async def version(self) -> int:
        """A number that moves with every change of the collection; 0 before the first."""
        query = select(_versions.c.version).where(_versions.c.collection == self._collection)
        async with self._engine.connect() as connection:
            return await connection.scalar(query) or 0

    async def documents(self) -> list[StoredDocument]:
        """Every document, by source."""
        counts = (
            select(_passages.c.location, func.count().label("passages"))
            .where(_passages.c.collection == self._collection)
            .group_by(_passages.c.location)
            .subquery()
        )
        query = (
            select(_documents, func.coalesce(counts.c.passages, 0).label("passages"))
            .outerjoin(counts, counts.c.location == _documents.c.location)
            .where(_documents.c.collection == self._collection)
            .order_by(_documents.c.source, _documents.c.location)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [StoredDocument(**{name: row[name] for name in StoredDocument.model_fields}) for row in rows]

    async def hashes(self) -> dict[str, str]:
        """Content hash by location."""
        query = select(_documents.c.location, _documents.c.content_hash).where(
            _documents.c.collection == self._collection
        )
        async with self._engine.connect() as connection:
            return {row.location: row.content_hash for row in await connection.execute(query)}

    async def passages(self) -> list[Passage]:
        """Every passage, in the order of documents and pages."""
        query = (
            select(_passages, _documents.c.source, _documents.c.title)
            .join(
                _documents,
                (_documents.c.collection == _passages.c.collection) & (_documents.c.location == _passages.c.location),
            )
            .where(_passages.c.collection == self._collection)
            .order_by(_passages.c.location, _passages.c.position)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
        return [
            Passage(row.id, row.location, row.source, row.title, tuple(json.loads(row.path)), row.kind, row.text)
            for row in rows
        ]

    async def put(self, location: str, source: str, title: str, content_hash: str, chunks: Sequence[Chunk]) -> None:
        """Add the document, or replace it with all its passages, in one transaction."""
        async with self._engine.begin() as connection:
            await self._delete(connection, location)
            await connection.execute(
                _documents.insert().values(
                    collection=self._collection,
                    location=location,
                    source=source,
                    title=title,
                    content_hash=content_hash,
                    imported_at=datetime.now(UTC),
                )
            )
            await connection.execute(_passages.insert(), list(self._rows(location, chunks)))
            await self._move_version(connection)

    async def remove(self, locations: Iterable[str]) -> None:
        async with self._engine.begin() as connection:
            for location in locations:
                await self._delete(connection, location)
            await self._move_version(connection)

    def _rows(self, location: str, chunks: Sequence[Chunk]) -> Iterable[dict[str, object]]:
        for position, chunk in enumerate(chunks):
            path = json.dumps(chunk.path, ensure_ascii=False)
            identity = "\0".join((self._collection, location, str(position), path, chunk.text))
            yield {
                "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
                "collection": self._collection,
                "location": location,
                "position": position,
                "path": path,
                "kind": chunk.kind,
                "language": chunk.language,
                "text": chunk.text,
            }

    async def _delete(self, connection: AsyncConnection, location: str) -> None:
        for table in (_passages, _documents):
            await connection.execute(
                delete(table).where(table.c.collection == self._collection, table.c.location == location)
            )

    async def _move_version(self, connection: AsyncConnection) -> None:
        moved = await connection.execute(
            update(_versions).where(_versions.c.collection == self._collection).values(version=_versions.c.version + 1)
        )
        if not moved.rowcount:
            await connection.execute(_versions.insert().values(collection=self._collection, version=1))
