"""A small shop: few rows, but nulls, ties, JSON, times and columns of the same name in several tables.

The same tables as SQL and as KQL groups; in KQL text is empty, never null.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb

from agents.data.platform import load_platform
from agents.data.session import create_table_sql, cursor, quoted
from shared.catalog import Catalog

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
# name: type on SQL, type on KQL
_COLUMNS: dict[str, dict[str, tuple[str, str]]] = {
    "customers": {
        "id": ("INTEGER", "int"),
        "name": ("VARCHAR", "string"),
        "country": ("VARCHAR", "string"),
        "age": ("INTEGER", "int"),
        "joined": ("TIMESTAMP", "datetime"),
        "vip": ("BOOLEAN", "bool"),
    },
    "orders": {
        "id": ("INTEGER", "int"),
        "customer_id": ("INTEGER", "int"),
        "status": ("VARCHAR", "string"),
        "amount": ("DOUBLE", "real"),
        "items": ("INTEGER", "int"),
        "placed": ("TIMESTAMP", "datetime"),
        "paid": ("TIMESTAMP", "datetime"),
        "details": ("JSON", "dynamic"),
    },
    "events": {
        "order_id": ("INTEGER", "int"),
        "name": ("VARCHAR", "string"),
        "at": ("TIMESTAMP", "datetime"),
        "ms": ("BIGINT", "long"),
    },
}
_SPRING = '{"coupon": "SPRING", "tags": ["a", "b"]}'
_ROWS: dict[str, list[tuple[Any, ...]]] = {
    "customers": [
        (1, "Ana Duarte", "PT", 34, "2025-01-05 10:00:00", True),
        (2, "Bo Chen", "CA", None, "2025-06-01 00:00:00", False),
        (3, "cy_o'neil", "PT", 51, "2025-12-31 23:59:59", None),
        (4, "Dee 100%", "KR", 34, "2026-02-01 08:30:00", True),
        (5, None, None, 19, "2026-03-14 09:00:00", False),
    ],
    "orders": [
        (10, 1, "paid", 120.5, 2, "2026-03-01 09:15:00", "2026-03-01 09:20:00", _SPRING),
        (11, 1, "paid", 80.0, 1, "2026-03-01 17:45:00", "2026-03-02 08:00:00", '{"lines": [{"sku": "x1", "qty": 3}]}'),
        (12, 2, "failed", None, 4, "2026-03-08 23:59:59", None, None),
        (13, 3, "Paid", 80.0, 3, "2026-03-09 00:00:00", "2026-03-09 00:00:30", '{"coupon": "x", "tags": []}'),
        (14, 3, "open", 15.25, None, "2026-03-14 11:30:00", None, '{"tags": ["b"]}'),
        (15, None, "open", -3.0, 1, "2026-03-15 11:59:00", None, '{"gift wrap": {"colour": "red"}}'),
        (16, 4, None, 999.99, 10, "2026-02-28 12:00:00", "2026-03-05 12:00:00", None),
    ],
    "events": [
        (10, "created", "2026-03-01 09:15:00", 12),
        (10, "paid", "2026-03-01 09:20:00", 340),
        (11, "created", "2026-03-01 17:45:00", 8),
        (12, "created", "2026-03-08 23:59:59", None),
        (12, "error: card_declined", "2026-03-09 00:01:00", 90),
        (13, "created", "2026-03-09 00:00:00", 8),
        (99, "created", None, 5),
    ],
}  # fmt: skip


def catalog(platform: str) -> Catalog:
    tables = [
        {
            "name": name,
            "columns": [{"name": column, "type": types[platform == "kql"]} for column, types in found.items()],
        }
        for name, found in _COLUMNS.items()
    ]
    return Catalog.model_validate(
        {"schema_group": f"shop_{platform}", "platform": platform, "clock": NOW, "tables": tables}
    )


def _connect(shop: Catalog) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config={"threads": "1"})
    connection.execute("SET TimeZone = 'UTC'")
    platform = load_platform(shop.platform)
    for table in shop.tables:
        connection.execute(create_table_sql(table, platform))
        texts = [platform.text_is_never_null and column.type == "string" for column in table.columns]
        rows = [
            ["" if cell is None and text else cell for cell, text in zip(row, texts, strict=True)]
            for row in _ROWS[table.name]
        ]
        marks = ", ".join("?" * len(table.columns))
        connection.executemany(f"INSERT INTO {quoted(table.name)} VALUES ({marks})", rows)
    return connection


SQL, KQL = catalog("sql"), catalog("kql")
_CONNECTIONS = {shop.schema_group: _connect(shop) for shop in (SQL, KQL)}

Row = tuple[Any, ...]


def run(sql: str, shop: Catalog = SQL) -> list[Row]:
    """The rows of a DuckDB query over the shop, each value in one form."""
    own = cursor(_CONNECTIONS[shop.schema_group], shop, attached=False)
    names = [f"c{number}" for number in range(len(own.execute(f"DESCRIBE {sql}").fetchall()))]
    kinds = [str(row[1]) for row in own.execute(f"DESCRIBE {sql}").fetchall()]
    shown = ", ".join(
        f"{name} AT TIME ZONE 'UTC'" if kind == "TIMESTAMP WITH TIME ZONE" else name
        for name, kind in zip(names, kinds, strict=True)
    )
    rows = own.execute(f"SELECT {shown} FROM (\n{sql}\n) AS found({', '.join(names)})").fetchall()
    return [tuple(_shown(value) for value in row) for row in rows]


def bag(rows: list[Row]) -> Counter[str]:
    """The rows in any order. Empty text and null are alike: Kusto has no null text."""
    return Counter(repr(tuple(None if value == "" else value for value in row)) for row in rows)


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | Decimal):
        return float(f"{float(value):.9g}")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    if isinstance(value, str) and value.startswith("["):
        value = json.loads(value)
    if isinstance(value, list):
        return sorted((_shown(item) for item in value), key=repr)
    return value
