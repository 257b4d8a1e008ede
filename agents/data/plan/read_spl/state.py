"""What is known of a search's rows at a point of its pipeline."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agents.data.plan.model import (
    Between,
    Column,
    Compare,
    Expr,
    Filter,
    In,
    IsNull,
    Logic,
    Match,
    Not,
    QueryPlan,
    Sort,
    SortKey,
    Step,
    Unsayable,
)
from agents.data.plan.schema import Columns, after
from shared.catalog import Catalog


@dataclass(frozen=True)
class Search:
    """One search being read: what its commands share."""

    catalog: Catalog


@dataclass(frozen=True)
class Rows:
    """The plan so far. present: the fields that every row has; order: that of the rows, where SPL says it.

    ordered: the plan itself says that order; values: the known values of fields that are as the catalog has them.
    """

    search: Search
    plan: QueryPlan
    columns: Columns
    present: frozenset[str] = frozenset()
    order: tuple[SortKey, ...] = ()
    ordered: bool = False
    values: dict[str, list[str]] = field(default_factory=dict)

    def then(self, *steps: Step, present: Iterable[str] = ()) -> Rows:
        """After more steps; order and known values hold for the fields that are still there as they were."""
        columns = self.columns
        known = self.present
        for step in steps:
            columns = after(step, columns, self.search.catalog) or {}
            if isinstance(step, Filter):
                known |= required(step.condition)
        there = frozenset(name for name in (*known, *present) if name in columns)
        return replace(self, plan=self.plan.then(*steps), columns=columns, present=there)

    def without(self, *changed: str) -> Rows:
        """What was known of these fields no longer holds; `then` says what they are now."""
        kept = {name: found for name, found in self.values.items() if name not in changed}
        order = () if any(name in changed for key in self.order for name in _names(key)) else self.order
        return replace(self, present=self.present - set(changed), values=kept, order=order, ordered=self.ordered)

    def in_order(self) -> Rows:
        """With the order of the rows as a step of the plan. Raises Unsayable where SPL leaves it open."""
        if self.ordered:
            return self
        if not self.order:
            raise Unsayable("the first of rows in no order", "a plan")
        return replace(self.then(Sort(keys=self.order)), ordered=True)

    def column(self, name: str) -> Column:
        """Raises Unsayable for a field that is not there."""
        if name not in self.columns:
            raise Unsayable(f"the field '{name}', which is not there", "a plan")
        return Column(name=name)


def _names(key: SortKey) -> list[str]:
    return [key.value.name] if isinstance(key.value, Column) else []


def required(condition: Expr) -> frozenset[str]:
    """The columns that no row lacks for which the condition is true."""
    if isinstance(condition, Logic):
        each = [required(one) for one in condition.operands]
        return frozenset.union(*each) if condition.op == "and" else frozenset.intersection(*each)
    if isinstance(condition, Not):
        inner = condition.operand
        return _column(inner.operand) if isinstance(inner, IsNull | Match | In | Between) else frozenset()
    if isinstance(condition, Compare):
        return _column(condition.left) | _column(condition.right)
    return _column(condition.operand) if isinstance(condition, In | Between | Match) else frozenset()


def _column(value: Expr) -> frozenset[str]:
    return frozenset([value.name]) if isinstance(value, Column) else frozenset()
