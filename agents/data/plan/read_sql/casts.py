"""Conversions between types, as DuckDB makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from agents.data.plan.constants import timed
from agents.data.plan.expressions import Call, Cast, Constant, DataType, Expr
from agents.data.plan.read_sql.constants import duration
from agents.data.plan.read_sql.scope import unsayable

if TYPE_CHECKING:
    from agents.data.plan.read_sql.expressions import Scalars

_TYPES: dict[str, DataType] = {
    **dict.fromkeys(("VARCHAR", "TEXT", "CHAR", "NVARCHAR", "UUID"), "string"),
    **dict.fromkeys(("INT", "BIGINT", "SMALLINT", "TINYINT", "INT128", "UINT", "UBIGINT"), "int"),
    **dict.fromkeys(("DOUBLE", "FLOAT", "DECIMAL"), "real"),
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMPNTZ", "TIMESTAMPLTZ", "DATETIME"), "datetime"),
    "BOOLEAN": "bool",
    "DATE": "date",
    "INTERVAL": "duration",
    "JSON": "dynamic",
}
_DUCKDB_SCALE = 3  # of a DECIMAL that says none


def read_cast(s: Scalars, node: exp.Expr) -> Expr:
    wanted = node.args["to"]
    name = wanted.this.value if isinstance(wanted.this, exp.DataType.Type) else ""
    value = s.read(node.this)
    if name in ("ARRAY", "LIST"):
        return value if s.type_of(value) == "dynamic" else Cast(operand=value, to="dynamic")
    if name not in _TYPES:
        raise unsayable(f"the type {wanted.sql(dialect='duckdb')}", node)
    found = cast(s, value, _TYPES[name])
    if name != "DECIMAL":
        return found
    digits = [one.name for one in wanted.expressions]
    if not all(one.isdigit() for one in digits):
        raise unsayable("this type", node)
    scale = int(digits[1]) if len(digits) > 1 else 0 if digits else None
    return Call(function="round", args=(found, Constant(type="int", value=_DUCKDB_SCALE if scale is None else scale)))


def cast(s: Scalars, value: Expr, to: DataType) -> Expr:
    """Text of a time becomes a constant; what has the type stays; SQL rounds where a real becomes a whole number."""
    kind = s.type_of(value)
    if to in ("date", "datetime") and isinstance(value, Constant) and isinstance(typed := timed(value, to), Constant):
        return typed if typed.type == to or to == "datetime" else Cast(operand=typed, to=to)
    if to == "duration" and isinstance(value, Constant) and isinstance(value.value, str):
        return duration(value.value, "", exp.Literal.string(value.value))
    if kind == to and not isinstance(value, Constant):
        return value
    if to == "int" and kind == "real":
        value = Call(function="round", args=(value,))
    return Cast(operand=value, to=to)
