"""Things that are asked for are shown once each."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

NOTE = "shows each once: the question asks which, not for every row"


@pytest.mark.parametrize(
    ("question", "query", "rows"),
    [
        ("Which hosts had trouble?", "SELECT host FROM tickets", [["db-7"], ["lt-101"], ["lt-103"]]),
        ("Which hosts had trouble?", "SELECT host AS name FROM tickets", [["db-7"], ["lt-101"], ["lt-103"]]),
        ("List all hosts of the tickets", "SELECT host FROM tickets", [["db-7"], ["lt-101"], ["lt-103"]]),
        ("Give me the different hosts", "SELECT host FROM tickets", [["db-7"], ["lt-101"], ["lt-103"]]),
        ("Which servers of US East had trouble?", "SELECT host FROM tickets WHERE region = 'US East'", [["db-7"]]),
        (
            "Which hosts are of US East or have ticket 101?",
            "SELECT host FROM tickets WHERE region = 'US East' "
            "UNION ALL SELECT host FROM tickets WHERE ticket_id = 101",
            [["db-7"], ["lt-103"]],
        ),
    ],
)
def test_a_thing_is_shown_once(desk: Desk, question: str, query: str, rows: list[list[str]]) -> None:
    assert sorted(desk.fitted_rows(question, query, NOTE)) == rows


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Which tickets are of US East?", "SELECT ticket_id, host FROM tickets WHERE region = 'US East'"),
        ("Which hosts had trouble, and when?", "SELECT host, opened_at FROM tickets"),
        ("Which hosts had trouble each time?", "SELECT host FROM tickets"),
        ("Which regions have trouble, with the title of every ticket?", "SELECT region, title FROM tickets"),
        ("What are the regions and titles of the tickets?", "SELECT region, status FROM tickets"),
        ("Show the hosts of the tickets", "SELECT host FROM tickets"),
        ("List all ticket ids", "SELECT ticket_id FROM tickets"),
        ("List all hosts and their titles", "SELECT host, title FROM tickets"),
        ("List all titles each time", "SELECT title FROM tickets"),
        ("Which host has ticket 102?", "SELECT host FROM tickets WHERE ticket_id = 102"),
        ("Which hosts had trouble?", "SELECT host, count(*) AS n FROM tickets GROUP BY host"),
        ("Which hosts had trouble?", "SELECT host FROM tickets UNION ALL (SELECT host FROM tickets LIMIT 1)"),
        ("Which hosts had trouble?", "SELECT host FROM tickets UNION SELECT region FROM tickets"),
    ],
)
def test_rows_that_are_asked_for_stay(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)
