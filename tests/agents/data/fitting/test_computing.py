"""Counts, shares, steps of time and units, as the question asks."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

from typing import Any

import pytest

from agents.data.fitting.ordering import show_order
from agents.data.fitting.steps import Step, read_step
from agents.data.fitting.units import plain_parts
from shared.catalog import Table
from tests.agents.data.fitting.desk import Desk

VISITS = Table.model_validate(
    {"name": "calls", "columns": [{"name": "site", "type": "VARCHAR"}, {"name": "count", "type": "BIGINT"}]}
)


@pytest.mark.parametrize(
    ("question", "query", "note", "rows"),
    [
        (
            "How many tickets are open?",
            "SELECT title, host FROM tickets WHERE status = 'open' ORDER BY title LIMIT 1",
            "counted the rows by `COUNT(*)`: the question asks how many",
            [[2]],
        ),
        (
            "How many hosts have tickets?",
            "SELECT DISTINCT host FROM tickets",
            "counted the rows by `COUNT(DISTINCT host)`: the question asks how many",
            [[3]],
        ),
        (
            "What percentage of the tickets is open?",
            "SELECT 100.0 * count(*) FILTER (WHERE status = 'open') / count(*) AS pct FROM tickets WHERE status = 'open'",
            "left out `status = 'open'` of all rows: the share is of those with and without",
            [[50.0]],
        ),
        (
            "Which hosts have tickets?",
            "SELECT host FROM tickets GROUP BY host HAVING count(*) > 1 ORDER BY host",
            "left out `COUNT(*) > 1`, which nothing in the question says",
            [["db-7"], ["lt-101"], ["lt-103"]],
        ),
        (
            "Average hours until tickets are resolved",
            "SELECT avg(date_diff('minute', opened_at, resolved_at)) AS hours FROM tickets",
            "took `AVG(DATE_DIFF('MINUTE', opened_at, resolved_at))` in hours, as the question asks",
            [[24.0]],
        ),
        (
            "Average minutes until tickets are resolved",
            "SELECT avg(date_diff('minute', opened_at, resolved_at)) / 60 AS minutes FROM tickets",
            "took `AVG(DATE_DIFF('MINUTE', opened_at, resolved_at)) / 60` in minutes, as the question asks",
            [[1440.0]],
        ),
        (
            "Which two hours of the day have the most tickets?",
            "SELECT CAST(opened_at AS TIME) AS h, count(*) AS n FROM tickets GROUP BY h ORDER BY n DESC, h LIMIT 2",
            "used `EXTRACT(HOUR FROM opened_at)` for `CAST(opened_at AS TIME)`: the question asks for hours of the day",
            [[10, 3], [9, 1]],
        ),
        (
            "At which hour of the day are most tickets opened?",
            "SELECT time_bucket(INTERVAL 1 HOUR, opened_at) AS h, count(*) AS n FROM tickets GROUP BY h ORDER BY n DESC LIMIT 1",
            "used `EXTRACT(HOUR FROM opened_at)` for `TIME_BUCKET(INTERVAL '1' HOUR, opened_at)`: the question asks for hours of the day",
            [[10, 3]],
        ),
    ],
)  # fmt: skip
def test_what_is_computed_is_what_the_question_asks_for(
    desk: Desk, question: str, query: str, note: str, rows: list[list[object]]
) -> None:
    assert desk.fitted_rows(question, query, note) == rows


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("How many tickets are open?", "SELECT count(*) FROM tickets WHERE status = 'open'"),
        ("How many minutes did tickets take?", "SELECT ticket_id FROM tickets"),
        ("How many tickets are there by host, and which?", "SELECT host, title FROM tickets"),
        ("How many tickets has each person?", "SELECT p.full_name FROM people p JOIN tickets t ON t.owner_id = p.person_id"),
        ("Which hosts have more than one ticket?", "SELECT host FROM tickets GROUP BY host HAVING count(*) > 1"),
        ("Which hosts have 2 tickets?", "SELECT host FROM tickets GROUP BY host HAVING count(*) >= 2"),
        (
            "What percentage of the tickets is open?",
            "SELECT 100.0 * count(*) FILTER (WHERE status = 'open') / count(*) AS pct FROM tickets WHERE host = 'db-7'",
        ),
        ("Average hours until resolved", "SELECT avg(date_diff('hour', opened_at, resolved_at)) AS hours FROM tickets"),
        ("Average hours until resolved", "SELECT avg(date_diff('minute', opened_at, resolved_at)) / 60 AS h FROM tickets"),
        ("Open tickets of the last 24 hours", "SELECT date_diff('minute', opened_at, now()) AS age FROM tickets WHERE status = 'open' AND opened_at >= now() - INTERVAL 24 HOUR"),
    ],
)  # fmt: skip
def test_what_fits_stays(desk: Desk, question: str, query: str) -> None:
    if "db-7" in query:
        question = f"{question} of db-7"
    assert desk.leaves(question, query)


@pytest.mark.parametrize(
    ("question", "step"),
    [
        ("How many tickets were opened per day?", Step(1, "day", "per day")),
        ("Count tickets at 30 minute intervals", Step(30, "minute", "at 30 minute intervals")),
        ("Count tickets in ten-minute steps", Step(10, "minute", "in ten-minute steps")),
        ("How many on each of the last seven days?", Step(1, "day", "each of the last seven days")),
        ("Tickets by week", Step(1, "week", "by week")),
        ("Tickets every 15 minutes", Step(15, "minute", "every 15 minutes")),
        ("Tickets by hour of the day", None),
        ("Tickets per half hour", Step(30, "minute", "per half hour")),
        ("Tickets by quarter of an hour", Step(15, "minute", "by quarter of an hour")),
        ("Tickets resolved within half an hour", None),
        ("Tickets by quarter", Step(1, "quarter", "by quarter")),
        ("How many pay more than 20 euros per month?", None),
        ("Count tickets between 14:00 and 16:00 in ten-minute steps", Step(10, "minute", "in ten-minute steps")),
        ("The average number of tickets per day", None),
        ("Tickets per day and per hour", None),
        ("Tickets of the last seven days", None),
        ("In how many hourly measurements was the disk full?", None),
    ],
)
def test_a_step_of_time_is_read(question: str, step: Step | None) -> None:
    assert read_step(question) == step


def test_counts_are_grouped_by_the_step_asked_for(desk: Desk) -> None:
    mended = desk.fit(
        "How many tickets were opened per month?", "SELECT count(*) AS n FROM tickets WHERE opened_at < now()"
    )
    assert mended.notes == ["grouped by opened_at, 'per month'"]
    assert [(str(month)[:7], n) for month, n in desk.rows(mended.query)] == [
        ("2026-01", 1),
        ("2026-02", 1),
        ("2026-03", 2),
    ]


def test_rows_are_counted_by_the_step_asked_for(desk: Desk) -> None:
    mended = desk.fit("How many visits per day?", 'SELECT "Site" FROM "Visits"')
    assert [n for _, n in desk.rows(mended.query)] == [1, 1]


def test_groups_by_time_that_show_nothing_are_counted(desk: Desk) -> None:
    query = "SELECT date_trunc('month', opened_at) AS month, status FROM tickets GROUP BY 1, 2 ORDER BY 1, 2"
    mended = desk.fit("Visualize the status of tickets per month", query)
    assert [row[1:] for row in desk.rows(mended.query)] == [["open", 1], ["pending", 1], ["closed", 1], ["open", 1]]


def test_steps_of_another_length_are_set_and_shown(desk: Desk) -> None:
    query = "SELECT count(*) AS n FROM tickets GROUP BY time_bucket(INTERVAL 1 HOUR, opened_at) ORDER BY time_bucket(INTERVAL 1 HOUR, opened_at)"
    mended = desk.fit("Count the tickets in 90-day steps", query.replace("1 HOUR", "7 DAY"))
    assert len(mended.notes) == 2
    assert [n for _, n in desk.rows(mended.query)] == [2, 2]
    right = "SELECT date_trunc('month', opened_at) AS month, count(*) AS n FROM tickets GROUP BY 1"
    assert desk.leaves("Count the tickets per month", right)
    assert "DATE_TRUNC('MONTH'" in desk.fit("Count the tickets per month", right.replace("'month'", "'day'")).query


def test_two_columns_of_time_give_no_step(desk: Desk) -> None:
    assert desk.leaves("How many tickets per month?", "SELECT count(*) AS n FROM tickets")


def test_a_column_that_parts_what_is_asked_for_is_no_group(desk: Desk) -> None:
    query = "SELECT host, title, count(*) AS n FROM tickets GROUP BY host, title ORDER BY host"
    mended = desk.fit("How many tickets has each host?", query)
    assert mended.notes == ["did not group by `title`, which the question does not speak of"]
    assert desk.rows(mended.query) == [["db-7", 2], ["lt-101", 1], ["lt-103", 1]]
    assert desk.leaves("Tickets by host and title", query)
    assert desk.leaves("How often was each thing told, by host?", query), "two things are asked for, and there are two"
    held = "SELECT status, title, count(*) AS n FROM tickets WHERE status IN ('open', 'closed') GROUP BY status, title"
    assert desk.leaves("How many open and closed tickets has each thing?", held), "the status says which rows are meant"
    assert desk.leaves(
        "How many tickets has each host?", "SELECT host, region, count(*) AS n FROM tickets GROUP BY host, region"
    ), "a region more parts no host"


def test_a_part_longer_than_what_is_said_is_cut_to_it(desk: Desk) -> None:
    query = "SELECT ticket_id FROM tickets WHERE title LIKE '%VPN drops packets%'"
    mended = desk.fit("Tickets about packets and drops", query)
    assert mended.query == query, "two words of it are said"
    mended = desk.fit("Anything on drops?", query)
    assert mended.notes == ["looked for 'drops' in title, not for 'VPN drops packets'"]
    assert desk.rows(mended.query) == [[100]]


def test_a_constant_on_what_is_grouped_by_goes(desk: Desk) -> None:
    query = "SELECT owner_id, count(*) AS n FROM tickets WHERE owner_id = 0 GROUP BY owner_id"
    assert desk.fit("How many tickets by owner?", query).notes == [
        "left out `owner_id = 0`, which nothing in the question says"
    ]


def test_the_first_step_of_a_range_is_not_all_of_it(desk: Desk) -> None:
    where = "opened_at >= '2026-03-13 08:00' AND opened_at < '2026-03-13 10:00' AND date_trunc('hour', opened_at) = '2026-03-13 08:00'"
    mended = desk.fit("Tickets on 13 March between 08:00 and 10:00", f"SELECT ticket_id FROM tickets WHERE {where}")
    assert desk.rows(mended.query) == [[100]]


def test_a_distinct_query_that_orders_by_a_count_groups(desk: Desk) -> None:
    for distinct in ("DISTINCT ", ""):
        mended = show_order(f"SELECT {distinct}host FROM tickets ORDER BY count(*) DESC LIMIT 1", "duckdb")
        assert mended.notes == ["grouped by 'host', of which it orders by a number"]
        assert desk.rows(mended.query) == [["db-7"]]
        assert desk.rows(desk.fit("The host with most tickets", mended.query).query) == [["db-7", 2]]
    counted = show_order("SELECT host, count(*) AS n FROM tickets ORDER BY count(*) DESC, host", "duckdb")
    assert desk.rows(counted.query) == [["db-7", 2], ["lt-101", 1], ["lt-103", 1]]
    assert not show_order("SELECT host FROM tickets ORDER BY row_number() OVER (ORDER BY host)", "duckdb").notes


def test_a_distinct_query_shows_what_it_orders_by(desk: Desk) -> None:
    mended = show_order("SELECT DISTINCT host FROM tickets WHERE status = 'open' ORDER BY opened_at", "duckdb")
    assert mended.notes == ["shows 'opened_at', by which it orders"]
    assert [row[0] for row in desk.rows(mended.query)] == ["db-7", "lt-101"]
    for query in (
        "SELECT DISTINCT host FROM tickets ORDER BY host",
        "SELECT host FROM tickets ORDER BY opened_at",
        "what?",
    ):
        assert not show_order(query, "duckdb").notes


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("How many were opened on 5 March 2026?", "SELECT count(*) FROM tickets WHERE date_trunc('day', opened_at) = DATE '2026-03-05'"),
        ("How many people has ticket 100?", "SELECT owner_id FROM tickets WHERE ticket_id = 100"),
        ("Which hosts have closed all their tickets?", "SELECT host FROM tickets GROUP BY host HAVING count(*) FILTER (WHERE status <> 'closed') = 0"),
        ("What share of open tickets is of Europe West?", "SELECT 1.0 * count(*) FILTER (WHERE status = 'open' AND region = 'Europe West') / count(*) AS s FROM tickets WHERE status = 'open'"),
        ("Median time to resolve tickets opened outside office hours", "SELECT median(date_diff('minute', opened_at, resolved_at)) AS median_minutes FROM tickets"),
        ("Tickets with full disks", "SELECT ticket_id FROM tickets WHERE title LIKE 'Disk full%'"),
        ("How many tickets did staff report?", "SELECT count(*) AS n FROM tickets t JOIN people p ON t.reporter_id = p.person_id"),
    ],
)  # fmt: skip
def test_right_queries_that_look_like_wrong_ones_stay(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_the_share_of_some_rows_is_of_those_rows(desk: Desk) -> None:
    both = "count(*) FILTER (WHERE status = 'open' AND region = 'Europe West')"
    query = f"SELECT 1.0 * {both} / count(*) AS s FROM tickets"
    note = "took the share of the rows with `region = 'Europe West'`, as the question says"
    assert desk.fitted_rows("What share of Europe West tickets is open?", query, note) == [[0.5]]


def test_how_many_is_one_number(desk: Desk) -> None:
    query = "SELECT host, title, count(*) AS n FROM tickets WHERE region = 'US East' GROUP BY host, title ORDER BY n"
    note = "counted all as one, not by 'host' and 'title': the question asks how many"
    assert desk.fitted_rows("How many tickets did US East open?", query, note) == [[2]]
    by_host = "SELECT host, count(*) AS n FROM tickets GROUP BY host"
    assert desk.leaves("How many tickets did US East open on its hosts?", by_host)


@pytest.mark.parametrize(
    "question",
    [
        "How many tickets of each host?",
        "How many tickets are there, and which hosts have them?",
        "How many tickets are closed and how many are open?",
        "Hosts and how many tickets they have",
        "How many tickets are open or closed?",
        "How many tickets do lt-101, lt-103 report?",
        "How many tickets are there, broken down?",
    ],
)
def test_numbers_of_several_things_stay(desk: Desk, question: str) -> None:
    assert desk.leaves(question, "SELECT host, count(*) AS n FROM tickets GROUP BY host")


def test_a_count_that_a_join_repeats_is_of_different_ones(desk: Desk) -> None:
    query = """SELECT count(p.person_id) AS people, count(t.ticket_id) AS tickets
        FROM people p JOIN tickets t ON t.owner_id = p.person_id"""
    mended = desk.fit("The number of people and the number of tickets", query)
    assert mended.notes == ["counted different `p.person_id`: the join repeats them"]
    assert desk.rows(mended.query) == [[3, 4]]
    assert desk.leaves("What is the number of people tickets?", query)
    ratio = desk.fit("What is the ratio of people to tickets?", query)
    assert "shows the ratio of the two numbers, as the question asks" in ratio.notes
    assert desk.rows(ratio.query) == [[3, 4, 0.75]]
    assert desk.leaves("How many tickets do they own?", query)


def test_one_row_of_numbers_has_no_order() -> None:
    mended = show_order("SELECT count(*) AS n FROM tickets ORDER BY status", "duckdb")
    assert mended.notes == ["left out the order: its one row needs none"]
    assert "ORDER" not in mended.query
    assert not show_order("SELECT status, count(*) FROM tickets GROUP BY status ORDER BY status", "duckdb").notes


def test_a_part_of_a_time_of_what_is_no_time_is_the_value_itself(desk: Desk) -> None:
    years = Table.model_validate({"name": "books", "columns": [{"name": "year", "type": "BIGINT"}]})
    mended = plain_parts("SELECT YEAR(year) AS y, count(*) FROM books GROUP BY YEAR(year)", [years], "duckdb")
    assert mended.notes == ["read year as it is: it holds no time, of which to take the year"]
    assert "YEAR(" not in mended.query
    tickets = [one for one in desk.catalog.tables if one.name == "tickets"]
    assert not plain_parts("SELECT year(opened_at) FROM tickets", tickets, "duckdb").notes


def test_counts_are_summed_and_words_for_numbers_are_no_values(desk: Desk) -> None:
    catalog = desk.catalog.model_copy(update={"tables": [*desk.catalog.tables, VISITS]})
    desk.catalog = catalog
    mended = desk.fit(
        "The total number of visits of each site", "SELECT site, count(count) AS n FROM calls GROUP BY site"
    )
    assert mended.notes == ["summed count, which holds counts"]
    assert "SUM(count)" in mended.query
    query = "SELECT region, avg(ticket_id) AS a FROM tickets WHERE title = 'Average' GROUP BY region"
    left = desk.fit("What is the average ticket id by region?", query)
    assert left.notes == ["left out `title = 'Average'`, which nothing in the question says"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT title, date_diff('hour', resolved_at, opened_at) AS hours FROM tickets", [["Disk full", 24]]),
        ("SELECT avg(date_diff('day', resolved_at, opened_at)) AS days FROM tickets", [[1]]),
        (
            "SELECT title, date_diff('day', resolved_at, opened_at) AS days FROM tickets WHERE resolved_at IS NOT NULL "
            "ORDER BY date_diff('day', resolved_at, opened_at) DESC LIMIT 1",
            [["Disk full", 1]],
        ),
    ],
)
def test_a_span_that_is_below_zero_everywhere_is_turned(desk: Desk, query: str, rows: list[list[Any]]) -> None:
    mended = desk.fit("How long did each ticket take from opening to resolution?", query)
    assert any("the other way round: it is above zero in no row" in note for note in mended.notes)
    assert [row for row in desk.rows(mended.query) if row[-1] is not None] == rows


@pytest.mark.parametrize(
    "query",
    [
        "SELECT title, date_diff('hour', opened_at, resolved_at) AS hours FROM tickets",
        "SELECT title, date_diff('day', now(), opened_at) AS days FROM tickets",
        "SELECT title, date_diff('day', resolved_at, opened_at) AS days FROM tickets WHERE status = 'open'",
        "SELECT title, -1 * date_diff('day', resolved_at, opened_at) AS days FROM tickets",
        "SELECT CASE WHEN date_diff('day', resolved_at, opened_at) < 0 THEN 'ok' END AS verdict FROM tickets",
        "SELECT title FROM tickets WHERE date_diff('day', resolved_at, opened_at) < 0",
    ],
)
def test_other_spans_are_left(desk: Desk, query: str) -> None:
    mended = desk.fit("How long did each ticket take from opening to resolution?", query)
    assert not any("other way round" in note for note in mended.notes)


def test_groups_by_a_day_and_its_moments_are_groups_by_the_day(desk: Desk) -> None:
    query = """SELECT CAST(opened_at AS DATE) AS day, count(*) AS n,
        count(*) - lag(count(*)) OVER (ORDER BY opened_at) AS more, opened_at
        FROM tickets WHERE host = 'db-7' GROUP BY day, opened_at ORDER BY opened_at, day"""
    mended = desk.fit("The tickets of db-7 on each day, with the change against the day before", query)
    assert "did not group by `opened_at`, the very moment, beside `CAST(opened_at AS DATE)`" in mended.notes
    assert [row[1:] for row in desk.rows(mended.query)] == [[1, None], [1, 0]]
    for question, kept in (
        ("Tickets per day, with the time each was opened", query),
        ("Tickets per day", query.replace("ORDER BY opened_at, day", "ORDER BY 2")),
        ("Tickets per day", query.replace("ORDER BY opened_at, day", "HAVING max(opened_at) > '2026-01-01'")),
    ):
        assert not any("very moment" in note for note in desk.fit(question, kept).notes)
    other = "SELECT CAST(opened_at AS DATE) AS day, resolved_at, count(*) AS n FROM tickets GROUP BY day, resolved_at"
    assert not any("very moment" in note for note in desk.fit("Tickets per day", other).notes)
