"""What the provers reach on the public gold queries: measured floors, the faults in the gold left out by name."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from agents.data.corpora import faults, misspelt
from agents.data.kql import Kql
from agents.data.names import nearest_name
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from agents.data.sql.functions import known_functions
from shared.models import Proof
from tests.agents.data.public import hunting_files, kql_catalog, kql_gold, sql_gold

pytestmark = pytest.mark.public_data


def statuses(proofs: list[Proof]) -> Counter[tuple[str, str]]:
    return Counter((check.name, check.status) for proof in proofs for check in proof.checks)


def test_nl2kql_gold_is_parsed_bound_and_run(kql: Kql, sandbox: Sandbox) -> None:
    """6 of 216 do not bind: a table or column is missing from the schema that comes with them."""
    proofs = [prove(kql, query, catalog, sandbox) for catalog, query in kql_gold()]
    found = statuses(proofs)
    assert found["parse", "passed"] == found["safety", "passed"] == len(proofs)
    assert found["bind", "failed"] <= 6
    assert found["dry_run", "failed"] == 0
    assert found["dry_run", "passed"] / len(proofs) >= 0.95


def test_defog_gold_is_proven(sql: Sql, sandbox: Sandbox) -> None:
    verdicts = Counter(prove(sql, query, catalog, sandbox).verdict for catalog, query in sql_gold())
    assert verdicts["proven"] / verdicts.total() >= 0.99, verdicts


@pytest.mark.parametrize(
    ("language", "kind", "caught_floor", "first_floor"),
    [
        ("kql", "table", 0.99, 0.9),
        ("kql", "column", 0.97, 0.9),
        ("sql", "table", 0.99, 0.9),
        ("sql", "column", 0.97, 0.9),
        ("sql", "function", 0.99, 0.9),
    ],
)
def test_misspelt_names_are_caught_and_the_right_one_is_suggested(
    kql: Kql, sql: Sql, sandbox: Sandbox, language: str, kind: str, caught_floor: float, first_floor: float
) -> None:
    platform, gold = (kql, kql_gold()) if language == "kql" else (sql, sql_gold())
    total = caught = first = 0
    for catalog, query, _wrong, right in faults(platform, gold, kind, known_functions("postgres")):
        total += 1
        proof = prove(platform, query, catalog, sandbox)
        caught += proof.verdict == "rejected"
        first += any((problem.suggestion or "").lower() == right.lower() for problem in proof.problems)
    assert total > 100
    assert caught / total >= caught_floor
    assert first / caught >= first_floor


def test_the_nearest_name_is_right_over_every_public_table() -> None:
    dice = random.Random(3)  # the same faults every time
    tables = [table for name in ("sentinel", "defender") for table in kql_catalog(name).tables]
    pairs = [(column.name, table) for table in tables for column in table.columns if len(column.name) > 4]
    chosen = dice.sample(pairs, 400)
    right = sum(nearest_name(misspelt(name, dice), table.by_name) == name for name, table in chosen)
    assert right / len(chosen) >= 0.95


def test_the_hunting_corpora_are_parsed_once_their_files_are_split(kql: Kql) -> None:
    queries = [query for text in hunting_files() for query in kql.split(text)]
    assert len(queries) > 600
    assert sum(kql.split(query) == [query] and kql.prover.parses(query) for query in queries) / len(queries) >= 0.985
