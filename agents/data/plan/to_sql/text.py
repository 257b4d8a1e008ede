"""SQL text that knows how tightly it binds, and names and literals as DuckDB writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import duckdb

# How tightly operators bind: a part that binds less than its place needs is put in brackets.
ARROW, OR, AND, NOT, COMPARE, ADD, MULTIPLY, ATOM = range(8)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Sql:
    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """The text, in brackets if it binds less tightly than that."""
        return self.text if self.level >= level else f"({self.text})"


@cache
def _reserved() -> frozenset[str]:
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category IN ('reserved', 'type_function')"
        ).fetchall()
    return frozenset(str(row[0]) for row in found)


def name(text: str) -> str:
    """The identifier, quoted where it has to be."""
    if _PLAIN.fullmatch(text) and text.lower() not in _reserved():
        return text
    return '"' + text.replace('"', '""') + '"'


def is_reserved(text: str) -> bool:
    return text.lower() in _reserved()


def string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def listed(texts: list[str]) -> str:
    return ", ".join(texts)
