"""Which columns of a plan are read later: what a renderer need not fetch, and a reader need not name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from agents.data.plan.model import (
    Aggregate,
    Distinct,
    Drop,
    Expand,
    Extend,
    Join,
    Limit,
    Project,
    Rename,
    Step,
    Window,
)
from agents.data.plan.walk import columns_in


@dataclass(frozen=True)
class Needs:
    """Which columns are read later: all but these, or only these."""

    names: frozenset[str] = frozenset()
    all_but: bool = True

    def has(self, name: str) -> bool:
        return (name in self.names) != self.all_but

    def plus(self, names: Iterable[str]) -> Needs:
        found = frozenset(names)
        return replace(self, names=self.names - found if self.all_but else self.names | found)

    def minus(self, names: Iterable[str]) -> Needs:
        found = frozenset(names)
        return replace(self, names=self.names | found if self.all_but else self.names - found)


def before(step: Step, needs: Needs) -> Needs:
    """What the rows before a step must have."""
    if isinstance(step, Project | Aggregate):
        return Needs(frozenset(columns_in(step)), all_but=False)
    if isinstance(step, Extend | Window):
        return needs.minus(column.name for column in step.columns).plus(columns_in(step))
    if isinstance(step, Expand):
        return needs.minus([step.name]).plus(columns_in(step))
    if isinstance(step, Drop):
        return needs.minus(step.names)
    if isinstance(step, Rename):
        read = [one.was for one in step.columns if needs.has(one.name)]
        return needs.minus([one.name for one in step.columns]).plus(read)
    if isinstance(step, Join):
        keys = {name for key in step.keys for name in columns_in(key.left)}
        return needs.plus(keys | (columns_in(step.condition) if step.condition else set()))
    if isinstance(step, Distinct):
        return Needs()
    return needs if isinstance(step, Limit) else needs.plus(columns_in(step))


def after_each(steps: Iterable[Step]) -> list[Needs]:
    """For each step what the rows after it must have; all columns are wanted at the end."""
    found: list[Needs] = []
    needs = Needs()
    for step in reversed(list(steps)):
        found.append(needs)
        needs = before(step, needs)
    return found[::-1]
