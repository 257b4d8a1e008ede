"""Plans as SQL: one SELECT where it can be, short enough for a prompt, in any dialect."""

from __future__ import annotations

import pytest

from agents.data.plan.model import QueryPlan
from agents.data.plan.read_kql import read_kql
from agents.data.plan.read_sql import read_sql
from agents.data.plan.to_sql import to_sql
from tests.agents.data.plan.shop import KQL, SQL


def one_line(sql: str) -> str:
    return " ".join(sql.split())


@pytest.mark.parametrize(
    ("kql", "sql"),
    [
        ("orders | where placed > ago(7d) | count", "SELECT COUNT(*) AS Count FROM orders "
         "WHERE placed > now() - INTERVAL 7 DAY"),
        ("orders | summarize n = count() by bin(placed, 1h)",
         "SELECT date_trunc('hour', placed) AS placed, COUNT(*) AS n FROM orders GROUP BY date_trunc('hour', placed)"),
        ("orders | summarize n = countif(items > 1), dcount(status) by day = bin(placed, 1d) | where n > 2",
         "SELECT date_trunc('day', placed) AS day, COUNT(*) FILTER (WHERE items > 1) AS n, COUNT(DISTINCT status) AS "
         "dcount_status FROM orders GROUP BY day HAVING COUNT(*) FILTER (WHERE items > 1) > 2"),
        ("customers | where name has 'ana' and isnotempty(country) | project name",
         "SELECT name FROM customers WHERE name ILIKE '%ana%' AND country IS NOT NULL"),
        ("orders | where status =~ 'Paid' | top 3 by amount | project id, amount",
         "SELECT id, amount FROM orders WHERE status ILIKE 'Paid' ORDER BY amount DESC LIMIT 3"),
        ("orders | summarize arg_max(placed, *) by customer_id",
         "SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1"),
        ("orders | extend coupon = tostring(details.coupon) | where coupon == 'x' | project id, coupon",
         "SELECT id, details ->> '$.coupon' AS coupon FROM orders WHERE (details ->> '$.coupon') = 'x'"),
        ("orders | join kind=inner (customers | where vip) on $left.customer_id == $right.id | project name",
         "SELECT c.name FROM orders AS o JOIN customers AS c ON o.customer_id = c.id AND c.vip"),
        ("orders | join kind=leftanti customers on $left.customer_id == $right.id | project id",
         "SELECT o.id FROM orders AS o WHERE NOT EXISTS (SELECT 1 FROM customers AS c WHERE o.customer_id = c.id)"),
        ("orders | summarize total = sum(amount) by customer_id | summarize avg(total)",
         "WITH grouped AS ( SELECT customer_id, SUM(amount) AS total FROM orders GROUP BY customer_id ) "
         "SELECT AVG(total) AS avg_total FROM grouped"),
        ("orders | take 5 | where items > 1",
         "WITH chosen AS ( SELECT * FROM orders LIMIT 5 ) SELECT * FROM chosen WHERE items > 1"),
        ("union (orders | project id), (customers | project id)",
         "SELECT id FROM orders UNION ALL SELECT id FROM customers"),
        ("orders | distinct status", "SELECT DISTINCT status FROM orders"),
        ("orders | project-away details, paid | take 1",
         "SELECT id, customer_id, status, amount, items, placed FROM orders LIMIT 1"),
        ("orders | extend twice = amount * 2 | sort by twice desc",
         "SELECT *, amount * 2 AS twice FROM orders ORDER BY amount * 2 DESC"),
    ],
)  # fmt: skip
def test_kql_becomes_the_sql_that_a_person_would_write(kql: str, sql: str) -> None:
    assert one_line(to_sql(read_kql(kql, KQL), KQL, familiar=True)) == sql


def test_a_word_and_empty_text_are_exact_unless_a_model_is_to_read_it() -> None:
    exact = one_line(to_sql(read_kql("customers | where name has 'ana' and isempty(country)", KQL), KQL))
    assert "regexp_matches(name, '(^|[^A-Za-z0-9])ana([^A-Za-z0-9]|$)', 'i')" in exact
    assert "(country IS NULL OR country = '')" in exact


def test_names_that_sql_has_for_itself_are_quoted() -> None:
    plan = read_sql('SELECT id AS "order", status AS "a b", amount AS "Group" FROM orders', SQL)
    assert one_line(to_sql(plan, SQL)) == 'SELECT id AS "order", status AS "a b", amount AS "Group" FROM orders'


@pytest.mark.parametrize(
    ("dialect", "condition"),
    [
        ("postgres", "placed > CURRENT_TIMESTAMP - INTERVAL '7 DAY'"),
        ("mysql", "placed > CURRENT_TIMESTAMP() - INTERVAL '7' DAY"),
        ("snowflake", "placed > CURRENT_TIMESTAMP() - INTERVAL '7 DAY'"),
    ],
)
def test_other_dialects_have_their_own_words(dialect: str, condition: str) -> None:
    plan = read_sql("SELECT id FROM orders WHERE placed > now() - INTERVAL 7 DAY", SQL)
    assert condition in one_line(to_sql(plan, SQL, dialect))


def test_a_plan_that_came_as_json_is_written_like_one_that_was_read() -> None:
    plan = read_sql("SELECT status, count(*) AS n FROM orders GROUP BY status", SQL)
    assert to_sql(QueryPlan.model_validate_json(plan.model_dump_json()), SQL) == to_sql(plan, SQL)
