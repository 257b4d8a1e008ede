"""Addresses as security people pass them on, so that nobody follows them by accident: `198.51.100[.]7`, `hxxp://…`."""

from __future__ import annotations

import re

from agents.data.entities import Kind, read_entities

_WORDS = {"dot": ".", "at": "@"}
_MARK = re.compile(r"\[(\.|dot|:|://|@|at)\]|\((dot)\)", re.IGNORECASE)
_SCHEME = re.compile(r"\bhxxp(s?)(?=://|\[:)", re.IGNORECASE)
_WORD = re.compile(r"[^\s\"'<>,;]+")
_PATTERN = re.compile(r"\b(?:regexp?|regular expression|pattern)\b", re.IGNORECASE)
_ADDRESSES: frozenset[Kind] = frozenset(("url", "mail", "ip", "domain", "host"))
_AROUND = ".?!()[]"


def refanged(text: str) -> tuple[str, list[tuple[str, str]]]:
    """The text with such addresses as they are, and each as it was written and as it is read. What is no address once
    its marks are put right stays, and all of a question that speaks of a pattern, in which `[.]` has a meaning."""
    if _PATTERN.search(text):
        return text, []
    read: list[tuple[str, str]] = []

    def mended(word: re.Match[str]) -> str:
        written = word[0]
        plain = _MARK.sub(_mended_mark, _SCHEME.sub(r"http\1", written))
        if plain == written or not any(one.kind in _ADDRESSES for one in read_entities(plain)):
            return written
        read.append((written.strip(_AROUND), plain.strip(_AROUND)))
        return plain

    return _WORD.sub(mended, text), read


def _mended_mark(mark: re.Match[str]) -> str:
    written = (mark[1] or mark[2]).lower()
    return _WORDS.get(written, written)
