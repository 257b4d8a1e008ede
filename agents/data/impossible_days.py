"""Bounds on days that no calendar has, made the bounds that are meant: up to 31 February is to the end of the month."""

from __future__ import annotations

import re

from agents.data.dates import days_around
from agents.data.repair import Mended
from shared.models import Proof

_DATE = r"\d{4}-\d{1,2}-\d{1,2}"
_TIME = r"(?:[T ][\d:.]+Z?)?"
_TYPED = r"(?:(?:DATE|TIMESTAMP|TIMESTAMPTZ|(?:to)?datetime|CAST)\s{0,3})?\(?\s{0,3}['\"]?"
_BOUND = rf"(?P<operator><=|>=|<|>)(?P<typed>\s{{0,9}}{_TYPED})(?P<day>{_DATE}){_TIME}(?=['\")])"
# In KQL a type is part of the literal; in SQL the text alone is read as what it is compared with.
_KUSTO = r"\.\.\s{0,9}datetime\s{0,3}\(\s{0,3}['\"]?"
_AND = r"\bBETWEEN\b(?:(?!\bAND\b)[^;]){1,200}\bAND\s{1,9}"
_END = (
    rf"(?:(?P<kusto>{_KUSTO})|(?P<sql>{_AND})(?:(?:DATE|TIMESTAMP|TIMESTAMPTZ)\s{{0,3}})?')"
    rf"(?P<last>{_DATE})(?P<time>{_TIME})(?=['\")])"
)
_OTHER = r"--[^\n]*|//[^\n]*|/\*.*?\*/|'[^']*'|\"[^\"]*\""  # comments, and texts that no bound begins
_PIECE = re.compile(rf"{_BOUND}|{_END}|{_OTHER}", re.IGNORECASE | re.DOTALL)
_STRICT = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}


def mend_days(query: str, proof: Proof) -> Mended:
    """The query with each bound of a day beyond its month's end at that end: `<= '2026-02-31'` is `< '2026-03-01'`, and
    the end of a BETWEEN the last moment of February. An equality stays: which day it means nobody knows."""
    if not any(problem.code == "impossible_value" for problem in proof.problems):
        return Mended(query)
    notes: list[str] = []

    def mended(found: re.Match[str]) -> str:
        day = found["day"] or found["last"]
        if not day or not (days := days_around(day)):
            return found[0]
        if operator := found["operator"]:
            strict = _STRICT[operator]
            notes.append(f"read {operator} {day}, a day that does not exist, as {strict} {days[1]}")
            return f"{strict}{found['typed']}{days[1]}"
        last = f"{days[0]}{found['time'] or ' 23:59:59.999999'}"
        notes.append(f"read up to {day}, a day that does not exist, as up to {last}")
        return f"{found['kusto'] or found['sql'] + chr(39)}{last}"

    return Mended(_PIECE.sub(mended, query), list(dict.fromkeys(notes)))
