"""Relationships that rows show and a catalog does not declare."""
# ruff: noqa: E501 - a table with its rows is one line

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from agents.data.keys import inferred_relationships
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog
from shared.settings import Settings

Rows = dict[str, tuple[str, str]]  # a table's columns and values


def inferred(folder: Path, tables: Rows, declared: list[tuple[str, str]] | None = None) -> list[str]:
    catalog = Catalog.model_validate(
        {
            "schema_group": "shop",
            "platform": "sql",
            "tables": [
                {"name": name, "columns": [dict(zip(("name", "type"), one.split(), strict=True)) for one in columns.split(", ")]}
                for name, (columns, _) in tables.items()
            ],
            "relationships": [{"from": one, "to": other} for one, other in declared or []],
        }
    )  # fmt: skip
    sandbox = Sandbox(Settings(data_dir=folder))
    sandbox.path("shop").parent.mkdir(parents=True)
    with duckdb.connect(str(sandbox.path("shop"))) as connection:
        for name, (columns, values) in tables.items():
            own = ", ".join('"{}" {}'.format(*one.split()) for one in columns.split(", "))
            connection.execute(f'CREATE TABLE "{name}" ({own}); INSERT INTO "{name}" VALUES {values}')
    try:
        return sorted(f"{one.from_} -> {one.to}" for one in inferred_relationships(catalog, sandbox))
    finally:
        sandbox.close()


CUSTOMERS = ("id BIGINT, name VARCHAR", "(1, 'a'), (2, 'b'), (3, 'c')")
AIRPORTS = ("airport_code VARCHAR, city VARCHAR", "('LIS', 'Lisbon'), ('OSL', 'Oslo')")


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        (
            {"customer": CUSTOMERS, "orders": ("order_id BIGINT, customer_id BIGINT", "(7, 1), (8, 1)")},
            ["orders.customer_id -> customer.id"],
        ),
        (
            {"author": ("aid BIGINT, name VARCHAR", "(1, 'a'), (2, 'b')"), "writes": ("aid BIGINT, pid BIGINT", "(1, 5), (1, 6)")},
            ["writes.aid -> author.aid"],
        ),
        (
            {"airport": AIRPORTS, "flight": ("flight_id BIGINT, from_airport VARCHAR, to_airport VARCHAR", "(1, 'LIS', 'OSL')")},
            ["flight.from_airport -> airport.airport_code", "flight.to_airport -> airport.airport_code"],
        ),
        (
            {"Customer": CUSTOMERS, "Order Lines": ("LineId BIGINT, CustomerId BIGINT", "(7, 1), (8, 2)")},
            ["Order Lines.CustomerId -> Customer.id"],
        ),
    ],
)  # fmt: skip
def test_names_and_rows_together_show_a_relationship(tmp_path: Path, tables: Rows, found: list[str]) -> None:
    assert inferred(tmp_path, tables) == found


@pytest.mark.parametrize(
    "orders",
    [
        ("order_id BIGINT, customer_id BIGINT", "(7, 1), (8, 9)"),  # values that are no keys
        ("order_id BIGINT, customer_id VARCHAR", "(7, '1')"),  # another type
        ("order_id BIGINT, quantity BIGINT", "(7, 1)"),  # a name that says nothing
        ("order_id BIGINT, num_customers BIGINT", "(7, 1)"),  # an amount
        ("order_id BIGINT, customer_id BIGINT", "(7, NULL)"),  # no values
    ],
)
def test_either_alone_shows_none(tmp_path: Path, orders: tuple[str, str]) -> None:
    assert inferred(tmp_path, {"customer": CUSTOMERS, "orders": orders}) == []


def test_a_key_repeats_nothing(tmp_path: Path) -> None:
    twice = (CUSTOMERS[0], "(1, 'a'), (1, 'b')")
    assert inferred(tmp_path, {"customer": twice, "orders": ("order_id BIGINT, customer_id BIGINT", "(7, 1)")}) == []


MERCHANTS: Rows = {
    "merchants": ("mid BIGINT, name VARCHAR", "(1, 'a'), (2, 'b')"),
    "coupons": ("cid BIGINT, merchant_id BIGINT", "(1, 1), (2, 2)"),
    "payments": ("txid BIGINT, coupon_id BIGINT", "(7, 1), (8, 2), (9, 2)"),
}


def test_what_is_declared_is_not_told_again_and_a_column_that_refers_is_no_key(tmp_path: Path) -> None:
    """Few coupons have different merchants each; the coupon's merchant is no key of the coupon all the same."""
    assert inferred(tmp_path, MERCHANTS, [("coupons.merchant_id", "merchants.mid")]) == []


TABLE = {"name": "a", "columns": [{"name": "id", "type": "long"}]}


def test_a_group_without_rows_shows_none(settings: Settings) -> None:
    catalog = Catalog.model_validate({"schema_group": "none", "platform": "sql", "tables": [TABLE]})
    assert inferred_relationships(catalog, Sandbox(settings)) == []


def test_other_platforms_show_none(tmp_path: Path) -> None:
    sandbox = Sandbox(Settings(data_dir=tmp_path))
    sandbox.path("logs").parent.mkdir(parents=True)
    with duckdb.connect(str(sandbox.path("logs"))) as connection:
        connection.execute("CREATE TABLE a (id BIGINT)")
    catalog = Catalog.model_validate({"schema_group": "logs", "platform": "kql", "tables": [TABLE]})
    assert inferred_relationships(catalog, sandbox) == []
