"""A small Splunk: two indexes, three lookups and a data model, few enough rows to compute any answer by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import duckdb

from agents.data.spl import Spl
from shared.catalog import Catalog, Column, SearchMacro, Table

NOW = datetime(2024, 5, 1, 13, tzinfo=UTC)


def _columns(text: str, **values: list[str]) -> list[Column]:
    pairs = [item.partition(":")[::2] for item in text.split()]
    return [Column(name=name, type=kind or "string", values=values.get(name, [])) for name, kind in pairs]


CATALOG = Catalog(
    schema_group="small",
    platform="spl",
    clock=NOW,
    tables=[
        Table(
            name="web",
            kind="index",
            columns=_columns(
                "_time:time _raw host sourcetype user status:int bytes:number uri tags",
                sourcetype=["nginx:access"],
                host=["web1", "web2"],
            ),
        ),
        Table(
            name="auth",
            kind="index",
            columns=_columns(
                "_time:time _raw host sourcetype user src_ip action",
                sourcetype=["linux:auth"],
                action=["failure", "success"],
            ),
        ),
        Table(name="hosts", kind="lookup", columns=_columns("host owner site")),
        Table(name="users", kind="lookup", columns=_columns("user dept level:int")),
        Table(name="oncall", kind="lookup", columns=_columns("team person")),
        Table(name="Network.Traffic", kind="datamodel", columns=_columns("_time:time src dest bytes:number action")),
    ],
    macros=[
        SearchMacro(name="server_errors", definition="status>=500"),
        SearchMacro(name="top_of(2)", definition="top limit=$n$ $field$", arguments=["n", "field"]),
    ],
)

# time of 2024-05-01, raw, host, user, status, bytes, uri, tags
_WEB = [
    ("10:00:00", "GET /home 200 ok", "web1", "alice", 200, 100, "/home", "a,b"),
    ("10:05:00", "POST /login 500 Internal Error user=bob", "web1", "bob", 500, 300, "/login", "b"),
    ("10:20:00", "GET /missing 404 not found", "web2", "alice", 404, 50, "/missing", "c,a"),
    ("11:00:00", "POST /login 500 upstream_timeout error", "web2", "carol", 500, 700, "/login", None),
    ("11:30:00", "GET /home 200 ok", "web1", None, 200, None, "/home", "a"),
    ("12:10:00", 'GET /home 200 {"ms": 12, "db": {"calls": [3, 4]}}', "web2", "bob", 200, 250, "/home", None),
]
# time, raw, host, user, src_ip, action
_AUTH = [
    ("09:50:00", "sshd: Failed password for bob", "web1", "bob", "10.0.0.5", "failure"),
    ("09:50:30", "sshd: Failed password for bob", "web1", "bob", "10.0.0.5", "failure"),
    ("09:51:00", "sshd: Accepted password for bob", "web1", "bob", "10.0.0.5", "success"),
    ("12:00:00", "sshd: Failed password for root", "db1", "root", "203.0.113.9", "failure"),
]
_HOSTS = [("web1", "ops", "NYC"), ("web2", "dev", "LON"), ("db1", "ops", "NYC")]
_USERS = [("alice", "sales", 2), ("bob", "it", 5)]
_ONCALL = [("ops", "ann"), ("ops", "bea"), ("dev", "carl")]
# time, src, dest, bytes, action
_TRAFFIC = [
    ("10:00:00", "10.0.0.1", "web1", 10, "allowed"),
    ("10:30:00", "10.0.0.1", "web2", 20, "blocked"),
    ("11:15:00", "10.0.0.2", "web1", 30, "allowed"),
    ("11:45:00", None, "web1", 40, "allowed"),
]


def _connect() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    platform = Spl()
    for table in CATALOG.tables:
        columns = ", ".join(f'"{column.name}" {platform.duckdb_type(column.type)}' for column in table.columns)
        connection.execute(f'CREATE TABLE "{table.name}" ({columns})')
    day = "2024-05-01 "
    web = [(day + t, raw, host, "nginx:access", *rest) for t, raw, host, *rest in _WEB]
    auth = [(day + t, raw, host, "linux:auth", *rest) for t, raw, host, *rest in _AUTH]
    traffic = [(day + t, *rest) for t, *rest in _TRAFFIC]
    filled: dict[str, list[tuple[Any, ...]]] = {
        "web": web,
        "auth": auth,
        "hosts": _HOSTS,
        "users": _USERS,
        "oncall": _ONCALL,
        "Network.Traffic": traffic,
    }
    for name, rows in filled.items():
        connection.executemany(f'INSERT INTO "{name}" VALUES ({", ".join("?" * len(rows[0]))})', rows)
    return connection


_CONNECTION = _connect()


def run(spl: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows of a search over the small Splunk, after its proof. Times of the day are cut to HH:MM:SS."""
    platform = Spl()
    for check in (platform.parse, platform.bind, platform.safety):
        problems = check(spl, CATALOG).problems
        assert not problems, problems
    sql = platform.to_duckdb_over_rows(spl, CATALOG, _first_column)
    assert [statement.type for statement in duckdb.extract_statements(sql)] == [duckdb.StatementType.SELECT]
    result = _CONNECTION.cursor().execute(sql)
    columns = [item[0] for item in result.description or []]
    return columns, [tuple(_shown(value) for value in row) for row in result.fetchall()]


def _first_column(select: str) -> list[str]:
    return [str(row[0]) for row in _CONNECTION.cursor().execute(select).fetchall() if row[0] is not None]


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.strftime("%H:%M:%S") if value.date() == NOW.date() else value.isoformat(" ")
    if isinstance(value, float):
        return round(value, 6)
    return value
