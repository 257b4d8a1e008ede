"""`unstructured`, kept offline, and its elements as blocks.

Imported on first use: it takes two seconds, and nobody who only searches needs it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from agents.knowledge.documents.code import code_block
from agents.knowledge.documents.document import Block

if TYPE_CHECKING:
    from unstructured.documents.elements import Element

HEADING, STEP, CODE, END = "\ue000", "\ue001", "\ue002", "\ue003"
"""Marks that a format's file puts before a heading's level, a step's number and a piece of code's place in a list, each
ended by END: `unstructured` guesses headings from the look of a line, and knows neither numbers nor languages."""
_LEFT_OUT = ("Header", "Footer", "PageBreak", "PageNumber", "Image")
_MARK = re.compile(f"([{HEADING}{STEP}{CODE}])([0-9.]+){END}")


@dataclass(frozen=True)
class Unstructured:
    partition_text: Callable[..., list[Element]]
    partition_html: Callable[..., list[Element]]
    partition_docx: Callable[..., list[Element]]


@cache
def unstructured() -> Unstructured:
    """`unstructured`, told not to call home, with a blank English pipeline for the model that it would download."""
    os.environ.update(DO_NOT_TRACK="true", SCARF_NO_ANALYTICS="true", UNSTRUCTURED_DISABLE_NOTICE="1")
    from spacy.lang.en import English
    from unstructured.nlp import tokenize
    from unstructured.partition.docx import partition_docx
    from unstructured.partition.html import parser, partition_html
    from unstructured.partition.text import partition_text

    pipeline = English()
    pipeline.add_pipe("sentencizer")
    # The original is an lru_cache whose type a plain function has not.
    vars(tokenize)["_get_nlp"] = lambda: pipeline
    # Of a page nothing is a heading for its words: whether they read like prose, half of the work, changes no block.
    vars(parser)["is_possible_narrative_text"] = lambda _: True
    return Unstructured(partition_text, partition_html, partition_docx)


def blocks_of(elements: Iterable[Element], code: Sequence[Block] = ()) -> list[Block]:
    """The elements as blocks. code: the pieces that CODE marks point at. Where headings are marked, no line is a
    heading for its look alone."""
    blocks = [block for element in elements if element.category not in _LEFT_OUT for block in _blocks(element, code)]
    if any(block.kind == "heading" and block.level >= 0 for block in blocks):
        return [replace(block, kind="text", level=0) if block.level < 0 else block for block in blocks]
    return [replace(block, level=max(block.level, 0)) for block in blocks]


def _blocks(element: Element, code: Sequence[Block]) -> Iterable[Block]:
    """level is -1 of a heading that `unstructured` guessed."""
    text, category = element.text or "", element.category
    if category == "Table":
        table = _table_text(element.metadata.text_as_html or "") or text
        if table.strip(" |\n"):
            yield Block("table", _MARK.sub(lambda mark: _in_words(mark, code), table))
        return
    if category == "CodeSnippet" and CODE not in text:
        yield code_block(text)
        return
    kind = {"Title": "heading", "ListItem": "step"}.get(category, "text")
    start = 0
    for mark in _MARK.finditer(text):
        if mark[1] == CODE:
            yield from _plain(text[start : mark.start()], kind)
            yield code[int(mark[2])]
            start = mark.end()
    yield from _plain(text[start:], kind)


def _plain(text: str, kind: str) -> Iterable[Block]:
    mark, rest = _MARK.search(text), _MARK.sub("", text).strip()
    if not rest:
        return
    if mark and mark[1] == HEADING:
        yield Block("heading", rest, level=int(mark[2]))
    elif mark and mark[1] == STEP:
        yield Block("step", f"{mark[2]}) {rest}", step=mark[2])
    elif kind == "heading":
        yield Block("heading", rest, level=-1)
    else:
        yield Block("step" if kind == "step" else "text", rest)


def _in_words(mark: re.Match[str], code: Sequence[Block]) -> str:
    if mark[1] == CODE:
        return code[int(mark[2])].text
    return f"{mark[2]}) " if mark[1] == STEP else ""


class _Cells(HTMLParser):
    """The cells of a table, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data


def _table_text(html: str) -> str:
    """A table with ` | ` between its cells and a line for a row."""
    cells = _Cells()
    cells.feed(html)
    return "\n".join(" | ".join(cell.strip() for cell in row) for row in cells.rows)
