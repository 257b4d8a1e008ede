"""Known values: what columns of text with few different ones hold. Read only where the user asks for it.

A column's values are kept all or not at all: a list that lacks some would say that they don't occur.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from sqlalchemy import Connection, column, func, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from agents.data.importers.read import left_out
from agents.data.platform import load_platform
from agents.data.sandbox import Sandbox
from agents.data.session import quoted
from shared.catalog import Catalog, Column, Table
from shared.errors import LexiQueryError

FEW = 20
_LONGEST = 80  # characters of a value
_ROWS = 100_000  # of a table in a live database; of a longer one the values stay unknown
_SECONDS = 30.0  # for all tables of a live database
_STATEMENT_SECONDS = 5
_TEXTS = ("VARCHAR", "TEXT")

# The different values of these columns of a table, at most FEW + 1 each.
_Distinct = Callable[[Table, Sequence[Column]], Sequence[Sequence[str | None]]]


def with_values_of_rows(catalog: Catalog, sandbox: Sandbox) -> Catalog:
    """The catalog with the values that its rows hold. Tables that can't be read in time stay as they are."""

    def distinct(one: Table, columns: Sequence[Column]) -> Sequence[Sequence[str | None]]:
        found = ", ".join(f"list(DISTINCT {quoted(item.name)})[:{FEW + 1}]" for item in columns)
        ((*lists,),) = sandbox.execute(f"SELECT {found} FROM {quoted(one.name)}", catalog, limit=1).rows  # noqa: S608 - quoted names
        return [values or [] for values in lists]

    tables = []
    for one in catalog.tables:
        with suppress(LexiQueryError):
            one = _filled(one, catalog.platform, distinct)
        tables.append(one)
    return catalog.model_validate({**catalog.model_dump(by_alias=True), "tables": [one.model_dump() for one in tables]})


def with_values(connection: Connection, tables: Sequence[Table], notes: list[str]) -> list[Table]:
    """The tables of a live database with the values that they hold; those that take long are noted."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET statement_timeout = '{_STATEMENT_SECONDS}s'"))
        connection.commit()
    until, left, done = time.monotonic() + _SECONDS, list[str](), list[Table]()
    for one in tables:
        sampled = _in_time(connection, one) if time.monotonic() < until else None
        if sampled is None:
            left.append(one.name)
        done.append(sampled or one)
    notes += left_out("known values of tables that can't be read so, or not in time, are", left)
    return done


def _in_time(connection: Connection, one: Table) -> Table | None:
    try:
        return _filled(one, "sql", lambda it, columns: _of_database(connection, it, columns))
    except SQLAlchemyError:
        connection.rollback()
        return None


def _of_database(connection: Connection, one: Table, columns: Sequence[Column]) -> list[Sequence[str | None]]:
    schema, _, name = one.name.rpartition(".")
    source = table(name, *(column(item.name) for item in columns), schema=schema or None)
    if (
        connection.execute(select(func.count()).select_from(select(source).limit(_ROWS + 1).subquery())).scalar_one()
        > _ROWS
    ):
        return [[] for _ in columns]
    return [
        list(connection.execute(select(source.c[item.name]).distinct().limit(FEW + 1)).scalars()) for item in columns
    ]


def _filled(one: Table, platform: str, distinct: _Distinct) -> Table:
    duckdb_type = load_platform(platform).duckdb_type
    columns = [item for item in one.columns if not item.values and duckdb_type(item.type).startswith(_TEXTS)]
    if not columns:
        return one
    found = {item.name: _few(values) for item, values in zip(columns, distinct(one, columns), strict=True)}
    changed = [item.model_copy(update={"values": found.get(item.name) or item.values}) for item in one.columns]
    return Table.model_validate({**one.model_dump(), "columns": [item.model_dump() for item in changed]})


def _few(values: Sequence[str | None]) -> list[str]:
    known = sorted({str(value) for value in values if value not in (None, "")})
    return known if len(values) <= FEW and all(len(value) <= _LONGEST for value in known) else []
