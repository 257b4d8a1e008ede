"""Terms whose meaning is a condition, and those whose meaning is words."""

from __future__ import annotations

from typing import Any

import pytest

from agents.data.meanings import condition_of
from shared.catalog import Catalog


def desk(platform: str = "sql", **term: str) -> Catalog:
    tickets: list[dict[str, Any]] = [{"name": "status"}, {"name": "due_at", "type": "timestamp"}, {"name": "host"}]
    return Catalog.model_validate(
        {
            "schema_group": "desk",
            "platform": platform,
            "tables": [
                {"name": "tickets", "columns": tickets},
                {"name": "orders", "columns": [{"name": "status"}, {"name": "amount", "type": "double"}]},
            ],
            "glossary": [term],
        }
    )


@pytest.mark.parametrize(
    ("term", "meaning", "table"),
    [
        ("open ticket", "status IN ('open', 'in_progress')", "tickets"),
        ("paid", "amount > 0 AND status = 'paid'", "orders"),
        ("late", "due_at < now()", "tickets"),
        ("unassigned", "NOT host IS NULL", "tickets"),
    ],
)
def test_a_meaning_that_is_a_condition_is_held_as_one(term: str, meaning: str, table: str) -> None:
    catalog = desk(term=term, meaning=meaning)
    assert condition_of(catalog.glossary[0], catalog) == (meaning, table)


@pytest.mark.parametrize("platform", ["kql", "spl"])
def test_texts_of_kql_and_spl_stand_in_double_quotes(platform: str) -> None:
    catalog = desk(platform, term="open ticket", meaning='status == "open"')
    assert condition_of(catalog.glossary[0], catalog) == ("status == 'open'", "tickets")


@pytest.mark.parametrize(
    ("term", "meaning"),
    [
        ("open", "status IN ('open', 'in_progress')"),  # of tickets, or of orders
        ("open ticket", "a ticket whose status is open"),
        ("open ticket", "status='open' in tickets"),
        ("late", "due_at < ago(1h)"),
        ("late", "due_on < now()"),
        ("revenue", "amount"),
        ("reachable", "host or status"),
        ("unreachable", "NOT (host AND status)"),
        ("revenue", "sum(amount)"),
        ("rich", "amount > (SELECT avg(amount) FROM orders)"),
    ],
)
def test_what_is_no_condition_of_one_table_is_words(term: str, meaning: str) -> None:
    catalog = desk(term=term, meaning=meaning)
    assert condition_of(catalog.glossary[0], catalog) == ("", "")


def test_a_condition_that_was_given_comes_first() -> None:
    catalog = desk(term="open ticket", meaning="status = 'open'", condition="status <> 'closed'", table="tickets")
    assert condition_of(catalog.glossary[0], catalog) == ("status <> 'closed'", "tickets")
