"""SQL's literals: numbers, text, times and intervals."""

from __future__ import annotations

import re
from typing import get_args

from sqlglot import exp

from agents.data.plan.expressions import Constant, Duration, Unit
from agents.data.plan.read_sql.scope import unsayable

_UNITS: dict[str, Unit] = {unit: unit for unit in get_args(Unit)} | {
    "ms": "millisecond", "msec": "millisecond", "sec": "second", "s": "second", "min": "minute", "m": "minute",
    "h": "hour", "hr": "hour", "d": "day", "w": "week", "mon": "month", "y": "year", "yr": "year",
}  # fmt: skip
_SECONDS: dict[Unit, float] = {
    "millisecond": 0.001, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800,
}  # fmt: skip
_MONTHS: dict[Unit, int] = {"month": 1, "quarter": 3, "year": 12}
_AMOUNT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*([A-Za-z]+)?(?:\s+and)?\s*,?")
_CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d))?")


def constant(node: exp.Expr) -> Constant:
    if node.is_string:
        return Constant(type="string", value=node.name)
    text = node.name
    if re.fullmatch(r"[0-9_]+", text):
        return Constant(type="int", value=int(text.replace("_", "")))
    return Constant(type="real", value=float(text))


def number(value: Constant, node: exp.Expr) -> int | float:
    if isinstance(value.value, bool) or not isinstance(value.value, int | float):
        raise unsayable("anything but a number here", node)
    return value.value


def unit_of(name: str, node: exp.Expr) -> Unit:
    """`DAYS`, `day`, `d` → day. Raises Unsayable."""
    lower = name.lower().strip("'\"")
    found = _UNITS.get(lower) or _UNITS.get(lower.removesuffix("s"))
    if found is None:
        raise unsayable(f"the unit {name}", node)
    return found


def duration(text: str, unit: str, node: exp.Expr) -> Duration:
    """`7` and `DAYS`, or `1 day 2 hours`, `01:30:00`. Several parts are added up in the smallest unit."""
    if clock := _CLOCK.fullmatch(text.strip()):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return Duration(amount=hours * 3600 + minutes * 60 + seconds, unit="second")
    parts = _AMOUNT.findall(text)
    if not parts or _AMOUNT.sub("", text).strip() or any(not (own or unit) for _, own in parts):
        raise unsayable("this interval", node)
    return _sum([Duration(amount=_amount(one), unit=unit_of(own or unit, node)) for one, own in parts], node)


def _amount(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _sum(parts: list[Duration], node: exp.Expr) -> Duration:
    if len(parts) == 1:
        return parts[0]
    if all(part.unit in _MONTHS for part in parts):
        return Duration(amount=sum(part.amount * _MONTHS[part.unit] for part in parts), unit="month")
    if any(part.unit in _MONTHS for part in parts):
        raise unsayable("an interval of months and days", node)
    smallest = min((part.unit for part in parts), key=lambda unit: _SECONDS[unit])
    total = sum(part.amount * _SECONDS[part.unit] for part in parts) / _SECONDS[smallest]
    return Duration(amount=int(total) if total == int(total) else total, unit=smallest)
