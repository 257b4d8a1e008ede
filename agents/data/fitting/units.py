"""Spans of time in the unit that the question asks for, and hours of the day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import CountRows, rows_read, written
from agents.data.fitting.steps import length_of
from agents.data.repair import Mended
from agents.data.sql.parsing import PARSER
from agents.data.words import pieces
from shared.catalog import Table

_PARTS: dict[type[exp.Expr], str] = {exp.Year: "year", exp.Month: "month", exp.Day: "day", exp.Hour: "hour"}

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_ASKED = re.compile(
    r"(?<!\w)(?:in|how many|how much|number of|average|mean|median|total|the)\s+(second|minute|hour|day|week)s(?!\w)"
    r"(?!\s+of\s)",
    re.IGNORECASE,
)
_TAKES = re.compile(
    r"\b(?:how\s+long|took|takes?|taken|pass(?:ed|es)?|elapsed|durations?|until|till|between|time\s+to|from\b.+\bto)\b",
    re.IGNORECASE,
)
_LATE = re.compile(r"\b(?:late|later|early|earlier|overdue|past|due|delay\w*|ahead|behind|before)\b", re.IGNORECASE)
_HOURS_OF_DAY = re.compile(r"(?<!\w)hours?\s+of\s+(?:the|a|each)\s+day(?!\w)", re.IGNORECASE)


def set_unit(select: exp.Select, question: str) -> Iterator[str]:
    """`avg(date_diff('minute', a, b)) / 60` is in hours: in minutes where the question asks for minutes. Changes it.

    Bears on the differences that the select shows, divided by a number or not, where the question names one unit.
    """
    wanted = _unit_of(question)
    if wanted is None:
        return
    for column in select.expressions:
        if any(unit in column.alias.lower() for unit in _SECONDS if unit != wanted):
            continue
        for span in column.find_all(exp.DateDiff):
            unit = span.text("unit").lower()
            shown, divisor = _divided(span)
            if unit not in _SECONDS or divisor is None or _SECONDS[unit] * divisor == _SECONDS[wanted]:
                continue
            before = shown.sql(dialect="duckdb")
            inner = shown.this if isinstance(shown, exp.Div) else shown
            span.set("unit", exp.var("SECOND"))
            seconds = exp.Literal.number(f"{_SECONDS[wanted]}.0")
            shown.replace(exp.Div(this=inner.copy(), expression=seconds) if wanted != "second" else inner.copy())
            yield f"took `{before}` in {wanted}s, as the question asks"
            break


def turn_spans(select: exp.Select, question: str, count: CountRows) -> Iterator[str]:
    """A span between two columns, of which the question asks how long it took, and that is below zero wherever there is
    one, is taken the other way round. Changes the select."""
    if not _TAKES.search(question) or _LATE.search(question):
        return
    where = select.args.get("where")
    for span in [one for shown in select.expressions for one in shown.find_all(exp.DateDiff) if _is_plain(one)]:
        if not isinstance(span.this, exp.Column) or not isinstance(span.expression, exp.Column):
            continue
        if where and any(one == span for one in where.find_all(exp.DateDiff)):
            continue
        zero, rows, before = exp.Literal.number(0), rows_read(select), span.copy()
        above, below = (count(rows.copy().where(kind(this=span.copy(), expression=zero))) for kind in (exp.GT, exp.LT))
        if above == 0 and below:
            for node in [one for one in select.find_all(exp.DateDiff) if one == before]:
                node.set("this", before.expression.copy())
                node.set("expression", before.this.copy())
            yield f"took `{before.sql(dialect='duckdb')}` the other way round: it is above zero in no row"


def _is_plain(span: exp.DateDiff) -> bool:
    """Whether it is shown as it is, or an aggregate of it, perhaps divided."""
    node: exp.Expr = span
    while isinstance(node.parent, exp.AggFunc | exp.Paren | exp.Cast | exp.Round | exp.Alias | exp.Div):
        if isinstance(node.parent, exp.Div) and node.parent.this is not node:
            return False
        node = node.parent
    return isinstance(node.parent, exp.Select)


def set_hours(select: exp.Select, question: str) -> Iterator[str]:
    """A time cast to the time of the day, or cut to its hour, becomes the hour of the day where that is asked for."""
    if not _HOURS_OF_DAY.search(question):
        return
    parts = [*select.expressions, select.args.get("group"), select.args.get("order")]
    cuts = (node for part in parts if part for node in part.find_all(exp.Cast, exp.TimestampTrunc, exp.DateBin))
    for node in list(cuts):
        as_time = isinstance(node, exp.Cast) and node.is_type(exp.DType.TIME)
        as_hour = not isinstance(node, exp.Cast) and length_of(node) == (1, "hour")
        column = node.expression if isinstance(node, exp.DateBin) else node.this
        if (as_time or as_hour) and isinstance(column, exp.Column):
            hour = exp.Extract(this=exp.var("HOUR"), expression=column.copy())
            before = node.sql(dialect="duckdb")
            node.replace(hour)
            yield f"used `{hour.sql(dialect='duckdb')}` for `{before}`: the question asks for hours of the day"


def _unit_of(question: str) -> str | None:
    """The one unit that the question measures in: `in minutes`, `how many hours`; none for `in hours of the day`."""
    units = {match[1].lower() for match in _ASKED.finditer(question)}
    return units.pop() if len(units) == 1 else None


def _divided(span: exp.DateDiff) -> tuple[exp.Expr, float | None]:
    """The span with the aggregate around it and the number that this is divided by (None for something else)."""
    node: exp.Expr = span
    while isinstance(node.parent, exp.AggFunc | exp.Paren | exp.Cast | exp.Filter):
        node = node.parent
    above = node.parent
    if not isinstance(above, exp.Div) or above.this is not node:
        return node, 1.0 if not isinstance(above, exp.Binary) else None
    divisor = above.expression.unnest()
    return above, float(divisor.this) if isinstance(divisor, exp.Literal) and not divisor.is_string else None


def plain_parts(query: str, tables: Sequence[Table], dialect: str) -> Mended:
    """`year(year)` of a column that is no time is the year already. For a query that does not bind."""
    parsed = PARSER.parse(query, dialect).select
    if parsed is None:
        return Mended(query)
    changed, notes = parsed.copy(), dict[str, None]()
    for part in list(changed.find_all(*_PARTS, exp.Extract)):
        column = part.expression if isinstance(part, exp.Extract) else part.this
        unit = part.name.lower() if isinstance(part, exp.Extract) else _PARTS[type(part)]
        column = column.this if isinstance(column, exp.TsOrDsToDate | exp.Cast) else column
        if not isinstance(column, exp.Column) or unit not in pieces(column.name):
            continue
        types = [one.by_name[column.name].type.lower() for one in tables if column.name in one.by_name]
        if types and not any(kind.startswith(("date", "time")) for kind in types):
            notes[f"read {column.sql()} as it is: it holds no time, of which to take the {unit}"] = None
            part.replace(column.copy())
    return written(query, changed, dialect, list(notes))
