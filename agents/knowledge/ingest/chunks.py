"""Cutting a document into passages short enough to be quoted: along its headings and steps, code and tables whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from agents.knowledge.documents import Block, Document
from agents.knowledge.documents.document import as_title
from agents.knowledge.text import sentences

CHUNK_CHARACTERS = 1200
_LONGEST_LEAD = 300


@dataclass(frozen=True)
class Chunk:
    """A passage; `front` is front matter. path: the titles above it, the document's first; language: of code, None if
    unknown; step: number of the step that it begins with, or that it belongs to; lead: of code and tables, the sentence
    that introduces them."""

    path: tuple[str, ...]
    kind: Literal["text", "code", "table", "front"]
    text: str
    language: str | None = None
    step: str | None = None
    lead: str = ""


def chunks_of(document: Document) -> list[Chunk]:
    """The passages in order. Text is at most CHUNK_CHARACTERS long; code and tables are as long as they are."""
    found: list[Chunk] = []
    path = _Path(document.title)
    pending: list[Block] = []
    step, lead = None, ""
    for block in document.blocks:
        if block.kind == "heading":
            found.extend(_texts(path.titles, pending))
            path.enter(block)
            pending, step, lead = [], None, ""
        elif block.kind == "front":
            found.extend(replace(piece, kind="front") for piece in _texts(path.titles, [block]))
        elif block.kind in ("text", "step"):
            step = block.step or step
            # A paragraph inside a step belongs to it.
            pending.append(replace(block, step=step))
            lead = _lead(block.text)
        else:
            found.extend(_texts(path.titles, pending))
            pending = []
            found.append(
                Chunk(path.titles, "code" if block.kind == "code" else "table", block.text, block.language, step, lead)
            )
    found.extend(_texts(path.titles, pending))
    return found or [Chunk((document.title,), "text", document.title)]


def _lead(text: str) -> str:
    last = (sentences(text) or [""])[-1]
    return last if len(last) <= _LONGEST_LEAD else ""


class _Path:
    """The titles above the place where a reader is."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._headings: list[tuple[int, str]] = []

    def enter(self, heading: Block) -> None:
        self._headings = [(level, text) for level, text in self._headings if level < heading.level]
        self._headings.append((heading.level, heading.text))

    @property
    def titles(self) -> tuple[str, ...]:
        below = [text for _, text in self._headings]
        # The document's title may be its first heading, cut short: the words stay in the passage.
        return tuple(below if below and as_title(below[0]) == self._title else [self._title, *below])


def _texts(path: tuple[str, ...], blocks: list[Block]) -> Iterator[Chunk]:
    """The blocks packed into as few passages as the length allows; a block is cut only if it alone is too long."""
    text, step = "", None
    for piece, number in ((piece, block.step) for block in blocks for piece in _bounded(block.text)):
        if text and len(text) + 1 + len(piece) > CHUNK_CHARACTERS:
            yield Chunk(path, "text", text, step=step)
            text, step = "", None
        text = f"{text}\n{piece}" if text else piece
        step = step or number
    if text:
        yield Chunk(path, "text", text, step=step)


def _bounded(block: str) -> Iterator[str]:
    """The block, or its sentences packed to the length, or for a sentence without end its slices."""
    if len(block) <= CHUNK_CHARACTERS:
        yield block
        return
    text = ""
    for sentence in sentences(block):
        for start in range(0, len(sentence), CHUNK_CHARACTERS):
            piece = sentence[start : start + CHUNK_CHARACTERS]
            if text and len(text) + 1 + len(piece) > CHUNK_CHARACTERS:
                yield text
                text = ""
            text = f"{text} {piece}" if text else piece
    yield text
