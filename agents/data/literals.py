"""The literals of a query: which column each is compared with, and whether anything says it.

Read from the text, the same for every platform: `Column == "x"`, `column = 'x'`, `field=x`, `Column in ("x", "y")`,
`column LIKE '%x%'`, `Column has "x"`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.data.names import nearest_name
from agents.data.sandbox import Sandbox
from agents.data.words import pieces
from shared.catalog import Catalog, Column, Table

_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:''|\\.|[^'\\\n])*'"
_OPERATOR = re.compile(
    r"(?P<column>[A-Za-z_]\w*)\"?\s*"
    r"(?P<operator>==|!=|<>|=~|!~|=|\b!?(?:has(?:_cs|prefix|suffix)?|contains(?:_cs)?|startswith(?:_cs)?|endswith(?:_cs)?)\b"
    r"|\b(?:not\s+)?i?like\b|(?:\bnot\s+|!)?\bin~?\s*(?=\())\s*",
    re.IGNORECASE,
)
_VALUE = re.compile(rf"{_STRING}|-?\d+(?:\.\d+)?\b(?![\w.])|(?<==)[A-Za-z*][\w.*:@/\\-]*+(?!\s*\()")
_LIST = re.compile(rf"\(\s*((?:{_STRING}|[^()\s,]+)(?:\s*,\s*(?:{_STRING}|[^()\s,]+))*)\s*\)")
_ITEM = re.compile(rf"{_STRING}|[^\s,()]+")
_EXACT = {"==", "!=", "<>", "=~", "!~", "=", "in", "not in", "!in", "in~", "!in~"}
# Dates, clock times, durations, formats and units: said by time phrases, not by the data.
_TIME = re.compile(
    r"^\d{4}-\d\d(-\d\d)?([T ].*)?$|^\d\d:\d\d|^[+-]?\d*\s*(ms|s|sec|m|min|h|d|w|mon|q|y)(@\w+)?$|^@\w+$"
    r"|^now(\(\))?$|%[A-Za-z]|^(\d+ )?(second|minute|hour|day|week|month|quarter|year|isodow|dow|epoch)s?$",
    re.IGNORECASE,
)
_MOSTLY = 0.6
_NEAREST_VALUES = 3
_DISTINCT = 500
_ONE_OR_NONE = ("0", "1", "true", "false", "null", "")


@dataclass(frozen=True)
class Comparison:
    """`column operator literal`; start, end: the literal's place in the query, without its quotes.

    partial: the literal is only a part of the value (contains, LIKE '%x%', a wildcard).
    """

    column: str
    operator: str
    literal: str
    start: int
    end: int
    partial: bool


def comparisons(query: str) -> list[Comparison]:
    """Every literal that a column is compared with, in order."""
    return [one for match in _OPERATOR.finditer(query) for one in _compared(query, match)]


def unexplained(query: str, tables: Sequence[Table], sources: Iterable[str]) -> list[Comparison]:
    """Comparisons of these tables' columns whose literal nothing says: no source (the question, the glossary, a
    runbook), no known value or description of the column, no time phrase."""
    said = list(sources)
    columns = {column.name: column for table in tables for column in table.columns}
    return [
        one
        for one in comparisons(query)
        if one.column in columns and not _explained(one, columns[one.column], columns, said)
    ]


def same_value(one: str, other: str) -> bool:
    """Whether two spellings mean one value: case, punctuation and the form of the word don't count."""
    return one.lower() == other.lower() or (bool(pieces(one)) and pieces(one) == pieces(other))


def missing_values(query: str, tables: Sequence[Table], catalog: Catalog, sandbox: Sandbox) -> list[str]:
    """For a result without rows: which literals do not occur in their column, and the nearest that do, in words.

    Reads at most 500 distinct values a comparison. Blocks; raises what `Sandbox.execute` raises.
    """
    notes = []
    for one in comparisons(query):
        table = next((table for table in tables if one.column in table.by_name), None)
        if table is None or one.operator.startswith(("!", "<>", "not")) or _TIME.search(one.literal):
            continue
        found = _values(table, one.column, catalog, sandbox)
        if found and not _occurs(one, found):
            notes.append(f"no row has {one.column} '{one.literal}'{_nearest(one.literal, found)}")
    return list(dict.fromkeys(notes))


def _compared(query: str, match: re.Match[str]) -> Iterator[Comparison]:
    operator = " ".join(match["operator"].lower().split())
    if operator.removeprefix("not ").removeprefix("!").startswith("in"):
        if found := _LIST.match(query, match.end()):
            for item in _ITEM.finditer(query, found.start(1), found.end(1)):
                yield _comparison(match["column"], operator, item)
    elif found := _VALUE.match(query, match.end()):
        yield _comparison(match["column"], operator, found)


def _comparison(column: str, operator: str, found: re.Match[str]) -> Comparison:
    quoted = found[0][0] in "\"'"
    start, end = found.start() + quoted, found.end() - quoted
    literal = found.string[start:end]
    return Comparison(column, operator, literal, start, end, operator not in _EXACT or "*" in literal or "%" in literal)


def _explained(one: Comparison, column: Column, columns: Iterable[str], said: Sequence[str]) -> bool:
    literal = one.literal.strip("%*")
    if literal.lower() in _ONE_OR_NONE or _TIME.search(literal) or literal in columns:
        return True
    if any(literal.lower() in text.lower() for text in (*said, *column.values, column.description)):
        return True
    return any(_mostly_said(literal, text) for text in said)


def _mostly_said(literal: str, text: str) -> bool:
    """Whether most letters of the literal are words of the text: `rclone.exe` where the question says rclone."""
    words, heard = pieces(literal), set(pieces(text))
    return sum(len(word) for word in words if word in heard) > sum(len(word) for word in words) * _MOSTLY


def _values(table: Table, column: str, catalog: Catalog, sandbox: Sandbox) -> list[str]:
    name, source = (text.replace('"', '""') for text in (column, table.name))
    sql = f'SELECT CAST("{name}" AS VARCHAR) AS value FROM "{source}" GROUP BY 1 ORDER BY count(*) DESC'  # noqa: S608 - quoted, and names of the catalog
    rows = sandbox.execute(sql, catalog, limit=_DISTINCT).rows
    return [row[0] for row in rows if row[0] is not None]


def _occurs(one: Comparison, found: Iterable[str]) -> bool:
    wanted = one.literal.strip("%*").lower()
    return any(wanted in value.lower() if one.partial else wanted == value.lower() for value in found)


def _nearest(literal: str, found: Sequence[str]) -> str:
    near = nearest_name(literal, found)
    named = [near, *(value for value in found if value != near)] if near else list(found)
    listed = ", ".join(f"'{value}'" for value in named[:_NEAREST_VALUES])
    return f"; there is {listed}{' and more' if len(found) > _NEAREST_VALUES else ''}"
