"""Documents and their passages in SQL.

A collection (`procedures`, `known_errors`) has a version that each change moves.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TypedDict
from uuid import uuid4

from sqlalchemy import ColumnElement, Table, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.knowledge.documents.document import as_title
from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.store import folders, history
from agents.knowledge.store.keeping import keeper_key
from agents.knowledge.store.tables import changes as changes_table
from agents.knowledge.store.tables import documents as documents_table
from agents.knowledge.store.tables import passages as passages_table
from shared.at_hand import at_hand
from shared.documents import DocumentVersion, StoredDocument
from shared.errors import InvalidInput, NotFound

_AT_ONCE = 500  # parameters of a statement


class Details(TypedDict, total=False):
    """What else is kept of a document. given, own: labels of the import, and of its own text; text: all of it, as
    people read it; with it a version is kept."""

    given: Collection[str]
    own: Collection[str]
    revision: str | None
    etag: str | None
    text: str


@dataclass(frozen=True)
class Known:
    """A document as an import knows it again. given: labels of the import; named_by_file: its title is its file's name,
    for it has no other; committed: its revision is a commit that has it."""

    id: str
    source: str
    content_hash: str
    labels: tuple[str, ...]
    given: tuple[str, ...]
    named_by_file: bool
    etag: str | None
    committed: bool


@dataclass(frozen=True)
class Passage:
    """A chunk of a stored document. id: the same as long as its document, its titles and its words are.

    step, lead: as Chunk has them; labels: who may find it, of its document, everybody if empty.
    """

    id: str
    location: str
    source: str
    title: str
    path: tuple[str, ...]
    kind: str
    text: str
    language: str | None = None
    step: str | None = None
    lead: str = ""
    labels: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The title next above it."""
        return self.path[-1] if self.path else self.title

    @property
    def context(self) -> str:
        """The text below its titles and what leads up to it: what is embedded, and searched for words."""
        return "\n".join(part for part in (" > ".join(self.path), self.lead, self.text) if part)


class KnowledgeStore:
    def __init__(self, engine: AsyncEngine, collection: str) -> None:
        self._engine = engine
        self._collection = collection
        self._at_hand = at_hand(engine)

    async def version(self) -> int:
        """A number that moves with every change of the collection; 0 before the first."""
        query = select(changes_table.c.version).where(changes_table.c.collection == self._collection)
        if (rows := self._at_hand.rows(query)) is not None:
            return rows[0].version if rows else 0
        async with self._engine.connect() as connection:
            return await connection.scalar(query) or 0

    async def documents(self) -> list[StoredDocument]:
        """Every document, by source."""
        counts = (
            select(passages_table.c.location, func.count().label("passages"))
            .where(passages_table.c.collection == self._collection)
            .group_by(passages_table.c.location)
            .subquery()
        )
        query = (
            select(documents_table, func.coalesce(counts.c.passages, 0).label("passages"))
            .outerjoin(counts, counts.c.location == documents_table.c.location)
            .where(documents_table.c.collection == self._collection)
            .order_by(documents_table.c.source, documents_table.c.location)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [
            StoredDocument(
                **{name: row[name] for name in StoredDocument.model_fields if name not in ("id", "labels")},
                id=row["id"] or row["location"],
                labels=_labels(row["given"], row["own"]),
            )
            for row in rows
        ]

    async def document(self, name: str) -> StoredDocument:
        """By id, or by source where one document alone is cited so. Raises NotFound with the nearest source."""
        documents = await self.documents()
        found = [one for one in documents if name in (one.id, one.location)]
        found = found or [one for one in documents if one.source == name]
        if not found:
            raise NotFound.named("document", name, [one.source for one in documents])
        if len(found) > 1:
            ids = ", ".join(one.id for one in found)
            raise InvalidInput(f"{len(found)} documents are cited as '{name}'", suggestion=f"name one by its id: {ids}")
        return found[0]

    async def hashes(self) -> dict[str, str]:
        """Content hash by location."""
        return {location: known.content_hash for location, known in (await self.known()).items()}

    async def known(self) -> dict[str, Known]:
        """What an import compares with, by location."""
        query = select(documents_table).where(documents_table.c.collection == self._collection)
        async with self._engine.connect() as connection:
            return {
                row.location: Known(
                    row.id or row.location,
                    row.source,
                    row.content_hash,
                    tuple(_labels(row.given, row.own)),
                    _words(row.given),
                    row.title == as_title(PurePath(row.source).stem),
                    row.etag,
                    is_commit(row.revision),
                )
                for row in await connection.execute(query)
            }

    async def cited(self, sources: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The labels, by location, of the documents that are cited as one of a few `sources`."""
        table = documents_table
        query = select(table.c.location, table.c.given, table.c.own).where(
            table.c.collection == self._collection, table.c.source.in_(sorted(sources))
        )
        async with self._engine.connect() as connection:
            return {row.location: tuple(_labels(row.given, row.own)) for row in await connection.execute(query)}

    async def passages(self, locations: Collection[str] | None = None) -> list[Passage]:
        """The passages of every document, or of those at `locations`, in the order of documents and pages."""
        query = (
            select(
                passages_table,
                documents_table.c.source,
                documents_table.c.title,
                documents_table.c.given,
                documents_table.c.own,
            )
            .join(
                documents_table,
                (documents_table.c.collection == passages_table.c.collection)
                & (documents_table.c.location == passages_table.c.location),
            )
            .where(passages_table.c.collection == self._collection)
            .order_by(passages_table.c.location, passages_table.c.position)
        )
        queries = [query]
        if locations is not None:
            ordered = sorted(locations)
            parts = [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
            queries = [query.where(passages_table.c.location.in_(some)) for some in parts]
        async with self._engine.connect() as connection:
            return [_passage(row) for one in queries for row in (await connection.execute(one)).all()]

    async def put(
        self,
        location: str,
        source: str,
        title: str,
        content_hash: str,
        chunks: Sequence[Chunk],
        details: Details | None = None,
    ) -> set[str]:
        """Add the document, or replace it with all its passages, in one transaction; ids of the passages it had."""
        kept: Details = details or {}
        row: dict[str, Any] = {
            "collection": self._collection,
            "location": location,
            "source": source,
            "title": title,
            "content_hash": content_hash,
            "imported_at": datetime.now(UTC),
            "given": _as_json(kept.get("given", ())),
            "own": _as_json(kept.get("own", ())),
            "revision": kept.get("revision"),
            "etag": kept.get("etag"),
        }
        async with self._engine.begin() as connection:
            query = select(documents_table.c.id).where(self._at(documents_table, location))
            known = (await connection.execute(query)).first()
            row["id"] = (known.id if known else None) or uuid4().hex
            dropped = await self._delete(connection, location) if known else set()
            await connection.execute(documents_table.insert(), row)
            await connection.execute(passages_table.insert(), list(self._rows(row["id"], location, chunks)))
            if "text" in kept:
                noted = row | {"passages": len(chunks)}
                await history.note(connection, noted, kept["text"], is_new=known is None)
            await self._move_version(connection)
        return dropped

    async def rename(self, location: str, to: str, source: str, *, read_again: bool = False) -> None:
        """The document lies elsewhere: its id, its passages and their ids stay, its history gets an entry. read_again:
        its content counts as changed, until it is put again."""
        moved = {"location": to, "source": source} | ({"content_hash": ""} if read_again else {})
        async with self._engine.begin() as connection:
            for table, changed in ((documents_table, moved), (passages_table, {"location": to})):
                await connection.execute(update(table).where(self._at(table, location)).values(changed))
            row = (
                (await connection.execute(select(documents_table).where(self._at(documents_table, to))))
                .mappings()
                .one()
            )
            await history.note_rename(connection, self._collection, row["id"] or location, to, source)
            await self._move_version(connection)

    async def relabel(self, location: str, given: Collection[str]) -> None:
        """Change the labels that came with the import of a document whose text is the same."""
        values = {"given": _as_json(given)}
        async with self._engine.begin() as connection:
            await connection.execute(update(documents_table).where(self._at(documents_table, location)).values(values))
            await self._move_version(connection)

    async def commit(self, revisions: Mapping[str, str]) -> None:
        """The commits, by location, of documents whose content came to be committed as it was read."""
        async with self._engine.begin() as connection:
            for location, revision in revisions.items():
                where = self._at(documents_table, location)
                changed = update(documents_table).where(where).values(revision=revision)
                for document in await connection.scalars(changed.returning(documents_table.c.id)):
                    await history.note_commit(connection, self._collection, document or location, revision)
            await self._move_version(connection)

    async def remove(self, locations: Iterable[str]) -> set[str]:
        """Documents, their passages and their history; ids of the passages. How a folder was labelled whose last
        document goes is kept."""
        dropped: set[str] = set()
        labelled: dict[tuple[str, str], tuple[str, ...]] = {}
        table = documents_table
        async with self._engine.begin() as connection:
            for location in locations:
                query = select(table.c.id, table.c.source, table.c.given).where(self._at(table, location))
                if known := (await connection.execute(query)).first():
                    labelled[location, known.source] = _words(known.given)
                await history.forget(connection, self._collection, (known.id if known else None) or location)
                dropped |= await self._delete(connection, location)
            await folders.note_emptied(connection, self._collection, labelled)
            await self._move_version(connection)
        return dropped

    async def emptied(self) -> dict[str, frozenset[str]]:
        """The labels of folders of which no document was left, by location."""
        async with self._engine.connect() as connection:
            return await folders.emptied(connection, self._collection)

    async def key(self) -> bytes:
        """Of who keeps the database."""
        return await keeper_key(self._engine)

    async def history(self, document: str) -> list[DocumentVersion]:
        """The kept versions of a document by its id, the newest first. Raises NotFound when it has none."""
        async with self._engine.connect() as connection:
            found = await history.versions(connection, self._collection, document)
        if not found:
            raise NotFound(f"no version is kept of the document '{document}'")
        return found

    async def text(self, document: str, number: int | None) -> str:
        """The text of a version, the newest if no number is given. Raises NotFound."""
        async with self._engine.connect() as connection:
            return await history.text(connection, self._collection, document, number)

    def _at(self, table: Table, location: str) -> ColumnElement[bool]:
        return (table.c.collection == self._collection) & (table.c.location == location)

    def _rows(self, document: str, location: str, chunks: Sequence[Chunk]) -> Iterable[dict[str, object]]:
        seen: Counter[str] = Counter()
        for position, chunk in enumerate(chunks):
            path = json.dumps(chunk.path, ensure_ascii=False)
            words = "\0".join((path, chunk.lead, chunk.text))
            identity = "\0".join((self._collection, document, str(seen[words]), words))
            seen[words] += 1
            yield {
                "id": hashlib.sha256(identity.encode()).hexdigest()[:32],
                "collection": self._collection,
                "location": location,
                "position": position,
                "path": path,
                "kind": chunk.kind,
                "language": chunk.language,
                "text": chunk.text,
                "step": chunk.step,
                "lead": chunk.lead or None,
            }

    async def _delete(self, connection: AsyncConnection, location: str) -> set[str]:
        ids = await connection.scalars(select(passages_table.c.id).where(self._at(passages_table, location)))
        dropped = set(ids)
        for table in (passages_table, documents_table):
            await connection.execute(delete(table).where(self._at(table, location)))
        return dropped

    async def _move_version(self, connection: AsyncConnection) -> None:
        moved = await connection.execute(
            update(changes_table)
            .where(changes_table.c.collection == self._collection)
            .values(version=changes_table.c.version + 1)
        )
        if not moved.rowcount:
            await connection.execute(changes_table.insert().values(collection=self._collection, version=1))


def is_commit(revision: str | None) -> bool:
    """Not so of a document that was changed since: `COMMIT+`."""
    return revision is not None and not revision.endswith("+")


def _passage(row: Any) -> Passage:
    return Passage(
        row.id,
        row.location,
        row.source,
        row.title,
        tuple(json.loads(row.path)),
        row.kind,
        row.text,
        language=row.language,
        step=row.step,
        lead=row.lead or "",
        labels=tuple(_labels(row.given, row.own)),
    )


def _labels(given: str | None, own: str | None) -> list[str]:
    return sorted({*_words(given), *_words(own)})


def _as_json(words: Iterable[str]) -> str | None:
    return json.dumps(sorted(set(words)), ensure_ascii=False) if words else None


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(json.loads(text)) if text else ()
