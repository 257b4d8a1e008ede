"""The rows of a catalog's tables, from files into the group's DuckDB file."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.platform import Platform, load_platform
from agents.data.session import Connection, create_table_sql, first_line, quoted
from agents.data.sql.binding import full_name
from agents.data.sql.safety import forbidden_in
from shared.catalog import Catalog, Column, Table
from shared.errors import InvalidInput, NotFound, StorageFailed, did_you_mean


def load_rows(catalog: Catalog, base: Path, target: Path) -> dict[str, int]:
    """Fill `target` with the tables' rows, whole or not at all: it is built beside and then renamed.

    base: the folder that the tables' `rows` paths are relative to. Returns the number of rows of each table that has a
    file. Raises NotFound for a missing file, InvalidInput for rows that don't fit their columns, StorageFailed when
    the disk is full or can't be written.
    """
    new = target.with_name(f".{target.name}.{uuid.uuid4().hex}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        counts = _build(catalog, base, new)
        os.replace(new, target)
    except OSError as error:
        raise StorageFailed(f"can't write {target}: {error.strerror or error}") from error
    except (duckdb.IOException, duckdb.FatalException) as error:
        raise StorageFailed(f"can't write {target}: {first_line(error)}") from error
    finally:
        for left in (new, new.with_name(new.name + ".wal")):
            with suppress(OSError):  # the error that led here says more
                left.unlink()
    return counts


def _build(catalog: Catalog, base: Path, path: Path) -> dict[str, int]:
    platform = load_platform(catalog.platform)
    counts: dict[str, int] = {}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for table in catalog.tables:
            connection.execute(create_table_sql(table, platform))
            if table.rows:
                source = base / table.rows
                _fill(connection, table, source, catalog, platform)
                counts[table.name] = _count(connection, table)
    return counts


def _count(connection: Connection, table: Table) -> int:
    found = connection.execute(f"SELECT count(*) FROM {quoted(table.name)}").fetchone()  # noqa: S608 - quoted name
    return int(found[0]) if found else 0


def _fill(connection: Connection, table: Table, source: Path, catalog: Catalog, platform: Platform) -> None:
    if not source.is_file():
        raise NotFound(f"no file {source} for the rows of table '{table.name}'")
    name = source.name.lower()
    try:
        if name.endswith(".sql"):
            _insert_statements(connection, table, source, catalog.dialect)
        else:
            _insert_file(connection, table, _reader(name, source), source, platform)
    except (duckdb.DataError, duckdb.ProgrammingError, duckdb.InvalidInputException) as error:
        raise InvalidInput(f"{source}: table '{table.name}': {first_line(error)}") from error


def _reader(name: str, source: Path) -> str:
    """The DuckDB table function that reads the file; csv as text, so that the catalog's types decide."""
    readers: dict[str, Callable[[str], str]] = {
        ".parquet": lambda path: f"read_parquet({path})",
        ".csv": lambda path: f"read_csv({path}, header = true, all_varchar = true, delim = ',', quote = '\"')",
    }
    plain = name.removesuffix(".gz")
    for suffix, reader in readers.items():
        if plain.endswith(suffix):
            return reader(path_literal(source))
    raise InvalidInput(f"can't read rows from {source}", suggestion="known: .csv, .csv.gz, .parquet, .sql")


def path_literal(path: Path) -> str:
    """The path in SQL, where DuckDB reads a pattern: `a[1].csv` means just itself."""
    escaped = re.sub(r"[\[*?]", lambda found: f"[{found[0]}]", str(path))
    return "'" + escaped.replace("'", "''") + "'"


def _insert_file(connection: Connection, table: Table, reader: str, source: Path, platform: Platform) -> None:
    described = connection.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608 - path is quoted
    found = [str(row[0]) for row in described]
    for name in found:
        if name not in table.by_name:
            hint = did_you_mean(name, table.by_name)
            raise InvalidInput(f"{source} has a column '{name}' that table '{table.name}' lacks", suggestion=hint)
    columns = [column for column in table.columns if column.name in found]
    names = ", ".join(quoted(column.name) for column in columns)
    values = ", ".join(_cast(column, platform) for column in columns)
    insert = f"INSERT INTO {quoted(table.name)} ({names}) SELECT {values} FROM {reader}"  # noqa: S608 - quoted names
    connection.execute(insert)


def _cast(column: Column, platform: Platform) -> str:
    type_name = platform.duckdb_type(column.type)
    value = f"CAST({quoted(column.name)} AS {type_name})"
    return f"coalesce({value}, '')" if platform.text_is_never_null and type_name == "VARCHAR" else value


def _insert_statements(connection: Connection, table: Table, source: Path, dialect: str) -> None:
    """The file's INSERT ... VALUES into this table; other statements are other tables' or the schema's."""
    for insert in inserts(source, dialect):
        if target_of(insert).lower() != table.name.lower():
            continue
        if forbidden := forbidden_in(insert.expression):
            raise InvalidInput(f"{source}: {forbidden.message}", suggestion="rows are INSERT ... VALUES")
        insert.set("this", _target(insert, table))
        insert.set("conflict", None)
        insert.set("returning", None)
        connection.execute(insert.sql(dialect="duckdb", comments=False))


def _target(insert: exp.Insert, table: Table) -> exp.Expr:
    """The catalog's own name, without the schema that the dump may name (`public.author`)."""
    name = exp.Table(this=exp.to_identifier(table.name, quoted=True))
    if isinstance(insert.this, exp.Schema):
        return exp.Schema(this=name, expressions=[column.copy() for column in insert.this.expressions])
    return name


def inserts(source: Path, dialect: str) -> Iterator[exp.Insert]:
    """The INSERT statements of a SQL file. Raises InvalidInput where the file is not SQL of that dialect."""
    for statement in statements(source, dialect):
        if isinstance(statement, exp.Insert):
            yield statement


def target_of(insert: exp.Insert) -> str:
    target = insert.this.this if isinstance(insert.this, exp.Schema) else insert.this
    return full_name(target)


def statements(source: Path, dialect: str) -> list[exp.Expr]:
    """Every statement of a SQL file, parsed."""
    try:
        text = source.read_text(encoding="utf-8")
        return [statement for statement in sqlglot.parse(text, read=dialect) if statement is not None]
    except (SqlglotError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{source} is not {dialect} SQL: {str(error).splitlines()[0]}") from error
