"""Questions that say too little, told apart from short ones that do say something."""

from __future__ import annotations

import pytest

from agents.data.vague import says_too_little
from core_engine.evaluation.suite import read_suite
from data.seed.generate import HERE
from shared.catalog import read_catalog
from tests.agents.data.fitting.desk import desk, linked


@pytest.mark.parametrize(
    "question", ["Show me the bad ones.", "What changed?", "Give me the data", "Is that a lot?", "?"]
)
def test_a_question_that_names_nothing_says_too_little(question: str) -> None:
    assert says_too_little(question, linked(question, desk()))


@pytest.mark.parametrize(
    "question",
    ["Tickets", "Which are pending?", "Anything since yesterday?", "What did 10.0.0.7 do?", "Who is on which team?"],
)
def test_a_short_question_that_names_something_does_not(question: str) -> None:
    assert not says_too_little(question, linked(question, desk()))


@pytest.mark.parametrize("suite", ["questions.jsonl", "spl_questions.jsonl"])
def test_no_question_that_has_an_answer_is_vague(suite: str) -> None:
    items = read_suite(HERE / suite)
    catalogs = {name: read_catalog(HERE / name / "catalog.yaml") for name in {item.schema_group for item in items}}
    vague = [one.id for one in items if says_too_little(one.question, linked(one.question, catalogs[one.schema_group]))]
    assert vague == []
