from __future__ import annotations

from pathlib import Path

import pytest

from agents.knowledge import ingest
from agents.knowledge.procedures import Procedures
from shared.errors import Conflict, InvalidInput, NotFound
from shared.models import IngestReport
from tests.scripted_ollama import ScriptedOllama

ALL = ["runbooks/certificate.md", "runbooks/disk.md", "runbooks/sign-in.md"]


async def test_a_second_import_changes_nothing_and_asks_no_model(
    procedures: Procedures, folder: Path, scripted_ollama: ScriptedOllama
) -> None:
    assert await procedures.add([folder]) == IngestReport(added=ALL)
    asked = len(scripted_ollama.embeds)
    assert await procedures.add([folder]) == IngestReport(unchanged=ALL)
    assert len(scripted_ollama.embeds) == asked


async def test_a_changed_file_is_updated_and_a_deleted_one_removed(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    (folder / "disk.md").write_text("# Disk almost full\n\nAsk the quokka team for space.\n")
    (folder / "sign-in.md").unlink()
    report = await procedures.add([folder])
    assert (report.updated, report.removed) == (["runbooks/disk.md"], ["runbooks/sign-in.md"])
    [hit] = await procedures.search("quokka team")
    assert hit.excerpt == "Ask the quokka team for space."


async def test_a_broken_file_is_reported_and_the_rest_goes_in(procedures: Procedures, folder: Path) -> None:
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 cut off")
    (folder / "empty.md").write_text("")
    report = await procedures.add([folder])
    assert report.added == ALL
    assert [failure.source for failure in report.failed] == ["runbooks/broken.pdf", "runbooks/empty.md"]
    assert "broken.pdf: not a readable PDF file" in report.failed[0].reason


async def test_a_file_that_became_unreadable_keeps_what_was_read_before(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    (folder / "disk.md").write_bytes(b"\0")
    report = await procedures.add([folder])
    assert [failure.source for failure in report.failed] == ["runbooks/disk.md"]
    assert [document.source for document in await procedures.list()] == ALL


async def test_a_file_too_large_is_not_opened(
    procedures: Procedures, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "MAX_BYTES", 10)
    report = await procedures.add([folder / "disk.md"])
    assert "more than the 10 a document may have" in report.failed[0].reason


async def test_a_missing_path_stops_the_import_before_anything_changes(procedures: Procedures, folder: Path) -> None:
    with pytest.raises(NotFound, match="no file or folder at"):
        await procedures.add([folder, folder / "nothing"])
    assert await procedures.list() == []


async def test_hidden_files_and_links_out_of_the_folder_are_left_alone(procedures: Procedures, folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "notes.md").write_text("# Hidden")
    outside = folder.parent / "secret.md"
    outside.write_text("# Secret")
    (folder / "link.md").symlink_to(outside)
    assert (await procedures.add([folder])).added == ALL


async def test_an_upload_is_a_document_by_its_name(procedures: Procedures) -> None:
    assert (await procedures.upload("../../etc/vpn.md", b"# VPN\n\nRestart the tunnel.")).added == ["vpn.md"]
    assert (await procedures.upload("vpn.md", b"# VPN\n\nReset the tunnel.")).updated == ["vpn.md"]
    with pytest.raises(InvalidInput, match=r"can't read '\.exe' files"):
        await procedures.upload("vpn.exe", b"MZ")


async def test_a_removed_procedure_is_no_longer_found(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    assert await procedures.remove("runbooks/disk.md") == "runbooks/disk.md"
    assert await procedures.search("The filesystem of a host has less than ten percent left") == []
    with pytest.raises(NotFound, match=r"did you mean 'runbooks/sign-in\.md'\?"):
        await procedures.remove("runbooks/signin.md")


async def test_a_name_that_two_documents_share_is_not_guessed(procedures: Procedures, folder: Path) -> None:
    other = folder.parent / "other" / "disk.md"
    other.parent.mkdir()
    other.write_text("# Another disk")
    await procedures.add([folder / "disk.md", other])
    with pytest.raises(Conflict, match="names 2 documents; say which: "):
        await procedures.remove("disk.md")
