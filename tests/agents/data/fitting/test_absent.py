"""What has not happened yet, and what already has."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk


@pytest.mark.parametrize("said", ["unresolved", "not yet resolved", "never resolved", "not been resolved"])
def test_what_is_not_done_has_no_time(desk: Desk, said: str) -> None:
    query = "SELECT ticket_id FROM tickets WHERE region = 'Europe West'"
    note = f"took '{said}' as resolved_at without a time"
    assert desk.fitted_rows(f"The tickets of Europe West that are {said}", query, note) == [[100]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Unresolved tickets", "SELECT ticket_id FROM tickets WHERE resolved_at IS NULL"),
        ("Unresolved tickets", "SELECT ticket_id FROM tickets WHERE status <> 'resolved'"),
        ("Resolved tickets", "SELECT ticket_id FROM tickets WHERE NOT resolved_at IS NULL"),
        ("Unassigned tickets", "SELECT ticket_id FROM tickets"),
        ("People of the United team", "SELECT full_name FROM people"),
        ("How long did tickets stay unresolved?", "SELECT avg(ticket_id) FROM tickets"),
        ("What share of tickets is unresolved?", "SELECT count(*) FROM tickets"),
        ("Unresolved and resolved tickets", "SELECT count(*) FROM tickets"),
        ("When were unresolved tickets resolved?", "SELECT resolved_at FROM tickets"),
    ],
)
def test_what_is_said_another_way_stays(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_what_has_already_happened_is_over(desk: Desk) -> None:
    query = "SELECT full_name FROM people WHERE NOT left_on IS NULL"
    note = "took 'already' as left_on before now"
    assert desk.fitted_rows("Who has already left?", query, note) == [["Bo Berg"]]
    assert desk.leaves("Who leaves?", query)
    assert desk.leaves("Who has already answered?", query)
