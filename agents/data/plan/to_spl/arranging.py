"""The steps of a plan in the order in which a search has them: what narrows the events comes first."""

from __future__ import annotations

from collections.abc import Sequence

from agents.data.plan.model import Expr, Filter, Join, QueryPlan, Rename, Step, Table
from agents.data.plan.nulls import all_of
from agents.data.plan.schema import Columns, after, columns_of, source_columns
from agents.data.plan.to_spl.terms import conjuncts
from agents.data.plan.walk import columns_in
from shared.catalog import Catalog


def arranged(plan: QueryPlan, catalog: Catalog) -> list[Step]:
    """Conditions on one side's columns before the joins; neighbouring filters and renames as one."""
    return _merged(_filters_first(_merged(plan.steps), source_columns(plan.source, catalog) or {}, catalog))


def _filters_first(steps: Sequence[Step], columns: Columns, catalog: Catalog) -> list[Step]:
    found: list[tuple[Step, Columns]] = []
    for step in steps:
        if isinstance(step, Filter):
            for condition in conjuncts(step.condition):
                at = _place(found, columns_in(condition))
                if not _within_right(found, at, condition, catalog):
                    before = found[at][1] if at < len(found) else columns
                    found.insert(at, (Filter(condition=condition), before))
        else:
            found.append((step, columns))
        columns = after(step, columns, catalog) or {}
    return [step for step, _ in found]


def _within_right(found: list[tuple[Step, Columns]], place: int, condition: Expr, catalog: Catalog) -> bool:
    """Put into the right plan of the inner join before, if it reads only that; a lookup stays as it is."""
    at = next((n for n in range(place - 1, -1, -1) if not isinstance(found[n][0], Filter)), -1)
    step, left = found[at] if at >= 0 else (None, {})
    if not isinstance(step, Join) or step.how != "inner" or _is_lookup(step.right, catalog):
        return False
    right = columns_of(step.right, catalog) or {}
    if not columns_in(condition) or not columns_in(condition) <= right.keys() - left.keys():
        return False
    found[at] = (step.model_copy(update={"right": step.right.then(Filter(condition=condition))}), left)
    return True


def _is_lookup(plan: QueryPlan, catalog: Catalog) -> bool:
    table = catalog.find(plan.source.name) if isinstance(plan.source, Table) else None
    return table is not None and table.kind == "lookup"


def _place(found: Sequence[tuple[Step, Columns]], read: set[str]) -> int:
    """Before the joins whose left side has all the columns that are read, after the filters that are there."""
    at = place = len(found)
    while at:
        step, columns = found[at - 1]
        if isinstance(step, Join) and step.how != "full" and read <= columns.keys():
            place = at - 1
        elif not isinstance(step, Filter | Join) or isinstance(step, Join):
            break
        at -= 1
    return place


def _merged(steps: Sequence[Step]) -> list[Step]:
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found else None
        if isinstance(step, Filter) and isinstance(last, Filter):
            found[-1] = Filter(condition=all_of([last.condition, step.condition]))
        elif isinstance(step, Rename) and isinstance(last, Rename) and not _chained(last, step):
            found[-1] = Rename(columns=(*last.columns, *step.columns))
        else:
            found.append(step)
    return found


def _chained(first: Rename, second: Rename) -> bool:
    """Whether the second one renames what the first one made, or takes a name it freed."""
    names = {name for one in first.columns for name in (one.name, one.was)}
    return any(one.was in names or one.name in names for one in second.columns)
