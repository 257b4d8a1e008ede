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
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
"""Names as ISO/IEC 29500 has them in its Strict form; Word and python-docx use those of the Transitional one."""
_AROUND = ("w:ins", "w:moveTo", "w:smartTag", "w:customXml", "w:fldSimple", "w:sdt", "w:sdtContent", "w:bdo", "w:dir")
_GONE = ("w:del", "w:moveFrom", "w:sdtPr", "w:sdtEndPr", "w:smartTagPr", "w:customXmlPr", "w:fldData")
_FORMS, _CHOICE, _FALLBACK = (
    f"{{http://schemas.openxmlformats.org/markup-compatibility/2006}}{name}"
    for name in ("AlternateContent", "Choice", "Fallback")
)
_CONTENTS = re.compile(r"toc [1-9]$", re.IGNORECASE)


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
            copy.writestr(name, _STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", part))
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

    _take_out_contents(document)
    _accept(document)
    styles = {style.style_id: style.element.find(qn("w:rPr")) for style in document.styles}
    _take_out_of_boxes(document, styles, hidden)
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


def _take_out_contents(document: Word) -> None:
    """Tables of contents: a form of their own, or paragraphs in their styles."""
    from docx.oxml.ns import qn

    body = document.element.body
    for form in [one for one in body.iter(qn("w:sdt")) if _is_contents(one)]:
        form.getparent().remove(form)
    styles = {style.style_id for style in document.styles if _CONTENTS.match(style.name or "")}
    for paragraph in body.iter(qn("w:p")):
        named = paragraph.find(f"{qn('w:pPr')}/{qn('w:pStyle')}")
        if named is not None and named.get(qn("w:val")) in styles:
            paragraph[:] = [one for one in paragraph if one.tag == qn("w:pPr")]


def _is_contents(form: Any) -> bool:
    from docx.oxml.ns import qn

    gallery = form.find("/".join(map(qn, ("w:sdtPr", "w:docPartObj", "w:docPartGallery"))))
    return gallery is not None and gallery.get(qn("w:val")) == "Table of Contents"


def _accept(document: Word) -> None:
    """Tracked changes as if accepted, and what stands in fields, forms and tags as text like any other: python-docx
    passes over it all. Of what is there in several forms, for programs that do not know the first, that one stays."""
    from docx.oxml.ns import qn

    body = document.element.body
    _join(body)
    gone = [one for one in body.iter(qn("w:tr")) if one.find(f"{qn('w:trPr')}/{qn('w:del')}") is not None]
    gone += [one for one in body.iter(_CHOICE) if next(one.itersiblings(_CHOICE, preceding=True), None) is not None]
    for one in [*gone, *body.iter(_FALLBACK, *map(qn, _GONE))]:
        one.getparent().remove(one)
    for around in list(body.iter(_FORMS, _CHOICE, *map(qn, _AROUND))):
        for part in [*around]:
            around.addprevious(part)
        around.getparent().remove(around)


def _join(body: Any) -> None:
    """A paragraph whose end is deleted goes on in the next one, which keeps its own look."""
    from docx.oxml.ns import qn

    ends = [f"{qn('w:pPr')}/{qn('w:rPr')}/{qn(name)}" for name in ("w:del", "w:moveFrom")]
    for paragraph in reversed([*body.iter(qn("w:p"))]):
        after = paragraph.getnext()
        if after is None or after.tag != qn("w:p") or all(paragraph.find(end) is None for end in ends):
            continue
        # A search for it reads on to the end of the paragraph, which grows.
        first = next(iter(after), None)
        place = first if first is not None and first.tag == qn("w:pPr") else after.get_or_add_pPr()
        for part in reversed([one for one in paragraph if one.tag != qn("w:pPr")]):
            place.addnext(part)
        paragraph.getparent().remove(paragraph)


def _take_out_of_boxes(document: Word, styles: dict[str, Any], hidden: Hidden) -> None:
    """What is in a box of text comes behind the paragraph that it is fastened to."""
    from docx.oxml.ns import qn

    for box in reversed([*document.element.body.iter(qn("w:txbxContent"))]):
        paragraph = next(box.iterancestors(qn("w:p")), None)
        if _is_hidden_box(box, styles):
            hidden.add(" ".join(text.text or "" for text in box.iter(qn("w:t"))), "not displayed")
        elif paragraph is not None:
            for part in reversed([*box]):
                paragraph.addnext(part)
        box.getparent().remove(box)


def _is_hidden_box(box: Any, styles: dict[str, Any]) -> bool:
    """By itself, by a group that it is in, or by the text that it is fastened to."""
    from docx.oxml.ns import qn

    frames = box.iterancestors("{*}anchor", "{*}inline", "{*}wsp", "{*}grpSp", "{*}wgp")
    names = [one.find(tag) for one in frames for tag in ("{*}docPr", "{*}cNvPr")]
    looks = "".join(one.get("style", "") for one in box.iterancestors())
    return (
        any(one.get("hidden") in ("1", "true") for one in names if one is not None)
        or "visibility:hidden" in looks.replace(" ", "").lower()
        or any(_why_hidden(run, styles) == "not displayed" for run in box.iterancestors(qn("w:r")))
    )


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
