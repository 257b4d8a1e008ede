"""Bounds on days that no calendar has, made the bounds that are meant: up to 31 February is to the end of the month."""

from __future__ import annotations

import re

from agents.data.dates import days_around
from agents.data.repair import Mended
from shared.models import Proof

_DAY = r"(?P<day>\d{4}-\d{1,2}-\d{1,2})(?P<time>[T ][\d:.]+Z?)?(?=['\")])"
_TYPED = r"(?:(?:DATE|TIMESTAMP|TIMESTAMPTZ|(?:to)?datetime|CAST)\s{0,3})?\(?\s{0,3}['\"]?"
_BOUND = re.compile(rf"(?P<operator><=|>=|<|>)(?P<typed>\s{{0,9}}{_TYPED}){_DAY}", re.IGNORECASE)
# In KQL a type is part of the literal; in SQL the text alone is read as what it is compared with.
_KUSTO = r"(?P<kusto>\.\.\s{0,9}datetime\s{0,3}\(\s{0,3}['\"]?)"
_BETWEEN = r"(?P<sql>\bBETWEEN\b(?:(?!\bAND\b)[^;]){1,200}\bAND\s{1,9})(?:(?:DATE|TIMESTAMP|TIMESTAMPTZ)\s{0,3})?'"
_END = re.compile(rf"(?:{_KUSTO}|{_BETWEEN}){_DAY}", re.IGNORECASE)
_STRICT = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}


def mend_days(query: str, proof: Proof) -> Mended:
    """The query with each bound of a day beyond its month's end at that end: `<= '2026-02-31'` is `< '2026-03-01'`, and
    the end of a BETWEEN the last moment of February. An equality stays: which day it means nobody knows."""
    if not any(problem.code == "impossible_value" for problem in proof.problems):
        return Mended(query)
    notes: list[str] = []

    def bounded(found: re.Match[str]) -> str:
        if not (days := days_around(found["day"])):
            return found[0]
        strict, operator = _STRICT[found["operator"]], found["operator"]
        notes.append(f"read {operator} {found['day']}, a day that does not exist, as {strict} {days[1]}")
        return f"{strict}{found['typed']}{days[1]}"

    def ended(found: re.Match[str]) -> str:
        if not (days := days_around(found["day"])):
            return found[0]
        last = f"{days[0]}{found['time'] or ' 23:59:59.999999'}"
        notes.append(f"read up to {found['day']}, a day that does not exist, as up to {last}")
        return f"{found['kusto'] or found['sql'] + chr(39)}{last}"

    return Mended(_END.sub(ended, _BOUND.sub(bounded, query)), list(dict.fromkeys(notes)))
