"""The same rows said in fewer and narrower steps, as a person would write them in any language."""

from __future__ import annotations

from collections.abc import Iterator

from agents.data.plan.expressions import Column, Compare, Constant, Expr, InPlan, Logic, Scalar
from agents.data.plan.model import (
    Aggregate,
    Distinct,
    Drop,
    Filter,
    Join,
    Limit,
    Project,
    QueryPlan,
    Sort,
    Source,
    Step,
    Top,
    Union,
    Window,
)
from agents.data.plan.schema import after, columns_of, source_columns
from agents.data.plan.walk import columns_in, rewrite
from shared.catalog import Catalog


def simplified(plan: QueryPlan, catalog: Catalog | None = None) -> QueryPlan:
    """Projections that change nothing, orders that are lost, and row numbers that only choose rows are gone."""
    source = plan.source
    if isinstance(source, Union):
        source = source.model_copy(update={"plans": tuple(simplified(one, catalog) for one in source.plans)})
    steps = [_inside(step, catalog) for step in plan.steps]
    steps = _without_lost_orders(_without_row_numbers(steps))
    steps = _filtered_early(source, steps, catalog)
    return QueryPlan(
        source=source, steps=tuple(_without_idle_projections(QueryPlan(source=source, steps=tuple(steps)), catalog))
    )


def _inside(step: Step, catalog: Catalog | None) -> Step:
    """The plans within a step, in its expressions too."""
    if isinstance(step, Join):
        step = step.model_copy(update={"right": simplified(step.right, catalog)})

    def nested(value: Expr) -> Expr | None:
        if isinstance(value, Scalar | InPlan):
            return value.model_copy(update={"plan": simplified(value.plan, catalog)})
        return None

    return rewrite(step, nested)


def _without_idle_projections(plan: QueryPlan, catalog: Catalog | None) -> Iterator[Step]:
    columns = source_columns(plan.source, catalog)
    kept: list[Step] = []
    for step in plan.steps:
        if isinstance(step, Project):
            named = [(one.name, one.value) for one in step.columns]
            if columns is not None and named == [(name, Column(name=name)) for name in columns]:
                continue
            last = kept[-1] if kept else None
            if isinstance(last, Project) and all(isinstance(value, Column) for _, value in named):
                step, kept = _composed(last, step), kept[:-1]
        kept.append(step)
        columns = after(step, columns, catalog)
    return iter(kept)


def _composed(inner: Project, outer: Project) -> Project:
    """`SELECT a FROM (SELECT x AS a, b …)` is `SELECT x AS a …`."""
    values = {one.name: one.value for one in inner.columns}
    return Project(
        columns=tuple(
            one.model_copy(update={"value": values.get(one.value.name, one.value)})
            if isinstance(one.value, Column)
            else one
            for one in outer.columns
        )
    )


def _filtered_early(source: Source, steps: list[Step], catalog: Catalog | None) -> list[Step]:
    """Conditions on one side of a join before it."""
    columns, done = source_columns(source, catalog), list[Step]()
    for step in steps:
        before = columns
        columns = after(step, columns, catalog)
        if not isinstance(step, Filter) or before is None:
            done.append(step)
            continue
        for one in _conditions(step.condition):
            done = _with_filter(source, done, one, catalog)
    return done


def _conditions(condition: Expr) -> list[Expr]:
    return list(condition.operands) if isinstance(condition, Logic) and condition.op == "and" else [condition]


def _with_filter(source: Source, steps: list[Step], condition: Expr, catalog: Catalog | None) -> list[Step]:
    """The condition as early as the joins at the end of the steps let it be."""
    last = steps[-1] if steps else None
    if isinstance(last, Filter):
        *rest, _ = steps
        earlier = _with_filter(source, rest, condition, catalog)
        if earlier != [*rest, Filter(condition=condition)]:
            return [*earlier, last]
        return [*rest, Filter(condition=_all_of([*_conditions(last.condition), condition]))]
    if isinstance(last, Join) and last.how != "full":
        reads = columns_in(condition)
        left = columns_of(QueryPlan(source=source, steps=tuple(steps[:-1])), catalog)
        if left is not None and reads <= left.keys():
            return [*_with_filter(source, steps[:-1], condition, catalog), last]
        right = columns_of(last.right, catalog)
        if right is not None and left is not None and last.how == "inner" and reads <= right.keys() - left.keys():
            inner = _with_filter(last.right.source, list(last.right.steps), condition, catalog)
            return [
                *steps[:-1],
                last.model_copy(update={"right": QueryPlan(source=last.right.source, steps=tuple(inner))}),
            ]
    return [*steps, Filter(condition=condition)]


def _without_lost_orders(steps: list[Step]) -> list[Step]:
    """An order that a later step forgets."""
    return [
        step for number, step in enumerate(steps) if not isinstance(step, Sort) or _order_matters(steps[number + 1 :])
    ]


def _order_matters(later: list[Step]) -> bool:
    for step in later:
        if isinstance(step, Limit):
            return True
        if isinstance(step, Sort | Aggregate | Distinct | Top):
            return False
    return True


def _without_row_numbers(steps: list[Step]) -> list[Step]:
    """`row_number() … AS n` and `n <= 3`, where nothing else reads n: the first three of each partition."""
    for number, step in enumerate(steps):
        if not isinstance(step, Window) or len(step.columns) != 1 or step.columns[0].function != "row_number":
            continue
        name = step.columns[0].name
        place = _filter_by(steps, number, name)
        if place is None:
            continue
        found = steps[place]
        assert isinstance(found, Filter)
        count, rest = _count(found.condition, name)
        if count is None or any(name in columns_in(one) for one in rest) or _is_read(steps[place + 1 :], name):
            continue
        chosen = _first(step, count)
        before = [_without_column(one, name) for one in steps[number + 1 : place]]
        after_it = [] if not rest else [Filter(condition=_all_of(rest))]
        later = [one for one in steps[place + 1 :] if not (isinstance(one, Drop) and one.names == (name,))]
        return _without_row_numbers([*steps[:number], *chosen, *before, *after_it, *later])
    return steps


def _first(window: Window, count: int) -> list[Step]:
    if window.partition:
        return [Top(groups=window.partition, order=window.order, count=count)]
    return [*([Sort(keys=window.order)] if window.order else []), Limit(count=count)]


def _filter_by(steps: list[Step], start: int, name: str) -> int | None:
    """The filter that reads the column, behind nothing but projections that pass it on."""
    for place in range(start + 1, len(steps)):
        step = steps[place]
        if isinstance(step, Filter):
            return place if name in columns_in(step) else None
        passes = isinstance(step, Project) and any(
            one.name == name and one.value == Column(name=name) for one in step.columns
        )
        if not passes or sum(name in columns_in(one) for one in getattr(step, "columns", ())) > 1:
            return None
    return None


def _count(condition: Expr, name: str) -> tuple[int | None, list[Expr]]:
    """How many rows `n <= 3`, `n < 4` or `n = 1` keep, and the conditions beside it."""
    operands = list(condition.operands) if isinstance(condition, Logic) and condition.op == "and" else [condition]
    for one in operands:
        if isinstance(one, Compare) and one.left == Column(name=name) and isinstance(one.right, Constant):
            limit = one.right.value
            if isinstance(limit, int) and not isinstance(limit, bool):
                count = {"<=": limit, "<": limit - 1}.get(one.op, 1 if (one.op, limit) == ("==", 1) else None)
                if count is not None and count >= 1:
                    return count, [other for other in operands if other is not one]
    return None, []


def _is_read(later: list[Step], name: str) -> bool:
    """Whether the column is read, or comes out at the end."""
    for step in later:
        if isinstance(step, Drop) and name in step.names:
            return len(step.names) > 1
        if name in columns_in(step) or isinstance(step, Join | Distinct):
            return True
        if isinstance(step, Project | Aggregate):
            return False
    return True


def _without_column(step: Step, name: str) -> Step:
    if isinstance(step, Project):
        return Project(columns=tuple(one for one in step.columns if one.name != name))
    return step


def _all_of(conditions: list[Expr]) -> Expr:
    return conditions[0] if len(conditions) == 1 else Logic(op="and", operands=tuple(conditions))
