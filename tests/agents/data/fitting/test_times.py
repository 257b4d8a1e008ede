"""Times of SQL set to those of the question, dropped where it says none, left alone where more is meant."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from agents.data.sandbox import Sandbox
from tests.agents.data.fitting.desk import SQL, Desk

IDS = "SELECT ticket_id FROM tickets"
WEEK = "took 'in the last 7 days' as opened_at of the last 7 days"
MARCH = "took 'in March 2026' as opened_at from 2026-03-01 00:00 to before 2026-04-01 00:00"


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ("WHERE opened_at >= now() - INTERVAL 90 DAY", [100]),
        ("WHERE opened_at BETWEEN '2026-01-01' AND '2026-01-31'", [100]),
        ("WHERE opened_at::date = DATE '2026-01-20'", [100]),
        ("WHERE opened_at > TIMESTAMP '2026-01-01' AND \"OPENED_AT\" <= TIMESTAMP '2026-02-01'", [100]),
        ("WHERE status = 'open' AND (opened_at >= current_date - 60)", [100]),
    ],
)
def test_a_miscounted_time_becomes_the_questions(desk: Desk, where: str, ids: list[int]) -> None:
    question = "Which open tickets were opened in the last 7 days?"
    assert desk.fitted_rows(question, f"{IDS} {where}", WEEK) == [[one] for one in ids]


def test_seconds_that_nobody_said_are_no_time_of_the_question(desk: Desk) -> None:
    question = "Tickets opened from 2026-03-05 10:00 to 2026-03-13 09:00"
    copied = "opened_at >= '2026-03-05 10:00:18' AND opened_at < '2026-03-13 09:00:18'"
    mended = desk.fit(question, f"{IDS} WHERE {copied}")
    assert desk.rows(mended.query) == [[101]]
    assert desk.leaves(question, f"{IDS} WHERE {copied.replace(':18', ':00')}")
    day = "opened_at BETWEEN '2026-03-05' AND '2026-03-05 23:59'"
    assert desk.leaves("Tickets opened on 2026-03-05", f"{IDS} WHERE {day}")


def test_whole_periods_get_both_edges(desk: Desk) -> None:
    question = "Which tickets were opened in March 2026?"
    found = desk.fitted_rows(question, f"{IDS} WHERE opened_at >= '2026-02-01' ORDER BY 1", MARCH)
    assert found == [[100], [101]]


@pytest.mark.parametrize(
    ("question", "query"),
    [
        ("Tickets of the last 7 days", f"{IDS} WHERE opened_at >= now() - INTERVAL '7 days'"),
        ("Tickets of the last 7 days", f"{IDS} WHERE opened_at >= current_date - 7 AND opened_at < now()"),
        (
            "Tickets opened in March 2026",
            f"{IDS} WHERE opened_at >= '2026-03-01' AND opened_at < date_trunc('month', DATE '2026-04-09')",
        ),
        ("Who left in March 2026?", "SELECT full_name FROM people WHERE left_on BETWEEN '2026-03-01' AND '2026-03-31'"),
        ("Who left on 1 March 2026?", "SELECT full_name FROM people WHERE left_on = '2026-03-01'"),
    ],
)
def test_bounds_that_fit_stay_as_they_are(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


@pytest.mark.parametrize(
    ("question", "query"),
    [
        # of the time before, to compare with
        ("Tickets of the month before March 2026", f"{IDS} WHERE opened_at < '2026-03-01'"),
        # two times
        ("Tickets opened before 3 March 2026 and resolved since 5 March 2026", f"{IDS} WHERE opened_at < '2026-01-03'"),
        ("How did tickets change before and after 3 March 2026?", f"{IDS} WHERE opened_at > '2026-01-03'"),
        # one of two by OR; a part of a time; another column's time
        ("Tickets of the last 7 days", f"{IDS} WHERE opened_at > '2026-01-03' OR resolved_at > '2026-01-03'"),
        ("Tickets of March 2026", f"{IDS} WHERE extract(month FROM opened_at) = 3"),
        ("Tickets of March 2026", f"{IDS} WHERE strftime(opened_at, '%Y-%m') = '2026-03'"),
        ("Tickets of March 2026", f"{IDS} WHERE opened_at > '2026-01-03' AND resolved_at < '2026-02-03'"),
        # two columns could be meant
        ("How many tickets were there in March 2026?", "SELECT count(*) FROM tickets WHERE resolved_at IS NULL"),
        # the time is told apart elsewhere than in WHERE
        ("Hosts first seen in March 2026", "SELECT host FROM tickets GROUP BY 1 HAVING min(opened_at) >= '2026-03-01'"),
        (
            "Tickets of March 2026 and before",
            "SELECT count(*) FILTER (WHERE opened_at >= '2026-03-01'), count(*) FROM tickets WHERE opened_at > '2026-01-01'",
        ),
        (
            "Visits in March 2026",
            """SELECT day FROM (SELECT date_trunc('day', "SeenAt") AS day FROM "Visits") AS d WHERE day >= '2026-03-01'""",
        ),
        # over by now, not a stretch up to now
        ("Who has left, and what was their last day?", "SELECT full_name FROM people WHERE left_on < today()"),
        ("Who has left already?", "SELECT full_name FROM people WHERE left_on < current_date"),
        ("Who is going to leave?", "SELECT full_name FROM people WHERE left_on >= current_date"),
        ("Which tickets are overdue?", f"{IDS} WHERE resolved_at > now()"),
    ],
)  # fmt: skip
def test_times_that_may_be_meant_stay(desk: Desk, question: str, query: str) -> None:
    assert desk.leaves(question, query)


def test_a_time_that_nobody_asked_for_is_left_out(desk: Desk) -> None:
    query = f"{IDS} WHERE status = 'open' AND opened_at >= now() - INTERVAL 7 DAY ORDER BY 1"
    note = "left out `opened_at >= NOW() - INTERVAL '7' DAY`: the question says no time"
    assert desk.fitted_rows("Which tickets are open?", query, note) == [[100], [103]]


def test_a_mixed_case_name_and_a_schema_get_their_time(desk: Desk) -> None:
    visits = desk.fit("Visits in the last 7 days", 'SELECT "Site" FROM "Visits"')
    assert desk.rows(visits.query) == [["Lisbon"]]
    audits = desk.fit("Audits of the last 7 days", "SELECT verdict FROM ops.audits")
    assert audits.notes == ["took 'of the last 7 days' as made_at of the last 7 days"]
    assert "FROM ops.audits" in audits.query


def test_the_select_that_reads_the_rows_gets_the_time(desk: Desk) -> None:
    question = "Sites visited in the last 7 days"
    one = "WITH v AS (SELECT Site FROM Visits) SELECT Site FROM v"
    assert desk.rows(desk.fit(question, one).query) == [["Lisbon"]]
    assert desk.leaves(question, "SELECT Site FROM Visits UNION ALL SELECT Site FROM Visits")


def test_both_sides_of_a_union_are_set(desk: Desk) -> None:
    query = "SELECT Site FROM Visits WHERE SeenAt > '2020-01-01' UNION ALL SELECT Site FROM Visits WHERE SeenAt > '2025-12-31'"
    mended = desk.fit("Sites visited in the last 7 days", query)
    assert len(mended.notes) == 2
    assert desk.rows(mended.query) == [["Lisbon"], ["Lisbon"]]


@pytest.mark.parametrize(
    ("dialect", "bounds"),
    [
        ("postgres", "opened_at >= CURRENT_TIMESTAMP - INTERVAL '7 DAY'"),
        ("mysql", "opened_at >= CURRENT_TIMESTAMP() - INTERVAL '7' DAY"),
        ("sqlite", "opened_at >= '2026-03-07 12:00:00'"),
        ("tsql", "opened_at >= CAST('2026-03-07 12:00:00' AS DATETIME2)"),
    ],
)
def test_a_time_is_said_as_the_dialect_says_it(desk_rows: Sandbox, dialect: str, bounds: str) -> None:
    desk = Desk(desk_rows, dialect)
    mended = desk.fit("Tickets of the last 7 days", f"{IDS} WHERE opened_at > '2026-01-01'")
    assert " ".join(mended.query.split()) == f"{IDS} WHERE {bounds}"
    assert SQL.bind(mended.query, desk.catalog).status == "passed"


def test_a_day_in_sqlite_takes_in_times_and_days_of_it(desk_rows: Sandbox) -> None:
    desk = Desk(desk_rows, "sqlite")
    mended = desk.fit("Tickets opened yesterday", f"{IDS} WHERE opened_at > '2026-01-01'")
    assert "opened_at >= '2026-03-13' AND opened_at < '2026-03-14'" in " ".join(mended.query.split())


def test_a_moment_that_is_compared_with_a_day_is_of_that_day(desk: Desk) -> None:
    mended = desk.fit("Which tickets were opened yesterday?", f"{IDS} WHERE opened_at = current_date - 1")
    assert desk.rows(mended.query) == [[100]]
    assert desk.leaves("Which tickets were opened yesterday?", f"{IDS} WHERE opened_at::date = current_date - 1")


def test_somebodys_last_day_is_no_time_of_the_question(desk: Desk) -> None:
    query = "SELECT full_name, left_on FROM people WHERE left_on >= now() - INTERVAL 1 DAY"
    assert "left out" in desk.fit("Who left, and what was their last day?", query).notes[0]


LOGS = 'SELECT LogId FROM "SignLogs" WHERE'


def test_a_time_of_logs_is_when_they_were_logged_where_the_question_speaks_of_no_other(desk: Desk) -> None:
    note = "took the time as Timestamp, when it was logged: the question does not speak of _TimeReceived"
    mended = desk.fit("Signs of the last 7 days", f"{LOGS} _TimeReceived > now() - INTERVAL 7 DAY", as_logs=True)
    assert mended.notes == [note]
    assert '"Timestamp" > ' in mended.query or "Timestamp > " in mended.query
    assert desk.leaves("Signs of the last 7 days", f"{LOGS} _TimeReceived > now() - INTERVAL 7 DAY")
    ended = f"{LOGS} ClosedAt > now() - INTERVAL 7 DAY"
    assert desk.fit("Signs that ended in the last 7 days", ended, as_logs=True).notes == []
    assert desk.leaves("Signs closed in the last 7 days", f"{LOGS} ClosedAt > now() - INTERVAL 7 DAY")
    assert desk.leaves("Signs of the last 7 days", f"{LOGS} Timestamp > now() - INTERVAL 7 DAY")
    assert desk.leaves("Tickets of the last 7 days", f"{IDS} WHERE resolved_at > now() - INTERVAL 7 DAY")
