"""Passages are found by their words at once; their vectors follow."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.library import Library
from agents.knowledge.store import following
from agents.knowledge.store.following import AT_ONCE
from shared.documents import IngestReport, IngestRequest, SentDocument
from shared.errors import ModelUnavailable
from shared.llm.client import Models
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama

MANY = 3 * AT_ONCE


async def put_many(library: Library, name: str = "animals") -> None:
    chunks = [Chunk((f"Animal {number}",), "text", f"The zebra {number} of {name} crosses.") for number in range(MANY)]
    await library.put(name, f"{name}.md", name, "1", chunks)


async def test_many_passages_are_found_by_their_words_before_they_are_embedded(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_QUIET_SECONDS", 3600)  # as if imports went on; who settles does not wait for it
    await put_many(library)
    assert await library.follow(["animals"]) == MANY
    [match] = await library.search("zebra 17 of animals crosses", 1)
    assert match.cosine is None
    assert match.reason.endswith("by words only, until it is embedded")
    await library.settled()
    [match] = await library.search("zebra 17 of animals crosses", 1)
    assert match.cosine is not None
    assert "until it is embedded" not in match.reason


async def test_few_passages_have_their_vectors_when_the_import_ends(library: Library) -> None:
    await library.put("a", "a.md", "A", "1", [Chunk(("A",), "text", "one")])
    assert await library.follow(["a"]) == 0
    assert len(await library.vectors.ids()) == 1


async def test_who_is_closed_in_between_goes_on_at_the_next_start(
    library: Library, tables: AsyncEngine, models: Models, settings: Settings
) -> None:
    await put_many(library)
    assert await library.follow(["animals"]) == MANY
    await library.close()
    later = Library(tables, models, settings, "procedures")
    await later.index()
    await later.settled()
    assert await later.vectors.ids() == {passage.id for passage in await later.store.passages()}
    await later.close()


async def test_a_document_that_goes_in_between_leaves_no_vector(library: Library) -> None:
    await put_many(library, "animals")
    await put_many(library, "plants")
    assert await library.follow(["animals", "plants"]) == 2 * MANY
    await library.remove(["plants"])
    assert await library.follow([]) <= MANY
    await library.settled()
    assert await library.vectors.ids() == {passage.id for passage in await library.store.passages()}


async def test_a_model_that_is_away_is_told_to_the_next_import(
    library: Library, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(status=404, error="model not found", times=1000)
    await put_many(library)
    assert await library.follow(["animals"]) == MANY
    with pytest.raises(ModelUnavailable, match="is not installed"):
        await library.settled()
    report = await import_documents(IngestRequest(), library)
    assert report.notes[0].startswith("searched by words only until the embedding model answers")
    assert report.waiting == 0


async def test_an_import_says_how_many_passages_wait(library: Library) -> None:
    text = "\n\n".join(f"# Part {number}\n\nThe zebra crosses." for number in range(MANY))
    sent = SentDocument.of("animals.md", text.encode())
    report = await import_documents(IngestRequest(documents=[sent]), library)
    assert report.waiting == MANY
    assert f"{MANY} passages are found by their words; their vectors follow" in report.render()
    assert report.plus(IngestReport()).waiting == 0
    await library.settled()
    assert (await import_documents(IngestRequest(), library)).waiting == 0
