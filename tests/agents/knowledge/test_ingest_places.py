"""What a request may say of places and names, and that one bad document stops no import."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.library import Library
from agents.knowledge.procedures import Procedures
from shared.documents import Failure, IngestReport, IngestRequest, SeenDocument, SentDocument
from shared.errors import InvalidInput
from tests.agents.knowledge.test_ingest import ALL


async def told(procedures: Procedures, folder: object, **more: object) -> IngestReport:
    return await procedures.keep(IngestRequest.model_validate({"folders": [str(folder)], **more}))


@pytest.mark.parametrize("folder", ["/", "//", "", "upload:net", "https://wiki.example", "runbooks", "C:/"])
async def test_what_is_no_folder_of_documents_takes_none_away(procedures: Procedures, folder: str) -> None:
    with pytest.raises(InvalidInput, match="is no folder of documents"):
        await told(procedures, folder, allow_empty=True)


async def test_an_empty_folder_takes_its_documents_away_only_when_that_is_allowed(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder])
    with pytest.raises(InvalidInput, match=r"no document is left in .*, where 3 were read before.*--allow-empty"):
        await told(procedures, folder)
    assert (await told(procedures, folder, allow_empty=True)).removed == ALL


async def test_a_folder_above_does_not_speak_for_the_folders_that_were_added(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.add([folder])
    (folder.parent / "new.md").write_text("# New")
    seen = [SeenDocument.of("new.md", b"# New", str(folder.parent / "new.md"))]
    with pytest.raises(InvalidInput, match=f"add {folder} itself"):
        await told(procedures, folder.parent, seen=seen, allow_empty=True)
    assert (await procedures.add([folder])).unchanged == ALL


@pytest.mark.parametrize("location", ["upload:net/vpn.md", "https://wiki.example/vpn.md", "/books/other.md", "vpn.md"])
async def test_a_document_is_not_put_where_another_sender_s_lies(procedures: Procedures, location: str) -> None:
    await procedures.ingest(IngestRequest(documents=[SentDocument.of("net/vpn.md", b"# VPN\n\nRestart it.")]))
    forged = SentDocument.of("vpn.md", b"# VPN\n\nForged.", location)
    report = await procedures.keep(IngestRequest(documents=[forged]))
    assert [one.source for one in report.failed] == ["vpn.md"]
    assert (report.added, report.updated) == ([], [])


async def test_a_file_that_gets_another_ending_is_read_again(procedures: Procedures, folder: Path) -> None:
    (folder / "vpn.txt").write_text("---\ntitle: Tunnel\nlabels: [team-a]\n---\n\n# VPN\n\nRestart it.\n")
    await procedures.add([folder])
    (folder / "vpn.txt").rename(folder / "vpn.md")
    report = await procedures.add([folder])
    assert (report.added, report.removed, report.renamed) == (["runbooks/vpn.md"], ["runbooks/vpn.txt"], [])
    assert (await procedures._library.store.document("runbooks/vpn.md")).labels == ["team-a"]


async def test_a_long_heading_is_found_under_a_title_that_can_be_shown(procedures: Procedures, folder: Path) -> None:
    long = "glorpulator restarts " * 120
    (folder / "long.md").write_text(f"# {long}\n\n## {long}\n\n### {long}\n\nReset the glorpulator.\n")
    await procedures.add([folder])
    [hit] = await procedures.search("glorpulator", 1)
    assert hit.source == "runbooks/long.md"
    assert len(hit.title) <= 3 * 200 + 6


async def test_a_file_whose_name_is_no_text_is_named_and_the_rest_goes_in(procedures: Procedures, folder: Path) -> None:
    (folder / os.fsdecode(b"n\xff.md")).write_text("# Name")
    report = await procedures.add([folder])
    reason = "its name is not UTF-8; rename it"
    assert (report.added, report.failed) == (ALL, [Failure(source="runbooks/n\\udcff.md", reason=reason)])


class Refuses(ValueError):
    """As a driver says it."""


@pytest.mark.parametrize(
    "error", [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogate"), DBAPIError("", {}, Refuses("zero byte"))]
)
async def test_a_document_that_the_database_refuses_stops_no_other(
    library: Library, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    put = library.put

    async def refusing(location: str, *rest: object, **named: object) -> None:
        if location.endswith(":bad.md"):
            raise error
        await put(location, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(library, "put", refusing)
    documents = [SentDocument.of(name, b"# VPN\n\nRestart it.") for name in ("bad.md", "good.md")]
    report = await import_documents(IngestRequest(documents=documents), library)
    assert (report.added, [one.source for one in report.failed]) == (["good.md"], ["bad.md"])


async def test_a_database_that_is_away_is_no_fault_of_a_document(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Refuses("connection refused"))

    monkeypatch.setattr(library, "put", away)
    with pytest.raises(OperationalError):
        await import_documents(IngestRequest(documents=[SentDocument.of("a.md", b"# A\n\nText.")]), library)
