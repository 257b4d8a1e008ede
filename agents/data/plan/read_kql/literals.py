"""Kusto's literals: times, spans, and JSON written out."""

from __future__ import annotations

import json
import re
from typing import Any

from agents.data.plan.model import Constant, Duration, Expr, Unit
from agents.data.plan.read_kql.syntax import items, kind, text_of, type_of, unsayable

_UNITS: dict[str, Unit] = {
    "ms": "millisecond", "millisecond": "millisecond", "milliseconds": "millisecond", "s": "second", "sec": "second",
    "second": "second", "seconds": "second", "m": "minute", "min": "minute", "minute": "minute", "minutes": "minute",
    "h": "hour", "hr": "hour", "hour": "hour", "hours": "hour", "d": "day", "day": "day", "days": "day",
}  # fmt: skip
_SPAN = re.compile(r"(?:(?:time|timespan)\(\s*)?(\d+(?:\.\d+)?)\s*([a-z]+)\)?")
_TICKS_A_SECOND = 10_000_000


def literal(node: Any) -> Expr:
    value, found = node.LiteralValue, type_of(node)
    if value is None:
        return Constant()
    if found == "datetime":
        return Constant(type="datetime", value=_moment(str(value.ToString("yyyy-MM-ddTHH:mm:ss.fffffff"))))
    if found == "duration":
        return _duration(node, int(value.Ticks))
    if found == "bool":
        return Constant(type="bool", value=bool(value))
    if found == "string":
        return Constant(type="string", value=str(value))
    if found == "int":
        return Constant(type="int", value=int(value))
    if found == "real":
        return Constant(type="real", value=float(str(value)))
    raise unsayable(f"the literal {text_of(node)}", node)


def _moment(text: str) -> str:
    head, _, fraction = text.partition(".")
    return f"{head}.{digits}" if (digits := fraction.rstrip("0")) else head


def _duration(node: Any, ticks: int) -> Duration:
    match = _SPAN.fullmatch(text_of(node))
    if match and match[2] in _UNITS:
        amount = float(match[1])
        return Duration(amount=int(amount) if amount.is_integer() else amount, unit=_UNITS[match[2]])
    seconds = ticks / _TICKS_A_SECOND
    if seconds.is_integer():
        return Duration(amount=int(seconds), unit="second")
    return Duration(amount=seconds * 1000, unit="millisecond")


def compound_string(node: Any) -> Expr:
    return Constant(type="string", value=str(node.LiteralValue))


def dynamic(node: Any) -> Expr:
    return Constant(type="dynamic", value=json.dumps(_json(node.Expression)))


def _json(node: Any) -> Any:
    if kind(node) == "JsonArrayExpression":
        return [_json(item) for item in items(node.Values)]
    if kind(node) == "JsonObjectExpression":
        return {str(pair.Name.LiteralValue): _json(pair.Value) for pair in items(node.Pairs)}
    value = getattr(node, "LiteralValue", None)
    if kind(node) == "LiteralExpression" and (value is None or isinstance(value, str | bool | int | float)):
        return value
    if kind(node) == "CompoundStringLiteralExpression":
        return str(value)
    raise unsayable(f"{text_of(node)} in dynamic()", node)
