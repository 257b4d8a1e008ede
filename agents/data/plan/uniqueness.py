"""Whether a plan says that no two of its rows are alike in some columns: then a join with it multiplies nothing."""

from __future__ import annotations

from collections.abc import Iterable

from agents.data.plan.model import (
    Aggregate,
    Column,
    Distinct,
    Drop,
    Extend,
    Filter,
    Join,
    Limit,
    Project,
    QueryPlan,
    Rename,
    Sort,
    Step,
    Table,
    Top,
    Window,
)
from shared.catalog import Catalog


def is_unique(plan: QueryPlan, keys: Iterable[str], catalog: Catalog) -> bool:
    """False where the plan, and the relationships of the catalog's tables, don't say so."""
    names = set(keys)
    for place in range(len(plan.steps) - 1, -1, -1):
        step = plan.steps[place]
        found = _said_by(step, plan.steps[:place], names)
        if found is not None:
            return found
        names = _before(step, names)
    return isinstance(plan.source, Table) and _is_key(plan.source.name, names, catalog)


def _said_by(step: Step, earlier: tuple[Step, ...], names: set[str]) -> bool | None:
    """None where the steps before have to say it."""
    if isinstance(step, Aggregate):
        return {group.name for group in step.groups} <= names
    if isinstance(step, Top) and step.count == 1 and _names(step.groups) <= names:
        return True
    if isinstance(step, Distinct) and earlier and isinstance(before := earlier[-1], Project):
        return True if {column.name for column in before.columns} <= names else None
    if isinstance(step, Project):
        return None if all(name in _kept(step) for name in names) else False
    if isinstance(step, Extend | Window):
        return False if names & {column.name for column in step.columns} else None
    if isinstance(step, Join):
        return None if step.how in ("semi", "anti") else False
    return None if isinstance(step, Filter | Sort | Limit | Drop | Rename | Top | Distinct) else False


def _names(values: Iterable[object]) -> set[str]:
    """The columns' names; one that no key has for what is computed."""
    return {value.name if isinstance(value, Column) else "" for value in values}


def _kept(step: Project) -> dict[str, str]:
    return {one.name: one.value.name for one in step.columns if isinstance(one.value, Column)}


def _before(step: Step, names: set[str]) -> set[str]:
    """What the columns were called."""
    if isinstance(step, Project):
        return {_kept(step)[name] for name in names}
    if isinstance(step, Rename):
        was = {one.name: one.was for one in step.columns}
        return {was.get(name, name) for name in names}
    return names


def _is_key(table: str, names: set[str], catalog: Catalog) -> bool:
    ends = {one.to for one in catalog.relationships if one.kind in ("many_to_one", "one_to_one")}
    return any(f"{table}.{name}" in ends for name in names)
