"""Conditions that nothing says are left out; those that something says stay."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from shared.catalog import Example
from tests.agents.data.fitting.desk import Desk

IDS = "SELECT ticket_id FROM tickets"


@pytest.mark.parametrize(
    ("query", "note", "ids"),
    [
        (
            f"{IDS} WHERE status = 'open' AND region = 'Europe West' ORDER BY 1",
            "left out `region = 'Europe West'`, which nothing in the question says",
            [100, 103],
        ),
        (
            f"WITH t AS (SELECT * FROM tickets WHERE title LIKE 'Disk%') {IDS.replace('tickets', 't')} WHERE status = 'open' ORDER BY 1",
            "left out `title LIKE 'Disk%'`, which nothing in the question says",
            [100, 103],
        ),
        (
            f"{IDS} WHERE status = 'open' AND owner_id > 10 ORDER BY 1",
            "left out `owner_id > 10`, which nothing in the question says",
            [100, 103],
        ),
        (
            f"{IDS} WHERE (status = 'open' OR region = 'Europe West') AND ticket_id > 0 ORDER BY 1",
            "left out `region = 'Europe West'`, which nothing in the question says",
            [100, 103],
        ),
        (
            f"{IDS} WHERE status IN ('open', 'closed', 'pending') AND host LIKE 'db%' ORDER BY 1",
            "left out `status IN (...)`, which lists every known value",
            [102, 103],
        ),
    ],
)  # fmt: skip
def test_a_condition_that_nothing_says_is_left_out(desk: Desk, query: str, note: str, ids: list[int]) -> None:
    question = "Which db tickets?" if "db%" in query else "Which tickets are open?"
    assert desk.fitted_rows(question, query, note) == [[one] for one in ids]


@pytest.mark.parametrize(
    ("question", "where"),
    [
        ("Which tickets are open?", "status = 'open'"),
        ("Which tickets are still being worked on?", "status = 'pending'"),  # a known value, said in other words
        ("Which tickets are open, or of west Europe?", "status = 'open' OR region = 'Europe West'"),
        ("Tickets of west Europe", "region = 'Europe West'"),
        ("Tickets that are open, closed or pending", "status IN ('open', 'closed', 'pending')"),
        ("Which tickets are not resolved?", "status NOT IN ('open', 'closed', 'pending')"),
        ("Which tickets have commas in their title?", "title LIKE '%,%'"),
        ("Which tickets have an owner?", "owner_id > 0"),
        ("Which tickets are about disks?", "title IN (SELECT title FROM tickets WHERE title LIKE 'Disk%')"),
    ],
)
def test_what_is_said_or_known_stays(desk: Desk, question: str, where: str) -> None:
    assert desk.leaves(question, f"{IDS} WHERE {where}")


def test_what_an_examples_question_alone_says_is_left_out_and_a_custom_of_the_group_stays(desk: Desk) -> None:
    query = f"{IDS} WHERE status = 'pending' AND host LIKE 'db%'"
    own = Example(question="Which tickets are pending?", query=f"{IDS} WHERE status = 'pending'")
    custom = Example(question="Which tickets wait?", query=f"{IDS} WHERE status = 'pending'")
    assert desk.fit("Tickets of db hosts", query, [own]).notes == [
        "left out `status = 'pending'`, which nothing in the question says"
    ]
    assert desk.fit("Tickets of db hosts", query, [custom]).notes == []
    closed = f"{IDS} WHERE status = 'closed' AND host LIKE 'db%'"
    in_another_form = Example(question="Tickets closing today", query=f"{IDS} WHERE status = 'closed'")
    assert desk.fit("Tickets of db hosts", closed, [in_another_form]).notes
    assert desk.fit("Closing tickets of db hosts", closed, [in_another_form]).notes == []


def test_the_only_value_of_a_column_is_no_condition(desk: Desk) -> None:
    query = "SELECT team_id FROM teams WHERE kind = 'teams' ORDER BY 1"
    note = "left out `kind = 'teams'`: the column has no other value"
    assert desk.fitted_rows("Which teams are there?", query, note) == [[1], [2]]
    assert desk.leaves("Which teams are of the kind teams?", query)
    outer = "SELECT p.full_name FROM people AS p LEFT JOIN teams AS t ON t.team_id = p.team_id WHERE t.kind = 'teams'"
    assert desk.leaves("Which people are in teams?", outer)


def test_words_of_a_tables_name_say_the_table_and_no_value_of_an_example(desk: Desk) -> None:
    query = f"{IDS} WHERE status = 'open' AND title = 'All tickets moved'"
    example = Example(
        question="Which tickets are called All tickets moved?", query=f"{IDS} WHERE title = 'All tickets moved'"
    )
    note = "left out `title = 'All tickets moved'`, which nothing in the question says"
    assert desk.fit("Open tickets", query, [example]).notes == [note]


def test_a_word_that_says_which_logs_is_no_value_of_theirs(desk: Desk) -> None:
    query = "SELECT LogId FROM SignLogs WHERE SignKind = 'Sign' AND \"User\" = 'ana'"
    note = "left out `SignKind = 'Sign'`: the question says the table by that, and nothing of SignKind"
    assert desk.fit("Sign logs of ana", query, as_logs=True).notes == [note]
    assert desk.fit("Sign logs of ana", query).notes == []
    assert desk.fit("Sign logs of the kind sign, by ana", query, as_logs=True).notes == []
    assert desk.fit("Logs of 'Sign' by ana", query, as_logs=True).notes == []


@pytest.mark.parametrize(
    ("question", "where", "closed"),
    [
        ("Open or pending tickets of US East", "status = 'open' OR status = 'pending' AND region = 'US East'", True),
        ("Tickets of US East, open or pending", "region = 'US East' AND status = 'open' OR status = 'pending'", True),
        (
            "Tickets of US East, open or pending, under 104",
            "region = 'US East' AND status = 'open' OR status = 'pending' AND ticket_id < 104",
            True,
        ),
        ("Tickets about db-7 in US East", "title = 'db-7' OR host = 'db-7' AND region = 'US East'", True),
        ("Tickets on db-7, or called db-7 in US East", "host = 'db-7' OR (title = 'db-7' AND region = 'US East')", False),
        ("Tickets without a host", "host = '' OR title = '' AND region = 'US East'", False),
        ("Tickets open in US East, or pending anywhere", "region = 'US East' AND status = 'open' OR status = 'pending'", False),
        ("Open tickets, or tickets pending in US East", "status = 'open' OR status = 'pending' AND region = 'US East'", False),
        ("Tickets that are open, or of US East", "status = 'open' OR region = 'US East'", False),
    ],
)  # fmt: skip
def test_a_list_is_closed_before_and_where_the_question_lists_it(
    desk: Desk, question: str, where: str, closed: bool
) -> None:
    mended = desk.fit(question, f"{IDS} WHERE {where} ORDER BY 1")
    assert any(note.startswith("read `") for note in mended.notes) is closed
    assert desk.rows(mended.query) == ([[102], [103]] if closed else desk.rows(f"{IDS} WHERE {where} ORDER BY 1"))


def test_branches_that_the_question_may_say_in_other_words_stay(desk: Desk) -> None:
    assert desk.leaves(
        "Which tickets are open or still waiting?", f"{IDS} WHERE status = 'open' OR title ILIKE '%on hold%'"
    )
    query = f"{IDS} WHERE title ILIKE '%on hold%' OR resolved_at IS NULL ORDER BY 1"
    mended = desk.fit("Which tickets are unresolved?", query)
    assert mended.notes == ["left out `title ILIKE '%on hold%'`, which nothing in the question says"]
    assert desk.rows(mended.query) == [[100], [102], [103]]


@pytest.mark.parametrize(
    ("question", "query", "turned"),
    [
        ("Teams with more than 2 people", "SELECT team_id FROM people GROUP BY 1 HAVING count(*) < 2", "COUNT(*) > 2"),
        ("Tickets over 100", "SELECT title FROM tickets WHERE 100 - ticket_id >= 100", "100 - ticket_id >= 100"),
        ("Badges below 90", "SELECT badge_id FROM badges WHERE 90 < 100 - badge_id", "90 > 100 - badge_id"),
        ("Badges at least 10", "SELECT badge_id FROM badges WHERE badge_id < 10", "badge_id >= 10"),
        ("Badges over 10", "SELECT badge_id FROM badges WHERE badge_id <= 10", "badge_id > 10"),
    ],
)
def test_a_comparison_is_turned_to_the_side_that_is_said(desk: Desk, question: str, query: str, turned: str) -> None:
    assert turned in desk.fit(question, query).query.replace("\n", " ")


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Badges with no more than 10", "SELECT badge_id FROM badges WHERE badge_id <= 10"),
        ("Badges over 10 and under 10", "SELECT badge_id FROM badges WHERE badge_id < 10"),
        ("Tickets open for more than 3 days", "SELECT title FROM tickets WHERE opened_at < now() - INTERVAL 3 DAY"),
        ("Badges over 10", "SELECT badge_id FROM badges WHERE NOT badge_id <= 10"),
        ("Badges that don’t exceed 10", "SELECT badge_id FROM badges WHERE badge_id <= 10"),
        ("Badges that fail to exceed 10", "SELECT badge_id FROM badges WHERE badge_id <= 10"),
        ("Badges that don't exceed 10", "SELECT badge_id FROM badges WHERE badge_id <= 10"),
        ("Badges without those above 10", "SELECT badge_id FROM badges WHERE badge_id <= 10"),
        ("The mean over 10 rows", "SELECT avg(badge_id) FROM badges WHERE badge_id <= 10"),
        ("Share over 10", "SELECT avg(CASE WHEN badge_id <= 10 THEN 0 ELSE 1 END) FROM badges"),
        ("Badges over 10", "SELECT badge_id FROM badges WHERE badge_id < 10 OR badge_id > 10"),
    ],
)
def test_a_comparison_that_may_be_meant_is_not_turned(desk: Desk, question: str, query: str) -> None:
    assert not any(note.startswith("turned") for note in desk.fit(question, query).notes)


@pytest.mark.parametrize(
    ("question", "query", "kept"),
    [
        ("VPN tickets", "SELECT title FROM tickets WHERE host = 'vpn' AND title LIKE '%VPN%'", "title"),
        ("Tickets of lt-101", "SELECT title FROM tickets WHERE host = 'lt-101'", "host"),  # a thing that it names
    ],
)
def test_a_column_that_is_not_spoken_of_is_not_compared(desk: Desk, question: str, query: str, kept: str) -> None:
    mended = desk.fit(question, query, aside=["host"])
    is_left_out = any("how rows were collected" in note for note in mended.notes)
    assert is_left_out is (kept == "title")
    assert kept in mended.query.partition("WHERE")[2]
