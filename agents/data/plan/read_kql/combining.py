"""join, lookup and union."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Literal

from agents.data.kql.declared import plain_tables
from agents.data.kql.types import kusto_type
from agents.data.plan.model import (
    Column,
    Join,
    Key,
    Named,
    Project,
    QueryPlan,
    Rename,
    Renaming,
    Table,
    Top,
    Union,
)
from agents.data.plan.read_kql.syntax import (
    Reading,
    Stage,
    columns_of,
    data_type,
    is_tabular,
    items,
    kind,
    parameters,
    text_of,
    unnamed,
    unsayable,
)
from agents.data.plan.uniqueness import is_unique

How = Literal["inner", "left", "full", "semi", "anti"]

_TYPES = {"int": ("long", "int"), "real": ("real", "decimal"), "string": ("string", "guid"), "duration": ("timespan",)}
_BOTH: dict[str, How] = {"inner": "inner", "innerunique": "inner", "leftouter": "left", "fullouter": "full"}
_LEFT: dict[str, How] = {"leftsemi": "semi", "leftanti": "anti", "anti": "anti", "leftantisemi": "anti"}
_RIGHT: dict[str, How] = {"rightsemi": "semi", "rightanti": "anti", "rightantisemi": "anti", "rightouter": "left"}


def join(reading: Reading, stage: Stage, node: Any) -> Stage:
    how = parameters(node).get("kind", "innerunique")
    right = _rows(reading, node.Expression)
    pairs = list(_pairs(node.ConditionClause))
    if how in _LEFT:
        return stage.then(Join(how=_LEFT[how], right=right.plan, keys=_keys(pairs)))
    if how in ("rightsemi", "rightanti", "rightantisemi"):
        return right.then(Join(how=_RIGHT[how], right=stage.plan, keys=_keys((b, a) for a, b in pairs)))
    if how not in _BOTH and how != "rightouter":
        raise unsayable(f"a join of kind {how}", node)
    columns = columns_of(node)
    names = dict(zip(right.columns, list(columns)[len(stage.columns) :], strict=True))
    right, pairs = _renamed(right, names), [(a, names[b]) for a, b in pairs]
    if how == "rightouter":
        swapped = right.then(Join(how="left", right=stage.plan, keys=_keys((b, a) for a, b in pairs)))
        all_columns = Project(columns=tuple(Named(name=name, value=Column(name=name)) for name in columns))
        return swapped.then(all_columns, node=node, present=right.present)
    if how == "innerunique":
        stage = _one_for_each(reading, stage, [a for a, _ in pairs])
    present = {"inner": stage.present | right.present, "left": stage.present, "full": frozenset[str]()}[_BOTH[how]]
    return stage.then(Join(how=_BOTH[how], right=right.plan, keys=_keys(pairs)), node=node, present=present)


def lookup(reading: Reading, stage: Stage, node: Any) -> Stage:
    """A join that leaves the right side's keys away: under the left side's names the join hides them."""
    how = parameters(node).get("kind", "leftouter")
    right = _rows(reading, node.Expression)
    pairs = list(_pairs(node.LookupClause))
    own = {b: a for a, b in pairs}
    values = [name for name in right.columns if name not in own]
    names = dict(zip(values, list(columns_of(node))[len(stage.columns) :], strict=True))
    right = _renamed(right, {**names, **own})
    joined = Join(how=_BOTH[how], right=right.plan, keys=_keys((a, a) for a, _ in pairs))
    present = stage.present | (right.present if how == "inner" else frozenset())
    return stage.then(joined, node=node, present=present)


def _rows(reading: Reading, node: Any) -> Stage:
    from agents.data.plan.read_kql.operators import read_pipeline  # operators join with this

    return read_pipeline(reading, node)


def _pairs(clause: Any) -> Iterator[tuple[str, str]]:
    """The names of the keys: left's and right's."""
    if kind(clause) != "JoinOnClause":
        raise unsayable("a join by anything but its keys", clause)
    for condition in items(clause.Expressions):
        yield from _pair(condition)


def _pair(node: Any) -> Iterator[tuple[str, str]]:
    node = unnamed(node)
    if kind(node) == "NameReference":
        yield str(node.SimpleName), str(node.SimpleName)
    elif kind(node) == "BinaryExpression" and str(node.Operator.Text) == "and":
        yield from _pair(node.Left)
        yield from _pair(node.Right)
    elif kind(node) == "BinaryExpression" and str(node.Operator.Text) == "==":
        sides = dict(_side(side) for side in (node.Left, node.Right))
        if sides.keys() != {"$left", "$right"}:
            raise unsayable("a join's key that is not $left.a == $right.b", node)
        yield sides["$left"], sides["$right"]
    else:
        raise unsayable("a join's key that is computed", node)


def _side(node: Any) -> tuple[str, str]:
    node = unnamed(node)
    if kind(node) != "PathExpression" or kind(node.Expression) != "NameReference":
        raise unsayable("a join's key that is computed", node)
    return str(node.Expression.SimpleName), str(node.Selector.SimpleName)


def _keys(pairs: Any) -> tuple[Key, ...]:
    return tuple(Key(left=Column(name=a), right=Column(name=b)) for a, b in pairs)


def _renamed(stage: Stage, names: dict[str, str]) -> Stage:
    """Under the names that Kusto gives to the right side's columns in a join."""
    changed = tuple(Renaming(name=new, was=old) for old, new in names.items() if old != new)
    if not changed:
        return stage
    columns = {names.get(name, name): found for name, found in stage.columns.items()}
    present = frozenset(names.get(name, name) for name in stage.present)
    return Stage(stage.plan.then(Rename(columns=changed)), columns, present)


def _one_for_each(reading: Reading, stage: Stage, keys: list[str]) -> Stage:
    """Kusto's usual join takes one row of the left side for each key."""
    if is_unique(stage.plan, keys, reading.catalog):
        return stage
    return stage.then(Top(groups=tuple(Column(name=key) for key in keys)))


# --- union --------------------------------------------------------------------------------------------------------


def union(reading: Reading, stage: Stage | None, node: Any) -> Stage:
    found = parameters(node)
    if found.get("kind", "outer") != "outer":
        raise unsayable("a union of kind inner", node)
    stages = [] if stage is None else [stage]
    for item in items(node.Expressions):
        stages += _united(reading, item)
    columns = columns_of(node)
    stages = [_renamed(one, {name: _typed(one, name, columns) for name in one.columns}) for one in stages]
    origin = found.get("withsource") or found.get("with_source")
    expected = {name: None for one in stages for name in one.columns}
    if set(columns) != {*expected, *([origin] if origin else [])}:
        raise unsayable("a union of columns with one name and different types", node)
    if len(stages) == 1 and not origin:
        return stages[0]
    everywhere = frozenset(name for name in columns if all(name in one.present for one in stages) or name == origin)
    plans = tuple(one.plan for one in stages)
    return Stage(QueryPlan(source=Union(plans=plans, origin=origin)), columns, everywhere)


def _typed(stage: Stage, name: str, columns: Collection[str]) -> str:
    """Columns of one name and different types are several: `Port_long` and `Port_string`."""
    if name in columns:
        return name
    ends = _TYPES.get(stage.columns[name], (stage.columns[name],))
    return next((f"{name}_{end}" for end in ends if f"{name}_{end}" in columns), name)


def _united(reading: Reading, node: Any) -> list[Stage]:
    """The rows of one operand; a name with `*` stands for several tables."""
    if kind(unnamed(node)) == "NameReference" and "*" in text_of(node):
        tables = [table for table in plain_tables(reading.catalog) if _matches(table.name, text_of(node))]
        return [_catalog_table(reading, node, table.name) for table in tables]
    if not is_tabular(node):
        raise unsayable("a union of what has no rows", node)
    return [_rows(reading, node)]


def _matches(name: str, pattern: str) -> bool:
    head, _, tail = pattern.partition("*")
    return name.startswith(head) and name.endswith(tail) and len(name) >= len(head) + len(tail)


def _catalog_table(reading: Reading, node: Any, name: str) -> Stage:
    columns = {
        column.name: data_type(kusto_type(column.type), node) for column in reading.catalog.by_name[name].columns
    }
    present = frozenset(column for column, found in columns.items() if found == "string")
    return Stage(QueryPlan(source=Table(name=name)), columns, present)
