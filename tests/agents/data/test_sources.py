"""Catalogs from the web and from live databases; tests/core_engine/test_postgresql.py has the one of PostgreSQL."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agents.data import downloading
from agents.data.reflecting import reflect
from agents.data.sources import open_source
from shared.catalog import Catalog
from shared.errors import InvalidInput, LexiQueryError, NotFound, SourceUnavailable

CATALOG = """
schema_group: shop
platform: sql
tables:
  - {name: orders, rows: rows/orders.csv, columns: [{name: id, type: BIGINT}, {name: status, type: VARCHAR}]}
"""
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(40) NOT NULL, region GEOLOCATION);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id), placed DATETIME);
CREATE TABLE bills (order_id INTEGER PRIMARY KEY REFERENCES orders (id), total DECIMAL(10, 2));
CREATE VIEW open_orders AS SELECT id, customer FROM orders;
INSERT INTO customers VALUES (1, 'secret', NULL);
"""


class Quiet(SimpleHTTPRequestHandler):
    """The files of a folder; /moved leads to the catalog, and /silent never answers."""

    stop = threading.Event()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/shop.yaml")
            self.end_headers()
        elif path == "/silent":
            self.stop.wait()
        elif path == "/broken":
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of the files in tmp_path, reached past any proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "orders.csv").write_text("id,status\n1,open\n")
    (tmp_path / "shop.yaml").write_text(CATALOG)
    (tmp_path / "schema").write_text("create table people (id int, name text);")
    (tmp_path / "page.html").write_text("<html>sign in</html>")
    (tmp_path / "broken.json").write_text('{"schema_group": "shop"')
    (tmp_path / "outside.yaml").write_text(CATALOG.replace("rows/orders.csv", "../secret.csv"))
    (tmp_path / "missing.yaml").write_text(CATALOG.replace("rows/orders.csv", "rows/none.csv"))
    Quiet.stop.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Quiet.stop.set()
    server.shutdown()
    server.server_close()


async def read(source: str, group: str | None = None) -> Catalog:
    async with open_source(source, group, None) as opened:
        return opened.catalog


@pytest.mark.parametrize("path", ["/shop.yaml", "/moved", "/shop.yaml?version=2"])
async def test_a_catalog_on_the_web_comes_with_the_rows_beside_it(web: str, path: str) -> None:
    async with open_source(f"{web}{path}", "other", None) as opened:
        assert (opened.catalog.schema_group, [table.name for table in opened.catalog.tables]) == ("other", ["orders"])
        assert (opened.folder / "rows" / "orders.csv").read_text() == "id,status\n1,open\n"


async def test_a_schema_of_kusto_on_the_web_is_read(web: str, tmp_path: Path) -> None:
    columns = [{"Name": "At", "CslType": "datetime"}]
    schema = {"Databases": {"Logs": {"Tables": {"Events": {"Name": "Events", "OrderedColumns": columns}}}}}
    for name in ("logs.json", "logs"):
        (tmp_path / name).write_text(json.dumps(schema))
        catalog = await read(f"{web}/{name}")
        assert (catalog.schema_group, catalog.platform, catalog.tables[0].name) == ("Logs", "kql", "Events")


@pytest.mark.parametrize("name", ["orders.csv", "orders.json"])
async def test_rows_alone_are_not_read_from_the_web(web: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "orders.json").write_text('[{"id": 1}]')
    with pytest.raises(InvalidInput, match=f"/{name} holds rows alone; download them"):
        await read(f"{web}/{name}", "shop")


async def test_an_address_without_an_ending_is_read_by_what_it_holds(web: str) -> None:
    catalog = await read(f"{web}/schema", "people")
    assert [column.name for column in catalog.tables[0].columns] == ["id", "name"]


@pytest.mark.parametrize(
    ("path", "error", "says"),
    [
        ("/none.yaml", NotFound, "nothing at http://127.0.0.1:PORT/none.yaml (HTTP 404)"),
        ("/broken", SourceUnavailable, "http://127.0.0.1:PORT/broken answered HTTP 503 Service Unavailable"),
        ("/page.html", InvalidInput, "http://127.0.0.1:PORT/page.html is a web page, not a catalog"),
        ("/broken.json", InvalidInput, "http://127.0.0.1:PORT/broken.json is neither YAML nor JSON"),
        ("/schema", InvalidInput, "http://127.0.0.1:PORT/schema names no schema group; say which with --group"),
        ("/outside.yaml", InvalidInput, "names rows at '../secret.csv', which is not beside it"),
        ("/missing.yaml", NotFound, "nothing at http://127.0.0.1:PORT/rows/none.csv (HTTP 404)"),
    ],
)
async def test_what_is_wrong_with_an_address_is_said_of_the_address(
    web: str, path: str, error: type[LexiQueryError], says: str
) -> None:
    with pytest.raises(error) as raised:
        await read(f"{web}{path}")
    assert says.replace("PORT", web.rpartition(":")[2]) in str(raised.value)


async def test_what_is_no_address_is_said() -> None:
    with pytest.raises(InvalidInput, match="not the address of a catalog"):
        await read("http://[::bad/")


async def test_a_catalog_on_the_web_is_bounded_in_size_and_time(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_SECONDS", 0.2)
    with pytest.raises(SourceUnavailable, match=r"/silent was not read whole within 0\.2 s"):
        await read(f"{web}/silent")
    monkeypatch.setattr(downloading, "_SECONDS", 60)
    monkeypatch.setattr(downloading, "_CATALOG_LIMIT", 10)
    with pytest.raises(InvalidInput, match=r"shop\.yaml is larger than the 0 MiB"):
        await read(f"{web}/shop.yaml")


async def test_nobody_at_an_address_is_named_without_its_secrets() -> None:
    with pytest.raises(SourceUnavailable) as raised:
        await read("http://user:secret@127.0.0.1:1/shop.yaml?token=secret")
    assert "can't read http://127.0.0.1:1/shop.yaml: " in str(raised.value)
    assert "secret" not in str(raised.value)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "shop ?.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLES)
    return path


async def test_a_live_database_is_a_group_with_its_types_and_keys(database: Path) -> None:
    catalog, _ = await reflect(f"sqlite:///{str(database).replace('?', '%3F')}", "shop")
    assert (catalog.platform, catalog.dialect) == ("sql", "sqlite")
    assert [table.name for table in catalog.tables] == ["bills", "customers", "open_orders", "orders"]
    assert {column.name: column.type for column in catalog.by_name["orders"].columns} == {
        "id": "INTEGER",
        "customer": "INTEGER",
        "placed": "DATETIME",
    }
    assert [(one.from_, one.to, one.kind) for one in catalog.relationships] == [
        ("bills.order_id", "orders.id", "one_to_one"),
        ("orders.customer", "customers.id", "many_to_one"),
    ]
    assert "secret" not in catalog.model_dump_json()


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("sqlite:////no/such/file.db", NotFound, "no database file at '/no/such/file.db'"),
        ("sqlite:///{}", SourceUnavailable, "file is not a database"),
        (
            "oracle://root:secret@host/shop",
            InvalidInput,
            "can't read a database of kind 'oracle'; expected sqlite:///FILE",
        ),
        (
            "postgresql://root:secret@127.0.0.1:1/shop",
            SourceUnavailable,
            "can't read postgresql://root:***@127.0.0.1:1/",
        ),
        ("postgresql://127.0.0.1/shop?passfile=x", InvalidInput, "can't use 'passfile' of the database's URL"),
    ],
)
async def test_a_database_that_cannot_be_read_says_why(
    url: str, error: type[LexiQueryError], says: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to look like something" * 20)
    with pytest.raises(error) as raised:
        await read(url.format(tmp_path / "text.db"), "shop")
    assert says in str(raised.value)
    assert "secret" not in str(raised.value)


async def test_a_database_wants_a_group() -> None:
    with pytest.raises(InvalidInput, match="a database names no schema group; say which with --group"):
        await read("sqlite:///shop.db")
