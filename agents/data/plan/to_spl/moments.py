"""Times as SPL says them: `-1d@d`, `03/10/2026:14:00:00`, seconds."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from agents.data.plan.model import Arithmetic, Call, Cast, Constant, Duration, Expr, Unit, Unsayable
from agents.data.plan.read_spl.times import SECONDS, offset

UNITS: dict[Unit, str] = {
    "second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w", "month": "mon", "quarter": "q", "year": "y",
}  # fmt: skip
_DAY, _DAYS = re.compile(r"(?:([+-]\d+)d)?@d"), re.compile(r"([+-]\d+)d")
# SPL's @w is Sunday, the plan's weeks start on Monday.
SNAPS: dict[str, str] = {**{unit: f"@{short}" for unit, short in UNITS.items()}, "week": "@w1"}


def modifier(value: Expr) -> str | None:
    """A time relative to now, as `-7d@d`; "" for now itself; None for any other expression."""
    if isinstance(value, Call) and value.function == "now":
        return ""
    if isinstance(value, Arithmetic) and value.op in ("+", "-") and isinstance(value.right, Duration):
        before = modifier(value.left)
        return None if before is None else _moved(before, shift(value.right, value.op))
    snapped = snap(value)
    if snapped is None:
        return None
    before = modifier(snapped[1])
    return None if before is None else before + snapped[0]


def _moved(before: str, by: str) -> str:
    """Days are counted before the time is cut to its day: `-1d@d`."""
    match, days = _DAY.fullmatch(before), _DAYS.fullmatch(by)
    if match is None or days is None:
        return before + by
    total = int(match[1] or 0) + int(days[1])
    return f"{total:+d}d@d" if total else "@d"


def snap(value: Expr) -> tuple[str, Expr] | None:
    """`@d` and the time that it cuts: date_trunc, a conversion to a date, or a bin of one unit."""
    if isinstance(value, Cast) and value.to == "date":
        return "@d", value.operand
    if isinstance(value, Call) and value.function == "date_trunc" and isinstance(value.args[0], Constant):
        unit = str(value.args[0].value)
        return (SNAPS[unit], value.args[1]) if unit in SNAPS else None
    if isinstance(value, Call) and value.function == "bin" and isinstance(value.args[1], Duration):
        size = value.args[1]
        return (SNAPS[size.unit], value.args[0]) if size.amount == 1 and size.unit in SNAPS else None
    return None


def shift(duration: Duration, op: str) -> str:
    """`-7d`."""
    forward = (duration.amount >= 0) == (op == "+")
    amount, unit = abs(duration.amount), duration.unit
    if not float(amount).is_integer() or unit not in UNITS:
        seconds = in_seconds(duration)
        amount, unit = abs(seconds), "second"
        if not float(amount).is_integer():
            raise Unsayable(f"a time of {duration.amount} {duration.unit}s", "SPL's relative times")
    return f"{'+' if forward else '-'}{int(amount)}{UNITS[unit]}"


def in_seconds(duration: Duration) -> float:
    if duration.unit not in SECONDS:
        raise Unsayable(f"a {duration.unit} as a number of seconds", "SPL")
    return duration.amount * SECONDS[duration.unit]


def constant(value: Expr) -> datetime | None:
    """A time written out, also one moved by a duration or cut to a day."""
    if isinstance(value, Constant) and value.type in ("datetime", "date") and isinstance(value.value, str):
        return datetime.fromisoformat(value.value)
    if isinstance(value, Cast) and value.to in ("datetime", "date"):
        inner = value.operand
        found = (
            _parsed(inner.value) if isinstance(inner, Constant) and isinstance(inner.value, str) else constant(inner)
        )
        return found.replace(hour=0, minute=0, second=0, microsecond=0) if found and value.to == "date" else found
    if isinstance(value, Arithmetic) and value.op in ("+", "-") and isinstance(value.right, Duration):
        before = constant(value.left)
        if before is None or value.right.unit not in SECONDS:
            return None
        by = timedelta(seconds=in_seconds(value.right))
        return before + by if value.op == "+" else before - by
    return None


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def search_time(value: Expr) -> str | None:
    """As earliest's and latest's value; None where it can't be one."""
    relative = modifier(value)
    if relative is not None:
        return relative or "now"
    when = constant(value)
    if when is None or when.microsecond:
        return None
    return f'"{when:%m/%d/%Y:%H:%M:%S}"'


def span(size: Duration) -> str:
    """bin's span. Raises Unsayable for buckets that the plan counts from another start than SPL."""
    if size.unit in SECONDS and offset(size):
        raise Unsayable(f"buckets of {size.amount} {size.unit}s", "SPL")
    if not float(size.amount).is_integer() or size.unit not in UNITS:
        seconds = in_seconds(size)
        if not seconds.is_integer():
            raise Unsayable(f"buckets of {size.amount} {size.unit}s", "SPL")
        return f"{int(seconds)}s"
    return f"{int(size.amount)}{UNITS[size.unit]}"
