"""Seven dialects of SQL: each parsed as its own, its functions checked, and run on DuckDB where that can be said."""

from __future__ import annotations

import pytest

from agents.data.proof import prove, run_proven
from agents.data.sandbox import Sandbox
from agents.data.sql import DIALECTS, Sql
from shared.errors import InvalidInput
from tests.agents.data.conftest import small_catalog
from tests.agents.data.dialects import SQL_OF_ALL, SQL_OF_ONE, WRONG_FUNCTIONS
from tests.agents.data.queries import lines

OF_ONE = [tuple(line.split(": ", 1)) for line in lines(SQL_OF_ONE)]
WRONG = [tuple(line.split(": ", 1)) for line in lines(WRONG_FUNCTIONS)]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_common_sql_is_proven_in_every_dialect(sql: Sql, sandbox: Sandbox, dialect: str) -> None:
    group = small_catalog("sql", dialect)
    proofs = {query: prove(sql, query, group, sandbox) for query in lines(SQL_OF_ALL)}
    assert {query: proof.problems for query, proof in proofs.items() if proof.verdict != "proven"} == {}


@pytest.mark.parametrize(("dialect", "query"), OF_ONE)
def test_what_people_of_a_dialect_write_is_not_rejected(sql: Sql, sandbox: Sandbox, dialect: str, query: str) -> None:
    proof = prove(sql, query, small_catalog("sql", dialect), sandbox)
    assert proof.verdict != "rejected", proof.problems


def test_most_of_it_is_proven_on_duckdb(sql: Sql, sandbox: Sandbox) -> None:
    verdicts = [prove(sql, query, small_catalog("sql", dialect), sandbox).verdict for dialect, query in OF_ONE]
    assert verdicts.count("proven") / len(verdicts) >= 0.8


@pytest.mark.parametrize(("dialect", "query"), WRONG)
def test_a_function_of_another_dialect_is_unknown(sql: Sql, sandbox: Sandbox, dialect: str, query: str) -> None:
    problem = prove(sql, query, small_catalog("sql", dialect), sandbox).problems[0]
    assert problem.code == "unknown_function"


def test_sqlite_is_asked_itself(sql: Sql, sandbox: Sandbox) -> None:
    group = small_catalog("sql", "sqlite")
    check = sql.bind("SELECT date_trunc('day', TimeGenerated) FROM SigninLogs", group)
    assert (check.prover.split(", ")[1].split()[0], check.problems[0].message) == (
        "sqlite",
        "unknown function 'date_trunc'",
    )


def test_a_function_duckdb_lacks_leaves_the_query_plausible_and_not_run(sql: Sql, sandbox: Sandbox) -> None:
    group, query = small_catalog("sql", "mysql"), "SELECT SUBSTRING_INDEX(HostName, '-', 1) FROM Hosts"
    proof = prove(sql, query, group, sandbox)
    assert (proof.verdict, proof.checks[-1].status) == ("plausible", "skipped")
    with pytest.raises(InvalidInput, match="does not fit DuckDB: Scalar Function with name substring_index"):
        run_proven(sql, query, group, sandbox, 1)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_column_neither_grouped_nor_aggregated_is_rejected_in_every_dialect(
    sql: Sql, sandbox: Sandbox, dialect: str
) -> None:
    group = small_catalog("sql", dialect)
    assert prove(sql, "SELECT HostName, COUNT(*) FROM Hosts", group, sandbox).verdict == "rejected"
