"""What `lexiquery sop` shows of documents."""

from __future__ import annotations

import pytest

from agents.knowledge.ingest.chunks import Chunk
from core_engine import document_commands
from shared.settings import Settings

CHUNK = Chunk(("A title",), "text", "Restart it.")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHOWN = {"changed.md": "0123456789ab+", "committed.md": "0123456789ab", "loose.md": None}


@pytest.fixture
async def _kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    revisions = {"changed.md": f"{COMMIT}+", "committed.md": COMMIT, "loose.md": None}
    async with document_commands._opened_store() as store:
        for name, revision in revisions.items():
            await store.put(f"/{name}", name, "A title", name, [CHUNK], {"revision": revision, "text": name})


@pytest.mark.usefixtures("_kept")
async def test_a_commit_is_shown_with_the_mark_of_what_was_changed_since() -> None:
    listed = await document_commands.list_documents()
    assert {one["source"]: one["commit"] for one in listed.value} == SHOWN
    versions = [(await document_commands.history(name)).text for name in SHOWN]
    assert ["0123456789ab+" in text for text in versions] == [True, False, False]
    assert ["0123456789ab" in text for text in versions] == [True, True, False]
