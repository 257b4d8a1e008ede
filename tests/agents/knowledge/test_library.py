from __future__ import annotations

from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.ingest.files import add_files
from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.library import Library
from agents.knowledge.search.filtering import Filters
from agents.knowledge.store.passages import KnowledgeStore
from agents.knowledge.store.vectors import Vectors
from shared.documents import IngestReport
from shared.errors import InvalidInput, StorageFailed
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama


async def import_folder(folder: Path, library: Library) -> IngestReport:
    return await add_files([folder], lambda request: import_documents(request, library, keeps=True))


async def passage_ids(engine: AsyncEngine) -> set[str]:
    return {passage.id for passage in await KnowledgeStore(engine, "procedures").passages()}


async def test_import_mends_what_a_crash_left_between_sql_and_vectors(
    library: Library, folder: Path, tables: AsyncEngine, settings: Settings
) -> None:
    await import_folder(folder, library)
    wanted = await passage_ids(tables)
    vectors = Vectors(settings, "procedures")
    lost = sorted(wanted)[:2]
    await vectors.delete(lost)
    await vectors.add(["left-over"], [[1.0] + [0.0] * 383])
    await import_folder(folder, library)
    assert await vectors.ids() == wanted
    await vectors.close()


async def test_another_embedding_model_gets_vectors_of_its_own(
    library: Library, folder: Path, tables: AsyncEngine, models: Models, settings: Settings
) -> None:
    await import_folder(folder, library)
    changed = settings.model_copy(update={"embedding_model": "another-model"})
    vectors = Vectors(changed, "procedures")
    assert await vectors.ids() == set()
    other = Library(tables, models, changed, "procedures")
    await other.search("disk", 1)
    assert await vectors.ids() == await passage_ids(tables)
    await other.close()
    await vectors.close()


async def test_without_an_embedding_model_words_still_find_and_the_vectors_come_later(
    library: Library, folder: Path, scripted_ollama: ScriptedOllama, settings: Settings, tables: AsyncEngine
) -> None:
    scripted_ollama.fail(status=404, error="model not found", times=1000)
    report = await import_folder(folder, library)
    assert "searched by words only until the embedding model answers" in report.notes[0]
    [match, *_] = await library.search("filesystem of a host has little space left", 3)
    assert (match.passage.source, match.cosine) == ("runbooks/disk.md", None)
    while scripted_ollama.take_failure():
        pass
    await import_folder(folder, library)
    [match, *_] = await library.search("filesystem of a host has little space left", 3)
    assert match.cosine is not None


async def test_a_library_opened_later_sees_what_another_imported(
    library: Library, folder: Path, tables: AsyncEngine, models: Models, settings: Settings
) -> None:
    reader = Library(tables, models, settings, "procedures")
    assert await reader.search("certificate expires", 3) == []
    await import_folder(folder, library)
    assert [match.passage.source for match in await reader.search("certificate expires", 3)] == [
        "runbooks/certificate.md"
    ]
    await reader.close()


async def test_every_embedding_call_is_on_the_ledger(library: Library, folder: Path, ledger: Ledger) -> None:
    await import_folder(folder, library)
    await library.search("disk", 1)
    assert {call.purpose async for call in ledger.every_call()} == {"index", "search"}


async def test_nothing_but_the_model_server_is_connected_to(
    connections: list[tuple[str, int]], library: Library, folder: Path, scripted_ollama: ScriptedOllama
) -> None:
    await import_folder(folder, library)
    await library.search("disk full", 3)
    port = int(scripted_ollama.url.rsplit(":", 1)[1])
    assert connections
    assert set(connections) == {("127.0.0.1", port)}


async def test_an_overlong_question_is_refused(library: Library) -> None:
    with pytest.raises(InvalidInput, match="8,001 characters"):
        await library.search("x" * 8001, 3)


async def test_hidden_documents_that_are_nearer_do_not_crowd_out_the_visible_one(
    library: Library, models: Models
) -> None:
    question = "zebra crossing"
    hidden = [Chunk((f"Part {number}",), "text", f"number {number}") for number in range(150)]
    await library.put("secret", "secret.md", "Secret", "1", hidden, {"given": ["board"]})
    await library.put("open", "open.md", "Open", "1", [Chunk(("Open",), "text", "something else")])
    [near] = await models.embed([question], purpose="search")
    passages = await library.store.passages()
    await library.vectors.add([one.id for one in passages], [near] * len(passages))
    [match] = await library.ranked(question, 5)
    assert match.passage.source == "open.md"
    assert match.cosine == pytest.approx(1.0, abs=0.001)
    seen = await library.ranked(question, 5, filters=Filters(frozenset({"board"})))
    assert {one.passage.source for one in seen} == {"open.md", "secret.md"}


async def test_only_the_document_that_changed_is_read_again(library: Library, folder: Path) -> None:
    await import_folder(folder, library)
    before = await library.index()
    (folder / "disk.md").write_text("# Disk\n\nThe quokka team sees to disks.")
    await import_folder(folder, library)
    after = await library.index()
    kept = {one.id: one for one in before.passages if "disk" not in one.source}
    assert kept
    assert all(after.passages[after.by_id[key]] is passage for key, passage in kept.items())
    assert [match.passage.source for match in await library.search("quokka team", 1)] == ["runbooks/disk.md"]


async def test_a_label_that_comes_later_hides_the_document_at_once(library: Library, folder: Path) -> None:
    await import_folder(folder, library)
    assert await library.search("TLS certificate expires", 1)
    report = await add_files([folder], lambda request: import_documents(request, library, keeps=True), labels=["board"])
    assert report.failed == []
    assert await library.search("TLS certificate expires", 1) == []
    assert await library.search("TLS certificate expires", 1, filters=Filters(frozenset({"board"})))


def take_chroma_away(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Vectors, "_call", AsyncMock(side_effect=StorageFailed("Chroma is away")))


async def test_without_chroma_words_still_find(
    library: Library, folder: Path, tables: AsyncEngine, models: Models, settings: Settings
) -> None:
    await import_folder(folder, library)
    started = Library(tables, models, settings, "procedures")
    with pytest.MonkeyPatch.context() as patch:
        take_chroma_away(patch)
        for one in (library, started):
            [match, *_] = await one.search("filesystem of a host has little space left", 3)
            assert (match.passage.source, match.cosine) == ("runbooks/disk.md", None)
    [match, *_] = await started.search("filesystem of a host has little space left", 3)
    assert match.cosine is not None
    await started.close()


async def test_what_chroma_missed_is_mended_by_the_first_search_that_reaches_it(
    library: Library, folder: Path, tables: AsyncEngine
) -> None:
    await import_folder(folder, library)
    await library.vectors.add(["left-over"], [[1.0] + [0.0] * 383])
    with pytest.MonkeyPatch.context() as patch:
        take_chroma_away(patch)
        await library.put("new", "new.md", "New", "1", [Chunk(("New",), "text", "The quokka team sees to it.")])
        with pytest.raises(StorageFailed):
            await library.follow(["new"])
        assert await library.search("quokka team", 1)
    await library.search("quokka team", 1)
    assert await library.vectors.ids() == await passage_ids(tables)


async def test_vectors_that_could_not_be_stored_follow_with_the_first_search(
    library: Library, folder: Path, tables: AsyncEngine
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Vectors, "add", AsyncMock(side_effect=StorageFailed("Chroma went away")))
        report = await import_folder(folder, library)
    assert (len(report.added), "Chroma went away" in report.notes[0]) == (3, True)
    assert await library.vectors.ids() == set()
    await library.search("quokka team", 1)
    await library.settled()
    assert await library.vectors.ids() == await passage_ids(tables)


async def test_vectors_that_could_not_be_deleted_go_with_the_next_import(
    library: Library, folder: Path, tables: AsyncEngine
) -> None:
    await import_folder(folder, library)
    [gone, back, *_] = [one.location for one in await library.documents()]
    with pytest.MonkeyPatch.context() as patch:
        take_chroma_away(patch)
        for location in (gone, back):
            await library.remove([location])
            with pytest.raises(StorageFailed):
                await library.sync([])
        await library.put(back, "back.md", "Back", "1", [Chunk(("Back",), "text", "It is back.")])
    await library.put("new", "new.md", "New", "1", [Chunk(("New",), "text", "Something else.")])
    await library.sync(["new"])
    assert await library.vectors.ids() == await passage_ids(tables)
