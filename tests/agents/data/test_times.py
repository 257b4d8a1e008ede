"""Which questions speak of a time."""

from __future__ import annotations

import pytest

from agents.data.times import speaks_of_time


@pytest.mark.parametrize(
    "question",
    [
        "failed sign-ins in the last 7 days",
        "errors this week",
        "who signed in on 10 March 2026?",
        "orders since 2026-03-01",
        "deployments on Friday",
        "requests between 14:00 and 16:00",
        "logins in May",
        "the last three hours",
    ],
)
def test_a_time_is_heard(question: str) -> None:
    assert speaks_of_time(question)


@pytest.mark.parametrize(
    "question", ["requests per day", "Which users may sign in?", "sign-ins by hour", "last sign-in of eve"]
)
def test_a_question_without_one_is_not_given_one(question: str) -> None:
    assert not speaks_of_time(question)
