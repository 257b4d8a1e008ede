"""Conditions of SQL on a time, the range that they leave, and how they are set to another."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlglot import exp

from agents.data.fitting.conditions import conditions, drop, full_name, sources
from agents.data.fitting.instants import instant, whole_days
from agents.data.times import TimeRange
from agents.data.words import content_words, pieces
from shared.catalog import Table

_TIME_TYPES = ("timestamp", "datetime", "date")
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_SECOND = timedelta(seconds=1)
_NO_INTERVALS = ("sqlite", "tsql")  # dialects; moments are written out there
_COMPARING = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ, exp.Between, exp.In)
# Columns of the moment that a row of a log is of: Log Analytics', Defender's, Splunk's.
_LOGGED_AT = frozenset(("TimeGenerated", "Timestamp", "_time"))
_BESIDE = re.compile(r"received|ingest|process\w*(?:creation|start)", re.IGNORECASE)  # of another thing than the row
_OF_TIMES = frozenset(pieces("time date timestamp datetime utc"))
_BEGINNING = 4  # letters that two forms of a word share
FLIPPED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE}


@dataclass(frozen=True)
class TimeCondition:
    """One condition on a column of time. lower (from it), upper (to before it): None where it is open."""

    node: exp.Expr
    column: exp.Column
    lower: datetime | None
    upper: datetime | None


class TimesOf:
    """Reads the conditions on times of selects over these tables. Names are told apart without their case."""

    def __init__(self, tables: Sequence[Table], now: datetime, dialect: str = "duckdb") -> None:
        self.dialect = dialect
        self.now = now
        self._types = {
            table.name.lower(): {
                one.name: one.type.lower() for one in table.columns if one.type.lower().startswith(_TIME_TYPES)
            }
            for table in tables
        }
        types: dict[str, set[str]] = {}
        for own in self._types.values():
            for name, of in own.items():
                types.setdefault(name.lower(), set()).add(of)
        self._names = types.keys()
        self._days = {name for name, of in types.items() if of == {"date"}}

    def is_time(self, node: exp.Expr) -> bool:
        return isinstance(node, exp.Column) and node.name.lower() in self._names

    def is_day(self, column: exp.Column) -> bool:
        """Whether it holds days without a time of day."""
        return column.name.lower() in self._days

    def of(self, table: exp.Table) -> list[str]:
        """The table's columns of time."""
        return list(self._types.get(full_name(table), {}))

    def read_by(self, select: exp.Select) -> list[exp.Column]:
        """The columns of time of the tables that it reads, by the table's name where it reads several."""
        read = sources(select)
        return [
            exp.column(name, table=table.alias_or_name if len(read) > 1 else None)
            for table in read
            if isinstance(table, exp.Table)
            for name in self.of(table)
        ]

    def only(self, select: exp.Select) -> exp.Column | None:
        """The one column of time of what it reads, or of those that its conditions are on."""
        compared = {one.column.sql(): one.column.copy() for one in self.conditions(select)}
        columns = list(compared.values()) or self.read_by(select)
        return columns[0] if len(columns) == 1 else None

    def conditions(self, select: exp.Select) -> list[TimeCondition]:
        """Those of WHERE that compare a column of time with a constant time."""
        return [found for node in conditions(select) if (found := self._read(node))]

    def drop_buckets(self, select: exp.Select, asked: TimeRange) -> Iterator[str]:
        """Leave out `date_trunc('hour', t) = TIMESTAMP '...'`, the beginning of the range, beside other bounds of t."""
        read = self.conditions(select)
        bounded = {one.column.name for one in read}
        for node in conditions(select):
            if not isinstance(node, exp.EQ) or not isinstance(node.this, exp.TimestampTrunc | exp.DateBin):
                continue
            named = {one.name for one in node.this.find_all(exp.Column)}
            begins = asked.start is not None and instant(node.expression, self.now) == asked.start
            if begins and asked.end and named & bounded and all(one.node is not node for one in read):
                drop(select, node)
                yield f"left out `{node.sql(dialect='duckdb')}`: the question asks for more than its first step"

    def has_others(self, select: exp.Select) -> bool:
        """Whether it compares a time, or anything with a time, in another way or place than `conditions` reads: in
        CASE, HAVING, FILTER or a join, as a part (`extract(year from opened_at) = 2026`), as one of two by OR."""
        read = {id(one.node) for one in self.conditions(select)}
        others = [node for node in conditions(select) if id(node) not in read and self._has_time(node)]
        return bool(others) or any(
            self._has_time(node)
            for node in select.find_all(*_COMPARING)
            if node.find_ancestor(exp.Select) is select and not read & set(map(id, _around(node)))
        )

    def has_midnight(self, own: Sequence[TimeCondition]) -> bool:
        """Whether one compares a moment with a whole day, `seen_at = DATE '2026-03-05'`: only its midnight is that."""
        return any(
            isinstance(one.node.unnest(), exp.EQ)
            and not self.is_day(one.column)
            and one.column in (one.node.unnest().this, one.node.unnest().expression)
            for one in own
        )

    def is_of_now(self, condition: TimeCondition) -> bool:
        """Whether it says what is over or to come (`expires_on < current_date`), rather than a stretch of time."""
        today = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        if condition.lower is None:
            return condition.upper in (self.now, today, today + _DAY)
        days = (today,) if self.is_day(condition.column) else ()
        return condition.upper is None and condition.lower in (self.now, today + _DAY, *days)

    def _has_time(self, node: exp.Expr) -> bool:
        """Counts of times are no times."""
        times = [one for one in node.find_all(exp.Column) if self.is_time(one) and not one.find_ancestor(exp.Count)]
        constants = [one for one in node.iter_expressions() if instant(one, self.now)]
        return bool(times or constants)

    def _read(self, node: exp.Expr) -> TimeCondition | None:
        bare = node.unnest()
        if isinstance(bare, exp.Between):
            low = self._compared(exp.GTE, bare.this, bare.args["low"])
            high = self._compared(exp.LTE, bare.this, bare.args["high"])
            return TimeCondition(node, low.column, low.lower, high.upper) if low and high else None
        if not isinstance(bare, exp.GT | exp.GTE | exp.LT | exp.LTE | exp.EQ):
            return None
        for kind, left, right in (
            (type(bare), bare.this, bare.expression),
            (FLIPPED.get(type(bare), exp.EQ), bare.expression, bare.this),
        ):
            if found := self._compared(kind, left, right):
                return TimeCondition(node, found.column, found.lower, found.upper)
        return None

    def _compared(self, kind: type[exp.Expr], left: exp.Expr, right: exp.Expr) -> TimeCondition | None:
        at, by_day = instant(right, self.now), False
        if isinstance(left, exp.Date | exp.Cast | exp.TsOrDsToDate | exp.TimestampTrunc) and self.is_time(left.this):
            by_day = True
            if isinstance(left, exp.TimestampTrunc) and left.text("unit").upper() != "DAY":
                return None
            if isinstance(left, exp.Cast) and not left.is_type(exp.DType.DATE):
                by_day = False
            left = left.this
        if at is None or not isinstance(left, exp.Column) or not self.is_time(left):
            return None
        by_day = by_day or self.is_day(left)
        end = at + _DAY if by_day else at
        if kind is exp.EQ:
            day = by_day or whole_days(right, self.now)
            return TimeCondition(left, left, at, at + _DAY) if day else None
        if kind in (exp.GT, exp.GTE):
            return TimeCondition(left, left, end if kind is exp.GT else at, None)
        return TimeCondition(left, left, None, end if kind is exp.LTE else at)


def set_time(selects: Sequence[exp.Select], asked: TimeRange, times: TimesOf) -> Iterator[str]:
    """Set the conditions on a time to the range asked for, where they leave another; give it to the one select that
    reads rows of one time, where none has any."""
    for select in selects:
        yield from times.drop_buckets(select, asked)
    found = [(select, times.conditions(select)) for select in selects]
    if any(times.has_others(select) for select in selects):
        return
    limited = [(select, own) for select, own in found if own]
    if not limited:
        yield from _give(selects, asked, times)
    for select, own in limited:
        columns = {(one.column.table.lower(), one.column.name.lower()) for one in own}
        if len(columns) != 1 or (len(own) == 1 and times.is_of_now(own[0]) and own[0].lower is None):
            continue
        if (not _leaves(own, asked) or times.has_midnight(own)) and not _borders(own, asked):
            column = own[0].column.copy()
            for one in own:
                drop(select, one.node)
            select.where(*_bounds(column, asked, times.dialect), copy=False)
            yield _note(asked, column)


def logged_at(select: exp.Select, question: str, tables: Sequence[Table], times: TimesOf) -> Iterator[str]:
    """Conditions of logs on the time when they were received, or when a process of theirs began (`_TimeReceived`,
    ProcessCreationTime), are put on the time of the log itself, where the question says no word of the other. Changes
    the select."""
    read = sources(select)
    own = times.of(read[0]) if len(read) == 1 and isinstance(read[0], exp.Table) else []
    usual = next((name for name in own if name in _LOGGED_AT), None)
    for other in {one.column.name for one in times.conditions(select)} - {usual} if usual else ():
        of_table = {word for table in tables for word in content_words(table.name)}
        words = set(content_words(other)) - of_table - _OF_TIMES
        if not _BESIDE.search(other) or not words or any(_is_said(word, content_words(question)) for word in words):
            continue
        for one in times.conditions(select):
            if one.column.name == other:
                one.column.set("this", exp.to_identifier(usual))
        yield f"took the time as {usual}, when it was logged: the question does not speak of {other}"


def _is_said(word: str, said: Sequence[str]) -> bool:
    """In any form: `creation` of created."""
    return any(one[:_BEGINNING] == word[:_BEGINNING] for one in said)


def _give(selects: Sequence[exp.Select], asked: TimeRange, times: TimesOf) -> Iterator[str]:
    places = [(select, column) for select in selects for column in times.read_by(select)]
    if len(places) == 1:
        ((select, column),) = places
        select.where(*_bounds(column, asked, times.dialect), copy=False)
        yield _note(asked, column)


def _leaves(own: Sequence[TimeCondition], asked: TimeRange) -> bool:
    """Whether the conditions leave the range asked for; of `last 7 days` days count, not hours."""
    lower = max((one.lower for one in own if one.lower), default=None)
    upper = min((one.upper for one in own if one.upper), default=None)
    loose = asked.kind == "relative" and (not asked.start or not asked.end or asked.end - asked.start >= _DAY)
    tolerance = _DAY if loose else _MINUTE
    if asked.trailing or asked.reading:  # to now, or perhaps to now
        return _near(lower, asked.start, tolerance) and (upper is None or _near(upper, asked.end, tolerance))
    # `from 8 to 9 March` may mean to the end of the 9th, or to its beginning.
    days = asked.start and asked.end and asked.end - asked.start > _DAY and not (asked.start.hour or asked.end.hour)
    # A moment is meant to the second, a last one also to the end of the minute before: 23:59 of a day.
    late = not loose and not days and upper is not None and asked.end is not None and upper > asked.end + _SECOND
    begins = _near(lower, asked.start, tolerance if loose else _SECOND)
    return begins and not late and _near(upper, asked.end, _DAY if days else tolerance)


def _borders(own: Sequence[TimeCondition], asked: TimeRange) -> bool:
    """Whether they leave the time just before or just after the range, as in a comparison with it."""
    lower = max((one.lower for one in own if one.lower), default=None)
    upper = min((one.upper for one in own if one.upper), default=None)
    before = upper is not None and asked.start is not None and _near(upper, asked.start, _MINUTE)
    after = lower is not None and asked.end is not None and _near(lower, asked.end, _MINUTE)
    return before or after


def _near(one: datetime | None, other: datetime | None, tolerance: timedelta) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance


def _bounds(column: exp.Column, asked: TimeRange, dialect: str) -> list[exp.Expr]:
    if asked.trailing and dialect not in _NO_INTERVALS:
        step = exp.Interval(this=exp.Literal.string(str(asked.trailing.count)), unit=exp.var(asked.trailing.unit))
        return [exp.GTE(this=column.copy(), expression=exp.Sub(this=exp.CurrentTimestamp(), expression=step))]
    edges = ((exp.GTE, asked.start), (exp.LT, None if asked.trailing else asked.end))
    return [kind(this=column.copy(), expression=moment_of(edge, dialect)) for kind, edge in edges if edge]


def moment_of(moment: datetime, dialect: str) -> exp.Expr:
    """As text in SQLite, whose times are texts; a midnight as its day alone, which sorts before any time of the day."""
    text = moment.replace(tzinfo=None).isoformat(sep=" ")
    if dialect == "sqlite":
        return exp.Literal.string(text.removesuffix(" 00:00:00"))
    return exp.cast(exp.Literal.string(text), exp.DType.TIMESTAMP)


def _around(node: exp.Expr) -> Iterator[exp.Expr]:
    """The node and what it stands in."""
    above: exp.Expr | None = node
    while above is not None:
        yield above
        above = above.parent


def _note(asked: TimeRange, column: exp.Column) -> str:
    if asked.trailing:
        return f"took '{asked.words}' as {column.name} of the last {asked.trailing.count} {asked.trailing.unit}s"
    edges = [
        f"{word} {edge:%Y-%m-%d %H:%M}" for word, edge in (("from", asked.start), ("to before", asked.end)) if edge
    ]
    return f"took '{asked.words}' as {column.name} {' '.join(edges)}"
