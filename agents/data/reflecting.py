"""The tables of a live database as a catalog: names, types, comments, keys; and known values, if they are asked for."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ARRAY, Connection, Dialect, Enum, Inspector, inspect
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.engine.interfaces import ReflectedColumn, ReflectedForeignKeyConstraint
from sqlalchemy.engine.reflection import ObjectKind
from sqlalchemy.exc import CompileError, SAWarning, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.types import TypeEngine

from agents.data.connectors.engines import database_url
from agents.data.importers.values import with_values
from agents.data.platform import load_platform
from shared.catalog import Catalog, Column, Relationship, Table
from shared.errors import InvalidInput, SourceUnavailable

_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_SECONDS = 60.0
# What MySQL says of a type beside what it holds: the width it is shown with, the sign, the characters.
_BESIDE = re.compile(r"(?<=INT|GER|EAR)\(\d+\)| (?:UNSIGNED|ZEROFILL)\b| (?:CHARACTER SET|COLLATE) \w+")
_HELD = "TEXT"
"""The type of a column whose own type the sandbox has nothing like."""


async def reflect(url: str, group: str, *, sample_values: bool = False) -> tuple[Catalog, list[str]]:
    """The catalog of the database at `url` (sqlite:///FILE, postgresql://…, mysql://…), and what is not as it is there.

    Tables and views of the default schema go by their name, those of others by schema.name. Nothing is written.
    sample_values: texts of columns with few different ones are read too; otherwise no row is.
    Raises InvalidInput, NotFound for a file that isn't there, SourceUnavailable when it can't be read in 60 s.
    """
    asked, kind = database_url(url, _DIALECTS)
    shown = asked.render_as_string(hide_password=True)
    engine = create_async_engine(kind.url(asked), connect_args=kind.connect_args(asked, None))
    try:
        async with asyncio.timeout(_SECONDS), engine.connect() as connection:
            tables, relationships, notes = await connection.run_sync(_read)
            if sample_values:
                tables = await connection.run_sync(with_values, tables, notes)
    except TimeoutError as error:
        raise SourceUnavailable(f"{shown} did not answer in time") from error
    except (SQLAlchemyError, OSError) as error:
        raise SourceUnavailable(f"can't read {shown}: {getattr(error, 'orig', None) or error}") from error
    finally:
        await engine.dispose()
    if not tables:
        raise InvalidInput(f"{shown} has no table that can be read")
    dialect = _DIALECTS[asked.drivername]
    return Catalog(
        schema_group=group, platform="sql", dialect=dialect, tables=tables, relationships=relationships
    ), notes


def _read(connection: Connection) -> tuple[list[Table], list[Relationship], list[str]]:
    tables: list[Table] = []
    relationships: list[Relationship] = []
    notes: list[str] = []
    inspector = inspect(connection)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types it does not know: they are in the notes
        for schema in _schemas(inspector):
            comments = _comments(inspector, schema)
            for key, columns in inspector.get_multi_columns(schema=schema, kind=ObjectKind.ANY).items():
                name = _named(*key)
                if not columns:
                    notes.append(f"{name} has no columns and is left out")
                    continue
                read = [_column(name, column, connection.dialect, notes) for column in columns]
                tables.append(Table(name=name, description=comments.get(name, ""), columns=read))
            relationships += _relationships(inspector, schema)
    known = {f"{table.name}.{column.name}" for table in tables for column in table.columns}
    kept = [one for one in relationships if one.from_ in known and one.to in known]
    return sorted(tables, key=lambda table: table.name), kept, notes


def _schemas(inspector: Inspector) -> Iterator[str | None]:
    """None is the default one."""
    yield None
    if inspector.dialect.name == "postgresql":
        for name in inspector.get_schema_names():
            if name not in (inspector.default_schema_name, "information_schema") and not name.startswith("pg_"):
                yield name


def _named(schema: str | None, table: str) -> str:
    return f"{schema}.{table}" if schema else table


def _comments(inspector: Inspector, schema: str | None) -> dict[str, str]:
    if not inspector.dialect.supports_comments:
        return {}
    found = inspector.get_multi_table_comment(schema=schema, kind=ObjectKind.ANY)
    return {_named(*key): comment["text"] or "" for key, comment in found.items()}


def _column(table: str, column: ReflectedColumn, dialect: Dialect, notes: list[str]) -> Column:
    kind = column["type"]
    while isinstance(kind, DOMAIN):
        kind = kind.data_type
    type_name, values = _HELD, list(kind.enums) if isinstance(kind, Enum) else []
    if not values:
        written = _written(kind, dialect)
        try:
            load_platform("sql").duckdb_type(written)
            type_name = written
        except InvalidInput:
            notes.append(f"{table}.{column['name']}: a column of type '{written}' is held as {_HELD}")
    return Column(name=column["name"], type=type_name, description=column.get("comment") or "", values=values)


def _written(kind: TypeEngine[Any], dialect: Dialect) -> str:
    if isinstance(kind, ARRAY) and isinstance(kind.item_type, Enum):
        return f"{_HELD}[]"
    try:
        written = kind.compile(dialect=dialect)
    except CompileError:
        return "unknown"
    return _BESIDE.sub("", written) if dialect.name == "mysql" else written


def _relationships(inspector: Inspector, schema: str | None) -> Iterator[Relationship]:
    keys = inspector.get_multi_pk_constraint(schema=schema)
    for key, constraints in inspector.get_multi_foreign_keys(schema=schema).items():
        primary = keys[key]["constrained_columns"] if key in keys else []
        for constraint in constraints:
            yield from _pairs(_named(*key), primary, constraint)


def _pairs(table: str, primary: list[str], constraint: ReflectedForeignKeyConstraint) -> Iterator[Relationship]:
    """One relationship a column pair; one to one where the columns are the table's own key."""
    columns = constraint["constrained_columns"]
    kind = "one_to_one" if primary and set(columns) == set(primary) else "many_to_one"
    other = _named(constraint["referred_schema"], constraint["referred_table"])
    for one, its in zip(columns, constraint["referred_columns"], strict=False):
        yield Relationship.model_validate({"from": f"{table}.{one}", "to": f"{other}.{its}", "kind": kind})
