"""Constant expressions of SQL that say an instant, worked out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from sqlglot import exp

from agents.data.times.calendar import Unit, period_start, shifted, unit_of

_NOW = (exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtimestamp)
_NOW_BY_NAME = ("now", "get_current_timestamp", "transaction_timestamp", "getdate")
_TODAY_BY_NAME = ("today",)
_STEPS = (exp.Interval, exp.Literal)


def instant(node: exp.Expr, now: datetime) -> datetime | None:
    """The instant in UTC that `node` says; None where it says none, or in a way that is not worked out here.

    Literals (`'2026-03-05 03:00'`), casts of them, now and today, whole periods (`date_trunc('day', ...)`), and a whole
    number of units more or less.
    """
    with suppress(ValueError, OverflowError, StopIteration):
        return _instant(node, now)
    return None


def whole_days(node: exp.Expr, now: datetime) -> bool:
    """Whether it says a day rather than a moment: `DATE '2026-03-05'`, `current_date - 7`."""
    if isinstance(node, exp.Literal):
        return len(node.this) <= len("2026-03-05")
    if isinstance(node, exp.Cast):
        return node.is_type(exp.DType.DATE) or whole_days(node.this, now)
    if isinstance(node, exp.Add | exp.Sub):
        return whole_days(node.this, now)
    return isinstance(node, exp.CurrentDate | exp.Date)


def _instant(node: exp.Expr, now: datetime) -> datetime | None:
    if isinstance(node, exp.Paren):
        return _instant(node.this, now)
    if isinstance(node, exp.Literal):
        return _written(node.this) if node.is_string else None
    if isinstance(node, exp.Cast | exp.Date | exp.TsOrDsToDate):
        inner = _instant(node.this, now)
        as_day = not isinstance(node, exp.Cast) or node.is_type(exp.DType.DATE)
        return _midnight(inner) if inner and as_day else inner
    if isinstance(node, _NOW) or (isinstance(node, exp.Anonymous) and node.name.lower() in _NOW_BY_NAME):
        return now
    if isinstance(node, exp.CurrentDate) or (isinstance(node, exp.Anonymous) and node.name.lower() in _TODAY_BY_NAME):
        return _midnight(now)
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        return _truncated(node, now)
    if isinstance(node, exp.Add | exp.Sub):
        return _stepped(node, now)
    return None


def _written(text: str) -> datetime:
    read = datetime.fromisoformat(text.strip())
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _truncated(node: exp.TimestampTrunc | exp.DateTrunc, now: datetime) -> datetime | None:
    inner = _instant(node.this, now)
    if inner is None:
        return None
    unit = unit_of(node.text("unit"))
    if unit in ("day", "week", "month", "quarter", "year"):
        day = period_start(inner.date(), unit)
        return _midnight(inner).replace(year=day.year, month=day.month, day=day.day)
    finer: dict[Unit, Callable[[datetime], datetime]] = {
        "hour": lambda moment: moment.replace(minute=0, second=0, microsecond=0),
        "minute": lambda moment: moment.replace(second=0, microsecond=0),
        "second": lambda moment: moment.replace(microsecond=0),
    }
    return finer[unit](inner)


def _stepped(node: exp.Add | exp.Sub, now: datetime) -> datetime | None:
    start, step = _instant(node.this, now), node.expression
    if start is None or not isinstance(step, _STEPS):
        return None
    sign = 1 if isinstance(node, exp.Add) else -1
    if isinstance(step, exp.Literal):  # `current_date - 7`
        return start + sign * timedelta(days=int(step.this)) if step.is_int else None
    count, unit = step.this.name.strip(), step.text("unit")
    if " " in count:  # `INTERVAL '7 days'` where the dialect keeps it whole
        count, unit = count.split()
    return shifted(start, sign * int(count), unit_of(unit))
