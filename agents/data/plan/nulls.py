"""The opposite of a condition: in Kusto and SPL's search it holds where x is null, in the plan it does not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

from agents.data.plan.model import (
    EXPRESSIONS,
    Between,
    Call,
    Case,
    Cast,
    Column,
    Compare,
    Constant,
    Expr,
    In,
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
    Path,
    Scalar,
)
from agents.data.plan.walk import parts

_MAY_LACK = frozenset(("null_if", "regex_extract", "parse_time", "split_part", "ln", "log10", "log2", "sqrt"))
_OPPOSITE = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def all_of(conditions: Sequence[Expr]) -> Expr:
    return _joined("and", conditions)


def any_of(conditions: Sequence[Expr]) -> Expr:
    return _joined("or", conditions)


def _joined(op: str, conditions: Sequence[Expr]) -> Expr:
    """Conditions of the same kind inside are taken out of their brackets."""
    flat: list[Expr] = []
    for one in conditions:
        flat += one.operands if isinstance(one, Logic) and one.op == op else [one]
    if len(flat) == 1:
        return flat[0]
    return Logic(op="and" if op == "and" else "or", operands=tuple(flat))


def negated(condition: Expr, present: Collection[str]) -> Expr:
    """True where the condition is false or null. present: the columns that are never null."""
    if isinstance(condition, Not):
        return condition.operand
    if isinstance(condition, IsNull) or not may_be_null(condition, present):
        return _opposite(condition)
    if isinstance(condition, Logic):
        turned = [negated(one, present) for one in condition.operands]
        return any_of(turned) if condition.op == "and" else all_of(turned)
    missing = [IsNull(operand=one) for one in _operands(condition) if may_be_null(one, present)]
    return any_of([_opposite(condition), *missing])


def _opposite(condition: Expr) -> Expr:
    if isinstance(condition, Compare):
        return condition.model_copy(update={"op": _OPPOSITE[condition.op]})
    return Not(operand=condition)


def _operands(condition: Expr) -> list[Expr]:
    """What the condition is about; its null makes it null."""
    if isinstance(condition, Compare):
        return [condition.left, condition.right]
    if isinstance(condition, In | InPlan | Between | Match):
        return [condition.operand]
    return [condition]


def may_be_null(value: Expr, present: Collection[str]) -> bool:
    if isinstance(value, Column):
        return value.name not in present
    if isinstance(value, Constant):
        return value.value is None
    if isinstance(value, Path | Scalar):
        return True
    if isinstance(value, IsNull):
        return False
    if isinstance(value, Cast) and value.to != "string":
        return True
    inside = [may_be_null(one, present) for one in _sources(value)]
    if isinstance(value, Call):
        if value.function in ("is_empty", "concat", "now"):
            return False
        return all(inside) if value.function == "coalesce" else value.function in _MAY_LACK or any(inside)
    return any(inside)


def _sources(value: Expr) -> list[Expr]:
    """The expressions that a null of the value comes from."""
    if isinstance(value, Case):
        return [*(when.result for when in value.whens), value.otherwise or Constant()]
    return [cast(Expr, part) for part in parts(value) if isinstance(part, EXPRESSIONS)]
