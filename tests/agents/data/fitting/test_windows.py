"""Changes against the step before, and running totals."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

MONTHLY = """SELECT date_trunc('month', opened_at) AS month, count(*) AS n FROM tickets
    GROUP BY date_trunc('month', opened_at) ORDER BY month"""


@pytest.mark.parametrize(
    "question",
    [
        "Tickets per month with the change against the month before",
        "Show the tickets of each month and the difference to the previous month.",
        "Tickets per month with their month over month growth",
    ],
)
def test_the_change_is_shown_where_it_is_asked_for(desk: Desk, question: str) -> None:
    mended = desk.fit(question, MONTHLY)
    assert len(mended.notes) == 1
    assert mended.notes[0].startswith("shows the change against the row before")
    assert [row[1:] for row in desk.rows(mended.query)] == [[1, None], [1, 0], [2, 1]]


def test_a_running_total_is_shown_where_it_is_asked_for(desk: Desk) -> None:
    mended = desk.fit("Tickets per month with the running total", MONTHLY)
    assert mended.notes == ["shows the running total: 'running total'"]
    assert [row[1:] for row in desk.rows(mended.query)] == [[1, 1], [1, 2], [2, 4]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Tickets per month", MONTHLY),
        ("Tickets per month with the percentage change against the month before", MONTHLY),
        ("The tickets of each month that changed since", MONTHLY),
        ("Tickets with the change against the day before", "SELECT title FROM tickets"),
        (
            "By region, what was the increase over the day before?",
            "SELECT region, count(*) AS n FROM tickets GROUP BY region",
        ),
    ],
)
def test_nothing_is_added_otherwise(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)
