"""Countries by their names: people write Romania where data holds RO (ISO 3166-1 alpha-2)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_FILE = Path(__file__).parent / "countries.json"
_MOSTLY = 0.8  # of a column's values that must be codes


@cache
def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def names_of(code: str) -> list[str]:
    """The names of a country, the usual first; empty for what is no code."""
    return _names().get(code, [])


def are_codes(values: Iterable[str]) -> bool:
    """Whether a column with these values holds countries by their codes."""
    given = list(values)
    return bool(given) and sum(bool(names_of(value)) for value in given) >= _MOSTLY * len(given)
