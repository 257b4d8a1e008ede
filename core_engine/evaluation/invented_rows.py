"""Rows invented for a group's gold queries, so that they return some and wrong queries return others.

For each gold query a few rows that it returns (witnesses.py), the same rows with one value off (near misses), and for
each table rows of values that its columns have anyway. A function of catalog, queries and clock alone.
"""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

from agents.data.plan.model import Unsayable
from agents.data.platform import Platform, load_platform
from core_engine.evaluation.wishes import Pools, Value, Wish, near_misses, value_for
from core_engine.evaluation.witnesses import Cell, Witness, witness, witness_of_text
from shared.catalog import Catalog, Table

Row: TypeAlias = dict[str, Value]
_VARIANTS = 3  # alternatives of a query's conditions that get rows
_NOISE = 60  # rows a table
_POOL = 12  # known values a column


def invent(catalog: Catalog, golds: Sequence[str], now: datetime) -> dict[str, list[Row]]:
    """Rows by table; every table has some. now: what `now()` is to the queries."""
    platform = load_platform(catalog.platform)
    found = [one for query in golds for one in _witnesses(query, catalog, platform, now)]
    pools = _pools(catalog, found)
    rows: dict[str, list[Row]] = defaultdict(list)
    for number, one in enumerate(found):
        for name, row in _rows(one, number, pools, now):
            rows[name].append(row)
    for table in catalog.tables:
        rows[table.name] += [_row(table, {}, pools, now, f"noise {table.name} {n}") for n in range(_NOISE)]
    return rows


def write_rows(catalog: Catalog, rows: dict[str, list[Row]], folder: Path) -> Catalog:
    """A CSV file a table; the catalog that names them. folder: where its file will be."""
    tables = []
    for table in catalog.tables:
        name = f"{table.name}.csv"
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [column.name for column in table.columns])
            writer.writeheader()
            writer.writerows(rows[table.name])
        tables.append(table.model_dump() | {"rows": name})
    return Catalog.model_validate(catalog.model_dump(by_alias=True) | {"tables": tables})


def _witnesses(query: str, catalog: Catalog, platform: Platform, now: datetime) -> Iterator[Witness]:
    """One a variant. Of a query that isn't well-formed none."""
    if platform.parse(query, catalog).status != "passed":
        return
    for variant in range(_VARIANTS):
        try:
            yield witness(platform.read_plan(query, catalog), catalog, now, variant)
        except Unsayable:
            yield witness_of_text(query, platform.tables_of(query, catalog), catalog, now, variant)


def _rows(one: Witness, number: int, pools: Pools, now: datetime) -> Iterator[tuple[str, Row]]:
    """The witness's rows, and each of them with one wished value off."""
    for copy in range(one.copies):
        yield from _filled(one, {}, pools, now, f"{number} {copy}")
    for cell, wish in list(one.wishes.items()):
        for nth, miss in enumerate(near_misses(wish)):
            yield from _filled(one, {cell: miss}, pools, now, f"{number} off {cell} {nth}")


def _filled(
    one: Witness, instead: dict[Cell, Wish], pools: Pools, now: datetime, seed: str
) -> Iterator[tuple[str, Row]]:
    """A row of each of its tables. Equal cells are equal, and so are columns of the same name without a wish."""
    for place, table in enumerate(one.tables):
        roots = {column.name: one.root((place, column.name)) for column in table.columns}
        wishes = {
            name: instead.get(root) or one.wishes[root]
            for name, root in roots.items()
            if root in instead or root in one.wishes
        }
        yield table.name, _row(table, wishes, pools, now, seed, roots)


def _row(
    table: Table,
    wishes: dict[str, Wish],
    pools: Pools,
    now: datetime,
    seed: str,
    roots: dict[str, Cell] | None = None,
) -> Row:
    row: Row = {}
    for column in table.columns:
        known_as: Any = roots[column.name][1] if roots else column.name
        dice = random.Random(f"{seed} {known_as}")  # noqa: S311 - the same rows every time
        row[column.name] = value_for(wishes.get(column.name, Wish()), column, pools, now, dice)
    return row


def _pools(catalog: Catalog, witnesses: Iterable[Witness]) -> Pools:
    """What the columns of a name hold anyway: values that the catalog lists, and those that gold queries ask for."""
    pools: dict[str, dict[str, None]] = defaultdict(dict)
    for one in witnesses:
        for (_, name), wish in one.wishes.items():
            said = (one for one in (wish.equal, *wish.other_than) if one and isinstance(one, str | int))
            pools[name] |= dict.fromkeys(map(str, said))
    for table in catalog.tables:
        for column in table.columns:
            pools[column.name] |= dict.fromkeys(column.values)
    return {name: list(values)[:_POOL] for name, values in pools.items()}
