"""Nothing that does more than read a bounded part of its group is let through, whatever it is dressed as."""

from __future__ import annotations

import pytest

from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import DIALECTS, Sql
from shared.catalog import Catalog
from tests.agents.data.attacks import KQL_HIDDEN, KQL_HONEST, KQL_UNBOUNDED, SQL_HIDDEN, SQL_OF_A_DIALECT
from tests.agents.data.conftest import small_catalog
from tests.agents.data.queries import KQL_BAD, SQL_BAD, lines


@pytest.fixture(scope="module")
def without_dotnet() -> Kql:
    return Kql(DuckdbKql())


@pytest.mark.parametrize("query", lines(KQL_HIDDEN) + lines(KQL_UNBOUNDED))
def test_a_kql_attack_is_rejected_with_and_without_dotnet(
    kql: Kql, without_dotnet: Kql, kql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    for prover in (kql, without_dotnet):
        assert prove(prover, query, kql_group, sandbox).verdict == "rejected"


@pytest.mark.parametrize("query", lines(KQL_HONEST))
def test_what_only_looks_like_a_kql_attack_is_not_blocked(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    proof = prove(kql, query, kql_group, sandbox)
    assert proof.verdict != "rejected", proof.problems


def test_an_unbounded_read_is_told_how_to_bound_it(kql: Kql, kql_group: Catalog) -> None:
    problem = kql.safety("let all = union *;\nall | count", kql_group).problems[0]
    assert (problem.code, problem.line, problem.column) == ("unbounded", 1, 11)
    assert "| where TimeGenerated > ago(1d)" in (problem.suggestion or "")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_sql_attack_is_rejected_in_every_dialect(sql: Sql, sandbox: Sandbox, dialect: str) -> None:
    own = [line.partition(": ")[2] for line in lines(SQL_OF_A_DIALECT) if line.startswith(f"{dialect}: ")]
    group = small_catalog("sql", dialect)
    attacks = lines(SQL_HIDDEN) + own
    assert [query for query in attacks if prove(sql, query, group, sandbox).verdict != "rejected"] == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT range(1000000000) FROM Hosts",
        "SELECT repeat([1], CAST('500000000' AS INT)) FROM Hosts",
        "SELECT list_resize([1], 1 << 30)",
        "SELECT HostName, generate_series(1, pow(10, 9)::BIGINT) FROM Hosts",
        "SELECT generate_series(TIMESTAMP '2000-01-01', TIMESTAMP '2030-01-01', INTERVAL 1 SECOND) FROM Hosts",
        "SELECT repeat('x', length(HostName) * 1000000) FROM Hosts",
        "SELECT printf('%1000000000d', 1)",
        "SELECT count(*) FROM Hosts, generate_series(1, 100000) a, generate_series(1, 100000) b",
    ],
)
def test_what_numbers_alone_would_make_too_large_never_reaches_duckdb(sql: Sql, sql_group: Catalog, query: str) -> None:
    """DuckDB works constants out while it plans, beyond its memory limit, and can't be interrupted in it."""
    assert sql.safety(query, sql_group).problems[0].code == "too_large"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT unnest(range(10)) FROM Hosts",
        "SELECT g FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-12-31', INTERVAL 1 HOUR) AS t(g)",
        "SELECT lpad(HostName, 40, '0123456789'), repeat('-', 80) FROM Hosts",
        "SELECT g FROM range(-10, 10) AS t(g)",
        "SELECT range(length(HostName)), repeat(HostName, length(IPAddress) + 1) FROM Hosts",
        "SELECT generate_series(TimeGenerated, TimeGenerated + INTERVAL 3 HOUR, INTERVAL 1 HOUR) FROM SigninLogs",
        "SELECT rpad(HostName, greatest(20, length(HostName))::INT, ' ') FROM Hosts",
    ],
)
def test_small_lists_and_series_are_fine(sql: Sql, sql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(sql, query, sql_group, sandbox)
    assert proof.verdict == "proven", proof.problems


def test_there_are_enough_attacks() -> None:
    plain = [KQL_BAD, SQL_BAD, KQL_HIDDEN, KQL_UNBOUNDED, SQL_HIDDEN, SQL_OF_A_DIALECT]
    assert sum(len(set(lines(text))) for text in plain) >= 400
