"""Groups by a unit of time that nobody asked for."""

from __future__ import annotations

import pytest

from tests.agents.data.fitting.desk import Desk

DAY = "date_trunc('day', opened_at)"
NOTE = "did not group by `DATE_TRUNC('DAY', opened_at)`: the question asks for no course over time"
BY_REGION = [["Europe West", 2], ["US East", 2]]


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT {DAY} AS day, region, count(*) AS n FROM tickets GROUP BY day, region ORDER BY day, region",
        f"SELECT region, {DAY} AS day, count(*) AS n FROM tickets GROUP BY 1, 2 ORDER BY 2, 1",
        f"SELECT region, count(*) AS n FROM tickets GROUP BY {DAY}, region ORDER BY {DAY}, region",
        f"SELECT {DAY} AS day, region, count(*) AS n FROM tickets GROUP BY ALL ORDER BY 2".replace("ALL", "1, 2"),
    ],
)
def test_a_unit_of_time_is_taken_out_of_groups_columns_and_order(desk: Desk, query: str) -> None:
    assert desk.fitted_rows("How many tickets are there by region?", query, NOTE) == BY_REGION


def test_a_time_that_is_measured_asks_for_no_course(desk: Desk) -> None:
    query = f"SELECT {DAY} AS day, region, count(*) AS n FROM tickets GROUP BY day, region"
    assert desk.fitted_rows("How many response times are there by region?", query, NOTE) == BY_REGION
    assert not any("no course" in note for note in desk.fit("Tickets by region over time", query).notes)


def test_every_unit_goes_and_the_order_keeps_its_meaning(desk: Desk) -> None:
    query = """SELECT year(opened_at) AS y, month(opened_at) AS m, region, max(ticket_id) AS newest
        FROM tickets GROUP BY 1, 2, 3 ORDER BY 1, 2, 4 DESC"""
    mended = desk.fit("The newest ticket of each region", query)
    assert len(mended.notes) == 2
    assert desk.rows(mended.query) == [["US East", 103], ["Europe West", 101]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("How many tickets per day?", f"SELECT {DAY} AS day, count(*) FROM tickets GROUP BY day"),
        ("When do most tickets come in?", f"SELECT {DAY} AS day, count(*) FROM tickets GROUP BY day"),
        ("Tickets of Berlin", f"SELECT DISTINCT {DAY} FROM tickets"),
        ("How many tickets are there by region?", "SELECT region, count(*) FROM tickets GROUP BY region"),
        (
            "How busy is the desk on average?",
            f"SELECT avg(n) FROM (SELECT {DAY} AS day, count(*) AS n FROM tickets GROUP BY day) AS d",
        ),
    ],
)
def test_units_that_are_asked_for_or_worked_with_stay(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_a_group_that_is_the_same_in_all_rows_gives_way_to_the_one_that_is_asked_for(desk: Desk) -> None:
    query = "SELECT status, count(*) AS n FROM tickets WHERE status = 'open' GROUP BY status ORDER BY status"
    note = "grouped by region, as the question says: status is the same in all rows"
    assert desk.fitted_rows("How many open tickets per region?", query, note) == [["Europe West", 1], ["US East", 1]]
    assert desk.leaves(
        "How many open tickets per region?", query.replace("status", "region", 1).replace("BY status", "BY region")
    )
    assert desk.leaves("How many open tickets are there?", query)
    computed = """SELECT status AS s, sum(CASE WHEN status = 'open' THEN 1 END) AS n FROM tickets
        WHERE status = 'open' GROUP BY status"""
    mended = desk.fit("How many open tickets per region?", computed)
    assert sorted(desk.rows(mended.query)) == [["Europe West", 1], ["US East", 1]]


def test_what_it_groups_and_orders_by_is_shown(desk: Desk) -> None:
    mended = desk.fit(
        "The average ticket id by region", "SELECT avg(ticket_id) AS mean FROM tickets GROUP BY region ORDER BY 1"
    )
    assert mended.notes == ["shows 'region', by which it groups"]
    query = "SELECT title FROM tickets ORDER BY ticket_id DESC LIMIT 1"
    note = "shows 'ticket_id', by which it orders"
    assert desk.fitted_rows("The last ticket", query, note) == [["Login fails", 103]]
    assert desk.leaves(
        "Regions and their average", "SELECT region AS r, avg(ticket_id) AS mean FROM tickets GROUP BY r"
    )
    assert desk.leaves("Regions by number", "SELECT region, count(*) AS n FROM tickets GROUP BY 1 ORDER BY n")


def test_what_the_first_of_groups_are_ranked_by_is_shown(desk: Desk) -> None:
    query = "SELECT host FROM tickets GROUP BY host ORDER BY count(*) DESC LIMIT 1"
    note = "shows 'COUNT(*)', by which it orders"
    assert desk.fitted_rows("The host with the most tickets", query, note) == [["db-7", 2]]
    assert desk.leaves("The host with the most tickets", query.replace("host FROM", "host, count(*) AS n FROM"))


def test_a_time_is_shown_as_it_is(desk: Desk) -> None:
    query = "SELECT ticket_id, date_trunc('hour', opened_at) AS opened_at FROM tickets WHERE status = 'closed'"
    mended = desk.fit("The id and time of closed tickets", query)
    assert mended.notes == ["shows opened_at as it is, not `DATE_TRUNC('HOUR', opened_at)`"]
    assert desk.rows(mended.query) == [[101, "2026-03-05T10:00:00Z"]]
    assert desk.leaves("The id and hour of closed tickets", query)
    bare = desk.fit("Closed tickets", query.replace(" AS opened_at", ""))
    assert desk.rows(bare.query) == [[101, "2026-03-05T10:00:00Z"]]


def test_groups_by_the_moment_become_groups_by_the_step(desk: Desk) -> None:
    query = "SELECT opened_at, count(*) AS n FROM tickets GROUP BY opened_at ORDER BY opened_at DESC"
    mended = desk.fit("How many tickets were opened each month?", query)
    assert mended.notes == [
        "grouped by the month of opened_at, 'each month'",
        "ordered by time forwards: the question does not ask for the newest first",
    ]
    assert [row[1] for row in desk.rows(mended.query)] == [1, 1, 2]


def test_rows_that_the_question_lists_with_or_are_one_group(desk: Desk) -> None:
    query = """SELECT region, status, count(*) AS n FROM tickets WHERE status IN ('open', 'pending')
        GROUP BY region, status ORDER BY region, status"""
    note = "did not group by `status`: the question asks for open or pending, not for each"
    assert desk.fitted_rows("How many open or pending tickets per region?", query, note) == [
        ["Europe West", 1],
        ["US East", 2],
    ]
    assert desk.leaves("How many open or pending tickets per region and status?", query)
    assert desk.leaves("How many open and pending tickets per region?", query)
