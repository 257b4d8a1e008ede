"""The further suites over the seed data: SPL questions with golden searches, questions that nothing answers, and the
few of every build."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from agents.data.comparing import same_rows
from core_engine.evaluation import Item, read_suite
from data.seed.generate import GROUPS, HERE
from shared.models import Rows
from tests.data.conftest import PLATFORMS, Query, Seed, examples, questions

SPL = read_suite(HERE / "spl_questions.jsonl")
NONE = read_suite(HERE / "unanswerable.jsonl")
_CHECKS = Path(__file__).parent / "spl_checks.sql"


def checks() -> dict[str, str]:
    """Question id → the same answer computed in DuckDB SQL."""
    blocks = re.split(r"^-- (?=spl-\d)", _CHECKS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {block.partition("\n")[0].strip(): block.partition("\n")[2] for block in blocks}


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


@pytest.mark.parametrize("item", SPL, ids=lambda item: str(item.id))
def test_a_golden_search_is_proven_and_returns_what_sql_computes(seed: Seed, item: Item) -> None:
    query = Query(item.id, "spl", item.accepted[0])
    proof = seed.prove(query)
    assert proof.verdict == "proven", proof.problems
    found, wanted = seed.run(query), seed.sql("spl", checks()[item.id])
    assert len(found.columns) == len(wanted[0]) if wanted else not found.rows
    assert same_rows(Rows(columns=found.columns, rows=wanted), found, order_matters=item.order_matters)


def test_the_spl_questions_are_forty_of_graded_difficulty_and_varied_form() -> None:
    levels = Counter(item.category.partition("/")[0] for item in SPL)
    assert (len(SPL), levels["easy"], levels["medium"], levels["hard"]) == (40, 12, 18, 10)
    text = "\n".join(item.accepted[0] for item in SPL)
    commands = "stats timechart chart top rare dedup transaction rex eval lookup inputlookup join tstats streamstats"
    for command in (*commands.split(), "eventstats", "fillnull", "delta", "bin", "[search"):
        assert re.search(rf"(^|\| |\[){re.escape(command.lstrip('['))}\b", text, re.MULTILINE), command


def test_no_spl_question_repeats_an_example_or_another_question(seed: Seed) -> None:
    known = {plain(query.text) for query in examples()} | {plain(query.id.partition(": ")[2]) for query in examples()}
    known |= {plain(item[field]) for item in questions() for field in ("question", "gold")}
    asked = [plain(text) for item in SPL for text in (item.question, item.accepted[0])]
    assert known & set(asked) == set()
    assert len(asked) == len(set(asked))


def test_only_the_search_for_what_never_happened_gives_no_rows(seed: Seed) -> None:
    empty = [item.category for item in SPL if not seed.run(Query(item.id, "spl", item.accepted[0])).rows]
    assert empty == ["easy/zero"]


def test_forty_questions_over_three_groups_have_no_answer_here_and_say_why() -> None:
    assert (len(NONE), {item.gold for item in NONE}) == (40, {None})
    assert {item.schema_group for item in NONE} == set(GROUPS)
    assert all(PLATFORMS[item.platform] == item.schema_group for item in NONE)
    assert Counter(item.category for item in NONE) == {"wrong_domain": 14, "missing_column": 14, "vague": 12}
    lines = (HERE / "unanswerable.jsonl").read_text(encoding="utf-8").splitlines()
    assert all('"why": "' in line for line in lines)


def test_the_questions_of_every_build_are_eight_a_platform_of_the_forty_five() -> None:
    few = read_suite(HERE / "regression.jsonl")
    every = {item.id: item for item in read_suite(HERE / "questions.jsonl")}
    assert Counter(item.platform for item in few) == {"kql": 8, "spl": 8, "sql": 8}
    assert [item for item in few if every.get(item.id) != item] == []
