"""Names shown beside what the question asks of things."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk


def test_the_name_of_what_is_asked_for_is_shown(desk: Desk) -> None:
    query = "SELECT opened_at FROM tickets WHERE region = 'US East' ORDER BY opened_at"
    note = "shows title, the name of what the question asks for"
    rows = desk.fitted_rows("What are the oldest tickets of US East?", query, note)
    assert [row[1] for row in rows] == ["Login fails", "Disk slow"]


def test_so_is_that_of_each_thing(desk: Desk) -> None:
    query = "SELECT p.full_name FROM people p JOIN teams t ON p.team_id = t.team_id ORDER BY 1"
    note = "shows t.team, the name of what the question asks for"
    assert desk.fitted_rows("The people in each team", query, note)[0] == ["Ana Silva", "Network"]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("What are the oldest tickets?", "SELECT ticket_id, opened_at FROM tickets ORDER BY opened_at"),
        ("What is the average age of each ticket?", "SELECT avg(ticket_id) FROM tickets"),
        ("What are the oldest tickets?", "SELECT * FROM tickets"),
        ("Opening times of tickets", "SELECT opened_at FROM tickets"),
    ],
)
def test_nothing_is_added_where_it_is_shown_or_not_asked_for(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)
