"""One row where the question asks for one, and the first of each where it asks for that."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

BY_REGION = "SELECT region, count(DISTINCT host) AS n FROM tickets GROUP BY region ORDER BY n DESC"


def test_the_one_with_the_most_is_one_row(desk: Desk) -> None:
    note = "shows 1 row: the question asks for the one with the most or the least"
    query = "SELECT region, count(DISTINCT host) AS n FROM tickets GROUP BY region ORDER BY n DESC"
    for question in (
        "Which region has the most different hosts?",
        "Leaving out Asia, which single region was affected on the most hosts?",
        "What office region had the highest number of hosts?",
    ):
        assert desk.fitted_rows(question, query, note) == [["Europe West", 2]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Which regions have the most different hosts?", BY_REGION),
        ("Which region is each host in, and which has the most?", BY_REGION),
        ("Rank the regions by hosts", BY_REGION),
        ("Which region has the most hosts, and how do the others compare?", BY_REGION),
        ("Which region had the most hosts and which the fewest?", BY_REGION),
        ("Which ticket has the longest title?", "SELECT region, title FROM tickets ORDER BY title"),
    ],
)
def test_several_stay_several(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_the_latest_of_each_is_a_row_of_each(desk: Desk) -> None:
    query = "SELECT region, title FROM tickets ORDER BY opened_at DESC LIMIT 1"
    mended = desk.fit("The title of the latest ticket of each region", query)
    assert "shows the first row of each region, as the question says: 'of each region'" in mended.notes
    assert sorted(row[:2] for row in desk.rows(mended.query)) == [
        ["Europe West", "VPN drops"],
        ["US East", "Disk slow"],
    ]
    assert desk.leaves("The title of the latest ticket", query.replace("title", "title, opened_at"))


@pytest.mark.parametrize(
    ("question", "query", "first"),
    [
        (
            "The two hosts with the fewest tickets",
            "SELECT host, count(*) AS n FROM tickets GROUP BY host ORDER BY n DESC, host LIMIT 2",
            ["lt-101", 1],
        ),
        ("The 2 oldest tickets", "SELECT title, opened_at FROM tickets ORDER BY opened_at DESC LIMIT 2", "Login fails"),
        (
            "The 2 most recent tickets",
            "SELECT title, opened_at FROM tickets ORDER BY opened_at LIMIT 2",
            "VPN drops",
        ),
    ],
)
def test_an_order_that_runs_the_other_way_is_turned(desk: Desk, question: str, query: str, first: object) -> None:
    mended = desk.fit(question, query)
    assert [note for note in mended.notes if "the other way round" in note] == mended.notes
    row = desk.rows(mended.query)[0]
    assert first in (row, row[0])


@pytest.mark.parametrize(
    ("question", "query"),
    [
        (
            "Hosts with at least 2 tickets",
            "SELECT host, count(*) AS n FROM tickets GROUP BY host ORDER BY n DESC LIMIT 5",
        ),
        (
            "The most and the fewest tickets of a host",
            "SELECT host, count(*) AS n FROM tickets GROUP BY host ORDER BY n DESC LIMIT 2",
        ),
        ("The oldest ticket", "SELECT title, opened_at FROM tickets ORDER BY opened_at LIMIT 1"),
        (
            "Top 5 hosts with the fastest answers",
            "SELECT host, avg(ticket_id) AS a FROM tickets GROUP BY host ORDER BY a LIMIT 5",
        ),
        (
            "The first ticket after the most recent one of Oslo",
            "SELECT title, opened_at FROM tickets ORDER BY opened_at LIMIT 1",
        ),
        ("The fewest tickets", "SELECT host, count(*) AS n FROM tickets GROUP BY host ORDER BY n LIMIT 5"),
    ],
)
def test_an_order_as_it_is_asked_for_stays(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


@pytest.mark.parametrize(
    ("question", "query", "note", "ids"),
    [
        (
            "The latest ticket record of each region",
            "SELECT region, max(opened_at) AS newest FROM tickets GROUP BY region",
            "shows the last row of each region, as the question says: 'latest ticket record of each region'",
            [100, 102],
        ),
        (
            "The first ticket event by host and status",
            "SELECT host, status, min(opened_at) FROM tickets GROUP BY 1, 2",
            None,  # groups by numbers
            [],
        ),
        (
            "Show the oldest entry for all hosts",
            "SELECT * FROM tickets ORDER BY opened_at",
            "shows the first row of each host, as the question says: 'oldest entry for all hosts'",
            [100, 101, 103],
        ),
        ("The latest record of each region", "SELECT region, min(opened_at) FROM tickets GROUP BY region", None, []),
        (
            "Show the latest events for the host",
            "SELECT * FROM tickets WHERE host = 'db-7' ORDER BY opened_at",
            None,
            [],
        ),
        (
            "When was the latest event of each region?",
            "SELECT region, max(opened_at) FROM tickets GROUP BY region",
            None,
            [],
        ),
        ("The latest times of each region", "SELECT region, max(opened_at) FROM tickets GROUP BY region", None, []),
        ("Show the oldest entry for all people", "SELECT * FROM tickets ORDER BY opened_at", None, []),
        ("Show the oldest entry for all hosts", "SELECT * FROM tickets ORDER BY title", None, []),
    ],
)
def test_the_latest_record_of_each_is_the_whole_row(
    desk: Desk, question: str, query: str, note: str | None, ids: list[int]
) -> None:
    mended = desk.fit(question, query)
    if note is None:
        assert not any("row of each" in one for one in mended.notes)
    else:
        assert note in mended.notes
        assert sorted(row[0] for row in desk.rows(mended.query)) == ids


def test_one_example_is_one_row(desk: Desk) -> None:
    note = "shows 1 row, as the question says"
    assert note in desk.fit("Get one ticket example and display its title", "SELECT title FROM tickets").notes
    assert desk.leaves("Get one ticket example and display its title", "SELECT title FROM tickets LIMIT 1")
    assert desk.leaves("Tickets with at least one sample", "SELECT title FROM tickets")
    assert desk.leaves("How many are there, in one example?", "SELECT count(*) AS n FROM tickets")
