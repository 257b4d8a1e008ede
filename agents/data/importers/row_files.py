"""Files of rows as tables, one a file: CSV, JSON-lines and Parquet, with the types that DuckDB finds in all of it.

Each file is written once as Parquet into a scratch folder, so that what DuckDB understood of it (delimiters, formats of
times, nested values) is what the group's tables are filled with.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import duckdb

from agents.data.importers.read import Read, group_of
from agents.data.platform import Platform, load_platform
from agents.data.rows import path_literal
from agents.data.session import first_line, quoted
from shared.catalog import Catalog, Column, Table
from shared.errors import InvalidInput, StorageFailed

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
_NESTED = re.compile(r"STRUCT|MAP|UNION|.*\[\d*\]$", re.DOTALL)
_UNNAMED = re.compile(r"column\d+")
_JSON, _TEXT = "JSON", "VARCHAR"
# The word of each platform for a type that DuckDB found; SQL has DuckDB's own.
_KUSTO = {
    "BOOLEAN": "bool", "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int", "UTINYINT": "int", "USMALLINT": "int",
    "UINTEGER": "long", "BIGINT": "long", "UBIGINT": "decimal", "HUGEINT": "decimal", "UHUGEINT": "decimal",
    "FLOAT": "real", "DOUBLE": "real", "DECIMAL": "decimal", "DATE": "datetime", "TIMESTAMP": "datetime",
    "TIME": "timespan", "INTERVAL": "timespan", "UUID": "guid", "JSON": "dynamic",
}  # fmt: skip
_SPLUNK = {
    "BOOLEAN": "bool", "TINYINT": "int", "SMALLINT": "int", "INTEGER": "int", "BIGINT": "int", "FLOAT": "number",
    "DOUBLE": "number", "DECIMAL": "number", "HUGEINT": "number", "DATE": "time", "TIMESTAMP": "time",
}  # fmt: skip
_WORDS = {"kql": (_KUSTO, "string"), "spl": (_SPLUNK, "string")}


def is_row_file(path: Path) -> bool:
    return path.name.lower().removesuffix(".gz").endswith(SUFFIXES)


def read_row_files(files: Sequence[Path], where: str, group: str | None, platform: str | None, scratch: Path) -> Read:
    """A group of these tables; on SQL in DuckDB's dialect if no platform is asked for. Their rows are in `scratch`.

    Raises InvalidInput for a file that DuckDB can't read as rows.
    """
    asked = load_platform(platform or "sql")
    notes: list[str] = []
    tables = [read_table(path, asked, scratch, notes) for path in files]
    return Read(Catalog(schema_group=group_of(where, group), platform=asked.name, tables=tables), notes, scratch)


def read_table(path: Path, platform: Platform, scratch: Path, notes: list[str]) -> Table:
    """One file. Its table goes by the file's name; a dot in that would part a schema from a table."""
    stem = path.name.removesuffix(".gz").removesuffix(".GZ")
    name = stem.rpartition(".")[0].replace(".", "_")
    target = scratch / f"{path.name}.parquet"
    if not path.stat().st_size:
        raise InvalidInput(f"{path} is empty")
    try:
        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            held = _copied(connection, path, target)
    except duckdb.IOException as error:
        raise StorageFailed(f"can't read the rows of {path}: {first_line(error)}") from error
    except duckdb.Error as error:
        raise InvalidInput(f"{path} holds no rows that can be read: {first_line(error)}") from error
    if all(_UNNAMED.fullmatch(column) for column, _ in held):
        notes.append(f"{path.name} has no line of names: its columns are {held[0][0]} to {held[-1][0]}")
    columns = [Column(name=column, type=_word(platform.name, kind)) for column, kind in held]
    return Table(name=name, kind=_kind(platform, columns), rows=target.name, columns=columns)


def _copied(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> list[tuple[str, str]]:
    """The file's rows as Parquet; its columns, each with the type that it is kept in."""
    reader = _reader(path)
    described = connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608 - path is quoted
    held = [(str(row[0]), _held(str(row[1]))) for row in described]
    if reader.startswith("read_json"):  # nested values as they are written, not in the shape that suits all rows
        typed = ", ".join(
            f"{_literal(name)}: '{_JSON if kind == _JSON else row[1]}'"
            for (name, kind), row in zip(held, described, strict=True)
        )
        reader = f"read_json({path_literal(path)}, columns = {{{typed}}})"
    values = ", ".join(f"CAST({_value(name, kind)} AS {kind}) AS {quoted(name)}" for name, kind in held)
    connection.execute(f"COPY (SELECT {values} FROM {reader}) TO {_literal(target)} (FORMAT parquet)")  # noqa: S608 - path is quoted
    return held


def _reader(path: Path) -> str:
    name, literal = path.name.lower().removesuffix(".gz"), path_literal(path)
    if name.endswith(".parquet"):
        return f"read_parquet({literal})"
    if name.endswith((".csv", ".tsv")):
        return f"read_csv({literal}, sample_size = -1)"
    return f"read_json({literal}, sample_size = -1, maximum_depth = 2)"


def _literal(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _held(found: str) -> str:
    """The type that the rows are kept in: nested values as JSON, enumerations and what is rare as text."""
    if _NESTED.match(found) and not found.startswith("ENUM"):
        return _JSON
    plain = found.partition("(")[0]
    if plain.startswith("TIMESTAMP"):
        return "TIMESTAMP"  # in UTC, whatever its precision
    return found if plain in _KUSTO else _TEXT


def _value(column: str, kind: str) -> str:
    return f"to_json({quoted(column)})" if kind == _JSON else quoted(column)


def _word(platform: str, kind: str) -> str:
    words, other = _WORDS.get(platform, ({}, ""))
    return words.get(kind.partition("(")[0], other) if words else kind


def _kind(platform: Platform, columns: list[Column]) -> Literal["table", "index", "lookup"]:
    """What Splunk keeps by time is an index; what it does not is a lookup."""
    if platform.name != "spl":
        return "table"
    return "index" if any(column.name == "_time" for column in columns) else "lookup"
