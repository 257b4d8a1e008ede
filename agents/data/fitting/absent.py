"""What has not happened, and what has: `unresolved`, `already left`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.conditions import conditions
from agents.data.fitting.scopes import tables_read
from agents.data.fitting.times import TimesOf
from agents.data.linking import Linked
from agents.data.shape import forms
from agents.data.words import pieces, stem

_NOT_DONE = re.compile(
    r"\b(?:un|not\s+(?:yet\s+(?:been\s+)?|been\s+)|never\s+(?:been\s+)?)"
    r"(?P<done>[a-z]{2,}(?:ed|aid|ent|wn))\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(r"\b(?:leaving out|excluding|except|ignoring|how long)\b", re.IGNORECASE)
_ALREADY = re.compile(r"\balready\b", re.IGNORECASE)


def hold_undone(select: exp.Query, question: str, linked: Linked, times: TimesOf) -> Iterator[str]:
    """`unresolved` tickets have no time at which they were resolved, where that is the one column that says it and no
    value or term of the group is called so. Changes the select."""
    if not isinstance(select, exp.Select) or "share" in forms(question) or _LEFT_OUT.search(question):
        return
    tables = {one.name for one in tables_read(select)}
    for said in _NOT_DONE.finditer(question):
        word = stem(said["done"].lower())
        columns = _times_called(select, word, times)
        known = any(
            word in pieces(one.phrase) and (one.kind == "term" or any(table in tables for table, _ in one.places))
            for one in linked.mentions
        )
        both = word in pieces(question.replace(said[0], " "))
        if known or both or len(columns) != 1 or _speaks_of(select, columns[0], word):
            continue
        select.where(exp.Is(this=columns[0], expression=exp.Null()), copy=False)
        yield f"took '{said[0]}' as {columns[0].sql()} without a time"


def hold_already(select: exp.Query, question: str, times: TimesOf) -> Iterator[str]:
    """What `already` happened has a time that is over, not just any. Changes the select."""
    if not isinstance(select, exp.Select) or not _ALREADY.search(question):
        return
    for condition in conditions(select):
        bare = condition.this if isinstance(condition, exp.Not) else None
        if not isinstance(bare, exp.Is) or not isinstance(bare.expression, exp.Null) or not times.is_time(bare.this):
            continue
        column = bare.this
        alone = sum(column in one.find_all(exp.Column) for one in conditions(select)) == 1
        if alone and set(pieces(column.name)) & set(pieces(question)):
            now = exp.CurrentDate() if times.is_day(column) else exp.CurrentTimestamp()
            condition.replace(exp.LT(this=column.copy(), expression=now))
            yield f"took 'already' as {column.sql()} before now"


def _times_called(select: exp.Select, word: str, times: TimesOf) -> list[exp.Column]:
    """Columns of time of the tables read whose name has the word: `resolved_at`."""
    tables = tables_read(select)
    return [
        exp.column(name, table=table.alias_or_name if len(tables) > 1 else None)
        for table in tables
        for name in times.of(table)
        if word in pieces(name)
    ]


def _speaks_of(select: exp.Select, column: exp.Column, word: str) -> bool:
    """Whether the select uses the column anywhere, or a condition has a value that is called so."""
    nodes = [one for part in ("where", "having") if (one := select.args.get(part))]
    found = [one for node in nodes for one in node.find_all(exp.Column, exp.Literal)]
    used = any(one.name.lower() == column.name.lower() for one in select.find_all(exp.Column))
    return used or any(word in pieces(one.name) for one in found)
