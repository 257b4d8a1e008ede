"""Whatever lies in a folder is named with the reason, holds nothing up, and the documents beside it go in."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from agents.knowledge.documents import check_size
from agents.knowledge.ingest import files
from agents.knowledge.procedures import Procedures
from shared.documents import IngestReport, IngestRequest, SentDocument
from shared.errors import InvalidInput
from tests.agents.knowledge.test_ingest import ALL


def reasons(report: IngestReport) -> dict[str, str]:
    return {failure.source.rsplit("/", 1)[-1]: failure.reason for failure in report.failed}


async def test_links_that_lead_round_or_out_are_named(procedures: Procedures, folder: Path) -> None:
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "there.md").symlink_to(folder / "back.md")
    (folder / "back.md").symlink_to(folder / "there.md")
    (folder / "round").symlink_to(folder)
    (folder / "passwd.md").symlink_to("/etc/passwd")
    (folder / "zero.md").symlink_to("/dev/zero")
    report = await procedures.add([folder])
    assert report.added == ALL
    assert reasons(report) == dict.fromkeys(("back.md", "loop.md", "there.md"), "Too many levels of symbolic links")
    assert report.notes == ["left alone, for they lead out of their folder: runbooks/passwd.md, runbooks/zero.md"]


async def test_nobody_waits_for_the_writer_of_a_pipe(procedures: Procedures, folder: Path) -> None:
    os.mkfifo(folder / "pipe.md")
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(folder)  # the name of a socket is short
        listening.bind("socket.md")
        os.chdir(here)
        report = await procedures.add([folder])
    no_file = "it is no file, but a folder, a pipe, a socket or a device"
    assert (report.added, reasons(report)) == (ALL, {"pipe.md": no_file, "socket.md": no_file})
    assert reasons(await procedures.add([folder / "pipe.md", folder / "disk.md"])) == {"pipe.md": no_file}


async def test_folders_as_deep_as_the_system_lets_them_be_end(procedures: Procedures, folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)
    for _ in range(30):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    os.chdir(here)
    report = await procedures.add([folder])
    assert (report.added, list(reasons(report).values())) == (ALL, ["File name too long"])


def test_folders_by_the_thousand_in_one_another_are_read(folder: Path) -> None:
    here, many = os.getcwd(), 1_100
    os.chdir(folder)
    for _ in range(many):
        os.mkdir("d")
        os.chdir("d")
    Path("deep.md").write_text("# Deep\n")
    try:
        found = files._find([folder], use_git=False).files
    finally:
        Path("deep.md").unlink()
        for _ in range(many):  # what removes the test's folder later does not get so deep
            os.chdir("..")
            os.rmdir("d")
        os.chdir(here)
    assert [path.name for path in found] == ["certificate.md", "disk.md", "sign-in.md", "deep.md"]


@pytest.mark.parametrize(
    "name", ["a\nb.md", "a\x1b[31m.md", "a\u202edm.exe.md", "a\u2028b.md", "a\u200bb.md", "a\u00adb.md"]
)
async def test_a_name_that_does_not_show_what_it_is_is_refused(procedures: Procedures, folder: Path, name: str) -> None:
    (folder / name).write_text("# Name\n\nRestart it.\n")
    report = await procedures.add([folder])
    assert report.added == ALL
    [failure] = report.failed
    assert failure.reason == "its name has characters that do not show; rename it"
    assert failure.source == f"runbooks/{name.encode('unicode_escape').decode()}"
    sent = await procedures.ingest(IngestRequest(documents=[SentDocument.of(name, b"# Name\n\nRestart it.\n")]))
    assert [one.reason for one in sent.failed] == [failure.reason]


async def test_an_emoji_is_a_name(procedures: Procedures, folder: Path) -> None:
    (folder / "👩\u200d💻 on call.md").write_text("# Call\n\nRestart it.\n")
    assert "runbooks/👩\u200d💻 on call.md" in (await procedures.add([folder])).added


async def test_a_file_that_comes_to_lead_out_of_the_folder_is_not_read(
    procedures: Procedures, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and the reading."""
    secret = folder.parent / "secret.md"
    secret.write_text("# Secret\n")

    def swapped(root: Path, found: files._Found, copy: object) -> None:
        _find_below(root, found, None)
        (folder / "disk.md").unlink()
        (folder / "disk.md").symlink_to(secret)

    _find_below = files._find_below
    monkeypatch.setattr(files, "_find_below", swapped)
    report = await procedures.add([folder])
    assert reasons(report) == {"disk.md": "it was changed while it was read; add it again"}
    assert await procedures.search("secret") == []


async def test_a_file_that_grows_while_it_is_read_is_not_read_to_its_end(
    procedures: Procedures, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.knowledge.documents.MAX_BYTES", 300)
    monkeypatch.setattr(files, "_check_file", lambda _: check_size(0))
    report = await procedures.add([folder])
    assert report.added == [ALL[0], ALL[2]]
    assert reasons(report) == {"disk.md": "301 bytes, more than the 300 a document may have"}


async def test_too_many_files_are_not_even_listed(
    procedures: Procedures, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 2)
    with pytest.raises(InvalidInput, match="more than 2 files below"):
        await procedures.add([folder])
