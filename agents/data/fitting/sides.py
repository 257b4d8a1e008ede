"""A comparison of the time before a moment with the time after it, as a row of each."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.conditions import drop
from agents.data.fitting.times import TimesOf, moment_of
from agents.data.times.sides import Sides

_CALLED = ("period", "before_or_after")


def part_by(query: exp.Query, sides: Sides, times: TimesOf) -> Iterator[str]:
    """Group what one SELECT computes by the side of the moment that a row lies on, where it reads rows of one time and
    does not tell the sides apart itself. Changes the query."""
    selects = list(query.find_all(exp.Select))
    computed = [one for one in selects[0].expressions if one.find(exp.AggFunc)] if len(selects) == 1 else []
    column = times.only(selects[0]) if computed else None
    if column is None or times.has_others(selects[0]) or selects[0].find(exp.Window):
        return
    select = selects[0]
    for condition in times.conditions(select):
        drop(select, condition.node)
    select.where(exp.Not(this=exp.Is(this=column.copy(), expression=exp.Null())), copy=False)
    is_after = exp.GTE(this=column, expression=moment_of(sides.moment, times.dialect))
    before, after = map(exp.Literal.string, sides.words)
    side = exp.Case(ifs=[exp.If(this=is_after, true=after)], default=before)
    rest = [
        one
        for one in select.expressions
        if one not in computed and not any(map(times.is_time, one.find_all(exp.Column)))
    ]
    taken = {one.alias_or_name.lower() for one in select.expressions}
    called = next(name for name in _CALLED if name not in taken)
    select.set("expressions", [exp.alias_(side, called), *rest, *computed])
    select.set("group", exp.Group(expressions=[side.copy(), *(one.unalias().copy() for one in rest)]))
    for part in ("order", "limit"):
        select.set(part, None)
    yield f"told {' from '.join(sides.words)} {sides.moment:%Y-%m-%d %H:%M} by {column.name}, as the question compares"
