from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from agents.data.importing import checked
from data.seed.generate import GROUPS, HERE
from shared.catalog import read_catalog
from tests.data.conftest import Query, Seed, examples, golds, questions, runbook_queries

CHECKS = Path(__file__).parent / "gold_checks.sql"


def gold_checks() -> dict[str, str]:
    """Question id → the same answer computed in DuckDB SQL."""
    blocks = re.split(r"^-- (?=\w{3}-\d)", CHECKS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {block.partition("\n")[0].strip(): block.partition("\n")[2] for block in blocks}


def comparable(rows: list[list[Any]], *, ordered: bool) -> list[tuple[Any, ...]]:
    """Numbers as floats of six decimals, since languages differ in what they call a number."""
    values = [
        tuple(round(float(value), 6) if isinstance(value, int | float) else value for value in row) for row in rows
    ]
    return values if ordered else sorted(values, key=repr)


@pytest.mark.parametrize("group", GROUPS)
def test_a_catalog_is_usable_and_says_enough(group: str) -> None:
    catalog = read_catalog(HERE / group / "catalog.yaml")
    checked(catalog)
    assert catalog.clock is not None
    assert all(table.description and table.rows for table in catalog.tables)
    assert [f"{table.name}.{c.name}" for table in catalog.tables for c in table.columns if not c.description] == []
    assert len(catalog.glossary) >= 8
    assert len(catalog.examples) >= 20


def test_there_are_more_than_a_hundred_thousand_rows_and_no_empty_table(seed: Seed) -> None:
    counts = [count for group in seed.counts.values() for count in group.values()]
    assert sum(counts) >= 100_000
    assert min(counts) > 0


@pytest.mark.parametrize("query", examples(), ids=lambda query: query.id)
def test_an_example_is_proven_and_returns_rows(seed: Seed, query: Query) -> None:
    proof = seed.prove(query)
    assert proof.verdict == "proven", proof.problems
    assert seed.run(query).rows


@pytest.mark.parametrize("query", runbook_queries(), ids=lambda query: query.id)
def test_a_query_in_a_runbook_is_proven_and_runs(seed: Seed, query: Query) -> None:
    proof = seed.prove(query)
    assert proof.verdict == "proven", proof.problems
    seed.run(query)


@pytest.mark.parametrize("query", golds(), ids=lambda query: query.id)
def test_a_gold_query_is_proven(seed: Seed, query: Query) -> None:
    proof = seed.prove(query)
    assert proof.verdict == "proven", proof.problems


@pytest.mark.parametrize("item", questions(), ids=lambda item: str(item["id"]))
def test_a_gold_query_returns_what_its_check_computes(seed: Seed, item: dict[str, Any]) -> None:
    answer = seed.run(Query(item["id"], item["platform"], item["gold"])).rows
    check = seed.sql(item["platform"], gold_checks()[item["id"]])
    assert answer
    ordered = item["order_matters"]
    assert comparable(answer, ordered=ordered) == comparable(check, ordered=ordered)


def test_there_are_fifteen_questions_a_platform_with_ids_of_their_own() -> None:
    items = questions()
    assert len({item["id"] for item in items}) == 45
    assert {platform: sum(item["platform"] == platform for item in items) for platform in ("kql", "spl", "sql")} == {
        "kql": 15,
        "spl": 15,
        "sql": 15,
    }


def test_no_question_or_gold_query_is_an_example() -> None:
    def plain(text: str) -> str:
        return re.sub(r"\W+", " ", text).strip().lower()

    known = {plain(query.text) for query in examples()} | {plain(query.id.partition(": ")[2]) for query in examples()}
    asked = {plain(item["gold"]) for item in questions()} | {plain(item["question"]) for item in questions()}
    assert known & asked == set()


@pytest.mark.parametrize("group", GROUPS)
def test_every_value_of_a_column_with_listed_values_is_listed(seed: Seed, group: str) -> None:
    catalog = seed.catalogs[group]
    listed = [(table.name, column) for table in catalog.tables for column in table.columns if column.values]
    strays = {
        f"{table}.{column.name}": values
        for table, column in listed
        if (values := _values(seed, catalog.platform, table, column.name) - set(column.values))
    }
    assert strays == {}


def _values(seed: Seed, platform: str, table: str, column: str) -> set[str]:
    rows = seed.sql(platform, f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL')
    return {f"{row[0]:g}" if isinstance(row[0], float) else str(row[0]) for row in rows} - {""}


@pytest.mark.parametrize("group", GROUPS)
def test_every_row_on_the_many_side_has_its_one(seed: Seed, group: str) -> None:
    catalog = seed.catalogs[group]
    orphans = {}
    for link in catalog.relationships:
        if link.kind != "many_to_one" or group == "ops_logs" or link.from_ == "app.trace_id":
            continue
        (table, column), (target, key) = link.from_.split("."), link.to.split(".")
        missing = seed.sql(
            catalog.platform,
            f'SELECT DISTINCT "{column}" FROM "{table}" WHERE "{column}" IS NOT NULL '
            f'AND "{column}" NOT IN (SELECT "{key}" FROM "{target}")',
        )
        if missing:
            orphans[link.from_] = missing
    assert orphans == {}
