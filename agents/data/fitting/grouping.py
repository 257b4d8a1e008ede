"""Groups of SQL that nobody asked for, and how they are taken out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from sqlglot import exp

from agents.data.fitting.conditions import are_listed, conditions, literals_of, sources
from agents.data.fitting.times import TimesOf
from agents.data.words import pieces

_UNITS_OF = (
    *(exp.TimestampTrunc, exp.DateTrunc, exp.DateBin, exp.TimeToStr, exp.Extract, exp.Date, exp.TsOrDsToDate),
    *(exp.Hour, exp.Day, exp.Month, exp.Year, exp.Week, exp.DayOfWeek),
)
_COMPARED = re.compile(r"\b(?:compar\w+|versus|vs|split)\b", re.IGNORECASE)
_ASKED = re.compile(r"\b(?:per|by|each|every)\s+\w", re.IGNORECASE)
_UNITS_BY_NAME = ("date_part", "time_bucket", "dayname", "monthname")


def ungroup_times(select: exp.Select, times: TimesOf) -> Iterator[str]:
    """Take times and units of time out of what the select groups, shows and orders by, if it computes something of
    groups."""
    for meant in _ungrouped(select, lambda key: _is_unit(key, times)):
        yield f"did not group by `{meant.sql(dialect='duckdb')}`: the question asks for no course over time"


def show_times(select: exp.Select, times: TimesOf) -> Iterator[str]:
    """A time that rows are shown with, under its own name, is shown as it is, not cut to a unit. Changes the select."""
    if select.args.get("group") or select.args.get("distinct") or select.find(exp.AggFunc):
        return
    for shown in list(select.expressions):
        cut = shown.unalias()
        column = cut.expression if isinstance(cut, exp.DateBin) else cut.this
        if not isinstance(cut, exp.TimestampTrunc | exp.DateBin) or not isinstance(column, exp.Column):
            continue
        if times.is_time(column) and shown.alias in ("", column.name):
            shown.replace(column.copy())
            yield f"shows {column.name} as it is, not `{cut.sql(dialect='duckdb')}`"


def ungroup_unsaid(
    select: exp.Select,
    question: str,
    is_said: Callable[[exp.Column], bool],
    rows: Callable[[exp.Query], int | None],
) -> Iterator[str]:
    """Take columns that the question does not speak of out of the groups of a count, where they part groups of columns
    that it speaks of.

    All stay where the question asks for each of as many things (`how often each tool, by device`), and where what would
    be left only says which rows are meant. rows: how many rows a query gives. Changes the select.
    """
    group = select.args.get("group")
    keys: list[exp.Expr] = group.expressions if group else []
    columns = [key for key in keys if isinstance(key, exp.Column)]
    if len(columns) < 2 or len(columns) < len(keys) or not select.find(exp.Count, exp.Sum):
        return
    unsaid = [key.sql() for key in columns if not is_said(key)]
    held = {one.this.sql() for one in conditions(select) if isinstance(one, exp.In)}
    if len(_ASKED.findall(question)) >= len(columns) or held.issuperset({key.sql() for key in columns} - {*unsaid}):
        return
    for name in unsaid if len(unsaid) < len(columns) else ():
        without = select.copy()
        gone = _ungrouped(without, partial(_is_called, name))
        before, after = rows(select), rows(without)
        if gone and before is not None and after is not None and after < before:
            for one in _ungrouped(select, partial(_is_called, name)):
                said = one.sql(dialect="duckdb")
                yield f"did not group by `{said}`, which the question does not speak of"


def ungroup_either(select: exp.Select, question: str) -> Iterator[str]:
    """Take a column out of the groups of a count that the question speaks of to say which rows it is about: the alerts
    of `how many medium or high severity alerts` are one number. Changes the select."""
    if len(sources(select)) != 1 or not select.find(exp.Count, exp.Sum) or _COMPARED.search(question):
        return
    for condition in conditions(select):
        column = condition.this
        if not isinstance(condition, exp.In) or not isinstance(column, exp.Column) or _is_asked_by(column, question):
            continue
        values = sorted(literals_of(condition))
        if len(values) > 1 and are_listed(values, question) and _joined_by_or(values, question):
            for one in _ungrouped(select, partial(_is_column, column.name.lower())):
                said = one.sql(dialect="duckdb")
                yield f"did not group by `{said}`: the question asks for {' or '.join(values)}, not for each"


def _is_column(name: str, node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and node.name.lower() == name


def _is_asked_by(column: exp.Column, question: str) -> bool:
    """Whether the question says a word of the column's name after `per`, `by`, `which` and the like."""
    words = "|".join(map(re.escape, pieces(column.name)))
    return bool(re.search(rf"\b(?:per|by|each|every|which|what|and)\s+(?:\w+\s+)?(?:{words})", question, re.IGNORECASE))


def _joined_by_or(values: Sequence[str], question: str) -> bool:
    text = question.lower()
    places = [text.find(value.lower()) for value in values]
    return bool(re.search(r"\bor\b", text[min(places) : max(places)]))


def regroup(select: exp.Select, wanted: Sequence[str]) -> Iterator[str]:
    """Group by the column that the question wants instead of one that a condition holds at one value.

    wanted: columns that the question asks a result for each of. `WHERE kind = 'a' GROUP BY kind` gives one row, which
    is no answer to `by owner`. Changes the select.
    """
    group = select.args.get("group")
    keys: list[exp.Expr] = group.expressions if group else []
    held = {
        one.this.name.lower()
        for one in conditions(select)
        if isinstance(one, exp.EQ) and isinstance(one.this, exp.Column) and isinstance(one.expression, exp.Literal)
    }
    grouped = {key.name.lower() for key in keys if isinstance(key, exp.Column)}
    shown = {one.unalias().name.lower() for one in select.expressions if isinstance(one.unalias(), exp.Column)}
    missing = [name for name in wanted if name.lower() not in grouped | shown]
    constant = sorted(grouped & held)
    if len(missing) != 1 or len(constant) != 1 or len(sources(select)) != 1 or select.args.get("having"):
        return
    order = select.args.get("order")
    ordered = [one.this for one in order.expressions] if order else []
    for one in [*select.expressions, *keys, *ordered]:
        column = one.unalias()
        if isinstance(column, exp.Column) and column.name.lower() == constant[0]:
            one.replace(exp.column(missing[0], table=column.table or None))
    yield f"grouped by {missing[0]}, as the question says: {constant[0]} is the same in all rows"


def _is_called(name: str, node: exp.Expr) -> bool:
    return node.sql() == name


def _ungrouped(select: exp.Select, unasked: Callable[[exp.Expr], bool]) -> list[exp.Expr]:
    """What was taken out of what the select groups, shows and orders by; nothing where it would show nothing."""
    group = select.args.get("group")
    if not group or not select.find(exp.AggFunc):
        return []
    shown = {one.alias: one.this for one in select.expressions if isinstance(one, exp.Alias)}
    meanings = [_meant(key, select, shown) for key in group.expressions]
    gone = [one for one in meanings if unasked(one)]
    said = {key.sql() for key, meant in zip(group.expressions, meanings, strict=True) if meant in gone}
    said |= {one.sql() for one in gone} | {name for name, one in shown.items() if one in gone}
    kept = [one for one in select.expressions if one.sql() not in said and one.alias_or_name not in said]
    if not gone or not kept:
        return []
    _order_without(select, said, kept)
    select.set("expressions", kept)
    others = [one.copy() for one in meanings if one not in gone]
    select.set("group", exp.Group(expressions=others) if others else None)
    return gone


def _meant(key: exp.Expr, select: exp.Select, shown: dict[str, exp.Expr]) -> exp.Expr:
    """What `GROUP BY day` or `GROUP BY 1` stands for."""
    if (place := _place(key)) and place <= len(select.expressions):
        named: exp.Expr = select.expressions[place - 1]
        return named.unalias()
    return shown.get(key.name, key) if isinstance(key, exp.Column) and not key.table else key


def _place(key: exp.Expr) -> int | None:
    """The number of the column that `GROUP BY 1` or `ORDER BY 1` means."""
    return int(key.this) if isinstance(key, exp.Literal) and key.is_int else None


def _is_unit(node: exp.Expr, times: TimesOf) -> bool:
    if isinstance(node, exp.Column):
        return times.is_time(node)
    named = isinstance(node, exp.Anonymous) and node.name.lower() in _UNITS_BY_NAME
    as_day = isinstance(node, exp.Cast) and node.is_type(exp.DType.DATE)
    return (isinstance(node, _UNITS_OF) or named or as_day) and any(map(times.is_time, node.find_all(exp.Column)))


def _order_without(select: exp.Select, said: set[str], kept: list[exp.Expr]) -> None:
    """Before the columns shown are set to those kept, since a key may be a column's number."""
    order = select.args.get("order")
    if not order:
        return
    keys = []
    for one in order.expressions:
        place = _place(one.this)
        column = select.expressions[place - 1] if place and place <= len(select.expressions) else None
        if column in kept:
            one.set("this", exp.Literal.number(kept.index(column) + 1))
        if column in kept or (column is None and one.this.sql() not in said):
            keys.append(one)
    select.set("order", exp.Order(expressions=keys) if keys else None)
