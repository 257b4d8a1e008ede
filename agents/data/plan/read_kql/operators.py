"""Kusto's tabular operators as steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.data.kql.declared import WATCHLIST
from agents.data.kql.rewriting.watchlists import watchlist_of
from agents.data.plan.model import (
    Aggregate,
    Cast,
    Column,
    Distinct,
    Drop,
    Expand,
    Extend,
    Filter,
    Limit,
    Measure,
    Named,
    Project,
    QueryPlan,
    Rename,
    Renaming,
    Sort,
    SortKey,
    Table,
    Values,
)
from agents.data.plan.nulls import may_be_null
from agents.data.plan.read_kql import combining, summarizing, windows
from agents.data.plan.read_kql.expressions import Scalars
from agents.data.plan.read_kql.syntax import (
    Reading,
    Stage,
    arguments,
    columns_of,
    data_type,
    function_name,
    items,
    kind,
    name_of,
    parameters,
    text_of,
    type_of,
    unnamed,
    unsayable,
)

Operator = Callable[[Reading, Stage, Any], Stage]


def read_pipeline(reading: Reading, node: Any) -> Stage:
    """Any expression that makes rows. Raises Unsayable."""
    node = unnamed(node)
    if kind(node) == "PipeExpression":
        operator = _OPERATORS.get(kind(node.Operator))
        if operator is None:
            raise unsayable(f"the operator {node.Operator.GetFirstToken().Text}", node.Operator)
        return operator(reading, read_pipeline(reading, node.Expression), node.Operator)
    source = _SOURCES.get(kind(node))
    if source is None:
        raise unsayable(f"rows from a {kind(node)}", node)
    return source(reading, node)


# --- sources ------------------------------------------------------------------------------------------------------


def _named_rows(reading: Reading, node: Any) -> Stage:
    name = str(node.SimpleName)
    if name in reading.lets:
        return read_pipeline(reading, reading.lets[name])
    if reading.catalog.find(name) is None:
        raise unsayable(f"the rows {name}", node)
    return _table(node, str(node.ResultType.Name))


def _table(node: Any, name: str) -> Stage:
    columns = columns_of(node)
    present = frozenset(column for column, found in columns.items() if found == "string")
    return Stage(QueryPlan(source=Table(name=name)), columns, present)


def _called_rows(reading: Reading, node: Any) -> Stage:
    if function_name(node) == "table" and node.ResultType is not None and reading.catalog.find(node.ResultType.Name):
        return _table(node, str(node.ResultType.Name))
    if function_name(node) == WATCHLIST and (name := watchlist_of(node)) in reading.catalog.by_name:
        return _table(node, str(name))
    if function_name(node) == "materialize":
        return read_pipeline(reading, arguments(node)[0])
    raise unsayable(f"the function {function_name(node)}", node)


def _materialized(reading: Reading, node: Any) -> Stage:
    return read_pipeline(reading, node.Expression)


def _data_table(reading: Reading, node: Any) -> Stage:
    columns = columns_of(node)
    cells = [Scalars(reading, Stage(QueryPlan(source=Values()), {})).read(item) for item in items(node.Values)]
    constants = [cell for cell in cells if cell.kind == "constant"]
    if len(constants) < len(cells) or not columns:
        raise unsayable("a datatable of anything but constants", node)
    width = len(columns)
    rows = tuple(tuple(constants[at : at + width]) for at in range(0, len(constants), width))
    return Stage(QueryPlan(source=Values(columns=tuple(columns), rows=rows)), columns)


def _print(reading: Reading, node: Any) -> Stage:
    columns = columns_of(node)
    scalars = Scalars(reading, Stage(QueryPlan(source=Values()), {}))
    named = tuple(
        Named(name=name, value=scalars.read(item)) for name, item in zip(columns, items(node.Expressions), strict=True)
    )
    return Stage(QueryPlan(source=Values(), steps=(Project(columns=named),)), columns)


# --- rows ---------------------------------------------------------------------------------------------------------


def _where(reading: Reading, stage: Stage, node: Any) -> Stage:
    return stage.then(Filter(condition=Scalars(reading, stage).read(node.Condition)))


def _take(reading: Reading, stage: Stage, node: Any) -> Stage:
    return stage.then(Limit(count=_count(reading, stage, node.Expression)))


def _count(reading: Reading, stage: Stage, node: Any) -> int:
    found = Scalars(reading, stage).read(node)
    if found.kind != "constant" or not isinstance(found.value, int):
        raise unsayable("a computed number of rows", node)
    return found.value


def _sort(reading: Reading, stage: Stage, node: Any) -> Stage:
    keys = tuple(_sort_key(reading, stage, item, cut=False) for item in items(node.Expressions))
    return stage.then(Sort(keys=keys))


def _top(reading: Reading, stage: Stage, node: Any) -> Stage:
    key = _sort_key(reading, stage, node.ByExpression, cut=True)
    return stage.then(Sort(keys=(key,)), Limit(count=_count(reading, stage, node.Expression)))


def _sort_key(reading: Reading, stage: Stage, node: Any, *, cut: bool) -> SortKey:
    """cut: only the first rows are kept, so where nulls go decides which. Kusto puts them first where it ascends."""
    ordering = node.Ordering if kind(node) == "OrderedExpression" else None
    value = Scalars(reading, stage).read(node.Expression if ordering is not None else node)
    words = text_of(ordering).split() if ordering is not None else []
    descending = "asc" not in words and "granny-asc" not in words
    nulls: Any = next((word for word in words if word in ("first", "last")), None)
    if nulls is None and not descending and (cut or type_of(node) != "datetime"):
        nulls = "first" if may_be_null(value, stage.present) else None
    return SortKey(value=value, descending=descending, nulls=nulls)


def _count_rows(reading: Reading, stage: Stage, node: Any) -> Stage:
    name = next(iter(columns_of(node)))
    return stage.then(Aggregate(measures=(Measure(name=name, function="count"),)), node=node, present=[name])


def _distinct(reading: Reading, stage: Stage, node: Any) -> Stage:
    if any(kind(item) == "StarExpression" for item in items(node.Expressions)):
        return stage.then(Distinct())
    return _project(reading, stage, node).then(Distinct())


# --- columns ------------------------------------------------------------------------------------------------------


def _project(reading: Reading, stage: Stage, node: Any) -> Stage:
    columns, found = columns_of(node), items(node.Expressions)
    if len(columns) != len(found):
        raise unsayable("several columns from one expression", node)
    scalars = Scalars(reading, stage)
    named = tuple(
        Named(name=name, value=scalars.read(unnamed(item))) for name, item in zip(columns, found, strict=True)
    )
    present = [one.name for one in named if not may_be_null(one.value, stage.present)]
    return stage.then(Project(columns=named), node=node, present=present)


def _extend(reading: Reading, stage: Stage, node: Any) -> Stage:
    added = [name for name in columns_of(node) if name not in stage.columns]
    named = []
    calls = windows.Windows(reading, stage)
    for item in items(node.Expressions):
        if kind(item) == "CompoundNamedExpression":
            raise unsayable("several columns from one expression", item)
        name = name_of(item) or _own_name(item) or added[0]
        if name in added:
            added.remove(name)
        named.append(Named(name=name, value=calls.read(unnamed(item))))
    numbers = calls.numbers()
    present = stage.present - {one.name for one in named}
    present |= {one.name for one in named if not may_be_null(one.value, stage.present | numbers)}
    return stage.then(*calls.extend(named), node=node, present=present)


def _own_name(node: Any) -> str | None:
    return str(node.SimpleName) if kind(node) == "NameReference" else None


def _only(reading: Reading, stage: Stage, node: Any) -> Stage:
    """project-keep and project-reorder: the columns that Kusto says, in its order."""
    columns = columns_of(node)
    if list(columns) == list(stage.columns):
        return stage
    return stage.then(Project(columns=tuple(Named(name=name, value=Column(name=name)) for name in columns)), node=node)


def _away(reading: Reading, stage: Stage, node: Any) -> Stage:
    kept = columns_of(node)
    gone = tuple(name for name in stage.columns if name not in kept)
    return stage.then(Drop(names=gone), node=node) if gone else stage


def _rename(reading: Reading, stage: Stage, node: Any) -> Stage:
    renamed = tuple(
        Renaming(name=new, was=old) for old, new in zip(stage.columns, columns_of(node), strict=True) if old != new
    )
    present = {new for old, new in zip(stage.columns, columns_of(node), strict=True) if old in stage.present}
    return stage.then(Rename(columns=renamed), node=node, present=present) if renamed else stage


def _expand(reading: Reading, stage: Stage, node: Any) -> Stage:
    expressions = items(node.Expressions)
    if len(expressions) > 1 or parameters(node) or node.RowLimitClause is not None:
        raise unsayable("mv-expand of several columns or with options", node)
    item = expressions[0]
    inner = unnamed(item.Expression)
    new = [name for name in columns_of(node) if name not in stage.columns]
    named = name_of(item.Expression) or _own_name(inner) or next(iter(new), None)
    name = named or str(arguments(inner)[0].SimpleName)
    value = Scalars(reading, stage).read(inner)
    stage = stage.then(Expand(name=name, value=value, keep_empty=True), node=node, present=stage.present - {name})
    if item.ToTypeOf is None:
        return stage
    wanted = data_type(text_of(item.ToTypeOf.TypeOf).removeprefix("typeof(").removesuffix(")").strip(), item)
    return stage.then(Extend(columns=(Named(name=name, value=Cast(operand=Column(name=name), to=wanted)),)))


def _serialize(reading: Reading, stage: Stage, node: Any) -> Stage:
    """`serialize n = row_number()` is an extend; alone it changes no rows."""
    return _extend(reading, stage, node) if items(node.Expressions) else stage


def _unchanged(reading: Reading, stage: Stage, node: Any) -> Stage:
    """render, as and serialize say how rows are shown, named or kept."""
    return stage


_SOURCES: dict[str, Callable[[Reading, Any], Stage]] = {
    "NameReference": _named_rows,
    "FunctionCallExpression": _called_rows,
    "MaterializeExpression": _materialized,
    "DataTableExpression": _data_table,
    "PrintOperator": _print,
    "UnionOperator": lambda reading, node: combining.union(reading, None, node),
}
_OPERATORS: dict[str, Operator] = {
    "FilterOperator": _where,
    "ExtendOperator": _extend,
    "ProjectOperator": _project,
    "ProjectAwayOperator": _away,
    "ProjectKeepOperator": _only,
    "ProjectReorderOperator": _only,
    "ProjectRenameOperator": _rename,
    "SummarizeOperator": summarizing.summarize,
    "SortOperator": _sort,
    "TopOperator": _top,
    "TakeOperator": _take,
    "CountOperator": _count_rows,
    "DistinctOperator": _distinct,
    "JoinOperator": combining.join,
    "LookupOperator": combining.lookup,
    "UnionOperator": combining.union,
    "MvExpandOperator": _expand,
    "RenderOperator": _unchanged,
    "AsOperator": _unchanged,
    "SerializeOperator": _serialize,
}
