"""Which solved questions are shown: near in subject, of the same form, no two alike."""

from __future__ import annotations

import numpy as np
import pytest

from agents.data.examples import Scored, choose, masked, same_question
from agents.data.shape import alike, forms
from shared.catalog import Example


def scored(question: str, score: float, table: str, place: int) -> Scored:
    """place: which axis its vector lies on; examples on one axis are alike."""
    return Scored(Example(question=question, query="T"), score, frozenset({table}), np.eye(8, dtype=np.float32)[place])


def test_examples_of_the_linked_tables_come_before_others() -> None:
    near = [scored(f"list orders of shop {n}", 0.9, "orders", n) for n in range(4)]
    own = [scored(f"list hosts of site {n}", 0.3, "hosts", 4 + n) for n in range(3)]
    tables = [next(iter(one.tables)) for one in choose([*near, *own], "list all hosts", {"hosts"}, 4)]
    assert sorted(tables) == ["hosts", "hosts", "hosts", "orders"]


def test_of_equally_near_examples_the_one_of_the_same_form_is_chosen() -> None:
    course, share = scored("requests per hour", 0.5, "web", 0), scored("What percentage failed?", 0.5, "web", 1)
    assert choose([course, share], "What share of logins failed?", {"web"}, 1) == [share]


def test_of_two_examples_that_teach_the_same_one_is_shown() -> None:
    twins = [scored("count the hosts", 0.9, "hosts", 0), scored("count hosts", 0.8, "hosts", 0)]
    assert choose(twins, "how many hosts?", {"hosts"}, 4) == twins[:1]


def test_names_and_numbers_do_not_make_questions_differ() -> None:
    assert masked("errors on web-3 since 14:00") == masked("errors on db-7 since 9:30")


def test_the_same_question_is_known_again_whatever_its_case_and_marks() -> None:
    assert same_question("How many hosts?", "how many hosts")
    assert not same_question("How many hosts?", "Which hosts?")


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("How many requests per day?", {"count", "group", "course"}),
        ("What percentage of logins failed?", {"share"}),
        ("Which users never signed in?", {"distinct", "without"}),
        ("users in the lobby", set()),
    ],
)
def test_a_question_asks_for_forms(question: str, found: set[str]) -> None:
    assert forms(question) == found


def test_likeness_of_forms_is_their_overlap() -> None:
    assert alike(forms("how many hosts"), forms("count the users")) == 1
    assert alike(forms("how many hosts"), forms("how many hosts per site")) == 0.5
