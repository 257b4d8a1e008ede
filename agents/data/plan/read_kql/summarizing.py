"""summarize: groups and measures. Expressions over aggregates become a projection of hidden measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents.data.plan.functions import AggregateName
from agents.data.plan.model import (
    Aggregate,
    Case,
    Column,
    Constant,
    Expr,
    Extend,
    Limit,
    Measure,
    Named,
    Project,
    Rename,
    Renaming,
    Sort,
    SortKey,
    Step,
    Top,
    When,
    Window,
    WindowColumn,
)
from agents.data.plan.nulls import may_be_null
from agents.data.plan.read_kql.expressions import Scalars
from agents.data.plan.read_kql.syntax import (
    Reading,
    Stage,
    arguments,
    columns_of,
    function_name,
    items,
    kind,
    name_of,
    unnamed,
    unsayable,
)

_PLAIN: dict[str, AggregateName] = {
    "count": "count", "dcount": "count_distinct", "count_distinct": "count_distinct", "sum": "sum", "avg": "avg",
    "min": "min", "max": "max", "stdev": "stddev", "variance": "variance", "make_set": "set", "makeset": "set",
    "make_list": "list", "makelist": "list", "take_any": "any", "any": "any",
}  # fmt: skip
_NEVER_NULL = frozenset(("count", "count_distinct", "list", "set"))
# dcount's second argument is how exact it is, which changes no exact count.
_EXACTNESS = frozenset(("dcount", "dcountif"))


def summarize(reading: Reading, stage: Stage, node: Any) -> Stage:
    names = list(columns_of(node))
    by = items(node.ByClause.Expressions) if node.ByClause is not None else []
    aggregates = items(node.Aggregates)
    if any(_takes_all(item) for item in aggregates):
        return _whole_rows(reading, stage, node, aggregates, by)
    scalars = Scalars(reading, stage)
    groups = tuple(Named(name=names[n], value=scalars.read(unnamed(item))) for n, item in enumerate(by))
    found = _Measures(reading, stage, names[len(by) :])
    for item in aggregates:
        found.add(item)
    present = {one.name for one in groups if not may_be_null(one.value, stage.present)}
    present |= {one.name for one in found.measures if one.function in _NEVER_NULL}
    after = found.projection([one.name for one in groups])
    shown = {one.name for one in after.columns if not may_be_null(one.value, present)} if after else present
    steps: list[Step] = [Aggregate(groups=groups, measures=tuple(found.measures)), *([after] if after else [])]
    return stage.then(*steps, node=node, present=shown)


@dataclass
class _Measures:
    """names: those Kusto gave to the results, in order."""

    reading: Reading
    stage: Stage
    names: list[str]
    measures: list[Measure] = field(default_factory=list)
    outputs: list[Named] = field(default_factory=list)
    computed: bool = False

    def add(self, item: Any) -> None:
        node = unnamed(item)
        if kind(node) == "FunctionCallExpression" and (rule := _rule(function_name(node))):
            for function, args, where in rule(Scalars(self.reading, self.stage), node):
                name = self.names.pop(0)
                self.measures.append(Measure(name=name, function=function, args=args, where=where))
                self.outputs.append(Named(name=name, value=Column(name=name)))
            return
        self.computed = True
        value = Scalars(self.reading, self.stage, instead=self._hidden).read(node)
        self.outputs.append(Named(name=self.names.pop(0), value=value))

    def _hidden(self, node: Any) -> Expr | None:
        rule = _rule(function_name(node))
        if rule is None:
            return None
        found = rule(Scalars(self.reading, self.stage), node)
        if len(found) != 1:
            raise unsayable("several aggregates in one expression", node)
        function, args, where = found[0]
        name = f"{function_name(node)}_{len(self.measures) + 1}"
        self.measures.append(Measure(name=name, function=function, args=args, where=where))
        return Column(name=name)

    def projection(self, groups: list[str]) -> Project | None:
        if not self.computed:
            return None
        kept = [Named(name=name, value=Column(name=name)) for name in groups]
        return Project(columns=(*kept, *self.outputs))


One = tuple[AggregateName, tuple[Expr, ...], Expr | None]
Rule = Callable[[Scalars, Any], list[One]]


def _rule(name: str) -> Rule | None:
    if name in _PLAIN or (name.endswith("if") and name.removesuffix("if").removesuffix("_") in _PLAIN):
        return _plain
    return _SPECIAL.get(name)


def _plain(s: Scalars, node: Any) -> list[One]:
    name, args = function_name(node), arguments(node)
    conditional = name not in _PLAIN
    function = _PLAIN[name.removesuffix("if").removesuffix("_") if conditional else name]
    if function == "any" and not conditional:
        return [("any", (s.read(arg),), None) for arg in args]
    taken = 0 if function == "count" else 1
    rest = args[taken + conditional :]
    if rest and name not in _EXACTNESS:
        raise unsayable(f"a limit on {name}", node)
    where = s.read(args[taken]) if conditional else None
    return [(function, tuple(_value(s, function, arg) for arg in args[:taken]), where)]


def _value(s: Scalars, function: AggregateName, node: Any) -> Expr:
    numeric = function in ("sum", "avg", "stddev", "variance")
    return s.as_type(node, "real") if numeric else s.read(node)


def _extreme(function: AggregateName, by: AggregateName) -> Rule:
    """arg_max(t, a, b): the greatest t, then a and b of its row."""

    def rule(s: Scalars, node: Any) -> list[One]:
        key, *values = (s.read(arg) for arg in arguments(node))
        return [(by, (key,), None), *((function, (value, key), None) for value in values)]

    return rule


def _percentiles(s: Scalars, node: Any) -> list[One]:
    value, *numbers = (s.read(arg) for arg in arguments(node))
    shares = [number.value for number in numbers if isinstance(number, Constant)]
    if len(shares) < len(numbers):
        raise unsayable("a computed percentile", node)
    found: list[One] = []
    for share in shares:
        if not isinstance(share, int | float):
            raise unsayable("a percentile that is no number", node)
        found.append(("percentile_disc", (value, Constant(type="real", value=share / 100)), None))
    return found


_SPECIAL: dict[str, Rule] = {
    "arg_max": _extreme("arg_max", "max"),
    "argmax": _extreme("arg_max", "max"),
    "arg_min": _extreme("arg_min", "min"),
    "argmin": _extreme("arg_min", "min"),
    "percentile": _percentiles,
    "percentiles": _percentiles,
}


# --- arg_max(t, *) and take_any(*) --------------------------------------------------------------------------------


def _takes_all(item: Any) -> bool:
    node = unnamed(item)
    return kind(node) == "FunctionCallExpression" and any(kind(arg) == "StarExpression" for arg in arguments(node))


def _whole_rows(reading: Reading, stage: Stage, node: Any, aggregates: list[Any], by: list[Any]) -> Stage:
    """The row itself of each group: it keeps the order of its columns, where Kusto has the group's first."""
    whole = next(item for item in aggregates if _takes_all(item))
    call = unnamed(whole)
    scalars, name = Scalars(reading, stage), function_name(call)
    groups = [Named(name=name_of(item) or "", value=scalars.read(unnamed(item))) for item in by]
    if any(not isinstance(one.value, Column) or one.name not in ("", one.value.name) for one in groups):
        raise unsayable("the whole row of a computed group", node)
    key = None if name in ("take_any", "any") else scalars.read(arguments(call)[0])
    order = () if key is None else (SortKey(value=key, descending=name in ("arg_max", "argmax")),)
    others = [item for item in aggregates if item is not whole]
    if others:
        stage = _beside(reading, stage, node, others, groups)
    if key is not None and not isinstance(key, Column):
        return _computed_key(stage, node, groups, name, key)
    chosen = stage.then(*_first(groups, order))
    new = name_of(whole)
    if new is None or key is None or new == key.name:
        return chosen
    columns = {new if column == key.name else column: found for column, found in stage.columns.items()}
    renamed = chosen.then(Rename(columns=(Renaming(name=new, was=key.name),)))
    return Stage(renamed.plan, columns, stage.present)


def _beside(reading: Reading, stage: Stage, node: Any, others: list[Any], groups: list[Named]) -> Stage:
    """Aggregates of the group, in each of its rows."""
    new = [name for name in columns_of(node) if name not in stage.columns]
    found = _Measures(reading, stage, [name_of(item) or new[place] for place, item in enumerate(others)])
    for item in others:
        found.add(item)
    if found.computed or not groups or any(one.name in stage.columns for one in found.measures):
        raise unsayable("a computed aggregate beside the whole row of a group", node)
    columns = tuple(
        WindowColumn(name=one.name, function=one.function, args=_where_it_counts(one)) for one in found.measures
    )
    window = Window(partition=tuple(one.value for one in groups), columns=columns)
    kinds = columns_of(node)
    names = {one.name: kinds[one.name] for one in found.measures}
    return Stage(stage.plan.then(window), {**stage.columns, **names}, stage.present)


def _computed_key(stage: Stage, node: Any, groups: list[Named], name: str, key: Expr) -> Stage:
    added = [column for column in columns_of(node) if column not in stage.columns]
    if len(added) != 1:
        raise unsayable("the whole row by a computed value", node)
    order = (SortKey(value=Column(name=added[0]), descending=name in ("arg_max", "argmax")),)
    return stage.then(Extend(columns=(Named(name=added[0], value=key),)), *_first(groups, order), node=node)


def _where_it_counts(one: Measure) -> tuple[Expr, ...]:
    """A window has no condition of its own."""
    if one.where is None:
        return one.args
    value = one.args[0] if one.args else Constant(type="int", value=1)
    return (Case(whens=(When(condition=one.where, result=value),)), *one.args[1:])


def _first(groups: list[Named], order: tuple[SortKey, ...]) -> list[Any]:
    """In Kusto no row without the key is the greatest or smallest, unless there is no other."""
    if groups:
        return [Top(groups=tuple(one.value for one in groups), order=order)]
    return [*([Sort(keys=order)] if order else []), Limit(count=1)]
