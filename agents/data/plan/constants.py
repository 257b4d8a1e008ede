"""Constants as what they are compared with: SQL lets a text stand for a time or a number, a plan says which it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from agents.data.plan.expressions import Constant, DataType, Expr

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_ONE_DIGIT = re.compile(r"(?<=-)(\d)(?=\D|$)")


def timed(value: Expr, kind: DataType | None) -> Expr:
    """Text that is a time, as one, where a time is meant (kind date or datetime); anything else as it is."""
    if kind not in ("date", "datetime") or not isinstance(value, Constant) or value.type not in ("string", "date"):
        return value
    try:
        moment = datetime.fromisoformat(_ONE_DIGIT.sub(r"0\1", str(value.value).strip()))
    except ValueError:
        return value
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    if kind == "date" and not (moment.hour or moment.minute or moment.second or moment.microsecond):
        return Constant(type="date", value=moment.date().isoformat())
    return Constant(type="datetime", value=moment.isoformat())


def constant_as(value: Constant, wanted: DataType | None) -> Constant:
    """A number in quotes beside numbers is a number, a number beside text is text, 1 beside a truth value is true."""
    held = value.value
    if wanted == "string" and value.type in ("int", "real"):
        return Constant(type="string", value=str(held))
    if wanted in ("int", "real") and isinstance(held, str) and _NUMBER.fullmatch(held):
        return Constant(type="real", value=float(held)) if "." in held else Constant(type="int", value=int(held))
    if wanted == "bool" and held in (0, 1) and value.type == "int":
        return Constant(type="bool", value=bool(held))
    if wanted == "bool" and isinstance(held, str) and held.lower() in ("true", "false"):
        return Constant(type="bool", value=held.lower() == "true")
    return value
