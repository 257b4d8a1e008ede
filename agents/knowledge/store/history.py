"""What a document said before: its versions in SQL, the newest few of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.knowledge.store.tables import history as _history
from shared.documents import DocumentVersion
from shared.errors import NotFound

KEPT = 10
"""Versions of one document."""


async def note(connection: AsyncConnection, document: Mapping[str, Any], text: str, *, is_new: bool = False) -> None:
    """Keep a version of the document, and drop those that are too many. document: its row, and `passages`; is_new: it
    has no version as yet."""
    collection, name = document["collection"], document["id"]
    newest = None if is_new else await _newest(connection, collection, name)
    number = newest["number"] + 1 if newest else 1
    fields = ("location", "source", "title", "content_hash", "revision", "passages")
    values = {field: document[field] for field in fields}
    values |= {"collection": collection, "document": name, "number": number, "text": text, "read_at": datetime.now(UTC)}
    await connection.execute(insert(_history), values)
    if number > KEPT:
        await connection.execute(delete(_history).where(_of(collection, name), _history.c.number <= number - KEPT))


async def note_rename(connection: AsyncConnection, collection: str, document: str, location: str, source: str) -> None:
    """Keep that the document has another name; what an older LexiQuery read has no version to go by."""
    if newest := await _newest(connection, collection, document):
        moved = dict(newest) | {"id": document, "location": location, "source": source}
        await note(connection, moved, newest["text"])


async def note_commit(connection: AsyncConnection, collection: str, document: str, revision: str) -> None:
    """The newest version is what the commit has; what an older LexiQuery read has none."""
    if newest := await _newest(connection, collection, document):
        where = _of(collection, document) & (_history.c.number == newest["number"])
        await connection.execute(update(_history).where(where).values(revision=revision))


async def forget(connection: AsyncConnection, collection: str, document: str) -> None:
    await connection.execute(delete(_history).where(_of(collection, document)))


async def versions(connection: AsyncConnection, collection: str, document: str) -> list[DocumentVersion]:
    """The newest first."""
    wanted = [_history.c[name] for name in DocumentVersion.model_fields]
    query = select(*wanted).where(_of(collection, document)).order_by(_history.c.number.desc())
    return [DocumentVersion(**row) for row in (await connection.execute(query)).mappings()]


async def text(connection: AsyncConnection, collection: str, document: str, number: int | None) -> str:
    """The text of a version, the newest if no number is given. Raises NotFound."""
    query = select(_history.c.number, _history.c.text).where(_of(collection, document)).order_by(_history.c.number)
    texts = {row.number: row.text for row in await connection.execute(query)}
    if not texts:
        raise NotFound(f"no version is kept of the document '{document}'", suggestion="add it again")
    if number is not None and number not in texts:
        kept = ", ".join(map(str, texts))
        raise NotFound(f"version {number} of the document '{document}' is not kept", suggestion=f"kept: {kept}")
    return str(texts[max(texts) if number is None else number])


async def _newest(connection: AsyncConnection, collection: str, document: str) -> Mapping[str, Any] | None:
    query = select(_history).where(_of(collection, document)).order_by(_history.c.number.desc()).limit(1)
    found = (await connection.execute(query)).mappings().first()
    return dict(found) if found else None


def _of(collection: str, document: str) -> ColumnElement[bool]:
    return (_history.c.collection == collection) & (_history.c.document == document)
