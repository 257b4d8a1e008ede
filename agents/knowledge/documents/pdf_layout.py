"""Lines of a PDF's pages put together: headings, paragraphs, steps and code."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block
from agents.knowledge.documents.pdf_page import Line, PageRead
from agents.knowledge.documents.plain import with_step

_EDGE = 0.1
"""Share of a page's height, above and below, where headers and footers are."""
_RUNNING_PAGES = 3
_PAGE_NUMBER = re.compile(r"\W*(page\s+)?(\d{1,5}|[ivxlc]{1,7})(\s*(of|/)\s*\d{1,5})?\W*", re.IGNORECASE)
_DOTS = re.compile(r"(\.\s?){4,}\s*\w{1,6}$")
"""Of a table of contents."""
_BEGINS = re.compile(r"\s*(\d{1,3}(\.\d{1,3}){0,4}[.)]\s|[•◦▪‣·–]\s|[-*]\s)")
_LARGER = 1.12
_LONGEST_HEADING = 150
_APART = 0.7
"""Room between two paragraphs, in heights of a line."""


def without_running_lines(pages: Sequence[PageRead]) -> list[Line | Block]:
    """Every page's parts, without what stands at the edge of several pages, and without page numbers."""
    seen = Counter(key for page in pages for key in {key for part in page.parts for key in _keys(part, page.number)})
    running = {key for key, count in seen.items() if count >= _RUNNING_PAGES}
    kept = (part for page in pages for part in page.parts if not _is_running(part, page.number, running))
    return [part for part in kept if isinstance(part, Block) or not _DOTS.search(part.text)]


def _is_running(part: Line | Block, page: int, running: set[str]) -> bool:
    keys = _keys(part, page)
    return bool(keys) and (
        not running.isdisjoint(keys) or _PAGE_NUMBER.fullmatch(keys[0].partition(" ")[2]) is not None
    )


def _keys(part: Line | Block, page: int) -> list[str]:
    """What a line at the edge says in its size, whatever its numbers; and how far the number that it begins or ends
    with is from the page's, for headers that name the chapter. None of everything else."""
    if isinstance(part, Block) or _EDGE < part.top < 1 - _EDGE:
        return []
    text = part.text.strip().lower()
    found = re.match(r"(\d{1,5})\s|.*?\s(\d{1,5})$", text)
    offset = [f"page {int(found[1] or found[2]) - page}"] if found else []
    return [f"{part.size} " + re.sub(r"\d+", "1", text), *offset]


def blocks_of(parts: Sequence[Line | Block]) -> list[Block]:
    lines = [part for part in parts if isinstance(part, Line)]
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    larger = sorted({line.size for line in lines if _is_larger(line, body)}, reverse=True)
    found: list[Block] = []
    for kind, group in groupby(parts, key=lambda part: _kind(part, body)):
        if kind == "table":
            found += [part for part in group if isinstance(part, Block)]
        else:
            found += _put_together(kind, [part for part in group if isinstance(part, Line)], larger)
    return [with_step(block) for block in found]


def _kind(part: Line | Block, body: float) -> str:
    """`heading SIZE` of lines that make one heading together if they follow each other."""
    if isinstance(part, Block):
        return "table"
    if part.mono:
        return "code"
    if _is_larger(part, body):
        return f"heading {part.size}"
    is_bold = part.bold and part.size >= body and part.gap > _APART and len(part.text) <= _LONGEST_HEADING / 2
    return "heading" if is_bold and part.text[-1] not in ".:;," else "text"


def _is_larger(line: Line, body: float) -> bool:
    return line.size > body * _LARGER and len(line.text) <= _LONGEST_HEADING and not line.mono


def _put_together(kind: str, lines: list[Line], larger: list[float]) -> Iterable[Block]:
    if kind == "code":
        return _code(lines)
    if kind == "text":
        return (Block("text", text) for text in _paragraphs(lines))
    level = larger.index(lines[0].size) if kind != "heading" else len(larger)
    return (Block("heading", text, level=level) for text in _headings(lines))


def _code(lines: list[Line]) -> list[Block]:
    left = min(line.left for line in lines)
    width = max(lines[0].width, 0.1)
    return [code_block("\n".join(" " * min(round((line.left - left) / width), 80) + line.text for line in lines))]


def _headings(lines: list[Line]) -> Iterator[str]:
    """A heading of two lines is one; two headings have room between them."""
    text = ""
    for line in lines:
        if text and (line.gap > _APART or line.gap < 0):
            yield text
            text = ""
        text = f"{text} {line.text}".strip()
    if text:
        yield text


def _paragraphs(lines: list[Line]) -> Iterator[str]:
    text, last = "", None
    for line in lines:
        if last is not None and _is_new(last, line):
            yield text
            text = ""
        text = _joined(text, line.text)
        last = line
    if text:
        yield text


def _is_new(last: Line, line: Line) -> bool:
    if line.gap > _APART or _BEGINS.match(line.text):
        return True
    ended = last.text[-1:] in ".!?:"
    # Over a page's end, or to the next column, only the sentence says whether it goes on.
    return ended and (line.gap < -0.5 or line.left > last.left + line.size * 0.8)


def _joined(text: str, line: str) -> str:
    if text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower():
        return text[:-1] + line
    return f"{text} {line}".strip()
