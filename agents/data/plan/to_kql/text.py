"""KQL text that knows how tightly it binds, and names and literals as Kusto writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from agents.data.plan.expressions import Constant, DataType, Duration
from agents.data.plan.model import Unsayable
from agents.data.plan.to_kql.words import RESERVED

# How tightly operators bind: a part that binds less than its place needs is put in brackets.
OR, AND, COMPARE, ADD, MULTIPLY, ATOM = range(6)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUFFIXES = {"millisecond": "ms", "second": "s", "minute": "m", "hour": "h", "day": "d"}
NULLS: dict[DataType, str] = {
    "string": '""', "int": "long(null)", "real": "real(null)", "bool": "bool(null)", "date": "datetime(null)",
    "datetime": "datetime(null)", "duration": "timespan(null)", "dynamic": "dynamic(null)",
}  # fmt: skip
WHERE = "KQL"
LONGEST_LINE = 100


@dataclass(frozen=True)
class Kql:
    text: str
    level: int = ATOM

    def at(self, level: int) -> str:
        """The text, in brackets if it binds less tightly than that."""
        return self.text if self.level >= level else f"({self.text})"


def name(text: str) -> str:
    """The name, quoted where it has to be."""
    if _PLAIN.fullmatch(text) and text not in RESERVED:
        return text
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{quoted}']"


def string(text: str) -> str:
    """In double quotes; with backslashes as they are where there are any."""
    if "\\" in text and '"' not in text and "\n" not in text:
        return f'@"{text}"'
    escaped = (
        text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    )
    return f'"{escaped}"'


def constant(value: Constant) -> Kql:
    held: Any = value.value
    if value.type is None or held is None:
        return Kql("dynamic(null)")
    if value.type == "bool":
        return Kql("true" if held else "false")
    if value.type in ("int", "real"):
        text = repr(held)
        return Kql(text, MULTIPLY) if text.startswith("-") else Kql(text)
    if value.type in ("date", "datetime"):
        return Kql(f"datetime({str(held).removesuffix('T00:00:00')})")
    return Kql(f"dynamic({held})" if value.type == "dynamic" else string(str(held)))


def duration(value: Duration) -> Kql:
    """`7d`. Months have no length of their own: see datetime_add."""
    amount, unit = value.amount, value.unit
    if unit == "week":
        amount, unit = amount * 7, "day"
    if unit not in _SUFFIXES:
        raise Unsayable(f"a time span of {value.unit}s", WHERE)
    text = f"{amount:g}" if amount == int(amount) and abs(amount) < 1e6 else repr(amount)
    return Kql(f"{text}{_SUFFIXES[unit]}", ADD if amount < 0 else ATOM)


def listed(texts: list[str]) -> str:
    return ", ".join(texts)
