"""Groups of SQL by a unit of time, and how they are taken out."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.times import TimesOf

_UNITS_OF = (
    *(exp.TimestampTrunc, exp.DateTrunc, exp.DateBin, exp.TimeToStr, exp.Extract, exp.Date, exp.TsOrDsToDate),
    *(exp.Hour, exp.Day, exp.Month, exp.Year, exp.Week, exp.DayOfWeek),
)
_UNITS_BY_NAME = ("date_part", "time_bucket", "dayname", "monthname")


def ungroup_times(select: exp.Select, times: TimesOf) -> Iterator[str]:
    """Take the units of time out of what the select groups, shows and orders by, if it computes something of groups."""
    group = select.args.get("group")
    if not group or not select.find(exp.AggFunc):
        return
    shown = {one.alias: one.this for one in select.expressions if isinstance(one, exp.Alias)}
    meanings = [_meant(key, select, shown) for key in group.expressions]
    for key, meant in zip(group.expressions, meanings, strict=True):
        if not _is_unit(meant, times):
            continue
        said = {key.sql(), meant.sql(), *(name for name, one in shown.items() if one == meant)}
        kept = [one for one in select.expressions if one.sql() not in said and one.alias_or_name not in said]
        if not kept:
            continue
        select.set("expressions", kept)
        others = [one.copy() for one in meanings if one is not meant]
        select.set("group", exp.Group(expressions=others) if others else None)
        _order_without(select, said)
        yield f"did not group by `{meant.sql(dialect='duckdb')}`: the question asks for no course over time"
        return


def _meant(key: exp.Expr, select: exp.Select, shown: dict[str, exp.Expr]) -> exp.Expr:
    """What `GROUP BY day` or `GROUP BY 1` stands for."""
    if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.this) <= len(select.expressions):
        named: exp.Expr = select.expressions[int(key.this) - 1]
        return named.unalias()
    return shown.get(key.name, key) if isinstance(key, exp.Column) and not key.table else key


def _is_unit(node: exp.Expr, times: TimesOf) -> bool:
    named = isinstance(node, exp.Anonymous) and node.name.lower() in _UNITS_BY_NAME
    as_day = isinstance(node, exp.Cast) and node.is_type(exp.DType.DATE)
    return (isinstance(node, _UNITS_OF) or named or as_day) and any(map(times.is_time, node.find_all(exp.Column)))


def _order_without(select: exp.Select, said: set[str]) -> None:
    if order := select.args.get("order"):
        kept = [one for one in order.expressions if one.this.sql() not in said]
        select.set("order", exp.Order(expressions=kept) if kept else None)
