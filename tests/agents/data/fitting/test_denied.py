"""What a question rules out, where the query asks for it."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

IDS = "SELECT ticket_id FROM tickets"


@pytest.mark.parametrize(
    ("question", "where", "note", "rows"),
    [
        ("Tickets that aren't open", "status = 'open'", "left out 'open' of status, which the question rules out", [101, 102]),
        ("Tickets that aren\u2019t open", "status = 'open'", "left out 'open' of status, which the question rules out", [101, 102]),
        ("Tickets that are not pending yet", "status = 'pending'", "left out 'pending' of status, which the question rules out", [100, 101, 103]),
        ("Tickets that have never been closed", "status = 'closed'", "left out 'closed' of status, which the question rules out", [100, 102, 103]),
        ("All tickets except the pending ones", "status = 'pending'", "left out 'pending' of status, which the question rules out", [100, 101, 103]),
        ("Tickets not from Europe West", "region = 'Europe West'", "left out 'Europe West' of region, which the question rules out", [102, 103]),
        ("Tickets on hosts other than db-7", "host = 'db-7'", "left out 'db-7' of host, which the question rules out", [100, 101]),
        ("Tickets whose disk isn't slow", "title ILIKE '%slow%'", "left out 'slow' of title, which the question rules out", [100, 101, 103]),
        ("Tickets without failing logins", "title ILIKE '%fails%'", "left out 'fails' of title, which the question rules out", [100, 101, 102]),
    ],
)  # fmt: skip
def test_what_a_question_rules_out_is_left_out(
    desk: Desk, question: str, where: str, note: str, rows: list[int]
) -> None:
    assert desk.fitted_rows(question, f"{IDS} WHERE {where} ORDER BY 1", note) == [[row] for row in rows]


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("Tickets that aren't open", "status <> 'open'"),
        ("Tickets that aren't open", "NOT status = 'open'"),
        ("Tickets that aren't open", "NOT (status = 'open' OR status = 'closed')"),
        ("Tickets that aren't open", "ticket_id NOT IN (SELECT ticket_id FROM tickets WHERE status = 'open')"),
        ("Tickets whether or not open", "status = 'open'"),
        ("All tickets except for those", "status = 'open'"),
        ("Not only open tickets", "status = 'open'"),
        ("Open tickets and those that aren't open", "status = 'open'"),
        ("Open tickets that are not from Europe", "status = 'open'"),
        ("Tickets that are not resolved and still pending", "status = 'pending'"),
        ("Tickets that aren't opened by Ana", "status = 'closed'"),
    ],
)
def test_what_it_does_not_rule_out_stays(desk: Desk, question: str, where: str) -> None:
    assert desk.leaves(question, f"{IDS} WHERE {where}")


def test_a_value_that_denies_something_itself_is_meant_as_it_is(desk: Desk) -> None:
    assert desk.leaves("Devices with step not closed", "SELECT device_id FROM devices WHERE step = 'Not closed'")
