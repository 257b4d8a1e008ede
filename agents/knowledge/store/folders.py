"""How folders were labelled of which no document is left: what comes to them later is no more open."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from agents.knowledge.ingest.places import root_of
from agents.knowledge.store.tables import documents as _documents
from agents.knowledge.store.tables import emptied as _emptied


async def note_emptied(
    connection: AsyncConnection, collection: str, removed: Mapping[tuple[str, str], Collection[str]]
) -> None:
    """removed: labels that documents came with which are gone now, by location and source."""
    folders: dict[str, list[Collection[str]]] = {}
    for (location, source), given in removed.items():
        if root := root_of(location, source):
            folders.setdefault(root, []).append(given)
    for folder, labels in folders.items():
        if await _is_left(connection, collection, folder):
            continue
        of_folder = (_emptied.c.collection == collection) & (_emptied.c.folder == folder)
        await connection.execute(delete(_emptied).where(of_folder))
        if all(labels):
            given = json.dumps(sorted(set[str]().union(*labels)), ensure_ascii=False)
            await connection.execute(insert(_emptied).values(collection=collection, folder=folder, given=given))


async def emptied(connection: AsyncConnection, collection: str) -> dict[str, frozenset[str]]:
    """Labels by folder; what lies in one since then says more than they do."""
    query = select(_emptied.c.folder, _emptied.c.given).where(_emptied.c.collection == collection)
    return {row.folder: frozenset(json.loads(row.given)) for row in await connection.execute(query)}


async def _is_left(connection: AsyncConnection, collection: str, folder: str) -> bool:
    """Whether a document that was read from this folder is left; one of a folder inside it may have been read alone."""
    query = select(_documents.c.location, _documents.c.source).where(
        _documents.c.collection == collection, _documents.c.location.startswith(f"{folder}/", autoescape=True)
    )
    return any(root_of(row.location, row.source) == folder for row in await connection.execute(query))
