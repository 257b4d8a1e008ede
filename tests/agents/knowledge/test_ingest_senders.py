"""Who may replace what: a document that came from elsewhere, or that the sender does not see, stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.ingest.keeping import signed
from agents.knowledge.library import Library
from agents.knowledge.procedures import Procedures
from agents.knowledge.store.keeping import keeper_key
from shared.documents import IngestReport, IngestRequest, SeenDocument, SentDocument
from shared.errors import Forbidden
from tests.agents.knowledge.test_ingest import ALL
from tests.agents.knowledge.test_ingest_web import LOOPBACK, Wiki, wiki

__all__ = ["wiki"]


def uploaded(text: str, name: str = "vpn.md", **more: object) -> IngestRequest:
    return IngestRequest.model_validate({"documents": [SentDocument.of(name, text.encode())], **more})


async def texts(procedures: Procedures) -> list[tuple[str, tuple[str, ...]]]:
    """The last line of each document, and its labels."""
    library = procedures._library
    said = [
        ((await library.store.text(one.id, None)).splitlines()[-1], tuple(one.labels))
        for one in await library.documents()
    ]
    return sorted(said)


async def test_an_upload_does_not_replace_a_document_of_a_folder(procedures: Procedures, folder: Path) -> None:
    await procedures.add([folder])
    report = await procedures.ingest(uploaded("# Disk\n\nForged.", "runbooks/disk.md"))
    [failed] = report.failed
    assert failed.source == "runbooks/disk.md"
    assert failed.reason.startswith(f"a document of that name is read from {folder}/disk.md, and is not replaced by an")
    assert (report.added, report.updated) == ([], [])
    assert (await procedures.add([folder])).unchanged == ALL


async def test_an_upload_replaces_an_upload_of_its_name(procedures: Procedures) -> None:
    assert (await procedures.ingest(uploaded("# VPN\n\nRestart it."))).added == ["vpn.md"]
    assert (await procedures.ingest(uploaded("# VPN\n\nReset it."))).updated == ["vpn.md"]
    assert (await procedures.ingest(uploaded("# VPN\n\nReset it."))).unchanged == ["vpn.md"]
    assert await texts(procedures) == [("Reset it.", ())]


async def test_the_labels_in_a_document_show_its_older_version(procedures: Procedures) -> None:
    front = "---\nlabels: [ops]\n---\n"
    assert (await procedures.ingest(uploaded(f"{front}# VPN\n\nRestart it."))).added == ["vpn.md"]
    assert (await procedures.ingest(uploaded(f"{front}# VPN\n\nRestart it."))).unchanged == ["vpn.md"]
    assert (await procedures.ingest(uploaded(f"{front}# VPN\n\nReset it."))).updated == ["vpn.md"]
    assert await texts(procedures) == [("Reset it.", ("ops",))]
    assert (await procedures.ingest(uploaded("# VPN\n\nForged."))).added == ["vpn.md"]
    assert await texts(procedures) == [("Forged.", ()), ("Reset it.", ("ops",))]


async def test_a_folder_that_brings_the_name_of_an_upload_leaves_it_to_its_sender(
    procedures: Procedures, folder: Path
) -> None:
    await procedures.ingest(uploaded("# Disk\n\nSent.", "runbooks/disk.md"))
    assert (await procedures.add([folder])).added == ALL
    assert (await procedures.ingest(uploaded("# Disk\n\nSent again.", "runbooks/disk.md"))).updated == ALL[1:2]
    assert (await procedures.add([folder])).unchanged == ALL


@pytest.mark.parametrize("more", [{}, {"labels": []}, {"labels": ["team-b"]}, {"carried": ["team-b"]}])
async def test_who_does_not_see_a_document_neither_replaces_it_nor_learns_of_it(
    procedures: Procedures, more: dict[str, object]
) -> None:
    await procedures.ingest(uploaded("# VPN\n\nSecret.", labels=["team-a"]))
    report = await procedures.ingest(uploaded("# VPN\n\nOpen.", "vpn.md", **more))
    alone = await procedures.ingest(uploaded("# VPN\n\nOpen.", "alone.md", **more))
    assert (report.added, alone.added) == (["vpn.md"], ["alone.md"])
    assert report.model_copy(update={"added": []}) == alone.model_copy(update={"added": []})
    locations = {one.location for one in await procedures._library.documents()}
    assert {len(one) for one in locations if one.endswith(":vpn.md")} == {len("upload:123456789012:vpn.md")}
    assert ("Secret.", ("team-a",)) in await texts(procedures)
    assert (await procedures.ingest(uploaded("# VPN\n\nOpen.", "vpn.md", **more))).unchanged == ["vpn.md"]


@pytest.mark.parametrize("more", [{"labels": ["team-a", "team-b"]}, {"carried": ["team-a"]}])
async def test_who_sees_a_document_replaces_it(procedures: Procedures, more: dict[str, object]) -> None:
    await procedures.ingest(uploaded("# VPN\n\nSecret.", labels=["team-a"]))
    assert (await procedures.ingest(uploaded("# VPN\n\nNew.", "vpn.md", **more))).updated == ["vpn.md"]
    [(text, labels)] = await texts(procedures)
    assert (text, labels[0]) == ("New.", "team-a")


async def test_labels_are_lifted_by_who_carries_one_alone(procedures: Procedures) -> None:
    await procedures.ingest(uploaded("# VPN\n\nSecret.", labels=["team-a"]))
    assert (await procedures.ingest(uploaded("# VPN\n\nSecret.", labels=[]))).added == ["vpn.md"]
    assert await texts(procedures) == [("Secret.", ()), ("Secret.", ("team-a",))]
    await procedures.remove(next(one.id for one in await procedures._library.documents() if not one.labels))
    assert (await procedures.ingest(uploaded("# VPN\n\nSecret.", labels=[], carried=["team-a"]))).updated == ["vpn.md"]
    assert await texts(procedures) == [("Secret.", ())]


async def test_a_label_in_the_text_hides_an_upload_from_the_next_one(procedures: Procedures) -> None:
    await procedures.ingest(uploaded("---\nlabels: [team-a]\n---\n# VPN\n\nSecret."))
    assert (await procedures.ingest(uploaded("# VPN\n\nOpen."))).added == ["vpn.md"]
    assert await texts(procedures) == [("Open.", ()), ("Secret.", ("team-a",))]


@pytest.mark.parametrize("second", ["net/vpn.md", "../../net/vpn.md", "\\net\\vpn.md"])
async def test_of_two_uploads_of_a_name_that_come_at_once_the_first_is_kept(
    procedures: Procedures, second: str
) -> None:
    named = [("net/vpn.md", b"# VPN\n\nOne."), (second, b"# VPN\n\nTwo."), ("mail.md", b"# Mail\n\nThree.")]
    report = await procedures.ingest(IngestRequest(documents=[SentDocument.of(*one) for one in named]))
    assert report.added == ["net/vpn.md", "mail.md"]
    [failed] = report.failed
    assert failed.source == "net/vpn.md"
    assert failed.reason == "another document of that name comes before it in this request"
    assert await texts(procedures) == [("One.", ()), ("Three.", ())]


async def test_an_upload_that_comes_twice_at_once_is_one_document(procedures: Procedures) -> None:
    report = await procedures.ingest(IngestRequest(documents=[SentDocument.of("vpn.md", b"# VPN\n\nOne.")] * 2))
    assert (report.failed, await texts(procedures)) == ([], [("One.", ())])


async def test_an_address_that_others_hide_is_read_for_who_does_not_see_it(wiki: str, library: Library) -> None:
    url = f"{wiki}/vpn"
    await import_documents(IngestRequest(urls=[url], labels=["team-a"]), library, web=LOOPBACK)
    Wiki.asked.clear()
    assert (await import_documents(IngestRequest(urls=[url], labels=[]), library, web=LOOPBACK)).added == [url]
    assert Wiki.asked == [("/vpn", None)]
    assert sorted(tuple(one.labels) for one in await library.documents()) == [(), ("team-a",)]
    kept = await import_documents(IngestRequest(urls=[url], labels=["team-a"]), library, web=LOOPBACK, keeps=True)
    assert (kept.unchanged, kept.updated) == ([url], [])


async def test_where_documents_lie_is_said_by_who_keeps_the_database(
    procedures: Procedures, folder: Path, tables: AsyncEngine
) -> None:
    await procedures.add([folder])
    path = folder / "disk.md"
    forged = IngestRequest(documents=[SentDocument.of("runbooks/disk.md", b"# Disk\n\nForged.", str(path))])
    [failed] = (await procedures.ingest(forged)).failed
    assert failed.reason.startswith("where a document lies is said by `lexiquery sop add` alone")
    seen = [SeenDocument.of("runbooks/disk.md", path.read_bytes(), str(path))]
    for request in (IngestRequest(seen=seen), IngestRequest(folders=[str(folder)], allow_empty=True)):
        with pytest.raises(Forbidden, match="is said by `lexiquery sop add` alone"):
            await procedures.ingest(request)
    key = await keeper_key(tables)
    for request in (
        signed(forged, bytes(32)),
        forged.model_copy(update={"signature": signed(IngestRequest(seen=seen), key).signature}),
        forged.model_copy(update={"signature": "é"}),
    ):
        with pytest.raises(Forbidden, match="not signed with the key of this database"):
            await procedures.ingest(request)
    assert (await procedures.add([folder])).unchanged == ALL
    sent: IngestReport = await procedures.ingest(signed(forged, key))
    assert sent.updated == ["runbooks/disk.md"]


async def test_the_key_is_the_same_for_every_process(tables: AsyncEngine) -> None:
    assert await keeper_key(tables) == await keeper_key(tables)
    assert len(await keeper_key(tables)) == 32
