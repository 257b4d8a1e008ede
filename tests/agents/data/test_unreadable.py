"""Constants that can't be what a query takes them for are found before it runs, not at its first row."""

from __future__ import annotations

import pytest

from agents.data.dates import nearest_real
from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog
from tests.agents.data.conftest import small_catalog

_WHERE = "SELECT HostName FROM Hosts JOIN SigninLogs USING (IPAddress) WHERE "


@pytest.mark.parametrize(
    ("condition", "message", "suggestion"),
    [
        ("TimeGenerated >= '2026-02-31'", "there is no day '2026-02-31'", "'2026-02-28'"),
        ("DurationMs = 3 AND TimeGenerated < '2026-13-01 10:00'", "no day '2026-13-01 10:00'", "'2026-12-01 10:00'"),
        ("TimeGenerated BETWEEN '2028-02-01' AND '2028-02-30'", "no day '2028-02-30'", "'2028-02-29'"),
        ("TimeGenerated >= DATE '2026-02-30'", "there is no day '2026-02-30'", "'2026-02-28'"),
        ("CAST(TimeGenerated AS DATE) = DATE '2026-04-00'", "'2026-04-00' is no date", "write it as"),
        ("CASE WHEN Risk > 5 THEN 'high' ELSE Risk END = 1", "'high' is no double", None),
        ("HostName = 'x' AND TimeGenerated > 'yesterdy'", "'yesterdy' is no timestamp", "write it as"),
        ("DurationMs IN (1, 'many')", "'many' is no bigint", None),
        ("DurationMs > 'it''s' AND Risk > 1", "'it''s' is no bigint", None),
    ],
)
def test_the_constant_and_what_it_could_be_are_named(
    sandbox: Sandbox, sql_group: Catalog, condition: str, message: str, suggestion: str | None
) -> None:
    proof = prove(load_platform("sql"), _WHERE + condition, sql_group, sandbox)
    assert proof.verdict == "rejected"
    (problem,) = proof.problems
    assert message in problem.message
    assert (problem.suggestion or "").startswith(suggestion or "")


@pytest.mark.parametrize(
    "condition",
    [
        "TimeGenerated >= '2026-02-28' AND DurationMs > '3'",
        "TRY_CAST('2026-02-31' AS DATE) IS NULL",
        "HostName = 'CAST(''x'' AS DATE)' AND HostName <> '2026-02-31'",
        "TimeGenerated > now() - INTERVAL '1 day' AND CAST('{\"a\": 1}' AS JSON) ->> 'a' = HostName",
        "CAST(HostName AS INTEGER) = DurationMs",
        "TRY(CASE WHEN HostName = 'a' THEN CAST('x' AS INTEGER) ELSE 3 END) = 3",
    ],
)
def test_what_can_be_read_is_proven(sandbox: Sandbox, sql_group: Catalog, condition: str) -> None:
    proof = prove(load_platform("sql"), _WHERE + condition, sql_group, sandbox)
    assert proof.verdict == "proven", proof.problems


@pytest.mark.parametrize(
    ("dialect", "value", "verdict"),
    [
        ("postgres", "today", "plausible"),
        ("postgres", "Jan 8, 2026", "plausible"),
        ("postgres", "2026-02-31", "rejected"),
        ("mysql", "2026-02-31", "rejected"),
        ("sqlite", "2026-02-31", "plausible"),
    ],
)
def test_what_only_duckdb_cannot_read_is_not_held_against_another_dialect(
    sandbox: Sandbox, dialect: str, value: str, verdict: str
) -> None:
    query = f"SELECT IPAddress FROM SigninLogs WHERE TimeGenerated >= '{value}'"
    assert prove(load_platform("sql"), query, small_catalog("sql", dialect), sandbox).verdict == verdict


def test_a_day_that_is_none_is_told_before_what_another_dialect_may_read(sandbox: Sandbox) -> None:
    query = "SELECT IPAddress FROM SigninLogs WHERE DurationMs = 'abc' AND TimeGenerated > '2026-02-31'"
    proof = prove(load_platform("sql"), query, small_catalog("sql", "postgres"), sandbox)
    assert [one.code for one in proof.problems] == ["impossible_value"]


def test_a_text_beside_json_is_a_fault_only_of_sql_that_is_run(sandbox: Sandbox, sql_group: Catalog) -> None:
    query = "SELECT IPAddress FROM SigninLogs WHERE Details -> '$.city' = 'Oslo'"
    assert prove(Sql(), query, sql_group, sandbox).verdict == "rejected"
    assert prove(Sql(as_written=False), query, sql_group, sandbox).verdict == "plausible"


def test_a_plan_too_deep_to_be_looked_through_is_no_error(sandbox: Sandbox, sql_group: Catalog) -> None:
    query = "SELECT HostName FROM Hosts"
    for _ in range(60):
        query = f"SELECT HostName FROM ({query}) GROUP BY ALL HAVING count(*) > 1 ORDER BY 1 LIMIT 9"
    assert prove(load_platform("sql"), query, sql_group, sandbox).verdict == "proven"


@pytest.mark.parametrize(
    ("condition", "column", "suggestion"),
    [
        ("TimeGenerated > datetime(2026-02-31)", 36, "datetime(2026-02-28)"),
        ("TimeGenerated between (date(2026-01-01) .. datetime('2026-01-32 10:00'))", 63, "datetime(2026-01-31 10:00)"),
    ],
)
def test_a_day_of_kql_that_is_none(
    sandbox: Sandbox, kql_group: Catalog, condition: str, column: int, suggestion: str
) -> None:
    proof = prove(load_platform("kql"), f"SigninLogs | where {condition}", kql_group, sandbox)
    assert [(one.code, one.suggestion) for one in proof.problems] == [("impossible_value", suggestion)]
    assert (proof.problems[0].line, proof.problems[0].column) == (1, column)


def test_kql_that_may_be_null_or_stands_in_a_text_is_proven(sandbox: Sandbox, kql_group: Catalog) -> None:
    query = (
        "SigninLogs | where TimeGenerated > todatetime('2026-02-31') or IPAddress == 'datetime(2026-02-31)'"
        " // datetime(2026-02-31)"
    )
    assert prove(load_platform("kql"), query, kql_group, sandbox).verdict == "proven"


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("2026-02-31", "2026-02-28"),
        ("2028-2-30T10:00:00Z", "2028-02-29T10:00:00Z"),
        ("2026-00-00", None),
        ("2026-12-31", None),
        ("2026-02", None),
        ("31/02/2026", None),
        ("0000-00-00", None),
    ],
)
def test_the_nearest_day_that_exists(text: str, real: str | None) -> None:
    assert nearest_real(text) == real
