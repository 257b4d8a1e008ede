"""Steps of time that a question counts by: `per day`, `in ten-minute steps`, `on each of the last seven days`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from agents.data.fitting.conditions import sources
from agents.data.fitting.scopes import tables_read
from agents.data.fitting.times import TimesOf
from agents.data.times.calendar import NUMBER, number_of

_UNIT = r"(?P<unit>minute|hour|day|week|month|quarter|year)"
_OF_A_LONGER = r"(?!s?\s+of\s+(?:the|a|an|each|every)\s)"  # `by hour of the day` is a part of a date
_STEPS = [
    re.compile(rf"(?<!\w){words}", re.IGNORECASE)
    for words in (
        rf"(?:per|every|each)\s+(?:(?P<count>{NUMBER})[\s-]+)?{_UNIT}s?\b{_OF_A_LONGER}",
        rf"by\s+(?:the\s+)?{_UNIT}\b{_OF_A_LONGER}(?!\s+\d)",
        rf"(?:number|count|sum|total|amount)\s+of\s+(?:[\w-]+\s+){{1,6}}?an?\s+{_UNIT}\b",
        rf"(?:in|into|with|of|at|by|using)\s+(?:(?P<count>{NUMBER})[\s-]+)?{_UNIT}(?:s|ly)?[\s-]+"
        r"(?:steps?|bins?|buckets?|intervals?|windows?)\b",
        rf"each\s+of\s+the\s+(?:last|past|previous)\s+(?:{NUMBER})\s+{_UNIT}s?\b",
    )
]
_PART_OF_AN_HOUR = re.compile(
    r"(?<!\w)(?:per|every|each|by)\s+(?P<part>half|quarter)[\s-]+(?:(?:of\s+)?an\s+)?hour(?:s|ly)?\b", re.IGNORECASE
)
_RATE = re.compile(r"(?<![\w-])\d\S*\s+(?:\w+\s+){0,2}per\s", re.IGNORECASE)  # `20 euros per month`
_OF_STEPS = re.compile(
    r"(?<!\w)(?:averag\w*|mean|median|usual\w*|typical\w*|peak\w*|m(?:ax|in)imum|(?:high|low|busi)est)\b", re.I
)


@dataclass(frozen=True)
class Step:
    """count units of time, and the words that say so."""

    count: int
    unit: str
    words: str


def read_step(question: str) -> Step | None:
    """The one step that the question asks for; None where it asks for none, for several, computes something of the
    steps (`the average number of orders per day`), or says a rate."""
    if _OF_STEPS.search(question) or _RATE.search(question):
        return None
    if part := _PART_OF_AN_HOUR.search(question):
        return Step({"half": 30, "quarter": 15}[part["part"].lower()], "minute", part[0])
    found = [match for pattern in _STEPS for match in pattern.finditer(question)]
    read = {(match.groupdict().get("count") or "", match["unit"].lower()): match[0] for match in found}
    if len(read) != 1:
        return None
    ((count, unit), words) = read.popitem()
    return Step(int(number_of(count)) if count else 1, unit, words)


def by_step(select: exp.Query, step: Step, times: TimesOf) -> Iterator[str]:
    """Group by the step what the select computes of the rows of one time: where it groups by none, or by the time in
    other steps. Changes it."""
    if not isinstance(select, exp.Select) or select.find(exp.Subquery, exp.Window):
        return
    if times.dialect == "sqlite" or (step.count > 1 and times.dialect != "duckdb"):
        return
    yield from _counted(select, step, times)
    if not select.find(exp.AggFunc):
        return
    group = select.args.get("group")
    keys = group.expressions if group else []
    shown = [one for one in select.expressions if not one.find(exp.AggFunc)]
    if any(times.is_time(column) for key in [*keys, *shown] for column in key.find_all(exp.Column)):
        yield from _cut(select, step, times)
        keys = group.expressions if group else []
        shown = [one for one in select.expressions if not one.find(exp.AggFunc)]
        yield from _set_steps([*select.expressions, *keys, *select.find_all(exp.Ordered)], step)
        if not any(times.is_time(column) for one in shown for column in one.find_all(exp.Column)):
            unshown = [key for key in keys if isinstance(key, exp.TimestampTrunc | exp.DateBin)]
            select.set("expressions", [*(exp.alias_(key.copy(), step.unit) for key in unshown), *select.expressions])
            yield from (f"shows the {step.unit}, by which it groups" for _ in unshown)
        return
    if any(isinstance(one, exp.Literal) for one in keys):
        return  # columns by their number, which a new column would shift
    tables = tables_read(select)
    if len(tables) != len(sources(select)):
        return
    columns = [(table, name) for table in tables for name in times.of(table)]
    limited = {one.column.name for one in times.conditions(select)}
    if len(columns) > 1:
        columns = [one for one in columns if one[1] in limited]
    if len(columns) != 1:
        return
    table, name = columns[0]
    unit = _unit(exp.column(name, table=table.alias_or_name if len(tables) > 1 else None), step)
    select.set("expressions", [exp.alias_(unit, step.unit), *select.expressions])
    select.set("group", exp.Group(expressions=[unit.copy(), *(key.copy() for key in keys)]))
    if not select.args.get("order"):
        select.order_by(exp.column(step.unit), copy=False)
    yield f"grouped by {name}, '{step.words}'"


def drop_moments(select: exp.Query, times: TimesOf) -> Iterator[str]:
    """Groups by a time cut into steps and by its very moment are groups by the moment: that one goes. Changes it."""
    if not isinstance(select, exp.Select) or not select.find(exp.AggFunc):
        return
    group, order, having = (select.args.get(part) for part in ("group", "order", "having"))
    keys = group.expressions if group else []
    ordered = order.expressions if order else []
    if any(isinstance(key, exp.Literal) for key in [*keys, *(one.this for one in ordered)]):
        return
    called = {one.alias for one in select.expressions if isinstance(one, exp.Alias)}
    moments = [key for key in keys if isinstance(key, exp.Column) and times.is_time(key) and key.name not in called]
    if len(moments) != 1:
        return
    (moment,) = moments
    cuts = [one.unalias() for one in select.expressions if _is_cut_of(one.unalias(), moment)]
    is_held = having is not None and any(one.name == moment.name for one in having.find_all(exp.Column))
    if len({cut.sql() for cut in cuts}) != 1 or times.is_day(moment) or is_held:
        return
    for window in select.find_all(exp.Window):
        for column in [one for one in window.find_all(exp.Column) if one == moment and one.find_ancestor(exp.Order)]:
            column.replace(cuts[0].copy())
    select.set("expressions", [one for one in select.expressions if one.unalias() != moment])
    select.set("group", exp.Group(expressions=[key.copy() for key in keys if key != moment]))
    if order:
        kept = [one for one in ordered if one.this != moment]
        select.set("order", exp.Order(expressions=kept) if kept else None)
    of, beside = (one.sql(dialect="duckdb") for one in (moment, cuts[0]))
    yield f"did not group by `{of}`, the very moment, beside `{beside}`"


def _is_cut_of(node: exp.Expr, moment: exp.Column) -> bool:
    is_cut = isinstance(node, exp.TimestampTrunc | exp.DateBin | exp.Date | exp.TsOrDsToDate) or (
        isinstance(node, exp.Cast) and node.is_type(exp.DType.DATE)
    )
    return is_cut and [*node.find_all(exp.Column)] == [moment]


def _counted(select: exp.Select, step: Step, times: TimesOf) -> Iterator[str]:
    """Groups of one table by a time that show nothing but themselves are counted."""
    timed = [one for one in select.expressions if any(map(times.is_time, one.find_all(exp.Column)))]
    if timed and select.args.get("group") and not select.find(exp.AggFunc) and len(sources(select)) == 1:
        select.append("expressions", exp.alias_(exp.Count(this=exp.Star()), "count"))
        yield f"counted the rows of each group: the question asks for a course, '{step.words}'"


def _cut(select: exp.Select, step: Step, times: TimesOf) -> Iterator[str]:
    """Groups by the very moment become groups by the step: hardly two rows have the same moment."""
    group = select.args.get("group")
    grouped = group.expressions if group else []
    keys = [key for key in grouped if isinstance(key, exp.Column) and times.is_time(key)]
    if len(keys) != 1 or (times.is_day(keys[0]) and step.unit == "day"):
        return
    key, order = keys[0].copy(), select.args.get("order")
    ordered = [one.this for one in order.expressions] if order else []
    for one in [*select.expressions, *grouped, *ordered]:
        if isinstance(one.unalias(), exp.Column) and one.unalias().name == key.name:
            unit = _unit(key.copy(), step)
            one.replace(exp.alias_(unit, step.unit) if one.parent is select else unit)
    yield f"grouped by the {step.unit} of {key.name}, '{step.words}'"


def _set_steps(nodes: Sequence[exp.Expr], step: Step) -> Iterator[str]:
    """Of one time cut into steps of another length, the length is set."""
    cuts = [cut for node in nodes for cut in node.find_all(exp.TimestampTrunc, exp.DateBin)]
    if len({cut.sql() for cut in cuts}) != 1 or length_of(cuts[0]) in (None, (step.count, step.unit)):
        return
    before = cuts[0].sql(dialect="duckdb")
    for cut in cuts:
        column = cut.expression if isinstance(cut, exp.DateBin) else cut.this
        cut.replace(_unit(column.copy(), step))
    yield f"grouped by the step asked for, '{step.words}', not by `{before}`"


def length_of(cut: exp.Expr) -> tuple[int, str] | None:
    """Of a time cut into steps: how many of which unit; None where that is not a plain number."""
    if isinstance(cut, exp.TimestampTrunc):
        return 1, cut.text("unit").lower()
    length = cut.this
    if isinstance(length, exp.Interval) and length.name.isdigit():
        return int(length.name), length.text("unit").lower().rstrip("s")
    return None


def _unit(column: exp.Column, step: Step) -> exp.Expr:
    if step.count == 1:
        return exp.TimestampTrunc(this=column, unit=exp.var(step.unit.upper()))
    length = exp.Interval(this=exp.Literal.string(str(step.count)), unit=exp.var(step.unit.upper()))
    return exp.DateBin(this=length, expression=column)
