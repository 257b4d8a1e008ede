"""Values of a DuckDB result as JSON can carry them."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

# Characters of one cell: what nobody reads to its end, and no answer should carry.
LONGEST_CELL = 65_536
_CUT = " \u2026 (cut)"


def cell(value: Any, type_name: str = "") -> tuple[Any, bool]:
    """A value of a result as JSON can carry it, and whether it was too long and is now its beginning, as text."""
    carried = json_value(value, type_name)
    if not isinstance(carried, str | list | dict):
        return carried, False
    text = carried if isinstance(carried, str) else json.dumps(carried, default=str)
    if len(text) <= LONGEST_CELL:
        return carried, False
    return text[:LONGEST_CELL] + _CUT, True


def json_value(value: Any, type_name: str = "") -> Any:
    """One value of a result. type_name: its DuckDB type; text of type JSON, and what the sandbox made
    JSON because it holds time zones, becomes what it says.

    Timestamps are UTC and end in Z; durations read `[-][d.]hh:mm:ss[.ffffff]` as in Kusto; decimals are floats; what a
    float can't say in JSON is `NaN`, `Infinity` or `-Infinity`, as Kusto answers it; bytes are hexadecimal.
    """
    if isinstance(value, str) and (type_name == "JSON" or "WITH TIME ZONE" in type_name):
        return _parsed(value)
    if isinstance(value, list):
        inner = type_name.removesuffix("[]")
        return [json_value(item, inner) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, Decimal | float):
        return _number(float(value))
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    return str(value) if isinstance(value, UUID) else value


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def duration_text(value: timedelta) -> str:
    """`1.02:03:04.500000`: days only where there are any, fractions of a second only where there are any."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    days = f"{value.days}." if value.days else ""
    fraction = f".{value.microseconds:06d}" if value.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"
