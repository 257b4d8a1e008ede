"""SPL's times as the plan's: `-24h@h`, `03/10/2026:14:00:00`, epochs and spans. All times are UTC."""

from __future__ import annotations

import re
from datetime import datetime

from agents.data.plan.model import Arithmetic, Call, Constant, Duration, Expr, Unit, Unsayable
from agents.data.spl.dates import absolute

UNITS: dict[str, Unit] = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("mon", "month", "months"), "month"),
    **dict.fromkeys(("q", "qtr", "qtrs", "quarter", "quarters"), "quarter"),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), "year"),
}
SECONDS: dict[Unit, float] = {
    "millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800,
}  # fmt: skip
_STEP = re.compile(r"([+-])(\d*)([a-z]+)|@([a-z]+)([0-7])?", re.IGNORECASE)
_SPAN = re.compile(r"(\d*)([a-z]+)", re.IGNORECASE)
_DIGITS = 15
# The plan counts bins from Monday, the first of January of year 1; SPL from 1970.
_EPOCH_DAYS = 719_162


def now() -> Expr:
    return Call(function="now")


def moment(text: str) -> Expr:
    """earliest's and latest's value. Raises Unsayable for what is none, and for a day or hour that no calendar has."""
    try:
        if (when := absolute(text)) is not None:
            return instant(when)
    except (ValueError, OverflowError, OSError) as error:
        raise Unsayable(f"the time '{text}'", "a plan") from error
    return relative(now(), text)


def instant(when: datetime) -> Constant:
    return Constant(type="datetime", value=when.replace(tzinfo=None).isoformat())


def relative(base: Expr, modifier: str) -> Expr:
    """`-1d@d+8h` from a time. Raises Unsayable if it is no relative time."""
    text = modifier.strip()
    if text.lower().startswith("now"):
        text = text[3:].strip("()")
    found, position = base, 0
    while position < len(text):
        match = _STEP.match(text, position)
        unit = UNITS.get((match[3] or match[4]).lower()) if match else None
        if match is None or unit is None or len(match[2] or "") > _DIGITS:
            raise Unsayable(f"the time '{modifier}'", "a plan")
        if match[4]:
            found = _snapped(found, unit, match[5])
        else:
            found = Arithmetic(
                op="+" if match[1] == "+" else "-", left=found, right=Duration(amount=int(match[2] or 1), unit=unit)
            )
        position = match.end()
    return found


def _snapped(when: Expr, unit: Unit, weekday: str | None) -> Expr:
    """SPL's weeks start on Sunday (@w, @w0, @w7), or on the day it says; the plan's on Monday."""
    if unit != "week":
        return truncated(unit, when)
    back = (1 - int(weekday or 0)) % 7
    if not back:
        return truncated(unit, when)
    days = Duration(amount=back, unit="day")
    monday = truncated(unit, Arithmetic(op="+", left=when, right=days))
    return Arithmetic(op="-", left=monday, right=days)


def truncated(unit: Unit, when: Expr) -> Expr:
    return Call(function="date_trunc", args=(Constant(type="string", value=unit), when))


def duration(text: str) -> Duration:
    """`5m`, `1mon`, `30`. Raises Unsayable for what is no span."""
    match = _SPAN.fullmatch(text.strip())
    if len(text) > 2 * _DIGITS:
        raise Unsayable(f"the span '{text[:_DIGITS]}'", "a plan")
    if text.strip().isdecimal():
        return Duration(amount=int(text), unit="second")
    unit = UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or match[1] == "0":
        raise Unsayable(f"the span '{text}'", "a plan")
    return Duration(amount=int(match[1] or 1), unit=unit)


def bucket(when: Expr, span: Duration) -> Expr:
    """The start of the time's bucket, counted from 1970."""
    if span.unit not in SECONDS:
        if span.amount != 1:
            raise Unsayable(f"buckets of {span.amount} {span.unit}s", "a plan")
        return truncated(span.unit, when)
    shift = offset(span)
    if not shift:
        return Call(function="bin", args=(when, span))
    by = Duration(amount=shift, unit="second")
    binned = Call(function="bin", args=(Arithmetic(op="-", left=when, right=by), span))
    return Arithmetic(op="+", left=binned, right=by)


def offset(span: Duration) -> int:
    """Seconds between the plan's buckets of that size and those counted from 1970."""
    size = span.amount * SECONDS[span.unit]
    return int((_EPOCH_DAYS * 86400) % size) if size >= 1 else 0
