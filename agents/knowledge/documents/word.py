"""DOCX: text, lists with their numbers, code, tables; hidden text left out, and no more unpacked than allowed."""

from __future__ import annotations

import io
import re
import zipfile
from typing import TYPE_CHECKING, Any

from agents.knowledge.documents.document import Document, title_of
from agents.knowledge.documents.elements import END, HEADING, blocks_of, unstructured
from agents.knowledge.documents.hidden import TINY, Hidden, without_shapeless
from agents.knowledge.documents.plain import with_step
from agents.knowledge.documents.word_code import take_out_code
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from docx.document import Document as Word

MAX_UNZIPPED_BYTES = 100 * 1024 * 1024
MAX_PARTS = 2_000
_PIECE = 2**16
_HEADING = re.compile(r"heading ([1-9])$|title$", re.IGNORECASE)
_PLAIN_TABLES = ("TableGrid", "TableNormal", "")


def read_docx(name: str, content: bytes) -> Document:
    import docx

    document = docx.Document(io.BytesIO(_bounded(content)))
    hidden = Hidden()
    notes = _prepare(document, hidden)
    code = take_out_code(document)
    buffer = io.BytesIO()
    document.save(buffer)
    buffer.seek(0)
    elements = unstructured().partition_docx(file=buffer, languages=[""])
    blocks = [with_step(block) for block in blocks_of(elements, code)]
    title = (document.core_properties.title or "").strip()
    first = next((block.text for block in blocks if block.kind == "heading"), None)
    return Document(first or title or title_of(blocks, name), blocks, [*notes, *hidden.notes()])


def _bounded(content: bytes) -> bytes:
    """The archive again, of parts whose real sizes were counted: what an archive says of itself can be a lie."""
    packed = io.BytesIO()
    total = 0
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(packed, "w") as copy:
        if len(archive.infolist()) > MAX_PARTS:
            raise InvalidInput(f"{len(archive.infolist()):,} parts, more than the {MAX_PARTS:,} allowed")
        for name in dict.fromkeys(archive.namelist()):
            # Pictures and embedded files are nobody's text; their place is kept, for the text points at it.
            is_text = name.endswith((".xml", ".rels"))
            part = _unpacked(archive, name, MAX_UNZIPPED_BYTES - total) if is_text else b""
            total += len(part)
            if b"<!DOCTYPE" in part:
                raise InvalidInput("a part of it declares entities, which no word processor does")
            copy.writestr(name, part)
    return packed.getvalue()


def _unpacked(archive: zipfile.ZipFile, name: str, room: int) -> bytes:
    found = io.BytesIO()
    with archive.open(name) as part:
        while piece := part.read(_PIECE):
            if found.tell() + len(piece) > room:
                raise InvalidInput(f"unpacks to more than the {MAX_UNZIPPED_BYTES:,} bytes allowed")
            found.write(piece)
    return found.getvalue()


def _prepare(document: Word, hidden: Hidden) -> list[str]:
    """Take out what is not shown, and mark the headings, in all of the text. Notes of invisible characters."""
    from docx.oxml.ns import qn

    styles = {style.style_id: style.element.find(qn("w:rPr")) for style in document.styles}
    notes: list[str] = []
    for run in list(document.element.iter(qn("w:r"))):
        if why := _why_hidden(run, styles):
            hidden.add("".join(text.text or "" for text in run.iter(qn("w:t"))), why)
            run.getparent().remove(run)
    for table in list(document.element.iter(qn("w:tbl"))):
        _unfold(table)
    for text in document.element.iter(qn("w:t")):
        text.text, said = without_shapeless(text.text or "")
        notes += said
    names = {style.style_id: style.name or "" for style in document.styles}
    for paragraph in document.element.iter(qn("w:p")):
        style = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        found = _HEADING.match(names.get(style.get(qn("w:val")), "")) if style is not None else None
        first = next(paragraph.iter(qn("w:t")), None)
        if found and first is not None:
            first.text = f"{HEADING}{int(found[1] or 1) - 1}{END}{first.text}"
    return sorted(set(notes))


def _unfold(table: Any) -> None:
    """A table with tables in its cells is the layout of a page: what is in its cells takes its place, cell by cell."""
    from docx.oxml.ns import qn

    if table.find(f".//{qn('w:tbl')}") is None:
        return
    for cell in [one for one in table.iter(qn("w:tc")) if next(one.iterancestors(qn("w:tbl"))) is table]:
        for part in [*cell]:
            if part.tag in (qn("w:p"), qn("w:tbl")):
                table.addprevious(part)
    table.getparent().remove(table)


def _why_hidden(run: Any, styles: dict[str, Any]) -> str | None:
    """By the run's own properties, else by those of its style and its paragraph's."""
    from docx.oxml.ns import qn

    paragraph = next(run.iterancestors(qn("w:p")), None)
    own = run.find(qn("w:rPr"))
    named = [own.find(qn("w:rStyle"))] if own is not None else []
    named += [paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")] if paragraph is not None else []
    looks = [own, *(styles.get(style.get(qn("w:val"))) for style in named if style is not None)]
    looks = [look for look in looks if look is not None]
    vanish, colour, size = (_first(looks, qn(name)) for name in ("w:vanish", "w:color", "w:sz"))
    if vanish is not None and vanish.get(qn("w:val"), "1") not in ("0", "false", "off"):
        return "not displayed"
    # In half points.
    if size is not None and size.get(qn("w:val"), "").isdecimal() and int(size.get(qn("w:val"))) < 2 * TINY:
        return "tiny"
    white = colour is not None and colour.get(qn("w:val"), "").upper() in ("FFFFFF", "FEFEFE")
    return "white on white" if white and not _has_ground(run, looks) else None


def _first(looks: list[Any], tag: str) -> Any:
    return next((found for look in looks if (found := look.find(tag)) is not None), None)


def _has_ground(run: Any, looks: list[Any]) -> bool:
    """Whether a colour lies behind the letters: of the run, its paragraph, its cell, or a table with a style."""
    from docx.oxml.ns import qn

    places = [*looks]
    for box, properties in (("w:p", "w:pPr"), ("w:tc", "w:tcPr"), ("w:tbl", "w:tblPr")):
        above = next(run.iterancestors(qn(box)), None)
        places += [] if above is None else above.findall(qn(properties))
    for place in places:
        shade, style = place.find(qn("w:shd")), place.find(qn("w:tblStyle"))
        fill = "" if shade is None else shade.get(qn("w:fill"), "")
        if fill.upper() not in ("", "AUTO", "FFFFFF") or place.find(qn("w:highlight")) is not None:
            return True
        if style is not None and style.get(qn("w:val"), "") not in _PLAIN_TABLES:
            return True
    return False
