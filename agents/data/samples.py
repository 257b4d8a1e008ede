"""Values that occur in a group's rows: what columns with few different texts, or very few whole numbers, hold."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import structlog

from agents.data.platform import Platform, load_platform
from agents.data.sandbox import Sandbox
from agents.data.session import first_rows, quoted
from shared.catalog import Catalog, Column, Table
from shared.errors import LexiQueryError

log = structlog.get_logger(__name__)
Samples: TypeAlias = Mapping[tuple[str, str], Sequence[str]]

_ROWS = 200_000  # of a table that are looked at
_FEW = 500  # different texts of a column that are kept
_VERY_FEW = 60  # different numbers: codes, not amounts
_SHORTEST, _LONGEST = 2, 80  # characters of a value
_TEXTS = ("VARCHAR", "TEXT")
_NUMBERS = ("BIGINT", "INTEGER", "SMALLINT", "INT")
_SECONDS = 30.0  # after which the tables that are left stay unknown, on a machine that is busy with something else


def sample_values(catalog: Catalog, sandbox: Sandbox) -> dict[tuple[str, str], Sequence[str]]:
    """(table, column) to its different values, for columns that the catalog lists no values of. Blocks.

    Empty where the group has no rows; a table that can't be read is left out, and so are those that come after 30
    seconds, with a warning in the log.
    """
    found: dict[tuple[str, str], Sequence[str]] = {}
    if not sandbox.has_rows(catalog):
        return found
    platform, until = load_platform(catalog.platform), time.monotonic() + _SECONDS
    for table in catalog.tables:
        if time.monotonic() > until:
            log.warning("values of some tables are not known: reading them took too long", first=table.name)
            break
        with suppress(LexiQueryError):
            columns = list(_with_few(table, platform, catalog, sandbox))
            values = _values(table, columns, catalog, sandbox) if columns else []
            found |= {(table.name, column.name): own for column, own in zip(columns, values, strict=False)}
    return found


def _with_few(table: Table, platform: Platform, catalog: Catalog, sandbox: Sandbox) -> Iterator[Column]:
    most = {one.name: _most(platform.duckdb_type(one.type)) for one in table.columns if not one.values}
    columns = [one for one in table.columns if most.get(one.name)]
    if not columns:
        return
    counts = ", ".join(f"approx_count_distinct({quoted(column.name)})" for column in columns)
    (row,) = sandbox.execute(f"SELECT {counts} FROM {first_rows(table, _ROWS)}", catalog, limit=1).rows  # noqa: S608 - quoted names
    yield from (column for column, count in zip(columns, row, strict=True) if 0 < count <= most[column.name])


def _most(duckdb_type: str) -> int:
    if duckdb_type.startswith(_TEXTS):
        return _FEW
    return _VERY_FEW if duckdb_type.startswith(_NUMBERS) else 0


def _values(table: Table, columns: Sequence[Column], catalog: Catalog, sandbox: Sandbox) -> list[Sequence[str]]:
    """Of each column its values, the most frequent first: one query, one row a column that has any. Fewer where the
    setting `row_limit` is below the number of columns."""
    texts = ", ".join(f'CAST({quoted(one.name)} AS VARCHAR) AS "{number}"' for number, one in enumerate(columns))
    rows = sandbox.execute(
        "SELECT number, list(value ORDER BY rows DESC, value) FROM "  # noqa: S608 - quoted names
        f"(SELECT number, value, count(*) AS rows FROM (UNPIVOT (SELECT {texts} FROM {first_rows(table, _ROWS)}) "
        f"ON COLUMNS(*) INTO NAME number VALUE value) WHERE length(value) BETWEEN {_SHORTEST} AND {_LONGEST} "
        "GROUP BY ALL) GROUP BY number",
        catalog,
        limit=len(columns),
    ).rows
    found = {number: values[:_FEW] for number, values in rows}
    return [found.get(str(number), ()) for number in range(len(columns))]
