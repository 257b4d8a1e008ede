"""SQL that searches logs looks as people search: whole rows, any case, no limit that nobody asked for."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

WHOLE = "shows all columns: the question does not say which"


@pytest.mark.parametrize(
    ("question", "query", "notes"),
    [
        ("Open tickets", "SELECT title, host FROM tickets WHERE status = 'open'", [WHOLE]),
        (
            "Open tickets",
            "SELECT title, host ->> '$.name' AS named FROM tickets WHERE status = 'open' ORDER BY named",
            [WHOLE],
        ),
        ("Tickets about VPN", "SELECT * FROM tickets WHERE title LIKE '%vpn%'", ["looks for '%vpn%' in any case"]),
        (
            "Open tickets",
            "SELECT * FROM tickets WHERE status = 'open' LIMIT 100",
            ["left out the limit of 100: the question says none"],
        ),
    ],
)
def test_a_search_is_done_as_people_do(desk: Desk, question: str, query: str, notes: list[str]) -> None:
    mended = desk.fit(question, query, whole_rows=True)
    assert mended.notes == notes
    assert desk.fit(question, mended.query, whole_rows=True).notes == []
    assert "named" not in mended.query


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Title and host of open tickets", "SELECT title, host FROM tickets WHERE status = 'open'"),
        ("The 5 open tickets", "SELECT * FROM tickets WHERE status = 'open' LIMIT 5"),
        (
            "Which host has most tickets?",
            "SELECT host, count(*) AS n FROM tickets GROUP BY host ORDER BY n DESC LIMIT 1",
        ),
        ("Which hosts start with db?", "SELECT DISTINCT host FROM tickets WHERE host ILIKE 'db%'"),
        ("Which visits were in Oslo? Give visit ids", 'SELECT "VisitId" FROM "Visits" WHERE "Site" = \'Oslo\''),
        ("VPN in capitals", "SELECT * FROM tickets WHERE title LIKE '%VPN%'"),
        ("Show me twenty tickets", "SELECT * FROM tickets LIMIT 20"),
        ("Whose badge is first?", "SELECT * FROM people WHERE person_id = (SELECT person_id FROM badges LIMIT 1)"),
        ("How many open tickets?", "SELECT count(*) FROM tickets WHERE status = 'open'"),
    ],
)
def test_what_was_asked_for_stays(desk: Desk, question: str, query: str) -> None:
    assert desk.fit(question, query, whole_rows=True).notes == []


def test_parts_of_texts_are_found_in_any_case(desk: Desk) -> None:
    mended = desk.fit("Tickets about disk", "SELECT * FROM tickets WHERE title LIKE 'disk%'", whole_rows=True)
    assert [row[0] for row in desk.rows(mended.query)] == [101, 102]
