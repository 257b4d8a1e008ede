"""The time before a moment beside the time after it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agents.data.times.sides import read_sides
from tests.agents.data.fitting.desk import CLOCK, Desk

QUESTION = "Compare the number of tickets before and since 1 March 2026."


@pytest.mark.parametrize(
    ("question", "moment", "words"),
    [
        (QUESTION, datetime(2026, 3, 1, tzinfo=UTC), ("before", "since")),
        ("Tickets before vs. after 10 March 14:00?", datetime(2026, 3, 10, 14, tzinfo=UTC), ("before", "after")),
        (
            "How many failed before and after the deployment at 10:30 on 12 March?",
            datetime(2026, 3, 12, 10, 30, tzinfo=UTC),
            ("before", "after"),
        ),
        ("Tickets before and after yesterday 9:00", datetime(2026, 3, 13, 9, tzinfo=UTC), ("before", "after")),
    ],
)
def test_the_moment_that_a_question_compares_at_is_read(
    question: str, moment: datetime, words: tuple[str, str]
) -> None:
    sides = read_sides(question, CLOCK)
    assert sides is not None
    assert (sides.moment, sides.words) == (moment, words)


@pytest.mark.parametrize(
    "question",
    [
        "Tickets before 1 March",
        "Tickets before and after the move",
        "Tickets since 1 March",
        "Tickets before and after 1 March, and those of 5 March",
        "In the last month, compare the tickets before and after 10 March",
        "Tickets of the day before and after 12 March",
        "Which were not seen before or after 12 March?",
        "Tickets before and after 2025",
    ],
)
def test_no_moment_or_several_are_no_two_sides(question: str) -> None:
    assert read_sides(question, CLOCK) is None


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) AS n FROM tickets WHERE opened_at >= '2026-03-01'",
        "SELECT date_trunc('day', opened_at) AS d, count(*) AS n FROM tickets WHERE opened_at < '2026-03-01' "
        "GROUP BY date_trunc('day', opened_at) ORDER BY d LIMIT 10",
        "SELECT count(*) AS n FROM tickets WHERE opened_at >= '2025-03-01' AND opened_at < '2026-05-01'",
    ],
)
def test_what_is_computed_is_told_for_each_side(desk: Desk, query: str) -> None:
    mended = desk.fit(QUESTION, query)
    assert "told before from since 2026-03-01 00:00 by opened_at, as the question compares" in mended.notes
    assert sorted(desk.rows(mended.query)) == [["before", 2], ["since", 2]]


def test_rows_without_a_time_lie_on_no_side(desk: Desk) -> None:
    query = "SELECT count(*) AS n FROM tickets WHERE resolved_at >= '2026-03-01'"
    mended = desk.fit("Tickets resolved before and since 1 March 2026", query)
    assert desk.rows(mended.query) == [["since", 1]]


def test_other_groups_stay(desk: Desk) -> None:
    query = "SELECT region, count(*) AS n FROM tickets WHERE opened_at >= '2026-03-01' GROUP BY region"
    mended = desk.fit("Tickets of each region before and since 1 March 2026", query)
    assert sorted(desk.rows(mended.query)) == [["before", "US East", 2], ["since", "Europe West", 2]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (QUESTION, "SELECT opened_at >= '2026-03-01' AS late, count(*) AS n FROM tickets GROUP BY 1"),
        (QUESTION, "SELECT count(*) FILTER (WHERE opened_at < '2026-03-01') AS a, count(*) AS b FROM tickets"),
        ("Which tickets were open before and since 1 March 2026?", "SELECT title FROM tickets"),
        ("How many tickets before and after the move?", "SELECT count(*) FROM tickets"),
        (QUESTION, "SELECT count(*) AS n FROM tickets"),  # which of its two times is meant?
    ],
)
def test_nothing_is_changed_otherwise(desk: Desk, question: str, query: str) -> None:
    assert not any(note.startswith("told ") for note in desk.fit(question, query).notes)
