"""Markdown, as CommonMark has it, with tables and front matter."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from agents.knowledge.documents.document import Document
from agents.knowledge.documents.html import document_of
from agents.knowledge.documents.plain import decoded

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.{0,20000}?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,63}")


def read_markdown(name: str, content: bytes) -> Document:
    text, notes = decoded(name, content)
    found = _FRONT_MATTER.match(text)
    front = _front_matter(found[1]) if found else None
    if found and front is not None:
        text = text[found.end() :]
    document = document_of(name, _commonmark().render(text), notes)
    title = (front or {}).get("title")
    labels = _labels(front or {})
    shown = title if isinstance(title, str) and title.strip() else document.title
    return Document(shown, document.blocks, document.notes, labels)


@cache
def _commonmark() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])


def _front_matter(text: str) -> dict[str, Any] | None:
    """The values between the lines of `---`; None if that is no front matter, but a rule across the page."""
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return values if isinstance(values, dict) else None


def _labels(front: dict[str, Any]) -> list[str]:
    """Of `labels:` or `access:`, a list or words with commas. What can't be a label still keeps everybody else out."""
    given: list[str] = []
    for name in ("labels", "access"):
        value = front.get(name)
        given += value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    words = [str(word).strip().lower() for word in given]
    return sorted({word if _LABEL.fullmatch(word) else "unreadable-label" for word in words if word})
