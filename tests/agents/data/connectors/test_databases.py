"""Real databases: SQLite and DuckDB files; PostgreSQL and MariaDB on loopback, where they are."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from agents.data.connectors.connector import Connector, connector_for
from agents.data.reflecting import reflect
from shared.errors import InvalidInput, LexiQueryError, NotFound, QueryFailed, QueryTimeout, SourceUnavailable
from shared.settings import Settings
from tests.agents.data.connectors.platforms import group

POSTGRESQL = "postgresql+asyncpg://postgres@127.0.0.1/postgres"
MARIADB = "mysql+aiomysql://root@127.0.0.1/mysql"
MANY = 3000
NUMBERS = f"WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < {MANY - 1})"
FOR_LONG = dict.fromkeys(
    ("sqlite", "duckdb", "postgresql"),
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 1e12) SELECT count(*) AS answer FROM r",
) | {"mariadb": "SELECT sum(a.seq * b.seq) AS answer FROM seq_1_to_1000000 a, seq_1_to_1000000 b"}
KINDS = ("sqlite", "duckdb", "postgresql", "mariadb")


def fill(connection: sqlite3.Connection | duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE orders (id INTEGER, note VARCHAR)")
    connection.execute(f"INSERT INTO orders {NUMBERS} SELECT n, 'note ' || n FROM r")
    connection.commit()
    connection.close()


@asynccontextmanager
async def served(server: str, *statements: str) -> AsyncIterator[str]:
    """The name of a database of its own on a server, filled by the statements. Skips the test without the server."""
    name = f"orders_{uuid4().hex}"
    try:
        async with told(server) as tell:
            await tell(f"CREATE DATABASE {name}")
    except (DBAPIError, OSError) as error:
        pytest.skip(f"{server} can't be used: {error}")
    try:
        async with told(f"{server.rpartition('/')[0]}/{name}") as tell:
            for statement in statements:
                await tell(statement)
        yield name
    finally:
        async with told(server) as tell:
            await tell(f"DROP DATABASE {name}{' WITH (FORCE)' if server == POSTGRESQL else ''}")


@asynccontextmanager
async def told(url: str) -> AsyncIterator[Callable[[str], Awaitable[Any]]]:
    """Runs a statement, each a transaction of its own; the first value of what it answers, if anything."""
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:

            async def tell(statement: str) -> Any:
                result = await connection.exec_driver_sql(statement)
                return result.scalar() if result.returns_rows else None

            yield tell
    finally:
        await engine.dispose()


@pytest.fixture
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Connector]:
    """A database of the kind that the test asks for, whose table `orders` has MANY ids from 0."""
    if request.param == "sqlite":
        fill(sqlite3.connect(tmp_path / "shop.db"))
        yield connector_for(f"sqlite:///{tmp_path}/shop.db", group("sql", "sqlite"), Settings())
    elif request.param == "duckdb":
        fill(duckdb.connect(str(tmp_path / "shop.duckdb")))
        yield connector_for(f"duckdb:///{tmp_path}/shop.duckdb", group("sql"), Settings())
    elif request.param == "postgresql":
        rows = f"SELECT n AS id, 'note ' || n AS note FROM generate_series(0, {MANY - 1}) n"
        async with served(POSTGRESQL, f"CREATE TABLE orders AS {rows}") as name:
            yield connector_for(f"postgresql://postgres@127.0.0.1/{name}", group("sql", "postgres"), Settings())
    else:
        rows = f"SELECT seq AS id, concat('note ', seq) AS note FROM seq_0_to_{MANY - 1}"
        async with served(MARIADB, f"CREATE TABLE orders AS {rows}") as name:
            yield connector_for(f"mariadb://root@127.0.0.1/{name}", group("sql", "mysql"), Settings())


async def test_the_tables_of_mariadb_become_a_catalog() -> None:
    """It is here for its server."""
    customers = "CREATE TABLE customers (id INT UNSIGNED PRIMARY KEY, tier ENUM('gold', 'tin')) COMMENT 'who buys'"
    orders = """CREATE TABLE orders (id BIGINT(20) PRIMARY KEY, customer INT UNSIGNED, price DECIMAL(9, 2) UNSIGNED,
        state VARCHAR(9) CHARACTER SET latin1, placed DATETIME(6), FOREIGN KEY (customer) REFERENCES customers (id))"""
    filling = "INSERT INTO orders VALUES (1, NULL, 1.5, 'open', now()), (2, NULL, 2.5, 'paid', now())"
    async with served(MARIADB, customers, orders, filling) as name:
        catalog, notes = await reflect(f"mariadb://root@127.0.0.1/{name}", "shop", sample_values=True)
    known = {
        f"{table.name}.{column.name}": (column.type, column.values)
        for table in catalog.tables
        for column in table.columns
    }
    assert known == {
        "customers.id": ("INTEGER", []),
        "customers.tier": ("TEXT", ["gold", "tin"]),
        "orders.id": ("BIGINT", []),
        "orders.customer": ("INTEGER", []),
        "orders.price": ("DECIMAL(9, 2)", []),
        "orders.state": ("VARCHAR(9)", ["open", "paid"]),
        "orders.placed": ("DATETIME(6)", []),
    }
    assert (catalog.dialect, catalog.tables[0].description, notes) == ("mysql", "who buys", [])
    assert [(one.from_, one.to) for one in catalog.relationships] == [("orders.customer", "customers.id")]


@pytest.mark.parametrize("shop", KINDS, indirect=True)
async def test_rows_come_page_by_page_and_each_but_the_last_says_so(shop: Connector) -> None:
    query = "SELECT id, note FROM orders WHERE note <> ':id %s' ORDER BY id"
    first = await shop.run(query, limit=2, offset=1500, seconds=20)
    assert (first.columns, first.truncated) == (["id", "note"], True)
    assert first.rows == [[1500, "note 1500"], [1501, "note 1501"]]
    last = await shop.run(query, limit=5, offset=MANY - 5, seconds=20)
    assert ([row[0] for row in last.rows], last.truncated) == ([*range(MANY - 5, MANY)], False)
    assert (await shop.run(query, limit=5, offset=MANY + 5000, seconds=20)).rows == []
    assert len((await shop.run(query, limit=10_000, seconds=20)).rows) == MANY


@pytest.mark.parametrize("shop", KINDS, indirect=True)
@pytest.mark.parametrize(
    "query", ["DELETE FROM orders", "CREATE TABLE copies (id INTEGER)", "INSERT INTO orders VALUES (1, 'x')"]
)
async def test_a_write_is_refused_by_the_engine_itself(shop: Connector, query: str) -> None:
    with pytest.raises(LexiQueryError, match=r"(?i)read.?only|expected a SELECT"):
        await shop.run(query, limit=1, seconds=20)
    assert (await shop.run("SELECT count(*) FROM orders", limit=1, seconds=20)).rows == [[MANY]]


@pytest.mark.parametrize("shop", KINDS, indirect=True)
async def test_a_query_that_takes_too_long_is_stopped(shop: Connector) -> None:
    with pytest.raises(QueryTimeout):
        await shop.run(FOR_LONG[shop.place.partition(":")[0]], limit=1, seconds=0.5)
    assert (await shop.run("SELECT count(*) FROM orders", limit=1, seconds=20)).rows == [[MANY]]


@pytest.mark.parametrize("shop", ["sqlite", "duckdb"], indirect=True)
async def test_a_query_that_is_cancelled_ends(shop: Connector) -> None:
    task = asyncio.create_task(shop.run(FOR_LONG[shop.place.partition(":")[0]], limit=1, seconds=100))
    done, _ = await asyncio.wait([task], timeout=0.5)
    assert not done
    task.cancel()
    async with asyncio.timeout(20):
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("shop", "server", "running"),
    [
        ("postgresql", POSTGRESQL, "pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query"),
        ("mariadb", MARIADB, "information_schema.processlist WHERE id <> connection_id() AND info"),
    ],
    indirect=["shop"],
)
async def test_a_query_that_is_cancelled_ends_on_the_server_too(shop: Connector, server: str, running: str) -> None:
    marked = FOR_LONG[shop.place.partition(":")[0]].replace(" AS answer", " AS marked")
    async with told(server) as tell, asyncio.timeout(60):
        task = asyncio.create_task(shop.run(marked, limit=1, seconds=100))
        while await tell(f"SELECT count(*) FROM {running} LIKE '%%AS marked%%'") != 1:
            assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while await tell(f"SELECT count(*) FROM {running} LIKE '%%AS marked%%'") != 0:
            pass


@pytest.mark.parametrize("shop", KINDS, indirect=True)
async def test_what_the_database_says_is_wrong_is_said_in_its_words(shop: Connector) -> None:
    with pytest.raises(QueryFailed) as raised:
        await shop.run("SELECT nothing_such FROM orders", limit=1, seconds=20)
    assert "nothing_such" in raised.value.message
    assert "sqlalche" not in raised.value.message
    assert "class" not in raised.value.message


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
async def test_values_of_postgresql_are_what_json_can_carry(shop: Connector) -> None:
    found = await shop.run(
        """SELECT '2026-03-10 08:00+02'::timestamptz, '{"a": [1]}'::jsonb, '10.0.0.1'::inet, interval '1 day 2 s',
           ARRAY[1, NULL], 1.5::numeric, 'NaN'::float8, '\\x00ff'::bytea, row(1, 'x'), null""",
        limit=1,
        seconds=20,
    )
    assert found.rows == [
        ["2026-03-10T06:00:00Z", {"a": [1]}, "10.0.0.1", "1.00:00:02", [1, None], 1.5, "NaN", "00ff", [1, "x"], None]
    ]


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
async def test_a_transaction_cannot_make_itself_writable(shop: Connector) -> None:
    with pytest.raises(QueryFailed, match="transaction read-write mode must be set before any query"):
        await shop.run("SELECT set_config('transaction_read_only', 'off', false)", limit=1, seconds=20)


async def test_a_password_comes_from_its_variable_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = connector_for("postgresql://ana:${SHOP_PASSWORD}@127.0.0.1:1/shop", group("sql", "postgres"), Settings())
    assert shop.place == "postgresql://ana:***@127.0.0.1:1/shop"
    with pytest.raises(InvalidInput, match="the environment variable SHOP_PASSWORD, which is not set"):
        await shop.run("SELECT 1", limit=1, seconds=20)
    monkeypatch.setenv("SHOP_PASSWORD", "hush@/")
    with pytest.raises(SourceUnavailable) as raised:
        await shop.run("SELECT 1", limit=1, seconds=20)
    assert "hush" not in str(raised.value)
    assert "can't use postgresql://ana:***@127.0.0.1:1/shop" in str(raised.value)


@pytest.mark.parametrize(
    ("url", "dialect", "says"),
    [
        ("postgresql://ana:hush@host/shop", "postgres", "the URL holds a password itself, which would be kept"),
        ("postgresql://host/shop?passfile=hush", "postgres", "can't use 'passfile' of the database's URL"),
        ("postgresql://host/shop", "duckdb", "SQL of dialect 'duckdb'; a postgresql connection runs 'postgres'"),
        ("oracle://host/shop", "postgres", "can't connect to a 'oracle'; known: duckdb, loganalytics"),
        ("postgressql://host/shop", "postgres", "can't connect to a 'postgressql'; did you mean 'postgresql'?"),
        ("shop.db", "sqlite", "that is not the URL of a platform"),
        ("duckdb://shop", "duckdb", "expected duckdb:///FILE"),
        ("splunk://host", "duckdb", "schema group 'shop' is on platform 'sql'; a splunk connection runs 'spl'"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secret(url: str, dialect: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        connector_for(url, group("sql", dialect), Settings())
    assert says in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "POSTGRESQL"])
def test_a_database_is_reached_by_the_same_driver_whatever_its_url_names(scheme: str) -> None:
    shop = connector_for(f"{scheme}://ana@host/shop", group("sql", "postgres"), Settings())
    assert shop.place == "postgresql://ana@host/shop"


def test_a_driver_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.data.connectors.engines.find_spec", lambda _: None)
    with pytest.raises(InvalidInput, match="mysql needs the Python package 'aiomysql', which is not installed"):
        connector_for("mysql://host/shop", group("sql", "mysql"), Settings())


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
async def test_a_file_that_is_not_there_or_is_no_database_is_named(kind: str, tmp_path: Path) -> None:
    shop = connector_for(f"{kind}:///{tmp_path}/shop.db", group("sql", kind), Settings())
    with pytest.raises(NotFound, match=f"'{tmp_path}/shop.db'"):
        await shop.run("SELECT 1", limit=1, seconds=20)
    (tmp_path / "shop.db").write_text("not a database" * 100)
    with pytest.raises(SourceUnavailable, match=f"can't use {kind}:///"):
        await shop.run("SELECT 1", limit=1, seconds=20)


async def test_now_is_the_clock_of_a_recording_on_a_duckdb_file_and_nowhere_else(tmp_path: Path) -> None:
    fill(duckdb.connect(str(tmp_path / "shop.duckdb")))
    recording = group("sql", clock="2026-03-15T00:00:00Z")
    shop = connector_for(f"duckdb:///{tmp_path}/shop.duckdb", recording, Settings())
    assert (await shop.run("SELECT today()", limit=1, seconds=20)).rows == [["2026-03-15"]]
    with pytest.raises(InvalidInput, match="a recording that ends at 2026-03-15T00:00:00"):
        connector_for("sqlite:///x.db", group("sql", "sqlite", clock="2026-03-15T00:00:00Z"), Settings())


@pytest.mark.parametrize("shop", ["duckdb"], indirect=True)
async def test_no_other_file_is_reached_from_a_duckdb_file(shop: Connector) -> None:
    with pytest.raises(QueryFailed, match="disabled"):
        await shop.run("SELECT * FROM read_text('/etc/passwd')", limit=1, seconds=20)
