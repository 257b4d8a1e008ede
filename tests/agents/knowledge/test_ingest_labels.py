"""Labels of an import follow its folder: neither a rename nor a new file opens what was closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.knowledge.procedures import Procedures
from agents.knowledge.search.filtering import Filters

QUESTION = "disk almost full"


async def labels(procedures: Procedures) -> dict[str, tuple[str, list[str]]]:
    """Of each document, by its source: its id and labels."""
    return {one.source: (one.id, one.labels) for one in await procedures._library.documents()}


@pytest.mark.parametrize(
    ("start", "title"), [("# disk\n\n", "disk"), ("", "space"), ("# Disk almost full\n\n", "Disk almost full")]
)
async def test_a_renamed_document_keeps_id_and_labels_whatever_its_title_is(
    procedures: Procedures, folder: Path, start: str, title: str
) -> None:
    (folder / "disk.md").write_text(f"{start}Nobody removes old logs when the disk is almost full.\n")
    await procedures.add([folder], labels=["team-a"])
    known = (await labels(procedures))["runbooks/disk.md"]
    (folder / "disk.md").rename(folder / "space.md")
    report = await procedures.add([folder])
    assert report.renamed == ["runbooks/disk.md → runbooks/space.md"]
    assert (report.added, report.removed) == ([], [])
    assert (await labels(procedures))["runbooks/space.md"] == known
    assert await procedures.search(QUESTION) == []
    [hit] = await procedures.search(QUESTION, 1, Filters(frozenset({"team-a"})))
    assert (hit.source, hit.title) == ("runbooks/space.md", title)
    assert (await procedures.add([folder])).updated == []


async def test_a_new_document_is_no_more_open_than_those_of_its_folder(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder], labels=["team-a"])
    (folder / "new.md").write_text("# New\n\nThe disk is almost full again.\n")
    elsewhere = folder.parent / "open"
    elsewhere.mkdir()
    (elsewhere / "other.md").write_text("# Other\n\nNothing.\n")
    await procedures.add([folder, elsewhere])
    found = await labels(procedures)
    assert (found["runbooks/new.md"][1], found["open/other.md"][1]) == (["team-a"], [])


async def test_where_one_document_is_for_everybody_a_new_one_is_too(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    await procedures.add([folder / "disk.md"], labels=["team-a"])
    (folder / "new.md").write_text("# New\n\nThe disk is almost full again.\n")
    await procedures.add([folder])
    assert (await labels(procedures))["runbooks/new.md"][1] == []
