"""Comparisons with a number on the side that the question says: `more than 90`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.times import without_times
from agents.data.times.calendar import UNIT

_SAID = re.compile(
    r"(?<!\w)(?:(?P<no>no|not)\s+)?(?:(?P<above>(?:more|greater|higher|larger|bigger|longer)\s+than|over|above|at\s+least|"
    r"exceed(?:s|ed|ing)?)|(?P<below>(?:less|fewer|lower|smaller|shorter)\s+than|under|below|at\s+most))\s+"
    rf"(?P<number>\d[\d,]*(?:\.\d+)?)(?![\w.:/-])(?!\s*{UNIT}\b\s+(?:ago|old))",
    re.IGNORECASE,
)
_TURNED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}
_ABOVE = (exp.GT, exp.GTE)


def hold_bounds(query: exp.Query, question: str) -> Iterator[str]:
    """Turn each comparison with a number that the question says once, on the other side of it. Changes the query."""
    said = list(_SAID.finditer(without_times(question)))
    for one in said:
        number = float(one["number"].replace(",", ""))
        if one["no"] or sum(other["number"] == one["number"] for other in said) > 1:
            continue
        compared = [
            (node, is_above) for node in query.find_all(*_TURNED) if (is_above := _side(node, number)) is not None
        ]
        if len(compared) == 1 and compared[0][1] is not bool(one["above"]):
            ((node, _),) = compared
            before = node.sql(dialect="duckdb")
            node.replace(_TURNED[type(node)](this=node.this.copy(), expression=node.expression.copy()))
            yield f"turned `{before}`: the question says '{one[0]}'"


def _side(node: exp.Expr, number: float) -> bool | None:
    """Whether what the node compares with the number must be above it; None where it compares something else, or is
    itself turned by NOT."""
    if node.find_ancestor(exp.Not):
        return None
    for value, is_above in ((node.expression, isinstance(node, _ABOVE)), (node.this, not isinstance(node, _ABOVE))):
        bare = value.unnest()
        if isinstance(bare, exp.Literal) and not bare.is_string and float(bare.this) == number:
            return is_above
    return None
