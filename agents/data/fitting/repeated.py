"""Things asked for once each: `which servers run agent 1.29?` wants every server once, however many rows it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.scopes import tables_read
from agents.data.fitting.times import TimesOf
from agents.data.words import subjects
from shared.catalog import Table

_ASKED = re.compile(
    r"^\W*(?:(?:on|from|by|in|to|for|of)\s+)?(?:which|what)\s+"
    r"(?:(?:different|distinct|unique|other)\s+)?(?P<things>[\w-]+(?:\s+[\w-]+)?)",
    re.IGNORECASE,
)
_WHO = re.compile(r"^\W*who(?:se)?\b", re.IGNORECASE)
_ROWS_MEANT = re.compile(
    r"\b(?:each time|every|all rows|one after|in order|sequence|when|at what time|latest|newest|oldest|earliest|"
    r"most recent|(?:first|last)\s+\d+)\b",
    re.IGNORECASE,
)
_COMPUTED = ("group", "having", "distinct", "limit", "qualify")
_PEOPLE = frozenset(subjects("users accounts"))


def show_once(select: exp.Query, question: str, tables: Sequence[Table], times: TimesOf) -> Iterator[str]:
    """`SELECT Computer, Version FROM Heartbeat` gives each once where the question asks which computers, and nothing is
    asked of a time. Changes the select."""
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in _COMPUTED):
        return
    if select.find(exp.AggFunc, exp.Window) or len(list(select.find_all(exp.Select))) > 1:
        return
    shown = [one.unalias() for one in select.expressions]
    columns = [one for one in shown if isinstance(one, exp.Column)]
    if not columns or len(columns) < len(shown) or any(map(times.is_time, columns)) or _ROWS_MEANT.search(question):
        return
    things = _things(question) - _rows_are_called(select, tables)
    if not any(things & set(subjects(one.name)) for one in columns):
        return
    select.distinct(copy=False)
    yield "shows each once: the question asks which, not for every row"


def _things(question: str) -> set[str]:
    """What the question asks for, where it asks for several: the words after `which`, as subjects."""
    if _WHO.match(question):
        return set(_PEOPLE)
    asked = _ASKED.match(question)
    if not asked:
        return set()
    words = asked["things"].split()
    plural = [word for word in words if word.lower().endswith("s") and not word.lower().endswith(("ss", "us", "is"))]
    return {one for word in plural[:1] for one in subjects(word)} if plural and words.index(plural[0]) < 2 else set()


def _rows_are_called(select: exp.Select, tables: Sequence[Table]) -> set[str]:
    """The words for a row of what it reads: the last of the table's name, `Alert` of SecurityAlert."""
    names = {one.name for one in tables_read(select)}
    last = [(subjects(table.name) or [""])[-1] for table in tables if table.name in names]
    return {word for word in last if word}
