"""Window functions as Kusto has them: over rows in order, restarting where the partition changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.data.plan.expressions import Column, Expr
from agents.data.plan.functions import AGGREGATES
from agents.data.plan.model import Frame, Measure, SortKey, Unsayable, Window, WindowColumn
from agents.data.plan.to_kql import functions
from agents.data.plan.to_kql.text import NULLS, WHERE, listed, name

if TYPE_CHECKING:
    from agents.data.plan.to_kql.pipeline import Pipeline

_RANKS = {"rank": "row_rank_min", "dense_rank": "row_rank_dense"}
_NEIGHBOURS = {"lag": "prev", "lead": "next"}
_RUNNING = Frame(start=None, end=0)


def window(pipeline: Pipeline, step: Window) -> None:
    """Over whole partitions by a lookup of their aggregates, else over sorted rows."""
    whole = [one for one in step.columns if _is_whole(one, step)]
    ordered = [one for one in step.columns if one not in whole]
    if whole:
        _aggregates(pipeline, step, whole)
    if not ordered:
        return
    _sort(pipeline, step.partition, step.order)
    restart = _restart(pipeline, step.partition)
    texts = [f"{name(one.name)} = {_text(pipeline, one, step, restart)}" for one in ordered]
    pipeline.add(f"extend {listed(texts)}")


def numbered(pipeline: Pipeline, partition: tuple[Expr, ...], order: tuple[SortKey, ...]) -> str:
    """Adds the number of each row in its partition; returns its column."""
    number = pipeline.new_name("row")
    _sort(pipeline, partition, order)
    restart = _restart(pipeline, partition)
    pipeline.add(f"extend {number} = row_number({f'1, {restart}' if restart else ''})")
    return number


def _is_whole(column: WindowColumn, step: Window) -> bool:
    if column.function in ("row_number", *_RANKS, *_NEIGHBOURS):
        return False
    return (column.frame is None and not step.order) or column.frame == Frame(start=None, end=None)


def _sort(pipeline: Pipeline, partition: tuple[Expr, ...], order: tuple[SortKey, ...]) -> None:
    keys = [*(SortKey(value=one) for one in partition), *order]
    numbers = [pipeline.scalars().type_of(key.value) in ("int", "real") for key in keys]
    texts = [pipeline.sort_key(key, cut=is_number) for key, is_number in zip(keys, numbers, strict=True)]
    pipeline.add(f"sort by {listed(texts)}" if texts else "serialize")


def _restart(pipeline: Pipeline, partition: tuple[Expr, ...]) -> str:
    texts = [pipeline.scalars().plain(one) for one in partition]
    return " or ".join(f"prev({text}) != {text}" for text in texts)


def _text(pipeline: Pipeline, column: WindowColumn, step: Window, restart: str) -> str:
    again = f", {restart}" if restart else ""
    if column.function == "row_number":
        return f"row_number({f'1{again}' if again else ''})"
    if column.function in _RANKS:
        return _rank(pipeline, column, step, again)
    if column.function in _NEIGHBOURS:
        return _neighbour(pipeline, column, step)
    if column.function in ("sum", "count") and (column.frame == _RUNNING or _no_peers(pipeline, column, step)):
        value = pipeline.scalars().arg(column.args[0]) if column.function == "sum" else "1"
        if column.function == "count" and column.args:
            value = f"iff(isnotnull({pipeline.scalars().arg(column.args[0])}), 1, 0)"
        return f"row_cumsum({value}{again})"
    raise Unsayable(f"{column.function} over these rows", WHERE)


def _no_peers(pipeline: Pipeline, column: WindowColumn, step: Window) -> bool:
    """Whether no two rows of a partition are in the same place, so that a running total has one value a row."""
    read = {one.name for one in (*step.partition, *(key.value for key in step.order)) if isinstance(one, Column)}
    return column.frame is None and pipeline.unique is not None and pipeline.unique <= read


def _rank(pipeline: Pipeline, column: WindowColumn, step: Window, again: str) -> str:
    if len(step.order) != 1:
        raise Unsayable("a rank by several columns", WHERE)
    return f"{_RANKS[column.function]}({pipeline.scalars().arg(step.order[0].value)}{again})"


def _neighbour(pipeline: Pipeline, column: WindowColumn, step: Window) -> str:
    """prev and next know no partitions: the neighbour counts if it is in the same one."""
    scalars = pipeline.scalars()
    function, (value, *rest) = _NEIGHBOURS[column.function], column.args
    distance = scalars.arg(rest[0]) if rest else "1"
    shift = "" if distance == "1" and len(rest) < 2 else f", {distance}"
    if not step.partition:
        default = f", {scalars.arg(rest[1])}" if len(rest) > 1 else ""
        return f"{function}({scalars.arg(value)}{shift}{default})"
    kind = scalars.type_of(value)
    if kind is None and len(rest) < 2:
        raise Unsayable("a neighbour's value of an unknown type", WHERE)
    default = scalars.branch(rest[1], kind) if len(rest) > 1 else NULLS[kind or "dynamic"]
    same = " and ".join(f"{function}({text}{shift}) == {text}" for text in map(scalars.plain, step.partition))
    return f"iff({same}, {function}({scalars.arg(value)}{shift}), {default})"


def _aggregates(pipeline: Pipeline, step: Window, columns: list[WindowColumn]) -> None:
    """The rows so far become a `let`, which is read twice: for its rows and for their aggregates."""
    known: dict[str, Measure] = {}
    for one in columns:
        if one.function not in AGGREGATES:
            raise Unsayable(f"{one.function} over these rows", WHERE)
        known[one.name] = Measure.model_validate({"name": one.name, "function": one.function, "args": one.args})
    texts = [f"{name(one.name)} = {functions.measure(pipeline.scalars(), one).text}" for one in known.values()]
    base = f"base{len(pipeline.lets) + 1 if pipeline.lets else ''}"
    pipeline.lets.append(f"let {base} = {chr(10).join(pipeline.lines)};")
    pipeline.lines = [base]
    if not step.partition:
        for one, text in zip(columns, texts, strict=True):
            inner = text.partition(" = ")[2]
            pipeline.add(f"extend {name(one.name)} = toscalar({base} | summarize {inner})")
        return
    groups = [_group(one) for one in step.partition]
    pipeline.add(f"lookup kind=leftouter ({base} | summarize {listed(texts)} by {listed(groups)}) on {listed(groups)}")


def _group(value: Expr) -> str:
    if not isinstance(value, Column):
        raise Unsayable("a window over a computed partition", WHERE)
    return name(value.name)
