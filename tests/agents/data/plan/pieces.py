"""Pieces of plans as the tests of readers and writers say them."""

from __future__ import annotations

from collections.abc import Sequence

from agents.data.plan.expressions import Constant, Expr
from agents.data.plan.model import Extend, Filter, Step


def text(value: str) -> Constant:
    return Constant(type="string", value=value)


def whole(value: int) -> Constant:
    return Constant(type="int", value=value)


def first_condition(steps: Sequence[Step]) -> Expr:
    """Of the filter that the steps begin with."""
    assert isinstance(steps[0], Filter)
    return steps[0].condition


def first_value(steps: Sequence[Step]) -> Expr:
    """Of the first column that the steps add at their beginning."""
    assert isinstance(steps[0], Extend)
    return steps[0].columns[0].value
