"""Comparisons with a number on the side that the question says: `more than 90`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.conditions import conditions, parts
from agents.data.fitting.times import FLIPPED
from agents.data.times import without_times
from agents.data.times.calendar import UNIT

_NUMBER = r"(?P<number>\d[\d,]*(?:\.\d+)?)(?![\w.:/-])"
_SAID = [
    (re.compile(rf"(?<!\w)(?:{words})\s+{_NUMBER}", re.IGNORECASE), wanted)
    for words, wanted in (
        (r"(?:more|greater|higher|larger|bigger|longer)\s+than|above|exceed(?:s|ed|ing)?", exp.GT),
        (rf"over(?!\s+\d[\d,.]*\s*(?:rows?|{UNIT})\b)", exp.GT),  # `the average over 7 days`
        (r"at\s+least", exp.GTE),
        (r"(?:less|fewer|lower|smaller|shorter)\s+than|under|below", exp.LT),
        (r"at\s+most", exp.LTE),
    )
]
# Where a question says one of these, the rows may be meant that lie on the other side.
_NEGATED = re.compile(
    r"n['’]t\b|\b(?:no|not|none|never|nobody|nothing|nor|neither|without|rarely|hardly|unable|other|only|all|every|"
    r"(?:exclud|except|ignor|omit|leav|fail|lack)\w*)\b",
    re.IGNORECASE,
)
_ABOVE = (exp.GT, exp.GTE)


def hold_bounds(query: exp.Query, question: str) -> Iterator[str]:
    """Turn the one condition on a number that the question says once, where it lets the other side through. Changes the
    query, and only what all its rows or groups must meet."""
    if not isinstance(query, exp.Select) or _NEGATED.search(question):
        return
    bare = without_times(question)
    said = [(found, wanted) for pattern, wanted in _SAID for found in pattern.finditer(bare)]
    having = query.args.get("having")
    required = [one.unnest() for one in [*conditions(query), *(parts(having.this) if having else [])]]
    for found, wanted in said:
        number = float(found["number"].replace(",", ""))
        if sum(other["number"] == found["number"] for other, _ in said) > 1:
            continue
        compared = [(node, own) for node in required if (own := _kind(node, number))]
        if len(compared) == 1 and (compared[0][1] in _ABOVE) is not (wanted in _ABOVE):
            ((node, _),) = compared
            before = node.sql(dialect="duckdb")
            kind = wanted if _is_number(node.expression, number) else FLIPPED[wanted]
            node.replace(kind(this=node.this.copy(), expression=node.expression.copy()))
            yield f"turned `{before}`: the question says '{found[0]}'"


def _kind(node: exp.Expr, number: float) -> type[exp.Expr] | None:
    """How what the node compares with the number lies to it; None where it compares nothing with it."""
    if type(node) not in FLIPPED:
        return None
    if _is_number(node.expression, number):
        return type(node)
    return FLIPPED[type(node)] if _is_number(node.this, number) else None


def _is_number(node: exp.Expr, number: float) -> bool:
    bare = node.unnest()
    return isinstance(bare, exp.Literal) and not bare.is_string and float(bare.this) == number
