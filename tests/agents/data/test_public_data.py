"""What the provers reach on the public gold queries: measured floors, the faults in the gold left out by name."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from agents.data.kql import Kql
from agents.data.names import nearest_name
from agents.data.platform import Platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog
from shared.models import Proof
from tests.agents.data.public import accepted_sql, items, kql_catalog, sql_catalog


def kql_gold() -> Iterator[tuple[Catalog, str]]:
    for name in ("sentinel", "defender"):
        for item in items("nl2kql", f"{name}_dev.jsonl"):
            yield kql_catalog(name), item["gold"]


def sql_gold() -> Iterator[tuple[Catalog, str]]:
    for name in ("questions_gen", "instruct_basic", "instruct_advanced"):
        for item in items("defog", f"{name}_dev.jsonl"):
            for query in accepted_sql(item["gold"]):
                yield sql_catalog(item["schema_group"]), query


def statuses(proofs: list[Proof]) -> Counter[tuple[str, str]]:
    return Counter((check.name, check.status) for proof in proofs for check in proof.checks)


def test_nl2kql_gold_is_parsed_bound_and_run(kql: Kql, sandbox: Sandbox) -> None:
    """6 of 216 do not bind: a table or column is missing from the schema that comes with them."""
    proofs = [prove(kql, query, catalog, sandbox) for catalog, query in kql_gold()]
    found = statuses(proofs)
    assert found["parse", "passed"] == found["safety", "passed"] == len(proofs)
    assert found["bind", "failed"] <= 6
    assert found["dry_run", "failed"] == 0
    assert found["dry_run", "passed"] / len(proofs) >= 0.91


def test_defog_gold_is_proven(sql: Sql, sandbox: Sandbox) -> None:
    verdicts = Counter(prove(sql, query, catalog, sandbox).verdict for catalog, query in sql_gold())
    assert verdicts["proven"] / verdicts.total() >= 0.99, verdicts


def misspelt(name: str, dice: random.Random) -> str:
    """The name with one letter, never its first, dropped, doubled or swapped with the next."""
    place = dice.randrange(1, len(name) - 1)
    before, letter, after = name[:place], name[place], name[place + 1 :]
    return dice.choice([before + after, before + letter + letter + after, before + after[:1] + letter + after[1:]])


def faults(
    platform: Platform, gold: Iterator[tuple[Catalog, str]], kind: str
) -> Iterator[tuple[Catalog, str, str, str]]:
    """(catalog, broken query, wrong name, right name): one table or column of each gold query misspelt."""
    dice = random.Random(7)  # the same faults every time
    for catalog, query in gold:
        tables = platform.tables_of(query, catalog)
        columns = [column.name for table in tables for column in table.columns]
        names = [table.name for table in tables] if kind == "table" else columns
        there = [name for name in dict.fromkeys(names) if len(name) > 3 and words(query).count(name) >= 1]
        if not there:
            continue
        right = dice.choice(there)
        wrong = misspelt(right, dice)
        taken = {name.lower() for name in [*columns, *(table.name for table in catalog.tables)]}
        if wrong.lower() not in taken:
            yield catalog, replaced(query, right, wrong), wrong, right


def words(query: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in query).split()


def replaced(query: str, right: str, wrong: str) -> str:
    """Every whole-word use, so that the query is wrong in one way only."""
    out, word = [], ""
    for character in query + " ":
        if character.isalnum() or character == "_":
            word += character
        else:
            out.append((wrong if word == right else word) + character)
            word = ""
    return "".join(out)


@pytest.mark.parametrize(
    ("language", "kind", "caught_floor", "first_floor"),
    [
        ("kql", "table", 0.99, 0.9),
        ("kql", "column", 0.97, 0.9),
        ("sql", "table", 0.99, 0.9),
        ("sql", "column", 0.97, 0.9),
    ],
)
def test_misspelt_names_are_caught_and_the_right_one_is_suggested(
    kql: Kql, sql: Sql, sandbox: Sandbox, language: str, kind: str, caught_floor: float, first_floor: float
) -> None:
    platform, gold = (kql, kql_gold()) if language == "kql" else (sql, sql_gold())
    total = caught = first = 0
    for catalog, query, _wrong, right in faults(platform, gold, kind):
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
