"""What a glossary says how to compute."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from agents.data.fitting.formulas import hold_formulas
from agents.data.linking import Linked
from agents.data.meanings import formula_of
from agents.data.phrases import Phrases
from shared.catalog import Catalog

CATALOG = Catalog.model_validate(
    {
        "schema_group": "slo",
        "platform": "sql",
        "tables": [
            {"name": "metrics", "columns": [{"name": "day"}, {"name": "errors"}, {"name": "requests"}]},
            {"name": "services", "columns": [{"name": "name"}, {"name": "target"}]},
        ],
        "glossary": [
            {"term": "availability", "meaning": "1 - errors / requests of metrics"},
            {"term": "error budget", "meaning": "requests * (1 - target): how many errors there may be"},
        ],
    }
)


def held(question: str, query: str) -> tuple[str, list[str]]:
    linked = Linked(catalog=CATALOG, links=[], mentions=Phrases(CATALOG).mentions(question))
    tree = sqlglot.parse_one(query, dialect="duckdb")
    assert isinstance(tree, exp.Query)
    notes = list(hold_formulas(tree, question, linked))
    return tree.sql(dialect="duckdb"), notes


@pytest.mark.parametrize(
    ("question", "query", "right"),
    [
        (
            "When was the availability the worst?",
            "SELECT day, m.errors / m.requests AS availability FROM metrics AS m ORDER BY availability DESC LIMIT 1",
            "SELECT day, 1 - (m.errors / m.requests) AS availability FROM metrics AS m ORDER BY availability LIMIT 1",
        ),
        (
            "When was the availability the lowest?",
            "SELECT day, errors / requests AS availability FROM metrics ORDER BY availability LIMIT 1",
            "SELECT day, 1 - (errors / requests) AS availability FROM metrics ORDER BY availability LIMIT 1",
        ),
        (
            "What was the worst availability?",
            "SELECT MAX(errors * 1.0 / NULLIF(requests, 0)) AS worst_availability FROM metrics",
            "SELECT MIN(1 - (errors * 1.0 / NULLIF(requests, 0))) AS worst_availability FROM metrics",
        ),
        (
            "The average availability",
            "SELECT AVG(errors / requests) AS avg_availability FROM metrics",
            "SELECT AVG(1 - (errors / requests)) AS avg_availability FROM metrics",
        ),
    ],
)
def test_the_rest_of_what_a_term_means_is_taken_from_the_whole(question: str, query: str, right: str) -> None:
    found, notes = held(question, query)
    assert found == right
    assert len(notes) == 1


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("The availability of each day", "SELECT day, 1 - (errors * 1.0) / requests AS availability FROM metrics"),
        ("The availability of each day", "SELECT day, (requests - errors) / requests AS availability FROM metrics"),
        ("The error rate of each day", "SELECT day, errors / requests AS availability FROM metrics"),
        ("The availability of each day", "SELECT day, errors / requests AS error_rate FROM metrics"),
        ("The availability lost", "SELECT day, errors / requests AS availability_loss FROM metrics"),
        ("The availability in all", "SELECT 1 - SUM(errors) / SUM(requests) AS availability FROM metrics"),
        ("The availability in percent", "SELECT 100 * (1 - errors / requests) AS availability FROM metrics"),
        ("The error budget of each day", "SELECT day, requests AS error_budget FROM metrics"),
        (
            "Days with an availability below 99 percent",
            "SELECT day, errors / requests AS availability FROM metrics GROUP BY ALL HAVING availability > 0.01",
        ),
    ],
)
def test_what_is_computed_right_or_is_something_else_stays(question: str, query: str) -> None:
    assert held(question, query)[1] == []


@pytest.mark.parametrize(
    ("meaning", "formula"),
    [
        ("requests * (1 - target): how many errors there may be", "requests * (1 - target)"),
        ("errors / requests", "errors / requests"),
        ("share of requests with errors", None),
        ("requests of metrics", None),
        ("errors / pages", None),
        ("errors > 10", None),
        ("sum(errors) / 10", None),
    ],
)
def test_a_meaning_is_computed_where_it_begins_with_how(meaning: str, formula: str | None) -> None:
    found = formula_of(meaning, CATALOG)
    assert (found.sql() if found is not None else None) == formula
