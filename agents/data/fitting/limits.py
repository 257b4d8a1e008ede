"""How many rows a question asks for: `the top 10 senders`, `100 entries`, `the 5 latest`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.times import without_times

_NUMBER = r"(?<![\w.-])(\d{1,5})"
_NO_UNIT = (
    r"(?![\w.%-])(?!\s*(?:%|percent|ms|s|h|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|weeks?|months?|quarters?|years?|"
    r"business|working|calendar)\b)"
)
_TOP = re.compile(rf"\b(?:top|highest|most (?:common|frequent|active))\s+{_NUMBER}{_NO_UNIT}", re.IGNORECASE)
_ENTRIES = re.compile(
    r"\b(?:show|give|list|find|get|return|display|see|limit(?:ed)? to|first|any)\s+(?:me\s+)?(?:only\s+|the\s+)?"
    rf"{_NUMBER}\s+(?:entries|rows|records|results|examples)\b",
    re.IGNORECASE,
)
_ENDS = "latest|newest|oldest|earliest|most recent"
_ORDERED = re.compile(
    rf"\b(?:the|show|show me|list)\s+{_NUMBER}\s+(?:{_ENDS})\b|\b(?:{_ENDS}|first|last)\s+{_NUMBER}{_NO_UNIT}",
    re.IGNORECASE,
)
_OF_EACH = re.compile(r"\b(?:per|each|every)\b", re.IGNORECASE)


def set_limit(select: exp.Query, question: str) -> Iterator[str]:
    """No more rows than the question says; of groups that are counted or summed, those with the most. Changes the
    select.

    Nothing where so many of each are meant, or another part of the query picks them.
    """
    if not isinstance(select, exp.Select) or select.args.get("limit") or _OF_EACH.search(question):
        return
    if select.args.get("qualify") or select.find(exp.Window) or len(list(select.find_all(exp.Select))) > 1:
        return
    text = without_times(question)
    order = select.args.get("order")
    if (top := _TOP.search(text)) and select.args.get("group"):
        counted = [one for one in select.expressions if one.find(exp.AggFunc)]
        if not order and len(counted) == 1 and isinstance(counted[0].unalias(), exp.Count | exp.Sum):
            select.order_by(exp.Ordered(this=counted[0].unalias().copy(), desc=True), copy=False)
            order = select.args.get("order")
        if order:
            yield from _limited(select, top[1])
    elif ordered := _ORDERED.search(text):
        if order:
            yield from _limited(select, ordered[1] or ordered[2])
    elif entries := _ENTRIES.search(text):
        yield from _limited(select, entries[1])


def _limited(select: exp.Select, number: str) -> Iterator[str]:
    """A number that the query compares with is no number of rows."""
    most = int(number)
    if most and number not in {one.this for one in select.find_all(exp.Literal)}:
        select.limit(most, copy=False)
        yield f"shows {most} rows, as the question says"
