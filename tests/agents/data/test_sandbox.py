"""The sandbox: it reads the group's rows and nothing else, within limits."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from agents.data.sandbox import DRY_RUN_SECONDS, Sandbox
from agents.data.session import Connection, computing
from agents.data.values import LONGEST_CELL
from shared.catalog import Catalog
from shared.errors import NotFound, QueryFailed, QueryOutOfMemory, QueryRejected, QueryTimeout, StorageFailed
from shared.models import Rows
from shared.settings import Settings
from tests.agents.data.conftest import small_catalog


def rows(sandbox: Sandbox, sql: str, catalog: Catalog) -> list[list[object]]:
    return sandbox.execute(sql, catalog, limit=100).rows


def test_rows_come_back_as_json_can_carry_them(sandbox: Sandbox, kql_group: Catalog) -> None:
    first = sandbox.execute('SELECT * FROM "SigninLogs" ORDER BY "TimeGenerated"', kql_group, limit=1).rows[0]
    assert first[0] == "2026-03-10T08:00:00Z"
    assert first[4:] == [120, {"city": "Oslo", "tags": ["vpn"]}, "00:05:00", True, 0.25]


def test_every_duckdb_type_has_a_json_form(sandbox: Sandbox, sql_group: Catalog) -> None:
    sql = """SELECT 1.5::DECIMAL(9, 2), 'nan'::DOUBLE, '-inf'::DOUBLE, DATE '2026-01-02', TIME '03:04:05', [1, 2],
        {'a': [NULL]}, TIMESTAMPTZ '2026-01-02 03:04:05+02', [TIMESTAMPTZ '2026-01-02 00:00:00+00'],
        INTERVAL '-90 seconds', '\\xAB'::BLOB,
        '6b2d8b1e-0f4e-4a57-9f1c-0c5d8f3c2a11'::UUID, NULL, [1.5::DECIMAL(3, 1)]"""
    assert rows(sandbox, sql, sql_group)[0] == [
        *(1.5, "NaN", "-Infinity", "2026-01-02", "03:04:05", [1, 2], {"a": [None]}),
        *("2026-01-02T01:04:05Z", ["2026-01-02 00:00:00+00"], "-00:01:30", "ab"),
        *("6b2d8b1e-0f4e-4a57-9f1c-0c5d8f3c2a11", None, [1.5]),
    ]


def test_limit_and_offset_page_and_say_when_more_exists(sandbox: Sandbox, sql_group: Catalog) -> None:
    sql = "SELECT UserPrincipalName FROM SigninLogs ORDER BY TimeGenerated"
    first = sandbox.execute(sql, sql_group, limit=3)
    last = sandbox.execute(sql, sql_group, limit=3, offset=3)
    assert (len(first.rows), first.truncated) == (3, True)
    assert (last.rows, last.truncated) == ([["cy@contoso.com"]], False)


def test_more_than_the_row_limit_comes_page_by_page_and_each_but_the_last_says_so(
    sandbox: Sandbox, sql_group: Catalog
) -> None:
    few = Sandbox(Settings(data_dir=sandbox.path("x").parent.parent, row_limit=3))
    sql = "SELECT UserPrincipalName FROM SigninLogs ORDER BY TimeGenerated"
    found: list[list[object]] = []
    pages: list[Rows] = []
    while not pages or pages[-1].truncated:
        pages.append(few.execute(sql, sql_group, limit=1000, offset=len(found)))
        found += pages[-1].rows
    few.close()
    assert [(len(page.rows), page.truncated) for page in pages] == [(3, True), (1, False)]
    assert found == rows(sandbox, sql, sql_group)


def test_columns_of_one_name_stay_apart(sandbox: Sandbox, sql_group: Catalog) -> None:
    found = sandbox.execute("SELECT 1 AS a, 2 AS a -- twice", sql_group, limit=1)
    assert found.rows == [[1, 2]]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("now()", "2026-03-15T00:00:00Z"),
        ("current_timestamp", "2026-03-15T00:00:00Z"),
        ("now() AT TIME ZONE 'UTC'", "2026-03-15T00:00:00Z"),
        ("localtimestamp", "2026-03-15T00:00:00Z"),
        ("current_date", "2026-03-15"),
        ("today()", "2026-03-15"),
        ("age(TIMESTAMP '2026-03-14')", "1.00:00:00"),
        ("age(TIMESTAMP '2026-03-14', TIMESTAMP '2026-03-13')", "1.00:00:00"),
        ("'now()'", "now()"),
    ],
)
def test_the_catalogs_clock_is_now(sandbox: Sandbox, sql_group: Catalog, expression: str, value: str) -> None:
    assert rows(sandbox, f"SELECT {expression}", sql_group) == [[value]]


def test_a_catalog_without_a_clock_gets_the_real_one(sandbox: Sandbox, sql_group: Catalog) -> None:
    catalog = sql_group.model_copy(update={"clock": None})
    year = rows(sandbox, "SELECT year(now())", catalog)[0][0]
    assert year == datetime.now(UTC).year


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE Hosts",
        "SELECT 1; SELECT 2",
        "CREATE TEMP TABLE x AS SELECT 1",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "COPY Hosts TO '/tmp/lexiquery-stolen.csv'",
        "SET memory_limit = '100GB'",
        "not sql",
    ],
)
def test_anything_but_one_select_is_rejected(sandbox: Sandbox, sql_group: Catalog, sql: str) -> None:
    with pytest.raises(QueryRejected):
        sandbox.execute(sql, sql_group, limit=1)
    assert sandbox.dry_run(sql, sql_group).status == "failed"


@pytest.mark.parametrize("function", ["read_text('/etc/passwd')", "read_csv('/etc/passwd')", "glob('/etc/*')"])
def test_duckdb_itself_refuses_files_even_unproven(sandbox: Sandbox, sql_group: Catalog, function: str) -> None:
    with pytest.raises(QueryFailed, match="disabled by configuration"):
        sandbox.execute(f"SELECT * FROM {function}", sql_group, limit=1)


def test_python_variables_are_no_tables(sandbox: Sandbox, sql_group: Catalog) -> None:
    found = sandbox.dry_run("SELECT * FROM statement", sql_group)
    assert found.problems[0].code == "unknown_name"


def test_a_runaway_query_is_interrupted(sandbox: Sandbox, tmp_path: Path, sql_group: Catalog) -> None:
    impatient = Sandbox(Settings(data_dir=sandbox.path("x").parent.parent, query_seconds=0.2))
    with pytest.raises(QueryTimeout) as caught:
        impatient.execute("SELECT sum(a.range) FROM range(1000000) a, range(1000000) b", sql_group, limit=1)
    assert caught.value.code == "query_timeout"
    impatient.close()


BOMB = "SELECT sum(a.range) FROM range(1000000) a, range(1000000) b"


def test_a_dry_run_that_computes_on_and_on_fails(sandbox: Sandbox, sql_group: Catalog) -> None:
    check = sandbox.dry_run(BOMB, sql_group)
    assert (check.status, [problem.code for problem in check.problems]) == ("failed", ["query_timeout"])


def test_a_dry_run_that_a_busy_machine_does_not_finish_is_skipped_and_says_so(
    sandbox: Sandbox, sql_group: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.data.sandbox.DRY_RUN_PATIENCE", 0.05)
    check = sandbox.dry_run(BOMB, sql_group)
    assert (check.status, check.problems, "the machine is busy" in check.detail) == ("skipped", [], True)


class Counting:
    """A connection that counts how often it is interrupted."""

    interrupts = 0

    def interrupt(self) -> None:
        self.interrupts += 1


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="the system can't tell threads' clocks apart")
def test_what_other_threads_compute_does_not_count(sandbox: Sandbox, sql_group: Catalog) -> None:
    connection = Counting()
    with computing(cast("Connection", connection), DRY_RUN_SECONDS / 2, patience=600):
        other = threading.Thread(target=sandbox.dry_run, args=(BOMB, sql_group))
        other.start()
        other.join()
    assert connection.interrupts == 0


def test_a_query_that_wants_too_much_memory_is_stopped(sandbox: Sandbox, sql_group: Catalog) -> None:
    small = Sandbox(Settings(data_dir=sandbox.path("x").parent.parent, query_memory_mb=64))
    with pytest.raises(QueryOutOfMemory):
        small.execute("SELECT len(list(range)) FROM range(100000000)", sql_group, limit=1)
    small.close()


def test_a_value_that_does_not_convert_is_a_failed_query(sandbox: Sandbox, sql_group: Catalog) -> None:
    with pytest.raises(QueryFailed, match="web-1"):
        sandbox.execute("SELECT HostName::INTEGER FROM Hosts", sql_group, limit=5)


def test_a_dry_run_names_the_column_that_would_fit(sandbox: Sandbox, sql_group: Catalog) -> None:
    problem = sandbox.dry_run("SELECT HostNam FROM Hosts", sql_group).problems[0]
    assert (problem.code, problem.suggestion) == ("unknown_name", "HostName")


def test_a_group_without_rows_says_so(sandbox: Sandbox, sql_group: Catalog) -> None:
    empty = Catalog.model_validate({**sql_group.model_dump(by_alias=True), "schema_group": "empty"})
    assert not sandbox.has_rows(empty)
    with pytest.raises(NotFound, match="'empty' has no rows"):
        sandbox.execute("SELECT 1", empty, limit=1)


def test_a_corrupt_file_of_rows_is_named(tmp_path: Path, sql_group: Catalog) -> None:
    sandbox = Sandbox(Settings(data_dir=tmp_path))
    sandbox.path("small_sql").parent.mkdir()
    sandbox.path("small_sql").write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageFailed, match=r"small_sql\.duckdb"):
        sandbox.execute("SELECT 1", sql_group, limit=1)


def test_many_threads_query_at_once_each_with_its_own_clock(sandbox: Sandbox) -> None:
    found: dict[int, object] = {}

    def work(day: int) -> None:
        catalog = small_catalog("sql", clock=datetime(2026, 3, day, tzinfo=UTC))
        assert sandbox.dry_run("SELECT * FROM Hosts", catalog).status == "passed"
        found[day] = rows(sandbox, "SELECT day(current_date), count(*) FROM SigninLogs", catalog)[0]

    threads = [threading.Thread(target=work, args=(day,)) for day in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {day: [day, 4] for day in range(1, 17)}


@pytest.mark.parametrize(
    ("expression", "start"),
    [
        ("repeat('a', 100000000)", "aaa"),
        ("repeat('x', 100000)::BLOB", "7878"),
        ("range(100000)", "[0, 1, 2"),
        ("{'a': repeat('a', 70000)}", '{"a": "aaa'),
        ("to_json(repeat('a', 70000))", "aaa"),
    ],
)
def test_a_huge_cell_is_cut_and_says_so(sandbox: Sandbox, sql_group: Catalog, expression: str, start: str) -> None:
    found = sandbox.execute(f"SELECT {expression}, 1", sql_group, limit=1)
    value, other = found.rows[0]
    assert (len(value), other, found.truncated) == (LONGEST_CELL + len(" \u2026 (cut)"), 1, True)
    assert value.startswith(start)
    assert value.endswith(" \u2026 (cut)")


def test_a_cell_of_exactly_the_limit_stays_whole(sandbox: Sandbox, sql_group: Catalog) -> None:
    found = sandbox.execute(f"SELECT repeat('a', {LONGEST_CELL})", sql_group, limit=1)
    assert (found.rows, found.truncated) == ([["a" * LONGEST_CELL]], False)
