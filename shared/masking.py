"""Texts without what names a person, a machine or an account, for a ledger that more people may read.

Masked are mail addresses, IP and MAC addresses, UUIDs, hashes and long hexadecimal ids, `DOMAIN\\user`, home folders,
and what follows `password=`, `token:` and the like. A name that looks like any other word is not.
"""

from __future__ import annotations

import re
from typing import Any

_HEX = "[0-9a-fA-F]"
_RULES = [
    (
        r"(?i)((?:passw(?:or)?d|passphrase|pwd|secret|token(?!s)|api[_-]?key|authorization)[\w-]{0,40}[\"']?\s{0,3}[=:]\s{0,3})"
        r"(?:(?:bearer|basic)\s+[^\s,;\"']+|\"[^\"]*\"|'[^']*'|[^\s,;}]+)",
        r"\1<secret>",
    ),
    (r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+", "<mail>"),
    (r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]|\.\d)", "<address>"),
    (rf"(?<![\w:])(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}(?![\w:])", "<address>"),
    (rf"(?<![\w:])(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}})*)?::(?:{_HEX}{{1,4}}(?::{_HEX}{{1,4}})*)(?![\w:])", "<address>"),
    (rf"\b(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}\b", "<address>"),
    (rf"\b{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}\b", "<id>"),
    (rf"\b{_HEX}{{24,128}}\b", "<id>"),
    (r"\b([A-Z][A-Z0-9-]{1,14})\\\w[\w.-]*", r"\1\\<user>"),
    (r"(?i)(/home/|/Users/|\b[a-z]:\\Users\\)[^\s/\\'\"]+", r"\1<user>"),
]
_PATTERNS = [(re.compile(pattern), shown) for pattern, shown in _RULES]


def mask(text: str) -> str:
    for pattern, shown in _PATTERNS:
        text = pattern.sub(shown, text)
    return text


def mask_all(value: Any) -> Any:
    """A JSON value with every text in it masked; keys stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [mask_all(item) for item in value]
    if isinstance(value, dict):
        return {key: mask_all(item) for key, item in value.items()}
    return value
