"""Values that occur in a group's rows: what columns with few different texts, or very few whole numbers, hold."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

from agents.data.platform import Platform, load_platform
from agents.data.sandbox import Sandbox
from agents.data.session import quoted
from shared.catalog import Catalog, Column, Table
from shared.errors import LexiQueryError

Samples: TypeAlias = Mapping[tuple[str, str], Sequence[str]]

_ROWS = 200_000  # of a table that are looked at
_FEW = 500  # different texts of a column that are kept
_VERY_FEW = 60  # different numbers: codes, not amounts
_SHORTEST, _LONGEST = 2, 80  # characters of a value
_TEXTS = ("VARCHAR", "TEXT")
_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "INT")
_SECONDS = 5.0  # after which the tables that are left stay unknown


def sample_values(catalog: Catalog, sandbox: Sandbox) -> dict[tuple[str, str], Sequence[str]]:
    """(table, column) to its different values, for columns that the catalog lists no values of. Blocks.

    Empty where the group has no rows; a table that can't be read is left out.
    """
    found: dict[tuple[str, str], Sequence[str]] = {}
    if not sandbox.has_rows(catalog):
        return found
    platform, until = load_platform(catalog.platform), time.monotonic() + _SECONDS
    for table in catalog.tables:
        if time.monotonic() > until:
            break
        with suppress(LexiQueryError):
            for column in _with_few(table, platform, catalog, sandbox):
                found[table.name, column.name] = _values(table, column, catalog, sandbox)
    return found


def _with_few(table: Table, platform: Platform, catalog: Catalog, sandbox: Sandbox) -> Iterator[Column]:
    most = {one.name: _most(platform.duckdb_type(one.type)) for one in table.columns if not one.values}
    columns = [one for one in table.columns if most.get(one.name)]
    if not columns:
        return
    counts = ", ".join(f"approx_count_distinct({quoted(column.name)})" for column in columns)
    (row,) = sandbox.execute(f"SELECT {counts} FROM {_head(table)}", catalog, limit=1).rows  # noqa: S608 - quoted names
    yield from (column for column, count in zip(columns, row, strict=True) if 0 < count <= most[column.name])


def _most(duckdb_type: str) -> int:
    if duckdb_type.startswith(_TEXTS):
        return _FEW
    return _VERY_FEW if duckdb_type.startswith(_NUMBERS) else 0


def _values(table: Table, column: Column, catalog: Catalog, sandbox: Sandbox) -> list[str]:
    name = f"CAST({quoted(column.name)} AS VARCHAR)"
    sql = (
        f"SELECT {name} FROM {_head(table)} WHERE length({name}) BETWEEN {_SHORTEST} AND {_LONGEST} "  # noqa: S608 - quoted names
        f"GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {_FEW}"
    )
    return [str(row[0]) for row in sandbox.execute(sql, catalog, limit=_FEW).rows]


def _head(table: Table) -> str:
    return f"(SELECT * FROM {quoted(table.name)} LIMIT {_ROWS})"  # noqa: S608 - quoted names
