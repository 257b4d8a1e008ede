"""What instant an expression of SQL says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlglot

from agents.data.fitting.instants import instant, whole_days

NOW = datetime(2026, 3, 14, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("'2026-03-05'", "2026-03-05T00:00:00"),
        ("'2026-03-05 03:00'", "2026-03-05T03:00:00"),
        ("'2026-03-05T03:00:00Z'", "2026-03-05T03:00:00"),
        ("TIMESTAMPTZ '2026-03-05 03:00+02'", "2026-03-05T01:00:00"),
        ("DATE '2026-03-05'", "2026-03-05T00:00:00"),
        ("'2026-03-05 03:00'::date", "2026-03-05T00:00:00"),
        ("CAST('2026-03-05 03:00' AS TIMESTAMP)", "2026-03-05T03:00:00"),
        ("now()", "2026-03-14T12:30:15"),
        ("current_timestamp", "2026-03-14T12:30:15"),
        ("today()", "2026-03-14T00:00:00"),
        ("current_date", "2026-03-14T00:00:00"),
        ("current_date - 7", "2026-03-07T00:00:00"),
        ("now() - INTERVAL 24 HOUR", "2026-03-13T12:30:15"),
        ("now() - INTERVAL '7 days'", "2026-03-07T12:30:15"),
        ("(now() + INTERVAL '1' WEEK)", "2026-03-21T12:30:15"),
        ("DATE '2026-03-31' - INTERVAL 1 MONTH", "2026-02-28T00:00:00"),
        ("date_trunc('hour', now())", "2026-03-14T12:00:00"),
        ("date_trunc('week', now())", "2026-03-09T00:00:00"),
        ("date_trunc('month', current_date) - INTERVAL 1 DAY", "2026-02-28T00:00:00"),
        ("date_trunc('quarter', now())", "2026-01-01T00:00:00"),
    ],
)
def test_an_instant_is_worked_out(expression: str, said: str) -> None:
    found = instant(sqlglot.parse_one(expression, dialect="duckdb"), NOW)
    assert found is not None
    assert found.astimezone(UTC).replace(tzinfo=None).isoformat() == said


@pytest.mark.parametrize(
    ("dialect", "expression"),
    [
        ("duckdb", "'open'"),
        ("duckdb", "'2026-13-05'"),
        ("duckdb", "7"),
        ("duckdb", "opened_at"),
        ("duckdb", "opened_at - INTERVAL 1 DAY"),
        ("duckdb", "now() - opened_at"),
        ("duckdb", "now() - INTERVAL '1 day 2 hours'"),
        ("duckdb", "now() - INTERVAL (days) DAY"),
        ("duckdb", "DATE '0001-01-01' - INTERVAL 1 YEAR"),
        ("duckdb", "NULL"),
        ("sqlite", "date('2026-03-05', '-7 days')"),
        ("sqlite", "datetime('now', '-7 days')"),
        ("sqlite", "date('now')"),
    ],
)
def test_what_says_no_instant_or_says_it_otherwise_gives_none(dialect: str, expression: str) -> None:
    assert instant(sqlglot.parse_one(expression, dialect=dialect), NOW) is None


@pytest.mark.parametrize(
    ("expression", "is_day"),
    [
        ("'2026-03-05'", True),
        ("'2026-03-05 03:00'", False),
        ("DATE '2026-03-05'", True),
        ("current_date - 7", True),
        ("now() - INTERVAL 7 DAY", False),
        ("CAST('2026-03-05' AS TIMESTAMP)", True),
    ],
)
def test_a_day_is_told_from_a_moment(expression: str, is_day: bool) -> None:
    assert whole_days(sqlglot.parse_one(expression, dialect="duckdb"), NOW) is is_day
