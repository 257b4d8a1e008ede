"""SQL into a plan and out again, as SQL and as KQL: the same rows."""

from __future__ import annotations

import pytest

from agents.data.kql import Kql
from agents.data.plan.model import QueryPlan
from agents.data.plan.read_kql import read_kql
from agents.data.plan.read_sql import read_sql
from agents.data.plan.to_kql import to_kql
from agents.data.plan.to_sql import to_sql
from tests.agents.data.plan.queries import COMMON, SQL_ONLY, WINDOWS, lines
from tests.agents.data.plan.shop import KQL, SQL, bag, run

ALL = [*lines(COMMON), *lines(SQL_ONLY), *lines(WINDOWS)]


@pytest.mark.parametrize("query", ALL)
def test_sql_through_a_plan_gives_the_same_rows(query: str) -> None:
    plan = read_sql(query, SQL)
    assert bag(run(to_sql(plan, SQL))) == bag(run(query))


@pytest.mark.parametrize("query", ALL)
def test_a_plan_survives_json_and_sql(query: str) -> None:
    plan = read_sql(query, SQL)
    assert QueryPlan.model_validate_json(plan.model_dump_json()) == plan
    text = to_sql(plan, SQL)
    assert to_sql(read_sql(text, SQL), SQL) == text


@pytest.mark.parametrize("query", lines(COMMON))
def test_sql_through_a_plan_to_kql_gives_the_same_rows(kql: Kql, query: str) -> None:
    text = to_kql(read_sql(query, KQL), KQL)
    assert [*kql.parse(text, KQL).problems, *kql.bind(text, KQL).problems] == [], text
    assert bag(run(kql.to_duckdb(text, KQL), KQL)) == bag(run(query, KQL)), text


@pytest.mark.parametrize("query", lines(WINDOWS))
def test_windows_in_kql_give_the_same_rows(kql: Kql, query: str) -> None:
    text = to_kql(read_sql(query, KQL), KQL)
    assert [*kql.parse(text, KQL).problems, *kql.bind(text, KQL).problems] == [], text
    assert bag(run(to_sql(read_kql(text, KQL), KQL), KQL)) == bag(run(query, KQL)), text


def test_percentiles_of_kusto_are_of_the_nearest_rank_in_sql_too(kql: Kql) -> None:
    query = "orders | summarize percentile(amount, 25), percentile(items, 50)"
    assert bag(run(to_sql(read_kql(query, KQL), KQL), KQL)) == bag(run(kql.to_duckdb(query, KQL), KQL))


def test_ranks_are_kustos_own(kql: Kql) -> None:
    plan = read_sql("SELECT id, rank() OVER (PARTITION BY status ORDER BY amount DESC) AS place FROM orders", KQL)
    text = to_kql(plan, KQL)
    assert [*kql.parse(text, KQL).problems, *kql.bind(text, KQL).problems] == []
    assert "place = row_rank_min(amount, prev(status) != status)" in text


@pytest.mark.parametrize("query", [query for query in ALL if "ORDER BY" in query and "OVER" not in query])
def test_the_order_of_rows_is_kept(query: str) -> None:
    assert run(to_sql(read_sql(query, SQL), SQL)) == run(query)
