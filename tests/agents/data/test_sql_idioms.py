"""SQL with what it borrows from other languages said in its own: what is mended, and what is left alone."""

from __future__ import annotations

import time

import pytest

from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog
from tests.agents.data.conftest import small_catalog


@pytest.fixture(scope="module")
def group() -> Catalog:
    """The small group, of which some values of ResultType are known."""
    catalog = small_catalog("sql")
    return catalog.model_copy(
        update={
            "tables": [
                table.model_copy(
                    update={
                        "columns": [
                            one.model_copy(update={"values": ["0", "50126", "Failure"]})
                            if one.name == "ResultType"
                            else one
                            for one in table.columns
                        ]
                    }
                )
                for table in catalog.tables
            ]
        }
    )


def _mended(sql: Sql, query: str, group: Catalog, sandbox: Sandbox) -> tuple[str, list[str], str]:
    """After as many rounds as it takes; the verdict of the last."""
    notes: list[str] = []
    for _ in range(4):
        proof = prove(sql, query, group, sandbox)
        query, found = sql.idioms(query, proof, group)
        notes += found
        if not found:
            break
    text = " ".join(query.split()).replace("( ", "(").replace(" )", ")")
    return text, notes, prove(sql, query, group, sandbox).verdict


S = "FROM SigninLogs"
SURE = [
    (f"SELECT isnull(DurationMs, 0) AS a {S}", f"SELECT COALESCE(DurationMs, 0) AS a {S}"),
    (f"SELECT isnull(Risk) AS a {S}", f"SELECT Risk IS NULL AS a {S}"),
    (f"SELECT 1 {S} WHERE NOT isnull(Risk)", f"SELECT 1 {S} WHERE NOT (Risk IS NULL)"),
    (f"SELECT nvl(IPAddress, 'nvl(x)') AS a {S}", f"SELECT COALESCE(IPAddress, 'nvl(x)') AS a {S}"),
    (f"SELECT dcount(IPAddress) AS a {S}", f"SELECT COUNT(DISTINCT IPAddress) AS a {S}"),
    (f"SELECT COUNT_DISTINCT(IPAddress) AS a {S}", f"SELECT COUNT(DISTINCT IPAddress) AS a {S}"),
    (f"SELECT getdate() AS a {S}", f"SELECT NOW() AS a {S}"),
    (f"SELECT date_format(TimeGenerated, '%Y-%m %H:%i') a {S}",
     f"SELECT STRFTIME(TimeGenerated, '%Y-%m %H:%M') AS a {S}"),
    (f"SELECT date_format(TimeGenerated, 'yyyy-MM') a {S}", f"SELECT STRFTIME(TimeGenerated, '%Y-%m') AS a {S}"),
    (f"SELECT TO_CHAR(TimeGenerated, 'YYYY-MM') a {S}", f"SELECT STRFTIME(TimeGenerated, '%Y-%m') AS a {S}"),
    (f"SELECT unix_timestamp(TimeGenerated) a {S}", f"SELECT CAST(EPOCH(TimeGenerated) AS BIGINT) AS a {S}"),
    (f"SELECT 1 {S} WHERE TimeGenerated > DATE_SUB(NOW(), INTERVAL 7 DAY)",
     f"SELECT 1 {S} WHERE TimeGenerated > NOW() - INTERVAL '7' DAY"),
    (f"SELECT 1 {S} WHERE TimeGenerated > DATEADD(day, -7, GETDATE())",
     f"SELECT 1 {S} WHERE TimeGenerated > NOW() - INTERVAL '7' DAY"),
    (f"SELECT 1 {S} WHERE TimeGenerated > ago(7d) AND IPAddress <> 'ago(1d)'",
     f"SELECT 1 {S} WHERE TimeGenerated > (NOW() - INTERVAL '7' DAY) AND IPAddress <> 'ago(1d)'"),
    (f"SELECT 1 {S} WHERE TimeGenerated > DATE('now', '-7 days')",
     f"SELECT 1 {S} WHERE TimeGenerated > CAST(CURRENT_DATE - INTERVAL '7' DAY AS DATE)"),
    (f"SELECT TOP 5 IPAddress {S} ORDER BY 1 -- `x`", f"SELECT IPAddress {S} ORDER BY 1 -- `x` LIMIT 5"),
    (f"SELECT DISTINCT TOP (5) IPAddress {S};", f"SELECT DISTINCT IPAddress {S} LIMIT 5"),
    ("SELECT x.a FROM (SELECT TOP 3 IPAddress AS a FROM Hosts) x",
     "SELECT x.a FROM (SELECT IPAddress AS a FROM Hosts LIMIT 3) AS x"),
    ("SELECT `IPAddress` FROM `Hosts` WHERE HostName <> '`'",
     "SELECT \"IPAddress\" FROM \"Hosts\" WHERE HostName <> '`'"),
    ("SELECT [IPAddress] FROM [Hosts] WHERE HostName <> '[a]'",
     "SELECT \"IPAddress\" FROM \"Hosts\" WHERE HostName <> '[a]'"),
    (f"SELECT 1 {S} WHERE TimeGenerated BETWEEN 'yesterday' AND 'today'",
     f"SELECT 1 {S} WHERE TimeGenerated BETWEEN CURRENT_DATE - 1 AND CURRENT_DATE"),
    (f"SELECT 1 {S} WHERE TimeGenerated > 'yesterday'", f"SELECT 1 {S} WHERE TimeGenerated > CURRENT_DATE - 1"),
    (f"SELECT IPAddress {S} WHERE Succeeded AND COUNT(*) > 1 GROUP BY IPAddress",
     f"SELECT IPAddress {S} WHERE Succeeded GROUP BY IPAddress HAVING COUNT(*) > 1"),
    (f"SELECT IPAddress, COUNT(IPAddress) {S}", f"SELECT IPAddress, COUNT(IPAddress) {S} GROUP BY IPAddress"),
    (f"SELECT IPAddress {S} WHERE COUNT(*) > 1", f"SELECT IPAddress {S} GROUP BY IPAddress HAVING COUNT(*) > 1"),
    (f"SELECT IPAddress, COUNT(*) / 2 AS n {S} ORDER BY n",
     f"SELECT IPAddress, COUNT(*) / 2 AS n {S} GROUP BY IPAddress ORDER BY n"),
    (f"SELECT 1 {S} WHERE ResultType > 400", f"SELECT 1 {S} WHERE TRY_CAST(ResultType AS DOUBLE) > 400"),
    (f"SELECT SUM(s.ResultType) AS n {S} s", f"SELECT SUM(TRY_CAST(s.ResultType AS DOUBLE)) AS n {S} AS s"),
    (f'SELECT 1 {S} WHERE ResultType = "Failure"', f"SELECT 1 {S} WHERE ResultType = 'Failure'"),
    (f'SELECT 1 {S} WHERE IPAddress IN ("a\'b", "c") OR IPAddress LIKE "10%"',
     f"SELECT 1 {S} WHERE IPAddress IN ('a''b', 'c') OR IPAddress LIKE '10%'"),
    (f"SELECT 1 {S} WHERE ResultType = failure", f"SELECT 1 {S} WHERE ResultType = 'Failure'"),
    (f"SELECT 1 {S} WHERE lower(ResultType) = FAILURE", f"SELECT 1 {S} WHERE LOWER(ResultType) = 'failure'"),
    (f'SELECT 1 {S} WHERE lower(ResultType) = "FAILURE"', f"SELECT 1 {S} WHERE LOWER(ResultType) = 'failure'"),
    (f'SELECT 1 {S} WHERE "ResultType" = "failure"', f"SELECT 1 {S} WHERE \"ResultType\" = 'failure'"),
    (f"SELECT 1 {S} WHERE ResultType > 400 AND IPAddress <> 5 AND ResultType = -1",
     f"SELECT 1 {S} WHERE TRY_CAST(ResultType AS DOUBLE) > 400 AND IPAddress <> '5' AND ResultType = '-1'"),
    (f"SELECT * FROM (SELECT TOP 1 Risk {S} ORDER BY Risk) t",
     f"SELECT * FROM (SELECT Risk {S} ORDER BY Risk LIMIT 1) AS t"),
    (f"SELECT 1 {S} WHERE TimeGenerated > DATEADD(day, -1, '2026-03-11')",
     f"SELECT 1 {S} WHERE TimeGenerated > CAST('2026-03-11' AS TIMESTAMP) - INTERVAL '1' DAY"),
    (f"SELECT 1 {S} WHERE TimeGenerated > DATE_SUB('2026-03-11', INTERVAL 1 DAY)",
     f"SELECT 1 {S} WHERE TimeGenerated > CAST('2026-03-11' AS TIMESTAMP) - INTERVAL '1' DAY"),
    (f"SELECT IPAddress, count(*) AS n {S} WHERE Succeeded AND n > 1",
     f"SELECT IPAddress, COUNT(*) AS n {S} WHERE Succeeded GROUP BY IPAddress HAVING COUNT(*) > 1"),
    (f"SELECT IPAddress, UserPrincipalName, avg(Risk) {S} WHERE count(*) > 1",
     f"SELECT IPAddress, UserPrincipalName, AVG(Risk) {S} GROUP BY IPAddress, UserPrincipalName HAVING COUNT(*) > 1"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "meant"), SURE)
def test_what_is_surely_meant_is_said_so_and_told(
    sql: Sql, group: Catalog, sandbox: Sandbox, query: str, meant: str
) -> None:
    text, notes, verdict = _mended(sql, query, group, sandbox)
    assert (text, verdict, bool(notes)) == (meant, "proven", True)


@pytest.mark.parametrize(
    "query",
    [
        # Right as they are.
        f"SELECT IPAddress, COUNT(*) {S} GROUP BY IPAddress HAVING COUNT(*) > 1",
        f"SELECT [IPAddress, 'a'][1], \"IPAddress\" {S} WHERE IPAddress <> 'today'",
        f"SELECT TimeGenerated, COUNT(*) OVER () {S} WHERE ResultType > '400'",
        "SELECT HostName FROM Hosts WHERE (SELECT count(*) FROM SigninLogs) > 1 -- isnull(a, 0)",
        # Wrong, and more than one thing may be meant.
        f"SELECT IPAddress, max(Risk) {S}",
        f"SELECT IPAddress {S} WHERE COUNT(*) > 1 OR Succeeded",
        f"SELECT * {S} WHERE COUNT(*) > 1",
        f"SELECT 1 FROM Hosts h WHERE (SELECT IPAddress {S} WHERE COUNT(*) > 3) = h.IPAddress",
        f"SELECT IPAddress || 'x', Risk + COUNT(*) {S}",
        f"SELECT 1 {S} WHERE ResultType = nothing",
        f'SELECT 1 {S} WHERE IPAddress = "UserPrincipalNam"',
        f'SELECT 1 {S} WHERE Risk = "high"',
        f"SELECT 1 {S} WHERE TimeGenerated = 'yesterday'",
        f'SELECT "IPAddress" {S} WHERE "ResultType" <> "Status"',
        f'SELECT 1 {S} WHERE "IPAddress" = "UserName"',
        'SELECT 1 FROM SigninLogs s JOIN Hosts h ON s.IPAddress = "host_ip"',
        f"SELECT Risk, sum(Risk) {S}",
        f"SELECT TimeGenerated, Risk, avg(Risk) {S}",
        f"SELECT UserPrincipalName, ResultType, count(DISTINCT ResultType) {S}",
        f"SELECT UserPrincipalName, IPAddress {S} WHERE count(DISTINCT IPAddress) > 1",
        f"SELECT UserPrincipalName, DurationMs {S} WHERE Succeeded AND count(*) > 1",
        f"SELECT UserPrincipalName, TimeGenerated, count(*) {S}",
        f"SELECT Risk, count(*) {S}",
        f"SELECT t.Risk, count(*) FROM (SELECT Risk {S}) t",
        f"SELECT 1 {S} WHERE ResultType = 0.5 AND IPAddress > 0.5",
        f"SELECT IPAddress, count(*) {S} WHERE sum(DurationMs) > 100 OR Succeeded",
        f"SELECT IPAddress, count(*) AS n {S} WHERE n > 1 OR Succeeded",
        f"SELECT 1 {S} WHERE TimeGenerated > ago(3M)",
        f"SELECT 1 {S} WHERE TimeGenerated > ago('3M')",
        f"SELECT avg(IPAddress) {S}",
        f"SELECT 1 {S} WHERE IPAddress > 5",
        f"SELECT to_char(Risk, '999D9') {S}",
        f"SELECT to_char(TimeGenerated, 'D'), isnull(Risk, 0) {S}",
        f"SELECT to_number(IPAddress, '9'), isnull(Risk, 0) {S}",
        f"SELECT isnull(Risk, 0, 1), ago('x'), date('soon', '-7 days'), dateadd(Risk, 1, now()) {S}",
        f"SELECT 1 {S} WHERE",
        "",
    ],
)
def test_a_query_that_is_right_or_unsure_stays(sql: Sql, group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(sql, query, group, sandbox)
    assert sql.idioms(query, proof, group) == (query, [])


def test_a_text_that_is_never_a_number_is_not_read_as_one(sql: Sql, group: Catalog, sandbox: Sandbox) -> None:
    told = [table.model_copy(deep=True) for table in group.tables]
    told[0].by_name["ResultType"].values[:] = ["Failure", "0", "Success"]
    worded = group.model_copy(update={"tables": told})
    query = f"SELECT 1 {S} WHERE ResultType > 0"
    assert sql.idioms(query, prove(sql, query, worded, sandbox), worded) == (query, [])


@pytest.mark.parametrize(
    ("query", "note"),
    [
        (f"SELECT isnull(Risk) {S}", "used 'IS NULL' for 'isnull', as DuckDB does"),
        (f"SELECT dateadd(day, -1, TimeGenerated) {S}", "used '- INTERVAL' for 'dateadd', as DuckDB does"),
        (f"SELECT dateadd(day, 1, TimeGenerated) {S}", "used '+ INTERVAL' for 'dateadd', as DuckDB does"),
    ],
)
def test_a_note_says_what_was_written(sql: Sql, group: Catalog, sandbox: Sandbox, query: str, note: str) -> None:
    assert _mended(sql, query, group, sandbox)[1] == [note]


@pytest.mark.parametrize(
    ("dialect", "query", "meant"),
    [
        ("postgres", "SELECT TOP 5 [HostName] FROM Hosts", 'SELECT "HostName" FROM Hosts LIMIT 5'),
        ("mysql", "SELECT HostName FROM Hosts WHERE COUNT(*) > 1 GROUP BY HostName",
         "SELECT HostName FROM Hosts GROUP BY HostName HAVING COUNT(*) > 1"),
        ("mysql", "SELECT HostName, COUNT(*) FROM Hosts", None),
    ],
)  # fmt: skip
def test_another_dialect_is_written_back_in_the_groups(
    sql: Sql, sandbox: Sandbox, dialect: str, query: str, meant: str | None
) -> None:
    text, _, _ = _mended(sql, query, small_catalog("sql", dialect), sandbox)
    assert text == (meant or query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT `" + "/*" * 9000,
        "[" * 400 + "`" * 9000 + "'" * 9000,
        "ago(" * 300 + "ago " * 4000,
        "SELECT TOP " + " " * 19_000,
        "SELECT " + "isnull(" * 400 + "a" + ",0)" * 400 + f" {S}",
        f"SELECT 1 {S} WHERE " + " AND ".join(["COUNT(*) > 1"] * 1000),
        f"SELECT 1 {S} WHERE " + " AND ".join(['ResultType = "x"'] * 900),
    ],
)
def test_a_hostile_text_takes_no_long_time(sql: Sql, group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(sql, query, group, sandbox)
    begun = time.process_time()
    sql.idioms(query, proof, group)
    assert time.process_time() - begun < 5
