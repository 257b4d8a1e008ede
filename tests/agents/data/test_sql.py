"""SQL: names in their scopes, dialects, types, results on rows."""

from __future__ import annotations

import pytest

from agents.data.proof import prove, run_proven
from agents.data.sandbox import Sandbox
from agents.data.sql import DIALECTS, Sql
from shared.catalog import Catalog
from shared.errors import InvalidInput, QueryRejected
from tests.agents.data.conftest import small_catalog
from tests.agents.data.queries import SQL_BAD, lines

WRONG_NAMES = [
    ("SELECT * FROM Host", "unknown_table", "Hosts", (1, 15)),
    ("SELECT * FROM SignIn", "unknown_table", "SigninLogs", (1, 15)),
    ("SELECT UserName FROM SigninLogs", "unknown_column", "UserPrincipalName", (1, 8)),
    ("SELECT s.HostName FROM SigninLogs s JOIN Hosts h ON h.IPAddress = s.IPAddress", "unknown_column", None, (1, 10)),
    ("SELECT h.Hostnme\nFROM Hosts h", "unknown_column", "HostName", (1, 10)),
    ("SELECT 1\nFROM Hosts h\nWHERE x.HostName = 'a'", "unknown_table", None, (3, 7)),
    ("SELECT host.HostName FROM Hosts", "unknown_table", "Hosts", (1, 8)),
    ("WITH f AS (SELECT IPAddress AS addr FROM Hosts) SELECT adr FROM f", "unknown_column", "addr", (1, 56)),
    ("SELECT x.IPAddress FROM (SELECT HostName FROM Hosts) x", "unknown_column", None, (1, 10)),
    (
        "SELECT HostName FROM Hosts WHERE IPAddress IN (SELECT ip FROM SigninLogs)",
        "unknown_column",
        "IPAddress",
        (1, 55),
    ),
    ("SELECT HostName FROM Hosts UNION ALL SELECT ResultTyp FROM SigninLogs", "unknown_column", "ResultType", (1, 45)),
    ("SELECT datetrunc_('day', TimeGenerated) FROM SigninLogs", "unknown_function", "datetrunc", (1, 8)),
    ("SELECT cnt(*) FROM Hosts", "unknown_function", "count", (1, 8)),
]


@pytest.mark.parametrize(("query", "code", "suggestion", "place"), WRONG_NAMES)
def test_a_wrong_name_is_found_where_it_stands_with_the_right_one(
    sql: Sql, sql_group: Catalog, query: str, code: str, suggestion: str | None, place: tuple[int, int]
) -> None:
    problem = sql.bind(query, sql_group).problems[0]
    assert (problem.code, problem.suggestion, (problem.line, problem.column)) == (code, suggestion, place)


def test_what_only_types_can_tell_is_found_by_the_dry_run(sql: Sql, sql_group: Catalog, sandbox: Sandbox) -> None:
    proof = prove(sql, "SELECT HostName, count(*) FROM Hosts", sql_group, sandbox)
    assert [check.name for check in proof.checks if check.status == "failed"] == ["dry_run"]
    assert "GROUP BY" in proof.problems[0].message


def test_a_syntax_error_has_a_place(sql: Sql, sql_group: Catalog) -> None:
    problem = sql.parse("SELECT HostName\nFROM Hosts WHERE ORDER BY 1", sql_group).problems[0]
    assert (problem.code, problem.line) == ("syntax", 2)


@pytest.mark.parametrize(
    ("dialect", "query", "rows"),
    [
        ("duckdb", "SELECT count(*) FROM SigninLogs WHERE TimeGenerated > now() - INTERVAL 4 DAY", [[2]]),
        ("postgres", "SELECT to_char(TimeGenerated, 'YYYY-MM') FROM SigninLogs LIMIT 1", [["2026-03"]]),
        ("postgres", "SELECT count(*) FROM SigninLogs WHERE TimeGenerated > CURRENT_DATE - INTERVAL '4 days'", [[2]]),
        ("postgres", "SELECT n FROM generate_series(1, 3) AS t(n)", [[1], [2], [3]]),
        ("mysql", "SELECT `HostName` FROM Hosts WHERE IPAddress = \"10.0.0.1\"", [["web-1"]]),
        ("tsql", "SELECT TOP 1 [HostName] FROM dbo.Hosts ORDER BY HostName DESC", [["web-2"]]),
        ("tsql", "SELECT HostName FROM Hosts WITH (NOLOCK) ORDER BY HostName", [["web-1"], ["web-2"]]),
        ("tsql", "SELECT COUNT(*) FROM SigninLogs WHERE TimeGenerated > DATEADD(day, -4, GETDATE())", [[2]]),
        ("sqlite", "SELECT strftime('%Y', TimeGenerated) FROM SigninLogs LIMIT 1", [["2026"]]),
        ("snowflake", "SELECT IFF(HostName ILIKE 'WEB-1', 1, 0) FROM Hosts ORDER BY 1", [[0], [1]]),
        ("bigquery", "SELECT SAFE_CAST('x' AS INT64), COUNTIF(Succeeded) FROM `SigninLogs`", [[None, 2]]),
    ],
)  # fmt: skip
def test_every_dialect_runs_on_the_same_rows(
    sql: Sql, sandbox: Sandbox, dialect: str, query: str, rows: list[list[object]]
) -> None:
    assert run_proven(sql, query, small_catalog("sql", dialect), sandbox, 10).rows == rows


@pytest.mark.parametrize("dialect", [dialect for dialect in DIALECTS if dialect != "duckdb"])
def test_nothing_unsafe_passes_in_any_dialect(sql: Sql, sandbox: Sandbox, dialect: str) -> None:
    group = small_catalog("sql", dialect)
    assert [query for query in lines(SQL_BAD) if prove(sql, query, group, sandbox).verdict != "rejected"] == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * FROM hosts JOIN SigninLogs USING (IPAddress)", ["SigninLogs", "Hosts"]),
        ("WITH Hosts AS (SELECT 1 AS x) SELECT * FROM Hosts", []),
        ("SELECT (SELECT count(*) FROM Hosts) FROM SigninLogs", ["SigninLogs", "Hosts"]),
    ],
)
def test_the_tables_a_query_reads_are_known(sql: Sql, sql_group: Catalog, query: str, names: list[str]) -> None:
    assert [table.name for table in sql.tables_of(query, sql_group)] == names


def test_a_table_in_a_schema_is_found_with_and_without_it(sql: Sql, sandbox: Sandbox) -> None:
    table = {"name": "sales.orders", "columns": [{"name": "id", "type": "int"}]}
    group = Catalog.model_validate({"schema_group": "shop", "platform": "sql", "tables": [table]})
    queries = ["SELECT orders.id FROM sales.orders", "SELECT id FROM orders", "SELECT o.id FROM shop.sales.orders o"]
    assert {prove(sql, query, group, sandbox).verdict for query in queries} == {"proven"}
    assert prove(sql, "SELECT id FROM other.orders", group, sandbox).verdict == "rejected"


@pytest.mark.parametrize(
    ("type_name", "duckdb"),
    [
        ("varchar(20)", "TEXT"),
        ("serial", "INTEGER"),
        ("datetime2", "TIMESTAMP"),
        ("jsonb", "JSON"),
        ("numeric(10,2)", "DECIMAL(10, 2)"),
        ("variant", "JSON"),
        ("text[]", "TEXT[]"),
        ("money", "DECIMAL(19, 4)"),
        ("timestamp with time zone", "TIMESTAMPTZ"),
        ("ARRAY<STRUCT<a INT64>>", "STRUCT(a BIGINT)[]"),
        ("enum('a','b c')", "VARCHAR"),
    ],
)
def test_types_of_every_dialect_have_a_duckdb_type(sql: Sql, type_name: str, duckdb: str) -> None:
    assert sql.duckdb_type(type_name) == duckdb


@pytest.mark.parametrize(
    "text",
    ["INT); ATTACH 'x'", "INT); ATTACH 'x' AS y; --", "INT, b INT", "INT PRIMARY KEY", "INT DEFAULT 5", "INT)(", ""],
)
def test_what_is_more_than_a_type_is_none(sql: Sql, text: str) -> None:
    with pytest.raises(InvalidInput, match="unknown SQL type"):
        sql.duckdb_type(text)


def test_an_unknown_type_or_dialect_gets_the_nearest(sql: Sql, sql_group: Catalog) -> None:
    with pytest.raises(InvalidInput, match="unknown SQL type 'BIGIN'; did you mean 'BIGINT'"):
        sql.duckdb_type("BIGIN")
    with pytest.raises(InvalidInput, match="unknown SQL dialect 'postgre'; did you mean 'postgres'"):
        sql.parse("SELECT 1", sql_group.model_copy(update={"dialect": "postgre"}))


@pytest.mark.parametrize("query", ["SELECT HostName FROM Hosts, hosts", "SELECT 1 FROM Hosts JOIN Hosts ON true"])
def test_a_table_read_twice_without_aliases_is_told_so(
    sql: Sql, sql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    problem = prove(sql, query, sql_group, sandbox).problems[0]
    assert problem.code == "duplicate_alias"
    assert [table.name for table in sql.tables_of(query, sql_group)] == ["Hosts"]
    with pytest.raises(QueryRejected, match="names two tables of one FROM; give each an alias: "):
        run_proven(sql, query, sql_group, sandbox, 1)


@pytest.mark.parametrize(
    ("dialect", "query"),
    [
        ("snowflake", "SELECT HostName FROM otherdb.public.Hosts"),
        ("tsql", "SELECT HostName FROM otherdb.dbo.Hosts"),
        ("tsql", "SELECT HostName FROM otherdb..Hosts"),
        ("tsql", "SELECT HostName FROM server.small_sql.dbo.Hosts"),
        ("duckdb", "SELECT HostName FROM evil.main.Hosts"),
        ("duckdb", "SELECT evil.main.Hosts.HostName FROM main.Hosts"),
    ],
)
def test_another_database_is_never_taken_for_the_group(sql: Sql, sandbox: Sandbox, dialect: str, query: str) -> None:
    assert prove(sql, query, small_catalog("sql", dialect), sandbox).verdict == "rejected"


@pytest.mark.parametrize("name", ["small_sql.main.Hosts", "small_sql.public.Hosts", "small_sql.Hosts", "public.Hosts"])
def test_the_group_may_be_named_in_full(sql: Sql, sql_group: Catalog, sandbox: Sandbox, name: str) -> None:
    assert prove(sql, f"SELECT HostName FROM {name}", sql_group, sandbox).verdict == "proven"


@pytest.mark.parametrize("selected", ["*", "x.IPAddress"])
def test_ctes_that_double_each_other_are_too_complex(
    sql: Sql, sql_group: Catalog, sandbox: Sandbox, selected: str
) -> None:
    steps = [f"a{n} AS (SELECT {selected} FROM a{n - 1} x, a{n - 1} y)" for n in range(1, 40)]
    query = f"WITH a0 AS (SELECT * FROM Hosts), {', '.join(steps)} SELECT 1 FROM a39"
    assert prove(sql, query, sql_group, sandbox).problems[0].code == "too_complex"


@pytest.mark.parametrize("hint", ["XLOCK", "NOLOCK, TABLOCKX", "UPDLOCK"])
def test_a_hint_that_locks_is_refused(sql: Sql, sandbox: Sandbox, hint: str) -> None:
    group = small_catalog("sql", "tsql")
    assert prove(sql, f"SELECT HostName FROM Hosts WITH ({hint})", group, sandbox).verdict == "rejected"


@pytest.mark.parametrize(
    "call",
    [
        "isnull(IPAddress, '')", "dcount(IPAddress)", "getdate()", "date_format(TimeGenerated, '%Y')",
        "unix_timestamp(TimeGenerated)", "count_distinct(IPAddress)", "medn(DurationMs)",
    ],
)  # fmt: skip
def test_another_languages_function_is_no_slip_for_one_that_does_something_else(
    sql: Sql, sql_group: Catalog, call: str
) -> None:
    problem = sql.bind(f"SELECT {call} FROM SigninLogs", sql_group).problems[0]
    assert (problem.code, problem.suggestion) == ("unknown_function", None)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("SELECT TO_CHAR(TimeGenerated, 'YYYY-MM') FROM SigninLogs", (1, 8)),
        ("SELECT HostName\nFROM Hosts WHERE nvl (HostName, '') = ''", (2, 18)),
    ],
)
def test_a_function_that_only_a_translation_knows_is_none_of_duckdb(
    sql: Sql, sql_group: Catalog, query: str, place: tuple[int, int]
) -> None:
    problem = sql.bind(query, sql_group).problems[0]
    assert (problem.code, problem.line, problem.column) == ("unknown_function", *place)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT coalesce(IPAddress, 'to_char(x)'), ifnull(IPAddress, ''), nullif(IPAddress, '') FROM SigninLogs",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY DurationMs), if(count(*) > 1, 1, 0) FROM SigninLogs",
        "SELECT try_cast(IPAddress AS DECIMAL(10, 2)), extract(year FROM TimeGenerated) FROM SigninLogs",
        "WITH search(nvl) AS (SELECT IPAddress FROM Hosts) SELECT nvl FROM search WHERE (nvl) LIKE ('1%')",
        "SELECT trim(both 'x' FROM IPAddress), substring(IPAddress FROM 1 FOR 2) AS \"nvl\" FROM Hosts -- nvl(1)",
        "SELECT strftime(TimeGenerated, '%Y'), CAST(IPAddress AS CHAR(10)) FROM SigninLogs",
    ],
)
def test_what_duckdbs_grammar_knows_is_a_function(sql: Sql, sql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    assert prove(sql, query, sql_group, sandbox).problems == []
