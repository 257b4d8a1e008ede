"""The literals of a query: which column each is compared with, and whether it occurs there.

Read from the text, the same for every platform: `Column == "x"`, `column = 'x'`, `field=x`, `Column in ("x", "y")`,
`column LIKE '%x%'`, `Column has "x"`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.data.names import nearest_name
from agents.data.sandbox import Sandbox
from agents.data.words import pieces
from shared.catalog import Catalog, Table

_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'(?:''|\\.|[^'\\\n])*'"
_OPERATOR = re.compile(
    r"(?P<column>[A-Za-z_]\w*)\"?\s*"
    r"(?P<operator>==|!=|<>|=~|!~|<=|>=|=|<|>|\b!?(?:has(?:_cs|prefix|suffix)?|contains(?:_cs)?|startswith(?:_cs)?|endswith(?:_cs)?)\b"
    r"|\b(?:not\s+)?i?like\b|(?:\bnot\s+|!)?\b(?:in~?|has_any|has_all)\s*(?=\())\s*",
    re.IGNORECASE,
)
_VALUE = re.compile(rf"{_STRING}|-?\d+(?:\.\d+)?\b(?![\w.])|(?<==)[A-Za-z*][\w.*:@/\\-]*+(?!\s*\()")
_WORD = r"[^()\[\]\s,'\"][^()\[\]\s,]*"
# Atomic, since a list that a model never closed would otherwise be tried in 2^n ways.
_LIST = re.compile(rf"\(\s*(?:dynamic\s*\(\s*)?\[?\s*((?>{_STRING}|{_WORD})(?:\s*,\s*(?>{_STRING}|{_WORD}))*+)\s*[\])]")
_ITEM = re.compile(rf"{_STRING}|[^\s,()]+")
_OF_LISTS = {"in", "in~", "has_any", "has_all"}
_EXACT = {"<", ">", "<=", ">=", "==", "!=", "<>", "=~", "!~", "=", "in", "not in", "!in", "in~", "!in~"}
_TIME = re.compile(
    r"^\d{4}-\d\d(-\d\d)?([T ].*)?$|^\d\d:\d\d|^[+-]?\d*\s*(ms|s|sec|m|min|h|d|w|mon|q|y)(@\w+)?$|^@\w+$"
    r"|^now(\(\))?$|%[A-Za-z](?![A-Za-z])|^(\d+ )?(second|minute|hour|day|week|month|quarter|year|isodow|dow|epoch)s?$",
    re.IGNORECASE,
)
_FILE_ENDING = re.compile(r"(?<=\w)\.(?:exe|dll|ps1|bat|cmd|msi|sh|py|js|vbs)$", re.IGNORECASE)
_IS_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_MOSTLY = 0.6
_WHOLE = 5  # letters
_BEGINNING = 5  # letters that forms of one word share
_NEAREST_VALUES = 3
_DISTINCT = 500


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
        if table is None or one.operator.startswith(("!", "<", ">", "not")) or _TIME.search(one.literal):
            continue
        found = _values(table, one.column, catalog, sandbox)
        if found and not _occurs(one, found):
            notes.append(f"no row has {one.column} '{one.literal}'{_nearest(one.literal, found)}")
    return list(dict.fromkeys(notes))


def _compared(query: str, match: re.Match[str]) -> Iterator[Comparison]:
    operator = " ".join(match["operator"].lower().split())
    if operator.removeprefix("not ").removeprefix("!") in _OF_LISTS:
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


def is_time(literal: str) -> bool:
    """Dates, clock times, durations, formats and units: said by time phrases, not by the data."""
    return bool(_TIME.search(literal))


def mostly_said(literal: str, text: str) -> bool:
    """Whether most letters of the literal are words of the text: `rclone.exe` where the question says rclone; or all
    are, however they are joined: `westeurope` for west Europe."""
    words, heard = pieces(_FILE_ENDING.sub("", literal)), pieces(text)
    joined = "".join(words)
    if len(joined) >= _WHOLE and joined in "".join(heard):
        return True
    said = {word for word in words if any(_same_word(word, other) for other in heard)}
    return sum(len(word) for word in words if word in said) > sum(len(word) for word in words) * _MOSTLY


def _same_word(word: str, other: str) -> bool:
    """`delete` and `deletion`, `admin` and `administrator`."""
    return word == other or (len(word) >= _BEGINNING and word[:_BEGINNING] == other[:_BEGINNING])


def _values(table: Table, column: str, catalog: Catalog, sandbox: Sandbox) -> list[str]:
    name, source = (text.replace('"', '""') for text in (column, table.name))
    sql = f'SELECT CAST("{name}" AS VARCHAR) AS value FROM "{source}" GROUP BY 1 ORDER BY count(*) DESC'  # noqa: S608 - quoted, and names of the catalog
    rows = sandbox.execute(sql, catalog, limit=_DISTINCT).rows
    return [row[0] for row in rows if row[0] is not None]


def _occurs(one: Comparison, found: Iterable[str]) -> bool:
    wanted = one.literal.strip("%*").lower()
    return any(
        wanted in value.lower() if one.partial else wanted == value.lower() or _number(wanted) == _number(value)
        for value in found
    )


def _number(text: str) -> float:
    """NaN, which equals nothing, for what is no number: 502 and `502.0` are one."""
    return float(text) if _IS_NUMBER.fullmatch(text) else math.nan


def _nearest(literal: str, found: Sequence[str]) -> str:
    near = nearest_name(literal, found)
    named = [near, *(value for value in found if value != near)] if near else list(found)
    listed = ", ".join(f"'{value}'" for value in named[:_NEAREST_VALUES])
    return f"; there is {listed}{' and more' if len(found) > _NEAREST_VALUES else ''}"
