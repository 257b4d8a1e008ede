"""Conditions of accepted terms and rules, held in queries by code."""

from __future__ import annotations

from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from agents.data.fitting.rules import hold_rules
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from shared.catalog import Catalog
from tests.agents.knowledge.reading import shop

LATE = {
    "term": "late order",
    "meaning": "delivered after three days",
    "condition": "delivered_at > placed_at + INTERVAL '72' HOUR",
    "table": "orders",
    "source": "shipping.md, step 2",
}
OPEN = {"term": "open order", "meaning": "m", "condition": "status IN ('open', 'paid')", "table": "orders"}
NO_TESTS = {
    "text": "Always exclude test orders",
    "condition": "NOT is_test",
    "table": "orders",
    "source": "shipping.md",
}


def held(query: str, question: str, **parts: list[dict[str, Any]]) -> tuple[str, list[str]]:
    catalog: Catalog = shop(**parts)
    linked = Linked(catalog=catalog, links=[], mentions=Phrases(catalog).mentions(question))
    tree = sqlglot.parse_one(query, dialect="duckdb")
    assert isinstance(tree, exp.Query)
    notes = list(hold_rules(tree, question, linked))
    return tree.sql(dialect="duckdb"), notes


def test_the_condition_of_a_term_that_the_question_says_is_held_and_its_source_told() -> None:
    query, notes = held("SELECT COUNT(*) FROM orders", "How many late orders are there?", glossary=[LATE])
    assert query == "SELECT COUNT(*) FROM orders WHERE delivered_at > placed_at + INTERVAL '72' HOUR"
    assert notes == [
        "held `delivered_at > placed_at + INTERVAL '72' HOUR`, which 'late order' means (shipping.md, step 2)"
    ]


def test_a_condition_on_some_of_the_values_gives_way_to_the_whole() -> None:
    query, notes = held(
        "SELECT COUNT(*) FROM orders o WHERE o.status = 'open'", "How many open orders?", glossary=[OPEN]
    )
    assert query == "SELECT COUNT(*) FROM orders AS o WHERE o.status IN ('open', 'paid')"
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("query", "question"),
    [
        ("SELECT COUNT(*) FROM orders", "How many orders are there?"),
        ("SELECT COUNT(*) FROM orders WHERE delivered_at > placed_at + INTERVAL '72' HOUR", "How many late orders?"),
        ("SELECT AVG(delivered_at > placed_at + INTERVAL 72 HOUR) FROM orders", "How many late orders?"),
        ("SELECT 1 FROM orders", "What share of orders were late orders?"),
        ("SELECT COUNT(*) FROM refunds", "How many refunds of late orders?"),
        ("SELECT COUNT(*) FROM orders", "How many late orders compared to the rest of the orders?"),
        ("SELECT COUNT(*) FROM orders", "How many orders other than late orders?"),
        ("SELECT COUNT(*) FROM orders", "How many orders and late orders were there?"),
        ("SELECT COUNT(*) FROM orders", "How many non-late orders?"),
    ],
)
def test_what_does_not_need_it_stays_as_it_is(query: str, question: str) -> None:
    assert held(query, question, glossary=[LATE])[1] == []


def test_a_rule_is_held_of_every_query_that_reads_its_table() -> None:
    query, notes = held("SELECT COUNT(*) FROM orders WHERE amount > 3", "How many orders?", directives=[NO_TESTS])
    assert query == "SELECT COUNT(*) FROM orders WHERE amount > 3 AND NOT is_test"
    assert notes == ["held `NOT is_test`, a rule of this group: Always exclude test orders (shipping.md)"]
    assert held(query, "How many orders?", directives=[NO_TESTS]) == (query, [])
    assert held("SELECT COUNT(*) FROM refunds", "How many refunds?", directives=[NO_TESTS])[1] == []


@pytest.mark.parametrize(
    ("side", "end"),
    [("LEFT", " AND NOT o.is_test"), ("RIGHT", " WHERE NOT o.is_test"), ("FULL", " WHERE NOT o.is_test")],
)
def test_of_a_table_that_is_joined_from_outside_every_row_holds_it(side: str, end: str) -> None:
    joined = f"{side} JOIN orders {{}}o ON o.order_id = r.order_id"
    query, _ = held(f"SELECT r.order_id FROM refunds r {joined.format('')}", "Which refunds?", directives=[NO_TESTS])
    assert query.endswith(joined.format("AS ") + end)
