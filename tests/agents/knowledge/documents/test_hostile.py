"""Files made to do harm are refused or bounded, and the next document is read all the same."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path

import docx
import pytest
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject

from agents.knowledge.documents import markdown, pdf, plain, read_document, word
from agents.knowledge.ingest.reader import Reader
from shared.errors import InvalidInput
from shared.settings import Settings
from tests.agents.knowledge.pages import painted, pdf_of


def word_with(part: str, content: bytes) -> bytes:
    """A DOCX of Word's own template with one part replaced, or left out when its content is empty."""
    whole, changed = io.BytesIO(), io.BytesIO()
    docx.Document().save(whole)
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
        if content:
            target.writestr(part, content)
    return changed.getvalue()


def refused(name: str, content: bytes) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_document(name, content)
    return str(caught.value)


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word, "MAX_UNZIPPED_BYTES", 1_000_000)
    bomb = word_with("word/document.xml", b"0" * 1_000_001)
    assert len(bomb) < 100_000
    assert refused("x.docx", bomb) == "unpacks to more than the 1,000,000 bytes allowed"


def test_a_zip_bomb_that_lies_of_its_size_is_stopped_by_what_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word, "MAX_UNZIPPED_BYTES", 1_000_000)
    bomb = word_with("word/document.xml", b"0" * 3_000_000)
    assert bomb.count(struct.pack("<I", 3_000_000)) == 2
    lie = bomb.replace(struct.pack("<I", 3_000_000), struct.pack("<I", 10))
    assert refused("x.docx", lie).startswith("not a readable .docx file: ")


def test_an_archive_in_the_archive_stays_packed() -> None:
    inner = word_with("word/document.xml", b"0" * 1_000_000)
    assert refused("x.docx", word_with("word/embeddings/inner.docx", inner)) == "there is no text in it"


def test_an_archive_of_very_many_parts_is_refused() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(word.MAX_PARTS + 1):
            archive.writestr(f"{number}.xml", b"")
    assert refused("x.docx", buffer.getvalue()) == "2,001 parts, more than the 2,000 allowed"


_NAMESPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def body(text: str, doctype: str = "") -> bytes:
    paragraph = f"<w:p><w:r><w:t>Restart it. {text}</w:t></w:r></w:p>"
    head = '<?xml version="1.0"?>'
    return f"{head}{doctype}<w:document {_NAMESPACE}><w:body>{paragraph}</w:body></w:document>".encode()


_GROWING = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        f'<!ENTITY x0 "0000000000">{_GROWING}<!ENTITY x "&x11;">',
    ],
)
def test_a_docx_with_entities_of_its_own_is_refused(entities: str) -> None:
    document = body("&x;", f"<!DOCTYPE w:document [{entities}]>")
    for encoded in (document, document.decode().replace("?>", ' encoding="UTF-16"?>').encode("utf-16")):
        assert refused("x.docx", word_with("word/document.xml", encoded))
    assert read_document("x.docx", word_with("word/document.xml", body("Then wait."))).text == "Restart it. Then wait."


@pytest.mark.parametrize("part", ["word/document.xml", "[Content_Types].xml", "_rels/.rels", "word/styles.xml"])
def test_a_docx_without_a_part_is_reported(part: str) -> None:
    assert refused("x.docx", word_with(part, b""))


def test_a_pdf_of_very_many_pages_is_read_as_far_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "MAX_PAGES", 2)
    writer = PdfWriter(clone_from=io.BytesIO(pdf_of("One.", "Two.")))
    pages = writer._root_object["/Pages"].get_object()
    assert isinstance(pages, DictionaryObject)
    kids = pages["/Kids"]
    assert isinstance(kids, ArrayObject)
    kids.extend([kids[0]] * 10_000)
    pages[NameObject("/Count")] = NumberObject(10_002)
    buffer = io.BytesIO()
    writer.write(buffer)
    document = read_document("x.pdf", buffer.getvalue())
    assert [block.text for block in document.blocks] == ["One. Two."]
    assert document.notes == ["pages 3 to 10,002 were not read; split the file"]


def test_a_page_tree_that_contains_itself_ends() -> None:
    writer = PdfWriter(clone_from=io.BytesIO(pdf_of("Restart it")))
    pages = writer._root_object["/Pages"].get_object()
    assert isinstance(pages, DictionaryObject)
    kids = pages["/Kids"]
    assert isinstance(kids, ArrayObject)
    kids.append(writer._root_object.raw_get("/Pages"))
    pages[NameObject("/Count")] = NumberObject(1_000_000_000)
    buffer = io.BytesIO()
    writer.write(buffer)
    assert refused("x.pdf", buffer.getvalue()).startswith("not a readable .pdf file: ")


def test_markdown_and_html_nested_without_end_are_bounded() -> None:
    deep = b"<div>" * 1_000_000 + b"inside"
    assert "nested more than 256 deep" in refused("x.html", deep)
    assert refused("x.md", b"> " * 100_000 + b"inside") == "there is no text in it"


async def test_what_takes_too_long_or_too_much_is_ended_and_the_next_document_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Brackets that never close, and a page whose letters unpack to 300 MB, in a process that has no keys."""
    monkeypatch.setenv("LEXIQUERY_API_KEY", "secret")
    strict = Reader(Settings(document_seconds=3, document_memory_mb=200))
    with pytest.raises(InvalidInput, match=r"^takes more than 3 seconds to read$"):
        await strict.read("slow.md", b"[" * 300_000)
    assert (await strict.read("x.md", b"# Disk full\n\nRestart it.\n")).title == "Disk full"
    assert strict._process
    assert b"LEXIQUERY" not in environment_of(strict._process.pid)
    with pytest.raises(InvalidInput, match=r"^takes more than 200 MiB of memory to read$"):
        await strict.read("bomb.pdf", pdf_bomb(300))
    strict.close()


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def pdf_bomb(megabytes: int) -> bytes:
    packing = zlib.compressobj(1)
    packed = b"".join([packing.compress(b" " * 1_000_000) for _ in range(megabytes)] + [packing.flush()])
    stream = b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed + b"\nendstream"
    page = painted("BT /F1 10 Tf (x) Tj ET", size=612)
    return page[: page.index(b"<<\n/Length")] + stream + page[page.index(b"endstream") + len(b"endstream") :]


@pytest.mark.parametrize("name", ["x.md", "x.txt"])
def test_text_without_end_is_refused_before_it_is_worked_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "without_shapeless", None)
    monkeypatch.setattr(markdown, "_front", None)
    said = "2,000,001 characters of text, more than the 2,000,000 allowed"
    assert refused(name, b"x" * 2_000_001) == said


def test_a_page_that_is_one_long_text_is_not_said_to_be_nested() -> None:
    assert "a text in it is too long: it was not read to its end" in refused("x.html", b"<p>" + b"a " * 5_500_000)


def test_utf_32_is_not_taken_for_utf_16() -> None:
    assert refused("x.md", "# Disk full".encode("utf-32")) == "holds binary data, not text"
