"""A page of a PDF: its visible lines, with how they look and where they stand, and its tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from agents.knowledge.documents.code import is_monospaced
from agents.knowledge.documents.document import Block
from agents.knowledge.documents.hidden import TINY, Hidden, without_shapeless
from shared.errors import InvalidInput

if TYPE_CHECKING:
    from pdfplumber.page import Page

_MAX_LETTERS = 100_000
"""Of one page; the densest of newspapers has a third."""
_MAX_STROKES = 3_000
"""Drawn lines of one page between which tables are looked for: that takes their square."""
_BOLD = re.compile(r"bold|black|heavy|-bd|cmbx|demi", re.IGNORECASE)
_INVISIBLE = (3, 7)
"""Text rendering modes (ISO 32000-1, 9.3.6) that paint nothing; a scan's recognised letters have them too."""
_UNSEEN = "not painted"
Box = tuple[float, float, float, float]
"""x0, top, x1, bottom, in points from the page's upper left corner."""


@dataclass
class Line:
    """size: of its letters, in points; top: of the line, as a share of the page's height; gap: room above it, in
    heights of the line; left: in points; width: of one of its letters."""

    text: str
    size: float
    bold: bool
    mono: bool
    top: float
    gap: float
    left: float
    width: float


@dataclass
class PageRead:
    """parts: lines and tables in the order of reading; recognised: whether the letters lie unseen over a picture."""

    number: int
    parts: list[Line | Block] = field(default_factory=list)
    recognised: bool = False


def read_page(page: Page, hidden: Hidden) -> PageRead:
    """Raises InvalidInput for a page with more letters than any page has. hidden: counts what is not seen."""
    _lay_out(page)
    if len(page.chars) > _MAX_LETTERS:
        raise InvalidInput(f"page {page.page_number} has {len(page.chars):,} letters, more than {_MAX_LETTERS:,}")
    recognised = _is_recognised(page)
    reasons = {id(letter): why for letter in page.chars if (why := _why_hidden(letter, page, recognised))}
    for why in dict.fromkeys(reasons.values()):
        hidden.add("".join(letter["text"] for letter in page.chars if reasons.get(id(letter)) == why), why)
    shown = page.filter(lambda one: id(one) not in reasons) if reasons else page
    tables = _tables(shown)
    lines = list(_lines(shown, [box for _, box in tables]))
    return PageRead(page.page_number, _in_order(lines, tables, float(page.height)), recognised)


def _lay_out(page: Page) -> None:
    """As pdfplumber does it, with a tag on each letter that is not painted."""
    from pdfminer.pdfinterp import PDFPageInterpreter
    from pdfplumber.page import PDFPageAggregatorWithMarkedContent

    class Device(PDFPageAggregatorWithMarkedContent):
        def render_string(self, textstate: Any, *rest: Any) -> None:
            tag = self.cur_tag
            if textstate.render in _INVISIBLE:
                self.cur_tag = _UNSEEN
            super().render_string(textstate, *rest)
            self.cur_tag = tag

    device = Device(page.pdf.rsrcmgr, pageno=page.page_number, laparams=page.pdf.laparams)
    PDFPageInterpreter(page.pdf.rsrcmgr, device).process_page(page.page_obj)
    page._layout = device.get_result()


def _is_recognised(page: Page) -> bool:
    """Whether most letters are not painted and a picture covers most of the page: a scan that a program has read."""
    unseen = sum(letter.get("tag") == _UNSEEN for letter in page.chars)
    area = float(page.width * page.height)
    covered = max((image["width"] * image["height"] for image in page.images), default=0)
    return bool(unseen > len(page.chars) / 2 and covered > area / 2)


def _why_hidden(letter: dict[str, Any], page: Page, recognised: bool) -> str | None:
    if letter.get("tag") == _UNSEEN and not recognised:
        return _UNSEEN
    if 0 < letter["size"] < TINY:
        return "tiny"
    x0, top, x1, bottom = page.bbox
    if letter["x1"] < x0 or letter["x0"] > x1 or letter["bottom"] < top or letter["top"] > bottom:
        return "outside of the page"
    white = not recognised and _is_white(letter["non_stroking_color"])
    return "white on white" if white and not _has_ground(letter, page) else None


def _is_white(colour: Any) -> bool:
    """Of grey, RGB or CMYK, each part 0 to 1. A pattern, or what can't be told, is none."""
    if not isinstance(colour, tuple | list) or not all(isinstance(part, int | float) for part in colour):
        return False
    if len(colour) == 4:
        return bool(max(colour) <= 0.02)
    return bool(len(colour) in (1, 3) and min(colour) >= 0.98)


def _has_ground(letter: dict[str, Any], page: Page) -> bool:
    """Whether a filled box or a picture lies where the letter is."""
    x, y = (letter["x0"] + letter["x1"]) / 2, (letter["top"] + letter["bottom"]) / 2
    filled = (
        one for one in (*page.rects, *page.curves) if one.get("fill") and not _is_white(one["non_stroking_color"])
    )
    boxes = (*filled, *page.images)
    return bool(any(one["x0"] <= x <= one["x1"] and one["top"] <= y <= one["bottom"] for one in boxes))


def _tables(page: Page) -> list[tuple[Block, Box]]:
    """Those with lines around their cells, at least two by two of them, and half of them filled."""
    strokes = len(page.lines) + len(page.rects) + len(page.curves)
    if not 3 <= strokes <= _MAX_STROKES:
        return []
    found = []
    for table in page.find_tables({"text_x_tolerance_ratio": 0.15}):
        rows = [[" ".join((cell or "").split()) for cell in row] for row in table.extract(x_tolerance_ratio=0.15)]
        cells = [cell for row in rows for cell in row]
        if len(rows) > 1 and len(rows[0]) > 1 and sum(map(bool, cells)) * 2 >= len(cells):
            text = "\n".join(" | ".join(row) for row in rows if any(row))
            found.append((Block("table", without_shapeless(text)[0]), table.bbox))
    return found


def _lines(page: Page, tables: list[Box]) -> Iterator[Line]:
    """In the order in which they were written, that of reading in whatever columns, without what is in a table."""
    words = page.extract_words(x_tolerance_ratio=0.15, use_text_flow=True, extra_attrs=["size", "fontname"])
    line: list[dict[str, Any]] = []
    above: dict[str, Any] | None = None
    for word in words:
        if any(_within(word, box) for box in tables):
            continue
        if line and not _continues(line[-1], word):
            yield _line(line, above, page)
            above, line = line[0], []
        line.append(word)
    if line:
        yield _line(line, above, page)


def _within(word: dict[str, Any], box: Box) -> bool:
    x, y = (word["x0"] + word["x1"]) / 2, (word["top"] + word["bottom"]) / 2
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _continues(last: dict[str, Any], word: dict[str, Any]) -> bool:
    """Whether the word stands right of the last one, at its height or a little off, as a raised figure does."""
    overlap = min(last["bottom"], word["bottom"]) - max(last["top"], word["top"])
    return bool(word["x0"] >= last["x1"] - 1 and overlap > 0.4 * min(last["height"], word["height"]))


def _line(words: list[dict[str, Any]], above: dict[str, Any] | None, page: Page) -> Line:
    sizes: Counter[float] = Counter()
    fonts: Counter[str] = Counter()
    for word in words:
        sizes[round(word["size"], 1)] += len(word["text"])
        fonts[word["fontname"]] += len(word["text"])
    letters = sum(fonts.values())
    width = (words[0]["x1"] - words[0]["x0"]) / max(len(words[0]["text"]), 1)
    mono = all(is_monospaced(font) for font in fonts)
    height = max(words[0]["height"], 1.0)
    gap = (words[0]["top"] - above["bottom"]) / height if above is not None else 0.0
    return Line(
        without_shapeless(_spaced(words, width) if mono else " ".join(word["text"] for word in words))[0],
        sizes.most_common(1)[0][0],
        sum(count for font, count in fonts.items() if _BOLD.search(font)) * 2 > letters,
        mono,
        float(words[0]["top"] / page.height),
        gap,
        words[0]["x0"],
        width,
    )


def _spaced(words: list[dict[str, Any]], width: float) -> str:
    """Code with the room between its words as wide as it is printed."""
    text = words[0]["text"]
    for last, word in pairwise(words):
        text += " " * min(max(round((word["x0"] - last["x1"]) / max(width, 0.1)), 1), 80) + word["text"]
    return str(text)


def _in_order(lines: list[Line], tables: list[tuple[Block, Box]], height: float) -> list[Line | Block]:
    """Each table before the first line that stands below its upper edge."""
    parts: list[Line | Block] = []
    waiting = sorted(((box[1] / height, block) for block, box in tables), key=lambda one: one[0])
    for line in lines:
        while waiting and line.top >= waiting[0][0]:
            parts.append(waiting.pop(0)[1])
        parts.append(line)
    return [*parts, *(block for _, block in waiting)]
