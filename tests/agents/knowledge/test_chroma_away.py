"""A Chroma server that goes away and comes back: what is in SQL is found by its words, and its vectors follow."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.known_errors.index import KnownError, KnownErrorIndex
from agents.knowledge.procedures import Procedures
from shared.llm.client import Models
from shared.settings import Settings
from tests.agents.knowledge.chroma import chroma_served
from tests.agents.serving import loopback_socket

SAID = "filesystem of a host has little space left"


@pytest.fixture
def port() -> int:
    with loopback_socket() as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    return settings.model_copy(update={"chroma_url": f"http://127.0.0.1:{port}"})


async def test_runbooks_are_added_while_chroma_is_away(
    procedures: Procedures, folder: Path, tmp_path: Path, port: int
) -> None:
    report = await procedures.add([folder])
    assert (len(report.added), report.failed, report.waiting) == (3, [], 0)
    [note] = report.notes
    assert note.startswith("searched by words only until the vectors can be kept: the vector store at http://127.0.0.1")
    (folder / "disk.md").unlink()
    (folder / "disks.md").write_text("# Disks\n\nThe filesystem of a host has little space left.")
    report = await procedures.add([folder])
    assert (report.added, report.removed) == (["runbooks/disks.md"], ["runbooks/disk.md"])
    [match, *_] = await procedures._library.search(SAID, 3)
    assert (match.passage.source, match.cosine) == ("runbooks/disks.md", None)
    with chroma_served(tmp_path, port):
        await procedures.search(SAID)
        [match, *_] = await procedures._library.search(SAID, 3)
        assert (match.passage.source, match.cosine is not None) == ("runbooks/disks.md", True)
        passages = await procedures._library.store.passages()
        assert await procedures._library.vectors.ids() == {one.id for one in passages}


async def test_known_errors_are_added_while_chroma_is_away(
    tables: AsyncEngine, models: Models, settings: Settings
) -> None:
    index = KnownErrorIndex(tables, models, settings)
    said = {"title": "Export stops", "signature": "export <*> stopped: disk full", "cause": "Disk.", "fix": "Clean up."}
    report = await index.keep([KnownError.model_validate({"id": "APP-1001", **said})])
    assert (report.added, len(report.notes)) == (["known_errors#APP-1001"], 1)
    assert [one.code for one in await index.search("export 7 stopped: disk full")] == ["APP-1001"]
    assert (await index.forget("APP-1001")).removed == ["known_errors#APP-1001"]
    await index.close()
