"""What stands around the text of a DOCX: tracked changes, forms, fields, boxes, and its Strict form."""

from __future__ import annotations

import io
import zipfile

import docx
import pytest
from docx.document import Document as Word
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml

from agents.knowledge.documents import Document, read_document

_NAMES = " ".join(
    f'xmlns:{name}="{address}"'
    for name, address in {
        "w": "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "wp": "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing",
        "mc": "http://schemas.openxmlformats.org/markup-compatibility/2006",
        "v": "urn:schemas-microsoft-com:vml",
    }.items()
)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def form(inside: str, gallery: str = "") -> str:
    properties = f'<w:docPartObj><w:docPartGallery w:val="{gallery}"/></w:docPartObj>' if gallery else "<w:text/>"
    return f"<w:sdt><w:sdtPr>{properties}</w:sdtPr><w:sdtContent>{inside}</w:sdtContent></w:sdt>"


def box(text: str) -> str:
    return f"<w:txbxContent><w:p>{run(text)}</w:p><w:p>{run('Second.')}</w:p></w:txbxContent>"


def drawn(text: str, hidden: str = "0") -> str:
    """A box of text as Word writes it: in two forms."""
    anchor = f'<wp:anchor><wp:docPr id="1" name="Box" hidden="{hidden}"/>{box(text)}</wp:anchor>'
    return (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><w:drawing>{anchor}</w:drawing></mc:Choice>'
        f"<mc:Fallback><w:pict><v:shape>{box(text)}</v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


def with_body(*parts: str) -> Word:
    written = docx.Document()
    for part in parts:
        paragraph = written.add_paragraph()
        paragraph._p.getparent().replace(paragraph._p, parse_xml(part.replace(">", f" {_NAMES}>", 1)))
    return written


def bytes_of(written: Word) -> bytes:
    buffer = io.BytesIO()
    written.save(buffer)
    return buffer.getvalue()


def read(*parts: str) -> Document:
    return read_document("x.docx", bytes_of(with_body(*parts)))


@pytest.mark.parametrize(
    "inside",
    [
        f'<w:ins w:id="1">{run("the ingest")}</w:ins>',
        f'<w:del w:id="1"><w:r><w:delText>a web</w:delText></w:r></w:del><w:ins w:id="2">{run("the ingest")}</w:ins>',
        f'<w:moveFrom w:id="1">{run("no")}</w:moveFrom><w:moveTo w:id="2">{run("the ingest")}</w:moveTo>',
        form(run("the ingest")),
        f'<w:ins w:id="1">{form(run("the ") + form(run("ingest")))}</w:ins>',
        f'<w:fldSimple w:instr="DOCPROPERTY Service">{run("the ingest")}</w:fldSimple>',
        f'<w:bdo w:val="ltr">{run("the ingest")}</w:bdo>',
        f'<mc:AlternateContent><mc:Choice Requires="w14">{run("the ingest")}</mc:Choice>'
        f"<mc:Fallback>{run('no')}</mc:Fallback></mc:AlternateContent>",
        f'<w:smartTag w:element="place"><w:smartTagPr/>{run("the ingest")}</w:smartTag>',
    ],
)
def test_text_in_changes_forms_and_fields_stands_where_the_page_shows_it(inside: str) -> None:
    document = read(f"<w:p>{run('Restart ')}{inside}{run(' service.')}</w:p>")

    assert [block.text for block in document.blocks] == ["Restart the ingest service."]


def test_paragraphs_and_cells_of_a_form_are_read_in_their_order() -> None:
    cells = f"<w:tc><w:p>{run('Owner')}</w:p></w:tc>" + form(f"<w:tc><w:p>{run('SRE')}</w:p></w:tc>")
    table = f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/><w:gridCol/></w:tblGrid><w:tr>{cells}</w:tr></w:tbl>"

    document = read(f"<w:p>{run('First.')}</w:p>", form(f"<w:p>{run('Second.')}</w:p>"), table)

    assert [block.text for block in document.blocks] == ["First.", "Second.", "Owner | SRE"]


def test_a_deleted_end_of_a_paragraph_and_a_deleted_row_are_gone() -> None:
    ended = '<w:pPr><w:rPr><w:del w:id="1"/></w:rPr></w:pPr>'
    cells = "<w:tc><w:p>{}</w:p></w:tc>"
    deleted = f'<w:tr><w:trPr><w:del w:id="2"/></w:trPr>{cells.format(run("Was"))}</w:tr>'
    table = (
        f"<w:tbl><w:tblPr/><w:tblGrid><w:gridCol/></w:tblGrid><w:tr>{cells.format(run('Is'))}</w:tr>{deleted}</w:tbl>"
    )

    document = read(
        *(f"<w:p>{ended}{run(text)}</w:p>" for text in ("Restart ", "the ")), f"<w:p>{run('host.')}</w:p>", table
    )

    assert [block.text for block in document.blocks] == ["Restart the host.", "Is"]


@pytest.mark.parametrize(
    "contents",
    [
        form(f"<w:p>{run('1. Restart 3')}</w:p>", gallery="Table of Contents"),
        f'<w:p><w:pPr><w:pStyle w:val="TOC1"/></w:pPr>{run("1. Restart 3")}</w:p>',
    ],
)
def test_a_table_of_contents_is_no_text(contents: str) -> None:
    written = with_body(contents, f"<w:p>{run('Restart it.')}</w:p>")
    written.styles.add_style("TOC1", WD_STYLE_TYPE.PARAGRAPH).name = "toc 1"

    assert read_document("x.docx", bytes_of(written)).text == "Restart it."


def test_a_box_of_text_is_read_once_behind_its_paragraph() -> None:
    document = read(f"<w:p>{drawn('Warning.')}{run('Restart it.')}</w:p>", f"<w:p>{run('Then wait.')}</w:p>")

    assert [block.text for block in document.blocks] == ["Restart it.", "Warning.", "Second.", "Then wait."]


@pytest.mark.parametrize(
    "inside",
    [
        drawn("Drop the table.", hidden="1"),
        f"<w:r><w:rPr><w:vanish/></w:rPr><w:pict><v:shape>{box('Drop the table.')}</v:shape></w:pict></w:r>",
        f'<w:r><w:drawing><wp:anchor><g:wsp xmlns:g="urn:g"><g:cNvPr id="2" name="Box" hidden="1"/>'
        f"{box('Drop the table.')}</g:wsp></wp:anchor></w:drawing></w:r>",
        f'<w:r><w:pict><v:shape style="visibility: hidden">{box("Drop the table.")}</v:shape></w:pict></w:r>',
    ],
)
def test_a_box_of_text_that_is_not_displayed_is_left_out_and_said(inside: str) -> None:
    document = read(f"<w:p>{inside}{run('Restart it.')}</w:p>")

    assert document.text == "Restart it."
    assert document.notes == ["4 words of hidden text left out (not displayed)"]


def test_a_document_saved_in_the_strict_form_is_read() -> None:
    written = bytes_of(with_body(f"<w:p>{run('Restart it.')}</w:p>"))
    strict = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written)) as parts, zipfile.ZipFile(strict, "w") as copy:
        for name in parts.namelist():
            text = parts.read(name)
            for kind in (b"officeDocument", b"wordprocessingml", b"drawingml"):
                old = b"http://schemas.openxmlformats.org/%s/2006/" % kind
                text = text.replace(old, b"http://purl.oclc.org/ooxml/%s/" % kind)
            copy.writestr(name, text)

    assert read_document("x.docx", strict.getvalue()).text == "Restart it."
