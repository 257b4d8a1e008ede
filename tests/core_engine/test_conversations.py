"""Which questions lean on those before them, and how they are asked then."""

from __future__ import annotations

import pytest

from core_engine.conversations import LONGEST_TURN, follow_up, leans
from shared.models import Question

LEANING = [
    "And by host?",
    "and yesterday",
    "What about the warehouse?",
    "Which of those failed more than once?",
    "Break it down by day",
    "Only for admins, please",
    "Show their last sign-in as well",
    "per country",
]
STANDING = [
    "How many orders are open?",
    "Which hosts are there in the data centre?",
    "Which accounts failed to sign in most often yesterday?",
    "List processes that used more memory than the day before",
    "In Splunk, which indexes had errors above 90 percent?",
]


@pytest.mark.parametrize("question", LEANING)
def test_a_question_that_points_back_leans(question: str) -> None:
    assert leans(question)


@pytest.mark.parametrize("question", STANDING)
def test_a_whole_question_stands_by_itself(question: str) -> None:
    assert not leans(question)


def earlier(*questions: str) -> list[Question]:
    """The newest first."""
    return [Question(question=question) for question in questions]


def test_a_chain_of_follow_ups_goes_back_to_the_question_that_stands() -> None:
    before = earlier("And by host?", "How many sign-ins failed yesterday?", "Which tickets are open now?")
    asked = follow_up(Question(question="Only for admins"), before)
    assert asked.question == "How many sign-ins failed yesterday? And by host? Follow-up: Only for admins"


def test_a_question_that_stands_is_left_alone() -> None:
    question = Question(question="Which tickets are open this week?")
    assert follow_up(question, earlier("How many sign-ins failed yesterday?")) is question


def test_the_first_question_has_nothing_to_lean_on() -> None:
    question = Question(question="And by host?")
    assert follow_up(question, []) is question


def test_what_goes_along_is_bounded() -> None:
    asked = follow_up(Question(question="And by host?"), earlier(*["and " + "x" * 5000] * 9))
    assert len(asked.question) < 4 * LONGEST_TURN


def test_a_follow_up_is_asked_where_the_earlier_question_was() -> None:
    before = [Question(question="How many sign-ins failed?", schema_group="ops_logs", platforms=["kql"])]
    asked = follow_up(Question(question="And by host?"), before)
    assert (asked.schema_group, asked.platforms) == ("ops_logs", ["kql"])
    elsewhere = follow_up(Question(question="And there?", platforms=["spl"]), before)
    assert (elsewhere.schema_group, elsewhere.platforms) == (None, ["spl"])
