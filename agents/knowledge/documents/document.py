"""What is read of a file: blocks, in the order of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from agents.knowledge.documents.hidden import without_shapeless
from agents.knowledge.search.excerpts import shortened
from shared.errors import InvalidInput

MAX_TITLE = 200
MAX_CHARACTERS = 2_000_000

BlockKind = Literal["heading", "text", "step", "code", "table", "front"]


@dataclass(frozen=True)
class Block:
    """A piece of a document; `front` is front matter. level: depth of a heading, from 0; language: of code, lower case,
    None if unknown; step: number of a step as people would say it, such as 3.2; the text begins with it."""

    kind: BlockKind
    text: str
    level: int = 0
    language: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class Document:
    """What was read of a file. notes: what was not read of it, in words (`page 3 has no text`); labels: who may find
    it, as it says itself."""

    title: str
    blocks: list[Block]
    notes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All of it, as people read it."""
        return "\n\n".join(_shown(block) for block in self.blocks)


def check_length(characters: int) -> None:
    """Raises InvalidInput for more text than a document may have."""
    if characters > MAX_CHARACTERS:
        raise InvalidInput(f"{characters:,} characters of text, more than the {MAX_CHARACTERS:,} allowed")


def _shown(block: Block) -> str:
    if block.kind == "heading":
        return f"{'#' * (block.level + 1)} {block.text}"
    return f"```{block.language or ''}\n{block.text}\n```" if block.kind == "code" else block.text


def title_of(blocks: list[Block], name: str) -> str:
    """The first heading, else the file's name without its ending."""
    heading = next((block.text for block in blocks if block.kind == "heading"), None)
    return heading or PurePath(name).stem


def as_title(text: str) -> str:
    """On one line, of characters that every database keeps, cut at a word after MAX_TITLE characters."""
    kept, _ = without_shapeless(text.encode("utf-8", errors="replace").decode())
    return shortened(" ".join(kept.split()), MAX_TITLE)
