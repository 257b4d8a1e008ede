"""Values as the rows have them: their spelling, the column that holds them, or nothing done."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from agents.data.sandbox import Sandbox
from shared.settings import Settings
from tests.agents.data.fitting.desk import Desk

IDS = "SELECT ticket_id FROM tickets"


@pytest.mark.parametrize(
    ("question", "query", "note", "rows"),
    [
        (
            "Tickets that are Pending",
            f"{IDS} WHERE status = 'Pending'",
            "used 'pending' for 'Pending', as status has it",
            [[102]],
        ),
        (
            "Tickets about VPN",
            f"{IDS} WHERE title = 'VPN'",
            "looked for 'VPN' as a part of title",
            [[100]],
        ),
        (
            "Tickets on db-7",
            f"{IDS} WHERE title = 'db-7' ORDER BY 1",
            "looked for 'db-7' in host: title has no such value",
            [[102], [103]],
        ),
        (
            "Where was lisbon seen?",
            'SELECT "VisitId" FROM "Visits" WHERE "Site" = \'lisbon\'',
            "used 'Lisbon' for 'lisbon', as Site has it",
            [[1]],
        ),
        (
            "Tickets with the word slow",
            f"{IDS} WHERE title ILIKE 'slow%'",
            "looked for 'slow' anywhere in title: no value is like 'slow%'",
            [[102]],
        ),
        (
            "Tickets where the login fails",
            f"{IDS} WHERE title = 'failed login'",
            "used 'Login fails' for 'failed login', as title has it",
            [[103]],
        ),
        (
            "Who is in the network team?",
            "SELECT p.full_name FROM people p JOIN teams AS t ON t.team_id = p.team_id WHERE t.team = 'network'",
            "used 'Network' for 'network', as team has it",
            [["Ana Silva"]],
        ),
    ],
)  # fmt: skip
def test_a_value_is_looked_for_as_the_rows_have_it(
    desk: Desk, question: str, query: str, note: str, rows: list[list[object]]
) -> None:
    assert desk.fitted_rows(question, query, note) == rows


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Tickets on lt-102", f"{IDS} WHERE host = 'lt-102'"),  # another thing than lt-101
        ("Tickets in Atlantis", f"{IDS} WHERE region = 'Atlantis'"),
        ("Tickets on lt-101", f"{IDS} WHERE host = 'lt-101'"),
        ("Tickets that are OPEN", f"{IDS} WHERE upper(status) = 'OPEN'"),
        ("Tickets that are OPEN", "WITH t AS (SELECT upper(status) AS status FROM tickets) SELECT * FROM t WHERE status = 'OPEN'"),
        ("Tickets that are OPEN", "WITH tickets AS (SELECT upper(status) AS status FROM main.tickets) SELECT * FROM tickets WHERE status = 'OPEN'"),
        ("Tickets that are OPEN", "SELECT * FROM (SELECT upper(status) AS status FROM tickets) AS t WHERE status = 'OPEN'"),
        ("Tickets that are not Open", f"{IDS} WHERE status <> 'Open'"),
        ("List tickets of db-9 of the last 7 days", f"{IDS} WHERE host = 'db-9' AND opened_at >= TIMESTAMP '2026-03-07 12:00'"),
        ("Tickets in Europe Central, and in Europe West", f"{IDS} WHERE region = 'Europe Central'"),
        ("Tickets whose title does not say open", f"{IDS} WHERE title NOT ILIKE '%open%'"),
        ("Tickets whose title says East", f"{IDS} WHERE title ILIKE '%East%'"),
        ("Tickets that say East somewhere", f"{IDS} WHERE host ILIKE '%East%' OR region ILIKE '%East%'"),
    ],
)  # fmt: skip
def test_a_value_without_a_near_one_or_of_something_computed_stays(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_a_table_of_a_schema_and_both_sides_of_a_union_are_looked_into(desk: Desk) -> None:
    query = "SELECT verdict FROM ops.audits WHERE verdict = 'passed'"
    assert desk.fit("Audits that passed", query).notes == ["used 'Passed' for 'passed', as verdict has it"]
    both = f"{IDS} WHERE host = 'DB-7' UNION {IDS} WHERE status = 'OPEN' ORDER BY 1"
    mended = desk.fit("Tickets on DB-7 or that are OPEN", both)
    assert mended.notes == ["used 'db-7' for 'DB-7', as host has it", "used 'open' for 'OPEN', as status has it"]
    assert desk.rows(mended.query) == [[100], [102], [103]]


def test_a_value_with_a_quote_does_no_harm(desk: Desk) -> None:
    assert desk.leaves("Tickets of O'Brien's disk", f"{IDS} WHERE title = 'O''Brien''s disk'")


def test_without_rows_nothing_is_looked_up(settings: Settings) -> None:
    assert Desk(Sandbox(settings)).leaves("Tickets that are Pending", f"{IDS} WHERE status = 'Pending'")


def test_a_part_is_looked_for_as_sqlite_says_it(desk_rows: Sandbox) -> None:
    mended = Desk(desk_rows, "sqlite").fit("Tickets about VPN", f"{IDS} WHERE title = 'VPN'")
    assert "LOWER(title) LIKE LOWER('%VPN%')" in mended.query
