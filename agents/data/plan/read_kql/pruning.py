"""Kusto keeps both sides' columns in a join, as `UserId1` where names clash; nobody wants those that no step reads.

The plan hides the right side's columns whose names the left has: where nothing reads the new name, the renaming goes.
"""

from __future__ import annotations

from agents.data.plan.model import Column, Drop, Join, Key, QueryPlan, Rename, Step, Union
from agents.data.plan.needs import Needs, before
from agents.data.plan.walk import columns_in


def pruned(plan: QueryPlan) -> QueryPlan:
    """The same rows and columns, without renamings that nothing reads."""
    return _pruned(plan, Needs())


def _pruned(plan: QueryPlan, needs: Needs) -> QueryPlan:
    steps: list[Step] = []
    for step in reversed(plan.steps):
        if isinstance(step, Join):
            step, gone = _join(step, needs)
            steps = [kept for later in steps if (kept := _without(later, gone)) is not None]
        steps.append(step)
        needs = before(step, needs)
    source = plan.source
    if isinstance(source, Union):
        source = source.model_copy(update={"plans": tuple(pruned(one) for one in source.plans)})
    return QueryPlan(source=source, steps=tuple(reversed(steps)))


def _join(step: Join, needs: Needs) -> tuple[Join, frozenset[str]]:
    """The join without renamings nobody reads, and the names that went with them."""
    wanted = needs.plus(columns_in(step.condition)) if step.condition else needs
    if step.how in ("semi", "anti"):
        return step.model_copy(update={"right": pruned(step.right)}), frozenset()
    last = step.right.steps[-1] if step.right.steps else None
    if not isinstance(last, Rename):
        return step.model_copy(update={"right": pruned(step.right)}), frozenset()
    idle = [one for one in last.columns if not wanted.has(one.name) and one.name.removeprefix(one.was).isdigit()]
    kept = tuple(one for one in last.columns if one not in idle)
    old = {one.name: one.was for one in idle}
    steps = step.right.steps[:-1] + ((Rename(columns=kept),) if kept else ())
    right = pruned(QueryPlan(source=step.right.source, steps=steps))
    keys = tuple(Key(left=key.left, right=_named_before(key.right, old)) for key in step.keys)
    return step.model_copy(update={"right": right, "keys": keys}), frozenset(old)


def _named_before(value: object, old: dict[str, str]) -> Column:
    assert isinstance(value, Column)
    return Column(name=old.get(value.name, value.name))


def _without(step: Step, gone: frozenset[str]) -> Step | None:
    """`project-away` of columns that are no longer there."""
    if not isinstance(step, Drop) or not gone:
        return step
    names = tuple(name for name in step.names if name not in gone)
    return Drop(names=names) if names else None
