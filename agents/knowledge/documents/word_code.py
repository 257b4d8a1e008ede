"""Code in a DOCX: paragraphs in a style for code, or all of whose letters are of one width."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from agents.knowledge.documents.code import code_block, is_monospaced
from agents.knowledge.documents.document import Block
from agents.knowledge.documents.elements import CODE, END, HEADING
from agents.knowledge.documents.plain import with_step

if TYPE_CHECKING:
    from docx.document import Document as Word

_STYLE = re.compile(
    r"html (?:preformatted|code)|preformatted(?: text)?|plain ?text|macro(?: ?text)?|verbatim|"
    r"(?:(?:source|program|sql|kql|spl|query)[ _-]?)?code(?:[ _-]?(?:block|snippet|listing|sample|example|text))?",
    re.IGNORECASE,
)
_PLAIN_TEXT = re.compile(r"plain ?text", re.IGNORECASE)
"""Outlook sets whole messages in it, in an ordinary font."""
_ANY_TEXT = re.compile(r"html preformatted|preformatted(?: text)?|plain ?text", re.IGNORECASE)
"""Styles that whole documents are set in."""
_QUERIES = ("kql", "spl", "sql")
_PROSE = re.compile(r"\s*[A-Z][a-z']*[,:]?\s+\w|.*[\w)\"'\]][.!?:]\s*$")
"""A line that begins or ends as a sentence does, and those of queries do not."""
_COLUMNS = re.compile(r"\s*[^|\s][^|]*\|")
_DEEPEST = 20
"""Styles that are based on one another; circles exist."""


def take_out_code(document: Word) -> list[Block]:
    """The pieces of code, in order; a mark stays in the place of each. What stands in a table stays there, unless the
    table is nothing but the box around it. Where most letters are of one width, that says nothing: only what looks like
    a query is code then, or has a style that is for code alone. Headings are marked by now."""
    from docx.oxml.ns import qn

    styles = _Styles(document)
    for table in list(document.element.iter(qn("w:tbl"))):
        _unbox(table, styles)
    paragraphs = [one for one in document.element.body.iter(qn("w:p")) if _is_free(one)]
    body = [one for one in paragraphs if one.text.strip() and HEADING not in one.text]
    only = all(styles.is_monospaced(one) for one in body)
    unsure = _is_mostly_typed([one for one in body if not styles.is_for_code(one)], styles)
    snippets: list[Block] = []
    for found in _pieces(paragraphs, styles):
        named = all(styles.is_for_code(one) for one in found)
        for piece in [found] if named or not unsure else _parts(found):
            block = code_block(_text(piece))
            if (block.language or not only) if named else (not unsure or _is_query(block)):
                _mark(piece, len(snippets))
                snippets.append(block)
    return snippets


def _mark(piece: list[Any], number: int) -> None:
    """The mark of a snippet in place of its paragraphs, which are left empty."""
    from docx.oxml.ns import qn

    for paragraph in piece:
        for part in [part for part in paragraph if part.tag != qn("w:pPr")]:
            paragraph.remove(part)
    piece[0].add_r().text = f"{CODE}{number}{END}"


def _is_mostly_typed(paragraphs: list[Any], styles: _Styles) -> bool:
    """Whether more than half of the letters are of one width, or in a style for code."""
    typed = sum(styles.typed(one) for one in paragraphs)
    return 2 * typed > sum(_letters(one.text) for one in paragraphs)


def _letters(text: str) -> int:
    return len("".join(text.split()))


def _parts(piece: list[Any]) -> Iterator[list[Any]]:
    """Parted at empty paragraphs and at steps, which are in none."""
    part: list[Any] = []
    for paragraph in piece:
        if paragraph.text.strip() and not _is_step(paragraph.text):
            part.append(paragraph)
        elif part:
            yield part
            part = []
    if part:
        yield part


def _is_step(text: str) -> bool:
    return with_step(Block("text", text)).kind == "step"


def _is_query(block: Block) -> bool:
    """Whether it is nothing but queries: neither sentences, nor steps, nor a table drawn with bars."""
    lines = block.text.split("\n")
    if any(_PROSE.match(line) or _is_step(line) for line in lines):
        return False
    if len(lines) > 1 and all(map(_COLUMNS.match, lines)):
        return False
    return all(code_block(part).language in _QUERIES for part in re.split(r"\n\s*\n", block.text))


def _is_free(paragraph: Any) -> bool:
    """Whether it stands in no table and holds no box of text."""
    from docx.oxml.ns import qn

    return (
        next(paragraph.iterancestors(qn("w:tbl")), None) is None
        and next(paragraph.iter(qn("w:txbxContent")), None) is None
    )


def _unbox(table: Any, styles: _Styles) -> None:
    """A table of one cell with code in it is a box: what is in the cell takes its place."""
    from docx.oxml.ns import qn

    cells = list(table.iter(qn("w:tc")))
    if len(cells) != 1 or not any(styles.is_code(one) for one in cells[0].findall(qn("w:p"))):
        return
    for part in [*cells[0]]:
        if part.tag == qn("w:p"):
            table.addprevious(part)
    table.getparent().remove(table)


def _pieces(paragraphs: list[Any], styles: _Styles) -> Iterator[list[Any]]:
    """Runs of paragraphs of code that follow one another; empty ones between them belong to it if they are of its
    kind."""
    piece: list[Any] = []
    for last, paragraph in pairwise([None, *paragraphs]):
        is_code = styles.is_code(paragraph)
        if piece and not (is_code and paragraph.getprevious() is last):
            yield piece
            piece = []
        if is_code and (piece or paragraph.text.strip()):
            piece.append(paragraph)
    if piece:
        yield piece


def _text(piece: list[Any]) -> str:
    """Paragraphs are lines; where one has lines of its own, it is a part of its own, with a blank line behind it."""
    texts = [one.text.replace("\u00a0", " ").strip("\n").rstrip() for one in piece]
    ends = ["\n\n" if "\n" in one + other else "\n" for one, other in pairwise(texts)]
    return "".join(text + end for text, end in zip(texts, [*ends, ""], strict=True)).rstrip()


class _Styles:
    """What the styles of a document say of its letters."""

    def __init__(self, document: Word) -> None:
        from docx.oxml.ns import qn

        self._styles = {style.style_id: style for style in document.styles}
        usual = (one for one in document.styles if one.element.get(qn("w:default")) in ("1", "true"))
        self._default = next((one.style_id for one in usual if one.element.get(qn("w:type")) == "paragraph"), "")
        self._base = _font(document.styles.element.find(f"{qn('w:docDefaults')}/{qn('w:rPrDefault')}/{qn('w:rPr')}"))

    def is_code(self, paragraph: Any) -> bool:
        """Headings and entries of lists are none."""
        from docx.oxml.ns import qn

        if HEADING in paragraph.text or self._is_listed(paragraph):
            return False
        chain = self._chain(self._style_of(paragraph, "w:pPr/w:pStyle", self._default))
        named = next((name for style in chain if _STYLE.fullmatch(name := style.name or "")), "")
        font = next((font for style in chain if (font := _font(style.element.find(qn("w:rPr"))))), "")
        if named and not (_PLAIN_TEXT.fullmatch(named) and font and not is_monospaced(font)):
            return True
        return self.is_monospaced(paragraph)

    def is_for_code(self, paragraph: Any) -> bool:
        """Whether its style is for code, and is none that whole documents are set in."""
        chain = self._chain(self._style_of(paragraph, "w:pPr/w:pStyle", self._default))
        named = next((name for style in chain if _STYLE.fullmatch(name := style.name or "")), "")
        return bool(named) and not _ANY_TEXT.fullmatch(named) and self.is_code(paragraph)

    def typed(self, paragraph: Any) -> int:
        """How many of its letters are of one width; all of them in a style for code."""
        from docx.oxml.ns import qn

        if self.is_code(paragraph):
            return _letters(paragraph.text)
        runs = paragraph.iter(qn("w:r"))
        return sum(_letters(one.text) for one in runs if is_monospaced(self._font_of(one.find(qn("w:rPr")), paragraph)))

    def is_monospaced(self, paragraph: Any) -> bool:
        """Of a paragraph without letters, those that would be typed into it."""
        from docx.oxml.ns import qn

        runs = [run for run in paragraph.iter(qn("w:r")) if run.text.strip()]
        looks = [run.find(qn("w:rPr")) for run in runs] or [paragraph.find(f"{qn('w:pPr')}/{qn('w:rPr')}")]
        return all(is_monospaced(self._font_of(look, paragraph)) for look in looks)

    def _font_of(self, look: Any, paragraph: Any) -> str:
        from docx.oxml.ns import qn

        if own := _font(look):
            return own
        named = "" if look is None else self._style_of(look, "w:rStyle", "")
        above = self._style_of(paragraph, "w:pPr/w:pStyle", self._default)
        styles = [*self._chain(named), *self._chain(above)]
        return next((font for style in styles if (font := _font(style.element.find(qn("w:rPr"))))), self._base)

    def _is_listed(self, paragraph: Any) -> bool:
        from docx.oxml.ns import qn

        numbering = f"{qn('w:pPr')}/{qn('w:numPr')}"
        chain = self._chain(self._style_of(paragraph, "w:pPr/w:pStyle", self._default))
        return any(one.find(numbering) is not None for one in (paragraph, *(style.element for style in chain)))

    def _style_of(self, element: Any, path: str, default: str) -> str:
        from docx.oxml.ns import qn

        found = element.find("/".join(qn(step) for step in path.split("/")))
        return default if found is None else str(found.get(qn("w:val"), default))

    def _chain(self, style_id: str) -> list[Any]:
        """The style and those that it is based on, the nearest first."""

        chain: list[Any] = []
        while (style := self._styles.get(style_id)) is not None and len(chain) < _DEEPEST:
            chain.append(style)
            style_id = self._style_of(style.element, "w:basedOn", "")
        return chain


def _font(look: Any) -> str:
    """The font that run properties name for Latin letters; of a theme it is none that is known."""
    from docx.oxml.ns import qn

    fonts = None if look is None else look.find(qn("w:rFonts"))
    if fonts is None:
        return ""
    names = (fonts.get(qn(f"w:{name}")) for name in ("asciiTheme", "ascii", "hAnsiTheme", "hAnsi"))
    return next(filter(None, names), "")
