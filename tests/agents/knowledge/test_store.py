from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.store import history, tables
from agents.knowledge.store.passages import Details, KnowledgeStore
from shared.database import create_tables
from shared.errors import InvalidInput, NotFound
from shared.ledger import Ledger

CHUNKS = [
    Chunk(("Disk full", "Find"), "text", "1) Look.", step="1"),
    Chunk(("Disk full", "Find"), "code", "df -h", "shell", "1", "1) Look."),
]


@pytest.fixture
async def documents(either: Ledger) -> KnowledgeStore:
    await create_tables(either.engine, tables.schema)
    return KnowledgeStore(either.engine, "procedures")


async def put(documents: KnowledgeStore, version: str, location: str = "/b/disk.md", source: str = "b/disk.md") -> None:
    kept: Details = {"given": ["ops"], "own": ["team-a"], "revision": f"c{version}", "text": f"text {version}"}
    await documents.put(location, source, "Disk full", version, CHUNKS, kept)


async def test_a_passage_has_its_step_what_introduces_it_and_who_may_find_it(documents: KnowledgeStore) -> None:
    await put(documents, "1")
    text_, code = await documents.passages()
    assert (text_.step, text_.language, text_.lead) == ("1", None, "")
    assert (code.step, code.language, code.lead, code.labels) == ("1", "shell", "1) Look.", ("ops", "team-a"))
    assert code.context == "Disk full > Find\n1) Look.\ndf -h"


async def test_versions_are_kept_the_newest_few(documents: KnowledgeStore) -> None:
    for number in range(1, history.KEPT + 3):
        await put(documents, str(number))
    document = await documents.document("b/disk.md")
    versions = await documents.history(document.id)
    assert [one.number for one in versions] == list(range(history.KEPT + 2, 2, -1))
    assert (versions[0].revision, versions[0].content_hash, versions[0].passages) == ("c12", "12", 2)
    assert await documents.text(document.id, None) == "text 12"
    assert await documents.text(document.id, 3) == "text 3"
    with pytest.raises(NotFound, match=r"version 2 of the document .* is not kept; kept: 3, 4"):
        await documents.text(document.id, 2)


async def test_a_rename_keeps_ids_and_passages(documents: KnowledgeStore) -> None:
    await put(documents, "1")
    before, passages = await documents.document("b/disk.md"), await documents.passages()
    await documents.rename("/b/disk.md", "/b/space.md", "b/space.md")
    after = await documents.document("b/space.md")
    assert (after.id, after.location, after.passages) == (before.id, "/b/space.md", 2)
    assert [one.id for one in await documents.passages(["/b/space.md"])] == [one.id for one in passages]
    await put(documents, "1")
    assert len({one.id for one in await documents.passages()}) == 4


async def test_a_source_of_two_documents_wants_an_id(documents: KnowledgeStore) -> None:
    await put(documents, "1", "/one/disk.md")
    await put(documents, "1", "/two/disk.md")
    with pytest.raises(InvalidInput, match="2 documents are cited as"):
        await documents.document("b/disk.md")
    one, _ = await documents.documents()
    assert await documents.document(one.id) == one


async def test_documents_of_an_older_lexiquery_are_read_and_get_an_id_with_their_next_version(
    engine: AsyncEngine,
) -> None:
    await create_tables(engine, tables.schema)
    documents = KnowledgeStore(engine, "procedures")
    await put(documents, "1")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE knowledge_documents SET id = NULL, given = NULL, own = NULL"))
    [old] = await documents.documents()
    assert (old.id, old.labels) == ("/b/disk.md", [])
    await put(documents, "2")
    assert (await documents.document("b/disk.md")).id != "/b/disk.md"
