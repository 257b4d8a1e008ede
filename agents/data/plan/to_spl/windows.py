"""Windows as eventstats and, in an order, streamstats."""

from __future__ import annotations

from agents.data.plan.model import (
    Aggregate,
    Column,
    Constant,
    Distinct,
    Expr,
    Frame,
    Measure,
    Sort,
    SortKey,
    Unsayable,
    Window,
    WindowColumn,
)
from agents.data.plan.to_spl.aggregating import call
from agents.data.plan.to_spl.names import field
from agents.data.plan.to_spl.writer import Writer

_AGGREGATES = ("count", "count_distinct", "sum", "avg", "min", "max", "stddev", "variance")
_TO_HERE = Frame(start=None, end=0)


def window(w: Writer, step: Window) -> None:
    keys = [w.field_of(one) for one in step.partition]
    by = f" by {' '.join(keys)}" if keys else ""
    if not step.order:
        _unordered(w, step, by)
    else:
        _ordered(w, step, keys, by)
    for one in step.columns:
        w.fields[one.name] = one.name
    w.shown = []


def _unordered(w: Writer, step: Window, by: str) -> None:
    """Over the whole group."""
    numbers = [one for one in step.columns if one.function == "row_number"]
    if any(one.frame is not None for one in step.columns) or (numbers and len(numbers) < len(step.columns)):
        raise Unsayable("a window with a frame and no order", "SPL")
    command = "streamstats" if numbers else "eventstats"
    w.add(f"{command} {' '.join(_as(w, one, one.function) for one in step.columns)}{by}")


def _as(w: Writer, one: WindowColumn, function: str) -> str:
    if one.function == "row_number":
        return f"count as {field(one.name)}"
    if function not in _AGGREGATES and function not in ("median", "percentile", "percentile_disc", "list", "set"):
        raise Unsayable(f"the window function {function}", "SPL")
    text = call(w, Measure.model_validate({"name": one.name, "function": function, "args": one.args}), None)
    return f"{text} as {field(one.name)}"


def _ordered(w: Writer, step: Window, keys: list[str], by: str) -> None:
    from agents.data.plan.to_spl.steps import sort  # steps write windows with this

    order = step.order
    if w.order[: len(order)] != order and not _is_newest(w, order):
        sort(w, order)
    for one in step.columns:
        _running(w, step, one, keys, by)


def _is_newest(w: Writer, order: tuple[SortKey, ...]) -> bool:
    key = order[0]
    is_time = isinstance(key.value, Column) and w.fields[key.value.name] == "_time"
    return w.newest and len(order) == 1 and key.descending and is_time


def _running(w: Writer, step: Window, one: WindowColumn, keys: list[str], by: str) -> None:
    name = field(one.name)
    if one.function == "row_number":
        w.add(f"streamstats count as {name}{by}")
    elif one.function == "lag":
        _lag(w, one, by)
    elif one.function == "rank":
        _rank(w, step, name, keys, by)
    elif one.function == "dense_rank" and len(step.order) == 1:
        w.add(f"streamstats dc({w.field_of(step.order[0].value)}) as {name}{by}")
    elif one.function == "first_value":
        w.add(f"streamstats first({w.field_of(one.args[0])}) as {name}{by}")
    elif one.function in _AGGREGATES:
        w.add(f"streamstats {_frame(w, step, one)}{_as(w, one, one.function)}{by}")
    else:
        raise Unsayable(f"the window function {one.function}", "SPL")


def _lag(w: Writer, one: WindowColumn, by: str) -> None:
    rows = one.args[1] if len(one.args) > 1 else Constant(type="int", value=1)
    if rows != Constant(type="int", value=1) or len(one.args) > 2:
        raise Unsayable("the value of several rows before, or one with a default", "SPL")
    group = " global=f" if by else ""
    w.add(f"streamstats current=f window=1{group} last({w.field_of(one.args[0])}) as {field(one.name)}{by}")


def _rank(w: Writer, step: Window, name: str, keys: list[str], by: str) -> None:
    """The place of the first of those that are alike."""
    place = w.new_name("place")
    alike = [*keys, *(w.field_of(key.value) for key in step.order)]
    w.add(f"streamstats count as {place}{by}")
    w.add(f"eventstats min({place}) as {name} by {' '.join(alike)}")
    w.add(f"fields - {place}")


def _frame(w: Writer, step: Window, one: WindowColumn) -> str:
    """streamstats counts rows: a frame that takes the current row's peers is only the same where there are none."""
    frame = one.frame
    if frame is None:
        if not _is_unique(w, step):
            raise Unsayable("a running value over rows that may be alike", "SPL")
        frame = _TO_HERE
    if frame.end not in (0, -1):
        raise Unsayable("a window over the rows that follow", "SPL")
    current = "" if frame.end == 0 else "current=f "
    if frame.start is None:
        return current
    size = frame.end - frame.start + 1
    group = "global=f " if step.partition else ""
    return f"{current}window={size} {group}"


def _is_unique(w: Writer, step: Window) -> bool:
    """Whether no two rows of a partition have the same place in the order: the groups of the stats before say so."""
    named: set[Expr] = {*step.partition, *(key.value for key in step.order)}
    for before in reversed(w.so_far.steps):
        if isinstance(before, Aggregate):
            return {Column(name=group.name) for group in before.groups} <= named
        if isinstance(before, Distinct):
            return {Column(name=name) for name in w.columns} <= named
        if not isinstance(before, Sort) and before.kind not in ("filter", "extend", "window", "limit"):
            return False
    return False
