"""Markdown, as CommonMark has it, with tables and front matter."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from agents.knowledge.documents.document import Block, Document, check_length
from agents.knowledge.documents.hidden import without_shapeless
from agents.knowledge.documents.html import document_of
from agents.knowledge.documents.plain import decoded

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_BEGIN = re.compile(r"\A[\s\ufeff\u200b]*---[ \t]*\n")
_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_KEY = re.compile(r"\s*[\"']?[\w-]+[\"']?\s*:(?:\s|\Z)")
_SAYS_WHO = re.compile(r"^[ \t\"'-]{0,40}(?:labels|access)\b[ \t\"']{0,40}:", re.IGNORECASE | re.MULTILINE)
_READ_ALONE = ("title", "labels", "access")
_LONGEST = 20_000
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,63}")
_UNREADABLE = "unreadable-label"
"""Keeps everybody out of a document that says in no readable way who may find it."""


@dataclass(frozen=True)
class _Front:
    """values: by name in lower case; fault: why they can't be read; body: what follows."""

    body: str
    values: dict[str, list[Any]] = field(default_factory=dict)
    fault: str | None = None


def read_markdown(name: str, content: bytes) -> Document:
    text, notes = decoded(name, content)
    check_length(len(text))
    front = _front(text.replace("\r", "\n"))
    document = document_of(name, _commonmark().render(front.body), notes)
    titles = [one for one in front.values.get("title", ()) if isinstance(one, str) and one.strip()]
    labels = _labels(front)
    fault = front.fault or "a label in its front matter can't be read"
    hidden = [f"{fault}: found only with the label {_UNREADABLE}"] if _UNREADABLE in labels else []
    said, shapeless = without_shapeless(_said(front))
    blocks = [*([Block("front", said)] if said else []), *document.blocks]
    return Document([*titles, document.title][0], blocks, [*document.notes, *shapeless, *hidden], labels)


@cache
def _commonmark() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])


def _front(text: str) -> _Front:
    """What stands between lines of `---` at the beginning. A rule across the page is none."""
    begin = _BEGIN.match(text)
    if begin is None:
        return _Front(text)
    end = _END.search(text, begin.end())
    inner = text[begin.end() : end.start() if end else begin.end() + _LONGEST]
    if end is None:
        return _Front(text, fault="its front matter does not end" if _meant(inner) else None)
    if len(inner) > _LONGEST:
        return _Front(text[end.end() :], fault=f"its front matter has more than {_LONGEST:,} characters")
    return _parsed(inner, text, text[end.end() :])


def _meant(text: str) -> bool:
    """Whether people would take it for front matter: it begins with a name, or has one that says who may find it."""
    return bool(_KEY.match(text) or _SAYS_WHO.search(text))


def _parsed(inner: str, text: str, body: str) -> _Front:
    try:
        found = yaml.safe_load(inner)
    except (yaml.YAMLError, ValueError):  # ValueError: of a day that no calendar has
        return _Front(body, fault="its front matter is not YAML")
    if not isinstance(found, dict):
        return _Front(text, fault="its front matter has no names" if _meant(inner) else None)
    values: dict[str, list[Any]] = {}
    for key, value in found.items():
        values.setdefault(str(key).strip().lower(), []).append(value)
    return _Front(body, values)


def _said(front: _Front) -> str:
    """What else it says, a name to a line, lists with commas: `alert: QueueStuck`. What is nested is left out."""
    lines = []
    for name, values in front.values.items():
        for value in values if name not in _READ_ALONE else ():
            listed = value if isinstance(value, list) else [value]
            words = [" ".join(str(one).split()) for one in listed if isinstance(one, str | int | float | date)]
            if any(words):
                lines.append(f"{' '.join(name.split())}: {', '.join(filter(None, words))}")
    return "\n".join(lines)


def _labels(front: _Front) -> list[str]:
    """Of `labels:` or `access:`, a list or words with commas. What can't be a label still keeps everybody else out."""
    given = [value for name in ("labels", "access") for value in front.values.get(name, ())]
    labels = {label for value in given if value is not None for label in _words(value)}
    return sorted(labels | ({_UNREADABLE} if front.fault else set()))


def _words(value: object) -> set[str]:
    listed = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else [value]
    words = [word.strip().lower() if isinstance(word, str) else "?" for word in listed]
    return {word if _LABEL.fullmatch(word) else _UNREADABLE for word in words if word}
