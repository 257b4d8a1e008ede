"""`make-series`, by the reference's definition: aggregates by `bin_at` of the axis, gaps filled, a list for each.

Its text uses functions that duckdb_functions.py registers and Kusto does not have, so it is the last rewriting.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.rewriting.edits import Edit, Source, input_of, items, named, names_of, replaced
from agents.data.platform import NotExecutable

_BIN, _ROWS, _WITHIN = (named(f"lexiquery_{name}") for name in ("bin", "rows", "within"))


def made_series(operator: Any, source: Source) -> Iterator[Edit]:
    start, stop, step = _range(operator, source)
    axis = operator.OnClause.Expression
    if str(axis.Kind) != "NameReference" or str(axis.ResultType.Name) != "datetime":
        raise NotExecutable("make-series on anything but a datetime column")
    groups = items(operator.ByClause.Expressions) if operator.ByClause else []
    *outputs, time = names_of(operator)
    keys, values = outputs[: len(groups)], outputs[len(groups) :]
    by = [f"{named(name)} = {_unnamed(item, source)}" for name, item in zip(keys, groups, strict=True)]
    series = items(operator.Aggregates)
    aggregates = [
        f"{named(name)} = {_unnamed(item.Expression, source)}" for name, item in zip(values, series, strict=True)
    ]
    inside = f"{source.of(axis)} >= ({start}) and {source.of(axis)} < ({stop})"
    bins = [*by, f"{_BIN} = bin_at({source.of(axis)}, {step}, {start})", f"{_WITHIN} = ({inside})"]
    maps = [f"{named(name)} = lexiquery_map({_BIN}, {named(name)})" for name in values]
    maps += [f"{_WITHIN} = sumif({_ROWS}, {_WITHIN})", f"{_ROWS} = sum({_ROWS})"]
    lists = [
        f"{named(name)} = lexiquery_filled({named(name)}, {_default(item, source)}, {start}, {stop}, {step})"
        for name, item in zip(values, series, strict=True)
    ]
    steps = [
        source.of(input_of(operator)),
        f"summarize {', '.join([*aggregates, f'{_ROWS} = count()'])} by {', '.join(bins)}",
        f"summarize {', '.join(maps)}" + (f" by {', '.join(map(named, keys))}" if keys else ""),
        f"where {_ROWS} > 0",
        # The reference does not say whether a group whose rows all lie outside has a series: an error then.
        f"where lexiquery_some({_WITHIN})",
        f"project {', '.join([*map(named, keys), *lists, f'{named(time)} = lexiquery_bins({start}, {stop}, {step})'])}",
    ]
    yield replaced(operator.Parent, " | ".join(steps))


def _range(operator: Any, source: Source) -> tuple[str, str, str]:
    clause = operator.RangeClause
    start, stop = (getattr(clause, name, None) for name in ("MakeSeriesFromClause", "MakeSeriesToClause"))
    if start is None or stop is None:
        raise NotExecutable("make-series without from and to: its bins depend on the rows")
    if any("nonempty" in source.of(parameter) for parameter in operator.Parameters):
        raise NotExecutable("make-series kind=nonempty")
    step = clause.MakeSeriesStepClause
    return source.of(start.Expression), source.of(stop.Expression), source.of(step.Expression)


def _unnamed(item: Any, source: Source) -> str:
    return source.of(item.Expression if str(item.Kind) == "SimpleNamedExpression" else item)


def _default(item: Any, source: Source) -> str:
    return source.of(item.DefaultExpression.Expression) if item.DefaultExpression is not None else "0"
