"""Conditions that Kusto says together: `has_any`, and `x != 5`, which is true of nulls too."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from agents.data.plan.expressions import (
    Compare,
    Constant,
    Expr,
    In,
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
)
from agents.data.plan.to_kql.text import ADD, COMPARE, Kql, listed

if TYPE_CHECKING:
    from agents.data.plan.to_kql.expressions import Scalars


def grouped(s: Scalars, value: Logic) -> list[Kql] | None:
    """The parts of an `and` or `or`, where some of them are said in one; None where none are."""
    if value.op == "or" and (found := _or_null(s, value)):
        return found
    words = [one for one in value.operands if _is_word(one)]
    if len(words) < 2 or len({(one.operand, one.op) for one in words if isinstance(one, Match)}) > 1:
        return None
    first = words[0]
    assert isinstance(first, Match)
    texts = [s.arg(one.pattern) for one in words if isinstance(one, Match)]
    word = "has_any" if value.op == "or" else "has_all"
    together = Kql(f"{s.as_text(first.operand, ADD)} {word} ({listed(texts)})", COMPARE)
    place = value.operands.index(first)
    others = [s.true(one) for one in value.operands if one not in words]
    return [*others[:place], together, *others[place:]]


def _is_word(value: Expr) -> bool:
    return (
        isinstance(value, Match)
        and value.op == "has_word"
        and value.ignore_case
        and isinstance(value.pattern, Constant)
    )


def _or_null(s: Scalars, value: Logic) -> list[Kql] | None:
    """`x <> 5 OR x IS NULL` is `x != 5`."""
    nulls = tuple(one.operand for one in value.operands if isinstance(one, IsNull))
    others = [one for one in value.operands if not isinstance(one, IsNull)]
    if not nulls or len(others) != 1:
        return None
    if isinstance(others[0], Not) and nulls == (others[0].operand,):
        return [Kql(f"not({s.arg(nulls[0])})")]
    if not all(_holds_without(others[0], one) for one in nulls):
        return None
    strict, loose = s.true(others[0]), replace(s, nulls=nulls).true(others[0])
    checks = [one for one in nulls if f"isnotnull({s.arg(one)}) and " in strict.text]
    return [loose] if len(checks) == len(nulls) and loose != strict else None


def _holds_without(value: Expr, missing: Expr, *, turned: bool = False) -> bool:
    """Whether Kusto's condition, with no check for null, is true where `missing` is null. turned: its opposite."""
    if isinstance(value, Not):
        return _holds_without(value.operand, missing, turned=not turned)
    if isinstance(value, Logic):
        every = (value.op == "and") is not turned
        return (all if every else any)(_holds_without(one, missing, turned=turned) for one in value.operands)
    if isinstance(value, Compare):
        return value.op == ("==" if turned else "!=") and missing in (value.left, value.right)
    return turned and isinstance(value, In | InPlan | Match) and value.operand == missing
