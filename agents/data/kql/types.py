"""Kusto's scalar types, and the DuckDB type that holds each (those that duckdb-kql's translations expect)."""

from __future__ import annotations

from shared.errors import InvalidInput, did_you_mean

_DUCKDB = {
    "bool": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "real": "DOUBLE",
    "decimal": "DECIMAL(38,9)",
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "timespan": "INTERVAL",
    "guid": "UUID",
    "dynamic": "JSON",
}
# Other spellings: Kusto's own synonyms, and the .NET names of `.show database schema`.
_SYNONYMS = {
    "boolean": "bool",
    "date": "datetime",
    "double": "real",
    "float": "real",
    "time": "timespan",
    "uuid": "guid",
    "uniqueid": "guid",
    "object": "dynamic",
    "json": "dynamic",
    "sbyte": "bool",
    "int32": "int",
    "int64": "long",
    "single": "real",
    "sqldecimal": "decimal",
    "text": "string",
}


def kusto_type(type_name: str) -> str:
    """`System.Int64`, `LONG`, `long` → `long`. Raises InvalidInput with the nearest type."""
    name = type_name.strip().lower().rsplit(".", 1)[-1]
    name = _SYNONYMS.get(name, name)
    if name not in _DUCKDB:
        raise InvalidInput(f"unknown KQL type '{type_name}'", suggestion=did_you_mean(type_name, _DUCKDB))
    return name


def duckdb_type(type_name: str) -> str:
    return _DUCKDB[kusto_type(type_name)]
