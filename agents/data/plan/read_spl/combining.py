"""Commands that bring rows of two sources together."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from agents.data.plan.model import (
    Column,
    Drop,
    Expr,
    Join,
    Key,
    Named,
    Project,
    QueryPlan,
    Rename,
    Renaming,
    SortKey,
    Table,
    Top,
    Union,
    Unsayable,
)
from agents.data.plan.read_spl.expressions import Eval, call
from agents.data.plan.read_spl.shaping import extended, there
from agents.data.plan.read_spl.state import Rows, Search
from agents.data.plan.schema import columns_of, source_columns
from agents.data.plan.uniqueness import is_unique
from agents.data.spl.ast import Combine, Lookup
from agents.data.spl.sources import find_lookup

_JOIN_OPTIONS = frozenset(("type", "max", "overwrite"))


def lookup(rows: Rows, command: Lookup) -> Rows:
    """Fields of the first row of the lookup that matches; OUTPUTNEW keeps what the event has."""
    table = find_lookup(command.table.name, rows.search.catalog)
    if table is None:
        raise Unsayable(f"the lookup '{command.table.name}'", "a plan")
    source = QueryPlan(source=Table(name=table.name))
    columns = source_columns(source.source, rows.search.catalog) or {}
    keys = [(column.name, event.name) for column, event in command.pairs]
    outputs = [(column.name, event.name) for column, event in command.outputs] or [
        (name, name) for name in columns if name not in {column for column, _ in keys}
    ]
    for _, event in keys:
        rows.column(event)
    if not is_unique(source, [column for column, _ in keys], rows.search.catalog):
        source = source.then(Top(groups=tuple(Column(name=column) for column, _ in keys)))
    return _looked_up(rows, command, source, keys, outputs)


def _looked_up(
    rows: Rows, command: Lookup, source: QueryPlan, keys: list[tuple[str, str]], outputs: list[tuple[str, str]]
) -> Rows:
    """The lookup's keys get the events' names, so that the join hides them."""
    before = {event for _, event in outputs if event in rows.columns}
    if before & {event for _, event in keys}:
        raise Unsayable("a lookup that replaces the field it looks up", "a plan")
    new = {event: f"{event}_found" if event in before and not command.overwrite else event for _, event in outputs}
    named = [Named(name=event, value=Column(name=column)) for column, event in keys]
    named += [Named(name=new[event], value=Column(name=column)) for column, event in outputs]
    joined = Join(
        how="left",
        right=source.then(Project(columns=tuple(named))),
        keys=tuple(Key(left=Column(name=event), right=Column(name=event)) for _, event in keys),
    )
    if before and command.overwrite:
        rows = rows.without(*before).then(Drop(names=tuple(sorted(before))))
    rows = replace(rows.then(joined), ordered=False)
    return _kept(rows, {event: new[event] for event in before} if not command.overwrite else {})


def _kept(rows: Rows, found: dict[str, str]) -> Rows:
    """What the event has where it has it, else what was found."""
    if not found:
        return rows
    values = [Named(name=own, value=call("coalesce", Column(name=own), Column(name=new))) for own, new in found.items()]
    return extended(rows, *values).then(Drop(names=tuple(found.values())))


def join(rows: Rows, command: Combine) -> Rows:
    """The first row (of `max`) of the subsearch for each combination of the fields; its fields replace the event's."""
    if command.options.keys() - _JOIN_OPTIONS or not command.fields:
        raise Unsayable("join without fields, or with usetime or earlier", "a plan")
    how: Literal["inner", "left"] = "left" if command.option("type", "inner") in ("left", "outer") else "inner"
    keys = [ref.name for ref in command.fields]
    other = there(_subsearch(rows.search, command, 0), keys)
    for key in keys:
        rows.column(key)
    most = int(command.option("max", "1"))
    if most:
        groups = tuple(other.column(key) for key in keys)
        if not is_unique(other.plan, keys, rows.search.catalog):
            other = other.then(Top(groups=groups, order=_order(other, keys), count=most))
    both = [name for name in other.columns if name in rows.columns and name not in keys]
    if not command.flag("overwrite", True):
        both = []
    if both:
        other = other.then(Rename(columns=tuple(Renaming(name=f"{name}_joined", was=name) for name in both)))
    joined = Join(
        how=how, right=other.plan, keys=tuple(Key(left=Column(name=key), right=Column(name=key)) for key in keys)
    )
    rows = replace(rows.then(joined, present=keys if how == "inner" else []), ordered=False)
    return _replaced(rows, {name: f"{name}_joined" for name in both})


def _order(rows: Rows, keys: list[str]) -> tuple[SortKey, ...]:
    return tuple(key for key in rows.order if key.value not in [Column(name=name) for name in keys])


def _replaced(rows: Rows, found: dict[str, str]) -> Rows:
    """What was found where it was, else what the event has."""
    if not found:
        return rows
    evaluated = Eval(rows)
    values: list[Named] = []
    for own, new in found.items():
        pair: list[Expr] = [Column(name=new), Column(name=own)]
        if evaluated.type_of(pair[0]) != evaluated.type_of(pair[1]):
            pair = [evaluated.text(one) for one in pair]
        values.append(Named(name=own, value=call("coalesce", *pair)))
    return extended(rows, *values).then(Drop(names=tuple(found.values())))


def append(rows: Rows, command: Combine) -> Rows:
    return _stacked(rows.search, [rows, _subsearch(rows.search, command, 0)])


def union(search: Search, rows: Rows | None, command: object) -> Rows:
    """union and multisearch: all rows, newest first where they have a time."""
    if not isinstance(command, Combine) or command.fields:
        raise Unsayable("union of datasets", "a plan")
    parts = [_subsearch(search, command, number) for number in range(len(command.subsearches))]
    found = _stacked(search, [*([rows] if rows else []), *parts])
    newest = (SortKey(value=Column(name="_time"), descending=True),)
    return replace(found, order=newest if "_time" in found.columns else ())


def _subsearch(search: Search, command: Combine, number: int) -> Rows:
    from agents.data.plan.read_spl.pipeline import read_subsearch  # a pipeline combines with this

    if command.options.keys() - _JOIN_OPTIONS:
        raise Unsayable(f"{command.name} with options", "a plan")
    return read_subsearch(search, command.subsearches[number])


def _stacked(search: Search, parts: list[Rows]) -> Rows:
    plan = QueryPlan(source=Union(plans=tuple(part.plan for part in parts)))
    present = frozenset.intersection(*(part.present for part in parts))
    return Rows(search, plan, columns_of(plan, search.catalog) or {}, present)
