"""Plans as KQL: as people write it, true where the plan is true, and refused where Kusto has no words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.data.kql import Kql
from agents.data.plan.expressions import (
    Between,
    Column,
    Compare,
    Expr,
    In,
    IsNull,
    Logic,
    Match,
    Not,
)
from agents.data.plan.model import Filter, Project, QueryPlan, Table, Unsayable
from agents.data.plan.read_sql import read_sql
from agents.data.plan.to_kql import to_kql
from agents.data.plan.to_sql import to_sql
from agents.data.platform import load_platform
from tests.agents.data.plan.pieces import text, whole
from tests.agents.data.plan.shop import KQL, bag, run


def kql_of(sql: str) -> str:
    return to_kql(read_sql(sql, KQL), KQL)


@pytest.mark.parametrize(
    ("sql", "lines"),
    [
        ("SELECT count(*) AS Count FROM orders", ["count"]),
        ("SELECT id FROM orders WHERE placed > now() - INTERVAL 7 DAY", ["where placed > ago(7d)", "project id"]),
        ("SELECT id FROM orders WHERE status = 'paid' AND placed >= '2026-03-01'",
         ["where placed >= datetime(2026-03-01)", 'where status == "paid"', "project id"]),
        ("SELECT id FROM orders WHERE placed > now() - INTERVAL 2 MONTH",
         ['where placed > datetime_add("month", -2, now())', "project id"]),
        ("SELECT * FROM customers WHERE lower(name) = 'ana' OR lower(country) IN ('pt', 'ca')",
         ['where name =~ "ana" or country in~ ("pt", "ca")']),
        ("SELECT * FROM customers WHERE age <> 34", ["where isnotnull(age) and age != 34"]),
        ("SELECT * FROM customers WHERE age <> 34 OR age IS NULL", ["where age != 34"]),
        ("SELECT * FROM customers WHERE vip IS NULL OR NOT vip", ["where not(vip)"]),
        ("SELECT * FROM customers WHERE NOT vip", ["where vip == false"]),
        ("SELECT * FROM customers WHERE name IS NULL", ["where isempty(name)"]),
        ("SELECT * FROM customers WHERE name NOT LIKE '%x%' AND name <> 'y'",
         ['where name !contains_cs "x" and name != "y"']),
        ("SELECT DISTINCT status, items FROM orders", ["distinct status, items"]),
        ("SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC LIMIT 3",
         ["summarize n = count() by status", "top 3 by n desc"]),
        ("SELECT date_trunc('hour', placed) AS placed, count(*) AS n FROM orders GROUP BY 1",
         ["summarize n = count() by bin(placed, 1h)"]),
        ("SELECT sum(CASE WHEN status = 'paid' THEN 1 ELSE 0 END) AS n FROM orders",
         ['summarize n = countif(status == "paid")']),
        ("SELECT count(DISTINCT status) AS n, max(amount) FILTER (WHERE items > 1) AS m FROM orders",
         ["summarize n = dcount(status), m = maxif(amount, items > 1)"]),
        ("SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1",
         ["summarize arg_max(placed, *) by customer_id"]),
        ("SELECT id FROM orders ORDER BY amount LIMIT 1", ["top 1 by amount asc nulls last", "project id"]),
        ("SELECT id FROM orders ORDER BY status, id", ["sort by status asc, id asc", "project id"]),
        ("SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE items > 1)",
         ["where id in (orders | where items > 1 | project customer_id)", "project id"]),
        ("SELECT c.name FROM customers c JOIN orders o ON o.customer_id = c.id",
         ["join kind=inner orders on $left.id == $right.customer_id", "project name"]),
        ("SELECT c.* FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)",
         ["join kind=leftanti orders on $left.id == $right.customer_id"]),
        ("SELECT details->>'$.a.b c[0]' AS x FROM orders", ['project x = tostring(details.a["b c"][0])']),
        ("SELECT id AS \"the id\", status AS kind FROM orders", ["project ['the id'] = id, ['kind'] = status"]),
        ("SELECT id FROM orders WHERE status = 'C:\\x' OR status = 'say \"hi\"'",
         ['where status == @"C:\\x" or status == "say \\"hi\\""', "project id"]),
        ("SELECT id, amount / items AS each FROM orders", ["project id, each = amount / items"]),
        ("SELECT items / 4 AS quarter FROM orders", ["project quarter = todouble(items) / 4"]),
        ("SELECT id FROM orders WHERE status = 5 AND id = '11'", ['where status == "5" and id == 11', "project id"]),
        ("SELECT o.id, u.tag FROM orders o, unnest(o.details->'$.tags') AS u(tag)",
         ["mv-expand tag = details.tags", "where isnotnull(tag)", "project id, tag"]),
    ],
)  # fmt: skip
def test_it_is_written_as_people_write_it(kql: Kql, sql: str, lines: list[str]) -> None:
    written = kql_of(sql)
    table = written.split("\n", 1)[0]
    assert written.split("\n| ") == [table, *lines]
    assert [*kql.parse(written, KQL).problems, *kql.bind(written, KQL).problems] == []


def test_words_that_are_looked_for_together_are_said_together() -> None:
    words = [Match(op="has_word", operand=Column(name="name"), pattern=text(word), ignore_case=True) for word in "ab"]
    either = QueryPlan(source=Table(name="customers"), steps=(Filter(condition=Logic(op="or", operands=tuple(words))),))
    assert to_kql(either, KQL).endswith('| where name has_any ("a", "b")')


def test_columns_that_kusto_adds_in_a_join_are_taken_away_where_they_would_show(kql: Kql) -> None:
    written = kql_of("SELECT o.*, e.at FROM orders o JOIN events e ON e.order_id = o.id LIMIT 1")
    assert "project-away" not in written
    joined = read_sql("SELECT * FROM orders", KQL).then(
        *read_sql("SELECT * FROM orders a JOIN orders b ON a.id = b.id", KQL).steps[:1]
    )
    assert [*kql.bind(to_kql(joined, KQL), KQL).problems] == []


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT id, ntile(4) OVER (ORDER BY id) AS part FROM orders", "ntile"),
        ("SELECT id, sum(amount) OVER (ORDER BY status) AS s FROM orders", "sum over these rows"),
        ("SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.placed > c.joined",
         "a condition other than equal columns in a leftouter join"),
        ("SELECT time_bucket(INTERVAL 5 MONTH, placed) AS t FROM orders", "a bin of 5 months"),
        ("SELECT strftime(placed, '%A') AS day FROM orders", "the time format %A"),
        ("SELECT count(DISTINCT (status, items)) AS n FROM orders", "count_distinct of 2 values"),
    ],
)  # fmt: skip
def test_what_kusto_can_not_say_is_refused_by_name(sql: str, what: str) -> None:
    with pytest.raises(Unsayable) as refused:
        kql_of(sql)
    assert what in str(refused.value)


_NUMBERS = st.sampled_from([Column(name="age"), Column(name="id")])
_WHOLE = st.sampled_from([1, 3, 19, 34, 50]).map(whole)
_NAMES = st.sampled_from([Column(name="name"), Column(name="country")])
_WORDS = st.sampled_from(["PT", "pt", "Ana Duarte", "e", "o'n", "100%", "CA"]).map(text)
_BOOLS = st.sampled_from([Column(name="vip")])


def _atoms() -> st.SearchStrategy[Any]:
    ops = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    cases = st.booleans()
    matches = st.sampled_from(["contains", "startswith", "endswith"])
    return st.one_of(
        st.builds(Compare, op=ops, left=_NUMBERS, right=_WHOLE),
        st.builds(Compare, op=st.sampled_from(["==", "!="]), left=_NAMES, right=_WORDS, ignore_case=cases),
        st.builds(In, operand=_NUMBERS, values=st.lists(_WHOLE, min_size=1, max_size=3).map(tuple)),
        st.builds(Between, operand=_NUMBERS, low=_WHOLE, high=_WHOLE),
        st.builds(IsNull, operand=st.one_of(_NUMBERS, _BOOLS)),
        st.builds(Match, op=matches, operand=_NAMES, pattern=_WORDS, ignore_case=cases),
        _BOOLS,
    )


def _wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Not, operand=inner), st.builds(Logic, op=st.sampled_from(["and", "or"]), operands=several)
    )


CONDITIONS: st.SearchStrategy[Expr] = st.recursive(_atoms(), _wider, max_leaves=6)


@given(condition=CONDITIONS)
@settings(max_examples=80, deadline=None)
def test_any_condition_is_true_of_the_same_rows_in_sql_and_kql(condition: Expr) -> None:
    names = Project.model_validate({"columns": [{"name": "id", "value": Column(name="id")}]})
    plan = QueryPlan(source=Table(name="customers"), steps=(Filter(condition=condition), names))
    written = to_kql(plan, KQL)
    rows = bag(run(to_sql(plan, KQL), KQL))
    assert bag(run(load_platform("kql").to_duckdb(written, KQL), KQL)) == rows, written
    assert bag(run(to_sql(read_sql(to_sql(plan, KQL), KQL), KQL), KQL)) == rows
