"""Files of rows as groups: types as DuckDB finds them, rows loaded, values kept only where they are asked for."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from agents.data.importing import ImportReport, import_catalog
from agents.data.reflecting import reflect
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog, Catalogs
from shared.catalog import schema as catalog_schema
from shared.database import create_tables, open_database
from shared.errors import InvalidInput
from shared.settings import Settings

ORDERS = """id;placed;total;status
1;31/12/2025 10:00:00;12,5;open
2;01/02/2026 09:30:00;7;paid
3;02/02/2026 09:30:00;7;open
"""
EVENTS = (
    '{"at": "2026-01-02T03:04:05Z", "user": {"name": "ana", "tags": ["a"]}, "ok": true}\n{"at": null, "ok": false}\n'
)


class Import:
    """A folder of files, and the state that they are imported into."""

    def __init__(self, folder: Path, catalogs: Catalogs) -> None:
        self.data = folder / "data"
        self.data.mkdir()
        self.catalogs = catalogs
        self.sandbox = Sandbox(Settings(data_dir=folder / "state"))

    async def run(self, path: Path | None = None, **options: Any) -> tuple[ImportReport, Catalog]:
        report = await import_catalog(
            path or self.data, catalogs=self.catalogs, sandbox=self.sandbox, **{"group": "shop", **options}
        )
        return report, await self.catalogs.get("shop")

    def rows(self, sql: str, catalog: Catalog) -> list[list[Any]]:
        return self.sandbox.execute(sql, catalog, limit=9).rows


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Import]:
    engine = open_database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    await create_tables(engine, catalog_schema)
    place = Import(tmp_path, Catalogs(engine))
    yield place
    place.sandbox.close()
    await engine.dispose()


def types(catalog: Catalog, table: str) -> dict[str, str]:
    return {column.name: column.type for column in catalog.by_name[table].columns}


def fill(folder: Path) -> None:
    (folder / "orders.csv").write_text(ORDERS)
    (folder / "events.2026.jsonl.gz").write_bytes(gzip.compress(EVENTS.encode()))
    (folder / "old").mkdir()
    (folder / ".hidden.csv").write_text("x\n")
    (folder / "README.md").write_text("# Data")
    with duckdb.connect() as connection:
        made = "SELECT 1::UTINYINT AS n, 1.25::DECIMAL(9, 2) AS price, [1, 2] AS list, 'x'::ENUM ('x', 'y') AS e"
        connection.execute(f"COPY ({made}) TO '{folder / 'old' / 'items.parquet'}'")


async def test_a_folder_of_rows_becomes_a_group_with_them(place: Import) -> None:
    fill(place.data)
    report, catalog = await place.run()
    assert report.rows == {"orders": 3, "events_2026": 2, "items": 1}
    assert report.notes == ["files of other kinds are left out: README.md"]
    assert (catalog.platform, catalog.dialect, catalog.relationships) == ("sql", "duckdb", [])
    assert types(catalog, "orders") == {"id": "BIGINT", "placed": "TIMESTAMP", "total": "VARCHAR", "status": "VARCHAR"}
    assert types(catalog, "events_2026") == {"at": "TIMESTAMP", "user": "JSON", "ok": "BOOLEAN"}
    assert types(catalog, "items") == {"n": "UTINYINT", "price": "DECIMAL(9,2)", "list": "JSON", "e": "VARCHAR"}
    assert place.rows("SELECT placed FROM orders ORDER BY id LIMIT 1", catalog) == [["2025-12-31T10:00:00Z"]]
    assert place.rows("SELECT \"user\"->>'$.name' FROM events_2026 WHERE ok", catalog) == [["ana"]]


async def test_on_kql_and_spl_the_types_are_theirs(place: Import) -> None:
    fill(place.data)
    _, catalog = await place.run(platform="kql")
    assert types(catalog, "orders") == {"id": "long", "placed": "datetime", "total": "string", "status": "string"}
    assert types(catalog, "items") == {"n": "int", "price": "decimal", "list": "dynamic", "e": "string"}
    (place.data / "web.csv").write_text("_time,bytes\n2026-01-01 00:00:00,12\n")
    _, catalog = await place.run(platform="spl")
    assert {table.name: table.kind for table in catalog.tables}["web"] == "index"
    assert catalog.by_name["orders"].kind == "lookup"
    assert types(catalog, "web") == {"_time": "time", "bytes": "int"}


async def test_one_file_is_a_group_of_one_table(place: Import) -> None:
    (place.data / "list.json").write_text('[{"a": 1}, {"a": 2, "b": "x"}]')
    report, catalog = await place.run(place.data / "list.json")
    assert (report.rows, types(catalog, "list")) == ({"list": 2}, {"a": "BIGINT", "b": "VARCHAR"})


async def test_values_are_kept_where_they_are_asked_for_and_few(place: Import) -> None:
    (place.data / "orders.csv").write_text(
        "status,id\n" + "".join(f"{'open' if n % 2 else 'paid'},o-{n}\n" for n in range(50))
    )
    _, plain = await place.run()
    _, sampled = await place.run(sample_values=True)
    assert [column.values for column in plain.by_name["orders"].columns] == [[], []]
    assert [column.values for column in sampled.by_name["orders"].columns] == [["open", "paid"], []]
    assert plain.version != sampled.version


async def test_values_of_a_live_database_are_kept_where_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, status TEXT, note VARCHAR(200), [odd name] TEXT)")
        rows = [(n, "open" if n % 2 else None, f"note {n}", "x" * 90) for n in range(40)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", rows)
    plain, _ = await reflect(f"sqlite:///{path}", "shop")
    sampled, notes = await reflect(f"sqlite:///{path}", "shop", sample_values=True)
    assert [column.values for column in plain.tables[0].columns] == [[], [], [], []]
    assert [column.values for column in sampled.tables[0].columns] == [[], ["open"], [], []]
    assert notes == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.csv": ""}, "a.csv is empty"),
        ({"a.json": "[" * 100_000}, "a.json is JSON that is nested too deeply|nothing in .* can be imported"),
        ({"a.jsonl": "{1}\n"}, "a.jsonl holds no rows that can be read"),
        ({"a.parquet": "PAR"}, "a.parquet holds no rows that can be read"),
        ({"a.csv": "x\n1\n", "A.jsonl": '{"x": 1}\n'}, "tables 'A' and 'a' collide|tables 'a' and 'A' collide"),
        ({"notes.txt": "x"}, "nothing in .* can be imported; known: a catalog .*rows \\(CSV, JSON-lines, Parquet\\)"),
        (
            {"catalog.yaml": "x: 1", "a.csv": "x\n1\n"},
            "holds catalog.yaml, which is a catalog by itself; import .*yaml",
        ),
    ],
)
async def test_what_can_t_be_imported_is_named(files: dict[str, str], message: str, place: Import) -> None:
    for name, text in files.items():
        (place.data / name).write_text(text)
    with pytest.raises(InvalidInput, match=message):
        await place.run()
    assert await place.catalogs.all() == []


async def test_columns_without_names_are_noted(place: Import) -> None:
    (place.data / "n.csv").write_text("1,2.5\n2,3.5\n")
    report, catalog = await place.run()
    assert types(catalog, "n") == {"column0": "BIGINT", "column1": "DOUBLE"}
    assert report.notes == ["n.csv has no line of names: its columns are column0 to column1"]


async def test_a_damaged_archive_is_named(place: Import) -> None:
    (place.data / "a.csv.gz").write_bytes(gzip.compress(b"x\n" * 1000)[:-9])
    with pytest.raises(InvalidInput, match=r"a\.csv\.gz can't be read"):
        await place.run(place.data / "a.csv.gz")


async def test_a_name_that_duckdb_takes_for_a_pattern_is_only_itself(place: Import) -> None:
    for name in ("[a]*.csv", "a1.csv", "it's.csv"):
        (place.data / name).write_text(f"x\n{name}\n")
    report, catalog = await place.run()
    assert report.rows == {"[a]*": 1, "a1": 1, "it's": 1}
    assert place.rows('SELECT x FROM "[a]*"', catalog) == [["[a]*.csv"]]
