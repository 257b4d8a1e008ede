"""Catalog types of SPL groups, and DuckDB's."""

from __future__ import annotations

from agents.data.spl.transpile.values import Kind, duckdb_type, kind_of_type

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("string", "str", "text", "varchar", "ip", "ipv4", "object", "json"), "str"),
    **dict.fromkeys(("number", "num", "double", "float", "real", "decimal"), "num"),
    **dict.fromkeys(("int", "integer", "long", "bigint", "counter"), "int"),
    **dict.fromkeys(("bool", "boolean"), "bool"),
    **dict.fromkeys(("time", "timestamp", "datetime", "date"), "time"),
    **dict.fromkeys(("mv", "multivalue", "array", "list"), "mv"),
}


def column_kind(type_name: str) -> Kind:
    """The kind of a catalog column; a type SPL has no word for is read as DuckDB's."""
    return _KINDS.get(type_name.strip().lower()) or kind_of_type(type_name)


def column_type(type_name: str) -> str:
    """The DuckDB type that holds it: `number` → DOUBLE."""
    return duckdb_type(column_kind(type_name))
