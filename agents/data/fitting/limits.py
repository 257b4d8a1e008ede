"""How many rows a question asks for: `the top 10 senders`, `100 entries`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

_TOP = re.compile(r"\b(?:top|highest|most \w+)\s+(\d{1,5})\b(?!\s*(?:%|percent))", re.IGNORECASE)
_ENTRIES = re.compile(
    r"\b(?:show|give|list|find|get|return|display|see|limit(?:ed)? to|first|any)\s+(?:me\s+)?(?:only\s+|the\s+)?"
    r"(\d{1,5})\s+(?:entries|rows|records|results|logs|examples)\b|\blimit(?:ed)? to (\d{1,5})\b",
    re.IGNORECASE,
)
_ENDS = "latest|newest|oldest|earliest|most recent"
_ORDERED = re.compile(
    rf"\b(\d{{1,5}})\s+(?:{_ENDS})\b|\b(?:{_ENDS}|first|last)\s+(\d{{1,5}})\b(?!\s*(?:second|minute|hour|day|week|month|year))",
    re.IGNORECASE,
)


def set_limit(select: exp.Query, question: str) -> Iterator[str]:
    """No more rows than the question says; of groups with one number, those with the highest. Changes the select."""
    if not isinstance(select, exp.Select) or select.args.get("limit"):
        return
    if (top := _TOP.search(question)) and select.args.get("group"):
        computed = [one for one in select.expressions if one.find(exp.AggFunc)]
        if not select.args.get("order") and len(computed) == 1:
            select.order_by(exp.Ordered(this=computed[0].unalias().copy(), desc=True), copy=False)
        if select.args.get("order"):
            yield from _limited(select, top[1])
    elif ordered := _ORDERED.search(question):
        if select.args.get("order"):
            yield from _limited(select, ordered[1] or ordered[2])
    elif entries := _ENTRIES.search(question):
        yield from _limited(select, entries[1] or entries[2])


def _limited(select: exp.Select, most: str) -> Iterator[str]:
    select.limit(int(most), copy=False)
    yield f"shows {most} rows, as the question says"
