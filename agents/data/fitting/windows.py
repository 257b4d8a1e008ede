"""Numbers that hang on the rows before: the change against the day before, and running totals.

Small models seldom write windows. Where a query has the number of each step of time already, the change is added to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.times import TimesOf

_STEP = r"(?:minute|hour|day|week|month|quarter|year)"
_CHANGE = re.compile(
    r"\b(?:change|difference|increase|decrease|growth|delta)s?\b[^.?]*?\b(?:against|from|to|with|versus|vs|over|since)\s+"
    rf"(?:the\s+|that of the\s+)?(?:{_STEP}\s+before|(?:previous|prior|preceding)\s+(?:one|{_STEP}))\b"
    rf"|\b(?P<step>{_STEP})[\s-](?:over|on|by|to)[\s-](?P=step)\b(?=\s+(?:change|growth|difference|increase))",
    re.IGNORECASE,
)
_RUNNING = re.compile(r"\b(?:running|cumulative)\s+(?:total|sum|count|number)\b|\bcumulatively\b", re.IGNORECASE)
_PERCENT = re.compile(r"\bpercent|%", re.IGNORECASE)


def says_change(question: str) -> str:
    """The words that ask for a change against the step before, in lower case: none of them says a time."""
    change = _CHANGE.search(question)
    return change[0].lower() if change else ""


def add_windows(select: exp.Query, question: str, times: TimesOf) -> Iterator[str]:
    """The change against the row before, or the running total, of the one number that is computed of each step of time.
    Changes the select."""
    if not isinstance(select, exp.Select) or select.find(exp.Window) or len(list(select.find_all(exp.Select))) > 1:
        return
    change, running = _CHANGE.search(question), _RUNNING.search(question)
    if bool(change) == bool(running) or (change and _PERCENT.search(question)):
        return
    group = select.args.get("group")
    numbers = [one for one in select.expressions if one.find(exp.AggFunc)]
    others = [one for one in select.expressions if not one.find(exp.AggFunc)]
    if not group or len(group.expressions) != 1 or len(numbers) != 1 or len(others) != 1 or select.args.get("limit"):
        return
    number, key = numbers[0].unalias(), others[0].unalias()
    if not any(map(times.is_time, key.find_all(exp.Column))):
        return
    order = exp.Order(expressions=[exp.Ordered(this=key.copy())])
    if change:
        before = exp.Window(this=exp.Lag(this=number.copy()), order=order)
        select.append("expressions", exp.alias_(exp.Sub(this=number.copy(), expression=before), "change"))
        yield f"shows the change against the row before: '{change[0]}'"
    elif running:
        select.append("expressions", exp.alias_(exp.Window(this=exp.Sum(this=number.copy()), order=order), "running"))
        yield f"shows the running total: '{running[0]}'"
