"""Questions that only a runbook makes answerable: a term of each is defined there and nowhere in the catalogs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from agents.data.comparing import same_rows
from agents.data.sandbox import Sandbox
from agents.data.words import content_words
from agents.knowledge.glossary.binding import bound
from agents.knowledge.glossary.defining import definitions
from agents.knowledge.glossary.store import Term
from core_engine.evaluation import Item, read_suite
from data.seed.generate import GROUPS, HERE
from shared.catalog import read_catalog
from shared.models import Rows
from shared.settings import Settings
from tests.agents.knowledge.reading import passages
from tests.data.conftest import Query, Seed

ITEMS = read_suite(HERE / "knowledge_questions.jsonl")
CATALOGS = [read_catalog(HERE / group / "catalog.yaml") for group in GROUPS]
_CHECKS = Path(__file__).parent / "knowledge_checks.sql"


def checks() -> dict[str, str]:
    """Question id → the same answer computed in DuckDB SQL."""
    blocks = re.split(r"^-- (?=kn-)", _CHECKS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {block.partition("\n")[0].strip(): block.partition("\n")[2] for block in blocks}


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> list[Term]:
    """What is proposed from the runbooks that the questions name."""
    sandbox = Sandbox(Settings(data_dir=tmp_path_factory.mktemp("proposed")))
    found: list[Term] = []
    for name in {item.category.partition("/")[2] for item in ITEMS}:
        pages = passages((HERE / "runbooks" / f"{name}.md").read_text(encoding="utf-8"), f"{name}.md")
        found += [term for one in definitions(pages) for term in bound(one, [], CATALOGS, sandbox)]
    sandbox.close()
    return found


def test_there_are_fifteen_five_a_group() -> None:
    assert Counter(item.schema_group for item in ITEMS) == dict.fromkeys(GROUPS, 5)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.id))
def test_a_gold_query_is_proven_and_returns_what_sql_computes(seed: Seed, item: Item) -> None:
    query = Query(item.id, item.platform, item.accepted[0])
    proof = seed.prove(query)
    assert proof.verdict == "proven", proof.problems
    found, wanted = seed.run(query), seed.sql(item.platform, checks()[item.id])
    assert found.rows
    assert same_rows(Rows(columns=found.columns, rows=wanted), found, order_matters=False)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item.id))
def test_its_term_stands_in_its_runbook_alone_and_says_the_golds_condition(item: Item, proposed: list[Term]) -> None:
    said = set(content_words(item.question))
    terms = [
        one
        for one in proposed
        if one.schema_group == item.schema_group and one.condition and set(content_words(one.term)) <= said
    ]
    [term] = terms
    assert term.source.startswith(item.category.partition("/")[2])
    literals = set(re.findall(r"'([^']*)'|\b(\d+)\b", term.condition))
    gold = item.accepted[0]
    assert [one for pair in literals for one in pair if one and one not in gold] == []
    catalog = next(one for one in CATALOGS if one.schema_group == item.schema_group)
    defined = [set(content_words(one.term)) for one in catalog.glossary]
    assert set(content_words(term.term)) not in defined
