"""Times that SPL writes as text, and the days and hours among them that no calendar has."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agents.data.dates import days_around, nearest_real
from agents.data.spl.ast import Call, Comparison, Literal, Value, Within
from agents.data.spl.source import SplError

_BOUNDS = frozenset(("earliest", "latest", "_index_earliest", "_index_latest"))
_EPOCH = re.compile(r"\d+(?:\.\d+)?")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?::(\d{1,2}):(\d{2}):(\d{2}))?")
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?Z?")
_SHOWN = 40


def absolute(text: str) -> datetime | None:
    """The time that an epoch, `03/10/2026:14:00:00` or ISO text says; None for other texts. Raises ValueError,
    OverflowError or OSError for one that no calendar has."""
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    if match := _AMERICAN.fullmatch(text):
        month, day, year, hour, minute, second = (int(part or 0) for part in match.groups())
        return datetime(year, month, day, hour, minute, second)
    if match := _ISO.fullmatch(text):
        return datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}")
    return None


def impossible_bound(node: Comparison | Within) -> SplError | None:
    """What is wrong with `earliest="02/31/2026:00:00:00"`, with the nearest day that exists."""
    if isinstance(node, Within) or node.field.name.lower() not in _BOUNDS or not isinstance(node.value, Value):
        return None
    text = node.value.text
    if _EPOCH.fullmatch(text):
        return None
    try:
        absolute(text)
    except ValueError:
        real = _next(text) if node.field.name.lower().endswith("latest") else None
        real = real or _nearest(text)
        hint = f'{node.field.name}{node.op}"{real}"' if real else None
        return SplError("impossible_value", f"there is no time '{text[:_SHOWN]}'", node.value.at, hint)
    return None


def impossible_text(node: Call) -> SplError | None:
    """The same for `strptime("2026-02-31", "%Y-%m-%d")`."""
    if node.name != "strptime" or len(node.args) != 2:
        return None
    text, form = (one.value if isinstance(one, Literal) else None for one in node.args)
    if not (isinstance(text, str) and isinstance(form, str)):
        return None
    is_iso = form.startswith(("%Y-%m-%d", "%F"))
    real = nearest_real(text) if is_iso else _nearest(text) if form.startswith("%m/%d/%Y") else None
    if real is None:
        return None
    message = f"there is no day '{text[:_SHOWN]}'"
    return SplError("impossible_value", message, node.args[0].at, f'strptime("{real}", "{form}")')


def _next(text: str) -> str | None:
    """The day after the month of a day beyond its end, as the text writes days: a search up to 31 February wants all of
    February."""
    found = _AMERICAN.fullmatch(text)
    days = days_around(f"{found[3]}-{found[1]}-{found[2]}" if found else text)
    return days[1].strftime("%m/%d/%Y:00:00:00" if found else "%Y-%m-%d") if days else None


def _nearest(text: str) -> str | None:
    """The nearest day that exists, as the text writes it; None where the day is not what is wrong."""
    found = _AMERICAN.fullmatch(text)
    if found is None:
        return nearest_real(text)
    real = nearest_real(f"{found[3]}-{found[1]}-{found[2]}")
    if real is None:
        return None
    year, month, day = real.split("-")
    return f"{month}/{day}/{year}{text[found.end(3) :]}"
