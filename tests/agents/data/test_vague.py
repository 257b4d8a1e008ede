"""Questions that say too little, or ask for what no table has, told apart from those that can be answered."""

from __future__ import annotations

import pytest

from agents.data.vague import called_missing, is_missing, is_said_and_unknown, says_too_little
from core_engine.evaluation.suite import read_suite
from data.seed.generate import HERE
from shared.catalog import Catalog, read_catalog
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


def test_a_word_that_names_nothing_says_no_more_for_being_like_a_value() -> None:
    described = desk().model_dump(by_alias=True)
    described["tables"][0]["columns"].append({"name": "service", "type": "VARCHAR", "values": ["reporting"]})
    catalog = Catalog.model_validate(described)
    for question, vague in (("Show the usual report.", True), ("Show the usual reporting.", False)):
        heard = linked(question, catalog)
        assert [one.text for one in heard.mentions] == ["reporting"]
        assert says_too_little(question, heard) is vague


@pytest.mark.parametrize("suite", ["questions.jsonl", "spl_questions.jsonl"])
def test_no_question_that_has_an_answer_is_vague(suite: str) -> None:
    items = read_suite(HERE / suite)
    catalogs = {name: read_catalog(HERE / name / "catalog.yaml") for name in {item.schema_group for item in items}}
    vague = [one.id for one in items if says_too_little(one.question, linked(one.question, catalogs[one.schema_group]))]
    assert vague == []


@pytest.mark.parametrize(
    ("name", "question", "missing"),
    [
        ("phone_number", "The phone numbers of people on the Network team", True),
        ("home_address", "Where is the home of Ana Silva?", True),
        ("owner_name", "Who owns the open tickets?", False),  # owner_id is there
        ("person_name", "Names of people", False),
        ("salary", "Who has a badge?", False),  # nobody asked for it
        ("team_lead", "Who leads which team?", True),
    ],
)
def test_a_name_is_missing_where_the_question_asks_for_it_in_a_word_of_its_own(
    name: str, question: str, missing: bool
) -> None:
    assert is_missing(name, question, linked(question, desk())) is missing


@pytest.mark.parametrize(
    ("name", "question", "unknown"),
    [
        ("nickname", "Show the nickname of each person", True),
        ("nickname", "Show what each person is called", False),
        ("team", "Show the team of each person", False),  # a column of that name is there
        ("owner", "Show the owner of each ticket", False),  # owner_id is
        ("month", "Tickets per month", False),
    ],
)
def test_a_name_that_is_said_and_in_no_table_is_unknown(name: str, question: str, unknown: bool) -> None:
    assert is_said_and_unknown(name, question, desk()) is unknown


@pytest.mark.parametrize(
    ("question", "query", "missing"),
    [
        (
            "The home address of each person",
            "SELECT full_name, full_name AS home_address FROM people",
            ["home_address"],
        ),
        ("The home address of each person", "SELECT full_name AS person FROM people", []),
        ("The hostname of each person", "SELECT full_name AS hostname FROM people", ["hostname"]),
        ("The hostname of each ticket", "SELECT host AS hostname FROM tickets", []),
        ("Who left?", "SELECT full_name AS who FROM people WHERE left_on IS NOT NULL", []),
        ("The churn of each team", "SELECT team_id, count(left_on) AS churn FROM people GROUP BY team_id", []),
    ],
)
def test_a_column_that_is_only_called_as_the_question_asks_is_missing(
    question: str, query: str, missing: list[str]
) -> None:
    assert called_missing(query, question, linked(question, desk())) == missing
