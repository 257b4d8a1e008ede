from __future__ import annotations

import io
import zipfile

import docx
import pytest
from pypdf import PdfWriter

from agents.knowledge import documents
from agents.knowledge.documents import Block, read_document
from shared.errors import InvalidInput
from tests.agents.knowledge.conftest import DISK


def pdf_of(*pages: str) -> bytes:
    """A PDF with a line of text a page; an empty string is a page that only a scanner saw."""
    writer = PdfWriter()
    for text in pages:
        page = writer.add_blank_page(width=300, height=300)
        if text:
            write_on(writer, page, text)
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def write_on(writer: PdfWriter, page: object, text: str) -> None:
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    stream = DecodedStreamObject()
    stream.set_data(f"BT /F1 12 Tf 20 200 Td ({text}) Tj ET".encode())
    assert isinstance(page, DictionaryObject)
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): writer._add_object(font)})}
    )
    page[NameObject("/Contents")] = writer._add_object(stream)


def test_code_in_a_list_stays_whole_and_keeps_its_language() -> None:
    blocks = read_document("disk.md", DISK.encode()).blocks
    assert Block("code", "df -h\n\ndu -xh / | sort -h", language="shell") in blocks


def test_steps_keep_their_numbers() -> None:
    steps = [block.text for block in read_document("disk.md", DISK.encode()).blocks if block.kind == "step"]
    assert steps == ["1) Find the largest folders.", "2) Look for rotated logs that nobody removed."]


def test_the_title_of_the_front_matter_wins_and_its_other_lines_are_no_text() -> None:
    document = read_document("x.md", b"---\ntitle: Disk full\nweight: 20\n---\n\nClean up.\n")
    assert (document.title, [block.text for block in document.blocks]) == ("Disk full", ["Clean up."])


def test_a_table_keeps_its_rows() -> None:
    document = read_document("x.md", b"# T\n\n| code | means |\n|---|---|\n| 5 | denied |\n")
    assert Block("table", "code | means\n5 | denied") in document.blocks


def test_untyped_code_is_recognised_by_its_words() -> None:
    html = b"<h1>T</h1><pre>SELECT a\nFROM b</pre><pre>index=web | stats count</pre><pre>T | where x == 1</pre>"
    languages = [block.language for block in read_document("x.html", html).blocks if block.kind == "code"]
    assert languages == ["sql", "spl", "kql"]


def test_plain_text_has_steps() -> None:
    document = read_document("x.txt", b"DISK FULL\n\n1. Check df.\n2. Remove logs.\n")
    assert [block.kind for block in document.blocks] == ["heading", "step", "step"]


def test_a_docx_has_headings_steps_and_tables() -> None:
    written = docx.Document()
    written.add_heading("Disk full", 0)
    written.add_paragraph("Remove old logs.", style="List Number")
    written.add_table(1, 2).cell(0, 0).text = "a"
    buffer = io.BytesIO()
    written.save(buffer)
    document = read_document("x.docx", buffer.getvalue())
    assert document.title == "Disk full"
    assert [block.kind for block in document.blocks] == ["heading", "step", "table"]


def test_a_scanned_page_is_reported() -> None:
    document = read_document("x.pdf", pdf_of("Restart the ingest service", ""))
    assert document.blocks == [Block("text", "Restart the ingest service")]
    assert document.notes == ["page 2 has no text; a scan?"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.md", b" \n", "there is no text in it"),
        ("x.pdf", pdf_of(""), "there is no text in it (page 1 has no text; a scan?)"),
        ("x.pdf", b"%PDF-1.7 cut", "not a readable .pdf file: "),
        ("x.docx", b"no zip", "not a readable .docx file: "),
        ("x.html", b"<!-- nothing else -->", "not a readable .html file: "),
        ("x.md", b"- " * 2000 + b"x", "not a readable .md file: "),
        ("x.txt", b"\0\1\2", "holds binary data, not text"),
        ("x.mdd", b"text", "can't read '.mdd' files; did you mean '.md'?"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, content: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_document(name, content)
    assert message in str(caught.value)


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_UNZIPPED_BYTES", 1000)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 1001)
    with pytest.raises(InvalidInput, match=r"unpacks to 1,001 bytes, more than the 1,000 allowed"):
        read_document("x.docx", buffer.getvalue())


def test_text_that_is_not_utf8_is_read_as_windows_1252_and_said() -> None:
    document = read_document("x.txt", "Grüße aus Köln, die Platte ist voll.".encode("cp1252"))
    assert document.blocks[0].text == "Grüße aus Köln, die Platte ist voll."
    assert document.notes == ["byte 2 is not UTF-8; read as Windows-1252"]
