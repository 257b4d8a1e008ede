"""stats and its kin, and what they add to every row: eventstats, streamstats, top and rare."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.data.plan.model import (
    Aggregate,
    Arithmetic,
    Case,
    Column,
    Constant,
    Drop,
    Expr,
    Frame,
    IsNull,
    Limit,
    Named,
    Not,
    Project,
    SortKey,
    Top,
    Unsayable,
    When,
    Window,
    WindowColumn,
)
from agents.data.plan.nulls import all_of
from agents.data.plan.read_spl.expressions import call
from agents.data.plan.read_spl.measures import Measures, windowed
from agents.data.plan.read_spl.shaping import extended, there
from agents.data.plan.read_spl.state import Rows, Search
from agents.data.plan.read_spl.times import bucket, duration
from agents.data.spl.ast import Aggregate as AggregateCommand
from agents.data.spl.ast import SearchExpression
from agents.data.spl.ast import Top as TopCommand

_HUNDRED = Constant(type="int", value=100)
_CHART_OPTIONS = frozenset(("span", "cont", "limit", "useother", "usenull"))


def stats(rows: Rows, command: AggregateCommand) -> Rows:
    if command.options.keys() - {"allnum"} or command.flag("allnum"):
        raise Unsayable("stats with options", "a plan")
    return grouped(rows, command)


def grouped(rows: Rows, command: AggregateCommand) -> Rows:
    """One row for each combination of the by-fields' values, of the rows that have all of them."""
    keys = [ref.name for ref in ([command.over] if command.over else []) + command.by]
    if found := [key for key in keys if rows.columns.get(key) == "dynamic"]:
        raise Unsayable(f"a group for each value of the multivalue field '{found[0]}'", "a plan")
    rows = there(rows, keys)
    measures = Measures(rows)
    for item in command.aggregations:
        measures.add(item)
    groups = tuple(Named(name=key, value=Column(name=key)) for key in keys)
    aggregate = Aggregate(groups=groups, measures=tuple(measures.found))
    return _new_rows(rows, aggregate, keys, measures)


def _new_rows(rows: Rows, aggregate: Aggregate, keys: list[str], measures: Measures) -> Rows:
    kept = {key: rows.values[key] for key in keys if key in rows.values}
    bare = replace(rows, present=frozenset(), values=kept, order=(), ordered=False)
    counts = [one.name for one in aggregate.measures if one.function in ("count", "count_distinct")]
    found = bare.then(aggregate, present=[*keys, *counts])
    if measures.computed:
        columns = (*(Named(name=key, value=Column(name=key)) for key in keys), *measures.outputs)
        found = found.then(Project(columns=columns))
    return replace(found, order=tuple(SortKey(value=Column(name=key)) for key in keys))


def chart(rows: Rows, command: AggregateCommand) -> Rows:
    """With one field it is stats; with two, the second one's values become columns."""
    keys = [ref.name for ref in ([command.over] if command.over else []) + command.by]
    if len(keys) > 1 or command.series is not None:
        raise Unsayable(f"a column for each value of '{keys[-1]}'", "a plan")
    if command.option("span"):
        raise Unsayable("chart with a span", "a plan")
    return grouped(rows, command)


def timechart(rows: Rows, command: AggregateCommand) -> Rows:
    """One row for each span that has events, in the order of time."""
    if command.by:
        raise Unsayable(f"a column for each value of '{command.by[0].name}'", "a plan")
    if not command.option("span") or command.options.keys() - _CHART_OPTIONS:
        raise Unsayable("timechart without a span, or with bins, align or format", "a plan")
    rows = there(rows, ["_time"])
    measures = Measures(rows)
    for item in command.aggregations:
        measures.add(item)
    when = Named(name="_time", value=bucket(rows.column("_time"), duration(command.option("span"))))
    found = _new_rows(rows, Aggregate(groups=(when,), measures=tuple(measures.found)), ["_time"], measures)
    return found.in_order()


def tstats(search: Search, command: Any, base: Callable[[Search, SearchExpression | None], Rows]) -> Rows:
    """tstats over an index is stats of its events."""
    if command.dataset is not None or command.options.keys() - {"span", "summariesonly", "allow_old_summaries"}:
        raise Unsayable("tstats over a data model", "a plan")
    rows = base(search, command.where)
    span = command.spans.get("_time") or command.options.get("span")
    if span is not None:
        rows = extended(rows, Named(name="_time", value=bucket(rows.column("_time"), duration(span.text))))
    return grouped(rows, command)


# --- windows ------------------------------------------------------------------------------------------------------


def eventstats(rows: Rows, command: AggregateCommand) -> Rows:
    """Each row with the statistics of its group; one without a by-field has none."""
    if command.options.keys() - {"allnum"}:
        raise Unsayable("eventstats with options", "a plan")
    columns = [windowed(rows, item) for item in command.aggregations]
    keys = [ref.name for ref in command.by]
    window = Window(partition=tuple(rows.column(key) for key in keys), columns=tuple(columns))
    return _with_window(rows, window, keys)


def streamstats(rows: Rows, command: AggregateCommand) -> Rows:
    """Each row with the statistics of the rows before it, in the order they are in."""
    if command.options.keys() - {"window", "current", "global"}:
        raise Unsayable("streamstats with time_window or reset", "a plan")
    if not rows.order:
        raise Unsayable("streamstats of rows in no order", "a plan")
    keys = [ref.name for ref in command.by]
    size, current = int(command.option("window", "0")), command.flag("current", True)
    if size and keys and command.flag("global", True):
        raise Unsayable("a window over the rows of all groups", "a plan")
    frame = Frame(start=(1 if current else 0) - size if size else None, end=0 if current else -1)
    columns = tuple(_running(rows, item, frame) for item in command.aggregations)
    window = Window(partition=tuple(rows.column(key) for key in keys), order=rows.order, columns=columns)
    return _with_window(rows, window, keys)


def _running(rows: Rows, item: Any, frame: Frame) -> WindowColumn:
    if item.function in ("count", "c") and item.argument is None and frame == Frame(start=None, end=0):
        return WindowColumn(name=item.output, function="row_number")
    if item.function == "last" and frame.end == -1:
        argument = rows.column(item.argument.name)
        if frame.start not in (None, -1) or (frame.start is None and argument.name not in rows.present):
            raise Unsayable("the last value before, of a field that may be missing", "a plan")
        return WindowColumn(name=item.output, function="lag", args=(argument,))
    return windowed(rows, item, frame)


def _with_window(rows: Rows, window: Window, keys: list[str]) -> Rows:
    """Under names that no field has, where a field is replaced or rows without a by-field get nothing."""
    guard = [Not(operand=IsNull(operand=Column(name=key))) for key in keys if key not in rows.present]
    if not guard and all(one.name not in rows.columns for one in window.columns):
        return replace(rows.then(window), ordered=False)
    names = {one.name: f"{one.name}_of_group" for one in window.columns}
    hidden = tuple(one.model_copy(update={"name": names[one.name]}) for one in window.columns)
    found = replace(rows.then(window.model_copy(update={"columns": hidden})), ordered=False)
    values: dict[str, Expr] = {name: Column(name=other) for name, other in names.items()}
    if guard:
        test = all_of(guard)
        values = {name: Case(whens=(When(condition=test, result=value),)) for name, value in values.items()}
    found = extended(found, *(Named(name=name, value=value) for name, value in values.items()))
    return found.then(Drop(names=tuple(names.values())))


# --- top and rare -------------------------------------------------------------------------------------------------


def top(rows: Rows, command: TopCommand) -> Rows:
    """The most (or, for rare, least) frequent combinations, with their count and share."""
    if command.options.keys() & {"useother", "otherstr"}:
        raise Unsayable(f"{command.name} with other values as one", "a plan")
    keys, names = [ref.name for ref in command.by], [ref.name for ref in command.fields]
    count, percent = command.option("countfield", "count"), command.option("percentfield", "percent")
    rows = there(rows, [*keys, *names])
    groups = tuple(Named(name=name, value=Column(name=name)) for name in (*keys, *names))
    measures = Measures(rows)
    measures.count(count)
    found = _new_rows(rows, Aggregate(groups=groups, measures=tuple(measures.found)), [*keys, *names], measures)
    if command.flag("showperc", True):
        found = _with_share(found, keys, count, percent)
    order = (
        SortKey(value=Column(name=count), descending=command.name == "top"),
        *(SortKey(value=Column(name=name)) for name in names),
    )
    if keys and command.limit:
        groups_of = tuple(Column(name=key) for key in keys)
        found = found.then(Top(groups=groups_of, order=order, count=command.limit))
    first = tuple(SortKey(value=Column(name=key)) for key in keys)
    found = replace(found, order=(*first, *order), ordered=False).in_order()
    if command.limit and not keys:
        found = found.then(Limit(count=command.limit))
    return found if command.flag("showcount", True) else found.then(Drop(names=(count,)))


def _with_share(rows: Rows, keys: list[str], count: str, percent: str) -> Rows:
    total = WindowColumn(name="total", function="sum", args=(Column(name=count),))
    window = Window(partition=tuple(Column(name=key) for key in keys), columns=(total,))
    part = Arithmetic(
        op="/", left=Arithmetic(op="*", left=_HUNDRED, right=Column(name=count)), right=Column(name="total")
    )
    share = call("round", part, Constant(type="int", value=6))
    return extended(rows.then(window), Named(name=percent, value=share)).then(Drop(names=("total",)))
