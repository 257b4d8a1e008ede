"""What an unknown name was meant for: a table's time, its key, its rows."""

from __future__ import annotations

import pytest

from agents.data.repair import read_rows_called
from agents.data.roles import column_for, owner_of, rows_called
from shared.catalog import Catalog
from shared.models import Check, Problem, Proof

SHOP = Catalog.model_validate(
    {
        "schema_group": "shop",
        "platform": "sql",
        "tables": [
            {
                "name": "orders",
                "columns": [
                    {"name": "placed_at", "type": "TIMESTAMP"},
                    {"name": "customer_id", "type": "INTEGER"},
                ],
            },
            {
                "name": "customers",
                "columns": [{"name": "customer_id", "type": "INTEGER"}, {"name": "country", "type": "VARCHAR"}],
            },
            {"name": "metrics", "columns": [{"name": "day", "type": "DATE"}, {"name": "errors", "type": "BIGINT"}]},
            {
                "name": "tickets",
                "columns": [
                    {"name": "kind", "type": "VARCHAR", "values": ["incident", "request"]},
                    {"name": "opened_at", "type": "TIMESTAMP"},
                    {"name": "resolved_at", "type": "TIMESTAMP"},
                ],
            },
        ],
        "relationships": [{"from": "orders.customer_id", "to": "customers.customer_id"}],
    }
)
TABLES = {table.name: table for table in SHOP.tables}


@pytest.mark.parametrize(
    ("wrong", "table", "column"),
    [
        ("placed_at", "metrics", "day"),
        ("created_at", "metrics", "day"),
        ("full_name", "customers", "customer_id"),
        ("placed_at", "tickets", None),  # two times: which one isn't plain
        ("full_name", "metrics", None),
        ("errors", "customers", None),
    ],
)
def test_an_unknown_column_becomes_the_one_of_the_same_use(wrong: str, table: str, column: str | None) -> None:
    assert column_for(wrong, TABLES[table], SHOP, "Which customers ordered?") == column


def test_a_key_stands_for_no_name_that_the_question_does_not_speak_of() -> None:
    assert column_for("full_name", TABLES["customers"], SHOP, "Which drivers are late?") is None
    assert column_for("customer_name", TABLES["orders"], SHOP, "Who is late?") is None  # it refers, and is no key
    assert column_for("customer_name", TABLES["customers"], SHOP, "Who is late?") == "customer_id"


def test_a_qualifier_says_whose_column_it_would_be() -> None:
    query = "SELECT c.full_name FROM orders o JOIN customers AS c ON c.customer_id = o.customer_id"
    owner = owner_of("full_name", query, [TABLES["orders"], TABLES["customers"]])
    assert owner == TABLES["customers"]
    assert owner_of("full_name", "SELECT full_name FROM orders", [TABLES["orders"]]) == TABLES["orders"]
    assert owner_of("full_name", "SELECT full_name FROM orders, customers", SHOP.tables[:2]) is None


@pytest.mark.parametrize(
    ("query", "mended"),
    [
        (
            "SELECT count(*) FROM incidents WHERE opened_at > now()",
            "SELECT count(*) FROM (SELECT * FROM tickets WHERE kind = 'incident') AS incidents WHERE opened_at > now()",
        ),
        (
            "SELECT i.kind FROM incidents i",
            "SELECT i.kind FROM (SELECT * FROM tickets WHERE kind = 'incident') i",
        ),
        ("SELECT count(*) FROM outages", "SELECT count(*) FROM outages"),
    ],
)
def test_a_table_that_is_a_known_value_is_the_rows_with_that_value(query: str, mended: str) -> None:
    wrong = "outages" if "outages" in query else "incidents"
    problem = Problem(code="unknown_table", message=f"unknown table '{wrong}'")
    proof = Proof.of([Check(name="bind", status="failed", prover="test", problems=[problem])])
    assert read_rows_called(query, proof, SHOP.tables).query == mended


def test_a_value_of_two_columns_names_no_rows() -> None:
    twice = [*SHOP.tables, TABLES["tickets"].model_copy(update={"name": "changes"})]
    assert rows_called("incidents", SHOP.tables) is not None
    assert rows_called("incidents", twice) is None


def test_of_several_times_the_one_that_most_tables_have_is_meant() -> None:
    times = [{"name": "Timestamp", "type": "TIMESTAMP"}, {"name": "FileCreated", "type": "TIMESTAMP"}]
    tables = [{"name": "files", "columns": times}, {"name": "logons", "columns": times[:1]}]
    catalog = Catalog.model_validate({"schema_group": "edr", "platform": "sql", "tables": tables})
    assert column_for("ts", catalog.by_name["files"], catalog, "When?") == "Timestamp"
