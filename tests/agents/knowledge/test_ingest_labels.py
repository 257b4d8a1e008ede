"""Labels of an import follow its folder: neither a rename nor a new file opens what was closed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agents.knowledge.procedures import Procedures
from agents.knowledge.search.filtering import Filters
from shared.documents import IngestReport, IngestRequest, SentDocument
from shared.errors import Forbidden, NotFound

QUESTION = "disk almost full"


async def labels(procedures: Procedures) -> dict[str, tuple[str, list[str]]]:
    """Of each document, by its source: its id and labels."""
    return {one.source: (one.id, one.labels) for one in await procedures._library.documents()}


def to(folder: Path, name: str) -> Path:
    """The folder, moved."""
    return folder.rename(folder.parent / name)


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


async def test_what_comes_to_an_emptied_folder_is_no_more_open_than_what_was_there(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder], labels=["team-a"])
    for name in ("disk.md", "certificate.md", "sign-in.md"):
        (folder / name).unlink()
    (folder / "new.md").write_text("# New\n\nThe disk is almost full again.\n")
    report = await procedures.add([folder])
    assert (report.added, len(report.removed)) == (["runbooks/new.md"], 3)
    assert (await labels(procedures))["runbooks/new.md"][1] == ["team-a"]

    await procedures.remove("runbooks/new.md")
    assert (await procedures.add([folder])).added == ["runbooks/new.md"]
    assert (await labels(procedures))["runbooks/new.md"][1] == ["team-a"]


async def test_the_labels_of_an_emptied_folder_are_lifted_with_the_next_import(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder], labels=["team-a"])
    assert len((await procedures.remove("runbooks/disk.md")).removed) == 1
    assert (await procedures.add([folder], labels=[])).added == ["runbooks/disk.md"]
    found = await labels(procedures)
    assert [given for _, given in found.values()] == [[], [], []]
    for name in found:
        await procedures.remove(name)
    await procedures.add([folder])
    assert [given for _, given in (await labels(procedures)).values()] == [[], [], []]


async def test_a_folder_inside_another_has_labels_of_its_own(procedures: Procedures, folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir()
    (inner / "vault.md").write_text("# Vault\n\nUnseal it.\n")
    await procedures.add([inner], labels=["team-a"])
    await procedures.add([folder])
    await procedures.remove("inner/vault.md")
    await procedures.add([inner])
    assert (await labels(procedures))["inner/vault.md"][1] == ["team-a"]


async def test_a_folder_that_is_moved_takes_its_documents_along(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder], labels=["team-z"])
    before = await labels(procedures)
    moved = to(folder, "moved")
    (moved / "sign-in.md").write_text("# Sign-in\n\nThe disk is almost full once more.\n")
    (moved / "certificate.md").unlink()
    report = await procedures.add([moved])
    assert (report.renamed, report.added, report.removed) == (
        ["runbooks/disk.md → moved/disk.md"],
        ["moved/sign-in.md"],
        [],
    )
    assert report.notes == [
        "not found where the others were moved to, and kept: runbooks/certificate.md, runbooks/sign-in.md; "
        "`lexiquery sop remove` forgets them"
    ]
    found = await labels(procedures)
    assert found["moved/disk.md"] == before["runbooks/disk.md"]
    assert found["moved/sign-in.md"][1] == ["team-z"]
    assert await procedures.search(QUESTION) == []


async def test_what_is_copied_or_still_there_is_not_moved(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder], labels=["team-z"])
    copy = folder.parent / "copy"
    shutil.copytree(folder, copy)
    report = await procedures.add([copy])
    assert (len(report.added), report.renamed, len(report.notes)) == (3, [], 3)
    assert report.notes[0].endswith(
        "it has the labels of a document with the same content: team-z; add it with --everybody to lift them"
    )
    assert {given for _, (given,) in (await labels(procedures)).values()} == {"team-z"}


async def test_nobody_else_says_that_a_file_is_gone(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    with pytest.raises(Forbidden):
        await procedures.ingest(IngestRequest(gone=[(folder / "disk.md").as_posix()]))


async def test_a_place_that_documents_were_read_from_is_told_where_it_is_gone(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder])
    to(folder, "moved")
    for gone, count in ((folder, 3), (folder / "disk.md", 1)):
        with pytest.raises(NotFound) as raised:
            await procedures.add([gone])
        assert raised.value.suggestion == (
            f"of what was read from there ({count}), add the new place, or `lexiquery sop remove` it"
        )


async def test_a_copy_is_as_open_as_the_most_open_document_of_its_content(procedures: Procedures, folder: Path) -> None:
    copy = folder.parent / "copy.md"
    copy.write_bytes((folder / "disk.md").read_bytes())
    for name, given in (("runbooks", ["team-a"]), ("b", ["team-b"])):
        at = folder.parent / name
        at.mkdir(exist_ok=True)
        (at / "disk.md").write_bytes(copy.read_bytes())
        await procedures.add([at / "disk.md"], labels=given)
    assert len((await procedures.add([copy])).notes) == 1
    assert (await labels(procedures))["copy.md"][1] == ["team-a", "team-b"]

    await procedures.add([folder.parent / "b" / "disk.md"], labels=[])
    (folder.parent / "open.md").write_bytes(copy.read_bytes())
    assert (await procedures.add([folder.parent / "open.md"])).notes == []
    assert (await labels(procedures))["open.md"][1] == []


async def test_an_upload_does_not_learn_that_a_labelled_document_has_its_content(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder], labels=["team-a"])
    sent = SentDocument.of("mine.md", (folder / "disk.md").read_bytes())
    assert await procedures.ingest(IngestRequest(documents=[sent])) == IngestReport(added=["mine.md"])
    assert (await labels(procedures))["mine.md"][1] == []


async def test_what_is_added_alone_is_no_more_open_than_the_folder_it_lies_in(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder], labels=["team-a"])
    inner = folder / "inner"
    inner.mkdir()
    for path in (folder / "new.md", inner / "vault.md"):
        path.write_text(f"# {path.stem}\n\nThe disk is almost full again.\n")
    await procedures.add([folder / "new.md", inner])
    found = await labels(procedures)
    assert (found["new.md"][1], found["inner/vault.md"][1]) == (["team-a"], ["team-a"])
