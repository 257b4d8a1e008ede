"""How much a query does, read from its text, the same for KQL, SPL and SQL: the more, the more can be wrong with it."""

from __future__ import annotations

import re

_JOINS = re.compile(r"\b(?:join|lookup|union)\b", re.IGNORECASE)
_SELECTS = re.compile(r"\bselect\b", re.IGNORECASE)
_SUBSEARCHES = re.compile(r"\[\s*search\b|\blet\s+\w+\s*=|\bin\s*\(\s*\w+\s*\|", re.IGNORECASE)
_DIVISION = re.compile(r"(?<![/\\:\w])\s*[\w)\]]+\s*/\s*[\w(]+")
_STRINGS = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:''|\\.|[^'\\\n])*'")
_MOST = 3
_LONG = 600  # characters


def complexity(query: str) -> dict[str, float]:
    """Numbers from 0 to 1: joins and queries within it (up to three, as shares), its length, and whether it divides."""
    bare = _STRINGS.sub("''", query)
    inner = max(0, len(_SELECTS.findall(bare)) - 1) + len(_SUBSEARCHES.findall(bare))
    return {
        "joined": min(len(_JOINS.findall(bare)), _MOST) / _MOST,
        "nested": min(inner, _MOST) / _MOST,
        "length": min(len(query), _LONG) / _LONG,
        "divides": float(bool(_DIVISION.search(bare))),
    }
