"""The proof, the same for every platform: its order, its verdicts, and the texts that no prover should see."""

from __future__ import annotations

import pytest
from sqlglot.errors import OptimizeError

from agents.data.kql import Kql
from agents.data.platform import Platform, load_platform
from agents.data.proof import QUERY_LIMIT, position, prove, run_proven
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog
from shared.errors import InvalidInput, NotFound, QueryRejected
from shared.models import Check, Proof
from tests.agents.data.queries import (
    KQL_BAD,
    KQL_BOMBS,
    KQL_GOOD,
    KQL_NOT_RUN,
    SQL_BAD,
    SQL_BOMBS,
    SQL_GOOD,
    lines,
)

GOOD = [("kql", query) for query in lines(KQL_GOOD)] + [("sql", query) for query in lines(SQL_GOOD)]
BAD = [("kql", query) for query in lines(KQL_BAD)] + [("sql", query) for query in lines(SQL_BAD)]
BOMBS = [("kql", query) for query in lines(KQL_BOMBS)] + [("sql", query) for query in lines(SQL_BOMBS)]


@pytest.fixture
def platforms(kql: Kql, sql: Sql, kql_group: Catalog, sql_group: Catalog) -> dict[str, tuple[Platform, Catalog]]:
    return {"kql": (kql, kql_group), "sql": (sql, sql_group)}


def summary(proof: Proof) -> dict[str, str]:
    return {check.name: check.status for check in proof.checks}


def _of(platforms: dict[str, tuple[Platform, Catalog]], name: str, query: str) -> tuple[Platform, str, Catalog]:
    return platforms[name][0], query, platforms[name][1]


@pytest.mark.parametrize(("name", "query"), GOOD)
def test_a_valid_query_is_proven(
    platforms: dict[str, tuple[Platform, Catalog]], sandbox: Sandbox, name: str, query: str
) -> None:
    proof = prove(platforms[name][0], query, platforms[name][1], sandbox)
    assert proof.verdict == "proven", proof.problems


@pytest.mark.parametrize(("name", "query"), BAD + BOMBS)
def test_a_query_that_does_more_than_read_is_rejected(
    platforms: dict[str, tuple[Platform, Catalog]], sandbox: Sandbox, name: str, query: str
) -> None:
    assert prove(platforms[name][0], query, platforms[name][1], sandbox).verdict == "rejected"


def test_there_are_enough_of_both() -> None:
    assert len(BAD + BOMBS) >= 150
    assert len(GOOD) >= 50


@pytest.mark.parametrize("query", lines(KQL_NOT_RUN))
def test_what_the_sandbox_lacks_is_plausible_and_says_why(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    proof = prove(kql, query, kql_group, sandbox)
    assert proof.verdict == "plausible"
    assert "can't run it" in proof.checks[-1].detail
    with pytest.raises(InvalidInput, match="can't run this KQL"):
        run_proven(kql, query, kql_group, sandbox, 10)


def test_a_failed_parse_skips_the_rest(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    proof = prove(kql, "SigninLogs | where (", kql_group, sandbox)
    assert summary(proof) == {"parse": "failed", **dict.fromkeys(("bind", "safety", "cost", "dry_run"), "skipped")}
    assert proof.checks[1].detail == "parse failed"


def test_a_failed_bind_still_says_what_is_unsafe(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    proof = prove(kql, "Nowhere | evaluate python(typeof(*), 'x')", kql_group, sandbox)
    assert summary(proof) == {
        "parse": "passed",
        **dict.fromkeys(("bind", "safety"), "failed"),
        **dict.fromkeys(("cost", "dry_run"), "skipped"),
    }


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "empty_query"),
        (" \n\t", "empty_query"),
        ("x" * (QUERY_LIMIT + 1), "query_too_long"),
        ("SELECT\0 1", "bad_character"),
        ("print '\ud800'", "bad_character"),
    ],
)
def test_what_is_no_text_never_reaches_a_prover(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str, code: str
) -> None:
    proof = prove(kql, query, kql_group, sandbox)
    assert (proof.verdict, proof.problems[0].code) == ("rejected", code)


@pytest.mark.parametrize("name", ["kql", "sql"])
@pytest.mark.parametrize(
    "query", ["(" * 20_000, "[" * 20_000, "-- nothing", "// nothing", "'", '"', "𝒮𝑒𝓁 | 💥", "\x01\x7f"]
)
def test_odd_text_is_rejected_not_raised(
    platforms: dict[str, tuple[Platform, Catalog]], sandbox: Sandbox, name: str, query: str
) -> None:
    assert prove(platforms[name][0], query, platforms[name][1], sandbox).verdict == "rejected"


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("kql", "SigninLogs | where " + "(" * 5000 + "true" + ")" * 5000),
        ("kql", "SigninLogs | where " + "not(" * 5000 + "true" + ")" * 5000),
        ("sql", "SELECT " + "(" * 5000 + "1" + ")" * 5000),
        ("sql", "SELECT " + "abs(" * 5000 + "1" + ")" * 5000),
    ],
)
def test_a_query_nested_too_deeply_is_rejected_not_a_crash(
    platforms: dict[str, tuple[Platform, Catalog]], sandbox: Sandbox, name: str, query: str
) -> None:
    assert prove(platforms[name][0], query, platforms[name][1], sandbox).verdict == "rejected"


@pytest.mark.parametrize(
    ("name", "query", "detail"),
    [
        ("kql", "SigninLogs | where Succeeded | take 1", "reads at most 4 rows"),
        ("kql", "union SigninLogs, Hosts | count", "reads at most 6 rows: SigninLogs 4, Hosts 2"),
        ("sql", "WITH h AS (SELECT * FROM Hosts) SELECT a.HostName FROM h a, h b WHERE a.IPAddress = b.IPAddress",
         "reads at most 2 rows"),
        ("sql", "SELECT 1", "reads at most 0 rows"),
    ],
)  # fmt: skip
def test_a_proof_says_how_much_the_query_reads(
    platforms: dict[str, tuple[Platform, Catalog]], sandbox: Sandbox, name: str, query: str, detail: str
) -> None:
    check = next(one for one in prove(*_of(platforms, name, query), sandbox).checks if one.name == "cost")
    assert (check.status, check.detail) == ("passed", detail)


def test_without_rows_nobody_knows_how_much_is_read(sql: Sql, sql_group: Catalog, sandbox: Sandbox) -> None:
    elsewhere = sql_group.model_copy(update={"schema_group": "elsewhere"})
    proof = prove(sql, "SELECT HostName FROM Hosts", elsewhere, sandbox)
    assert (proof.verdict, summary(proof)["cost"]) == ("proven", "skipped")


def test_only_proven_queries_run(sql: Sql, sql_group: Catalog, sandbox: Sandbox) -> None:
    with pytest.raises(QueryRejected, match="unknown column 'HostNme'; did you mean 'HostName'"):
        run_proven(sql, "SELECT HostNme FROM Hosts", sql_group, sandbox, 10)
    assert run_proven(sql, "SELECT HostName FROM Hosts ORDER BY 1", sql_group, sandbox, 1, 1).rows == [["web-2"]]


def test_positions_count_characters_from_one() -> None:
    assert position("ab\ncd", 0) == (1, 1)
    assert position("ab\ncd", 4) == (2, 2)


def test_an_unknown_platform_gets_the_nearest_name() -> None:
    with pytest.raises(NotFound, match="unknown platform 'kgl'; did you mean 'kql'"):
        load_platform("kgl")


def test_what_the_parser_gives_up_on_is_a_failed_check_not_a_crash(
    sql: Sql, sql_group: Catalog, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def give_up(query: str, catalog: Catalog) -> Check:
        raise OptimizeError("no idea")

    monkeypatch.setattr(sql, "bind", give_up)
    proof = prove(sql, "SELECT 1", sql_group, sandbox)
    assert summary(proof)["bind"] == "failed"
    assert proof.problems[0].message == "it can't be checked: no idea"
