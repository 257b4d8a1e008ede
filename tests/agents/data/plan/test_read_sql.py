"""SQL into plans: what names mean, what is said shorter, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.data.plan.expressions import Call, Column, Compare, Constant, Duration, Expr, Match
from agents.data.plan.model import Aggregate, Join, Project, QueryPlan, Sort, Step, Table, Top, Unsayable
from agents.data.plan.read_sql import read_sql
from agents.data.plan.schema import columns_of
from agents.data.plan.to_sql import to_sql
from shared.errors import InvalidInput
from tests.agents.data.plan.pieces import first_condition
from tests.agents.data.plan.shop import SQL


def plan(sql: str) -> QueryPlan:
    return read_sql(sql, SQL)


def condition(text: str) -> Expr:
    return first_condition(plan(f"SELECT * FROM orders WHERE {text}").steps)


def kinds(steps: tuple[Step, ...]) -> list[str]:
    return [step.kind for step in steps]


def test_names_get_the_catalogs_spelling() -> None:
    found = plan("SELECT ID, Status FROM ORDERS")
    assert found.source == Table(name="orders")
    assert list(columns_of(found, SQL) or {}) == ["id", "status"]


@pytest.mark.parametrize(
    ("sql", "table", "column"),
    [
        ("SELECT colour FROM orders", "orders", "colour"),
        ("SELECT o.colour FROM orders o", "orders", "colour"),
        ("SELECT colour FROM ordres", "ordres", "colour"),
    ],
)
def test_names_that_do_not_exist_are_kept_for_the_binder_to_find(sql: str, table: str, column: str) -> None:
    found = plan(sql)
    assert found.source == Table(name=table)
    assert found.steps == (Project.model_validate({"columns": [{"name": column, "value": Column(name=column)}]}),)


def test_the_columns_of_a_join_have_names_of_their_own_where_they_clash() -> None:
    found = plan("SELECT c.name, e.name FROM customers c JOIN events e ON e.order_id = c.id")
    assert list(columns_of(found, SQL) or {}) == ["name", "e_name"]


def test_a_column_that_only_repeats_a_key_is_the_other_sides() -> None:
    join = plan("SELECT o.amount, c.id FROM orders o JOIN customers c ON o.customer_id = c.id").steps[0]
    assert isinstance(join, Join)
    assert join.right.steps == ()


def test_conditions_on_one_side_of_a_join_come_before_it() -> None:
    found = plan("SELECT o.id FROM orders o JOIN customers c ON o.customer_id = c.id WHERE o.items > 1 AND c.vip")
    join = found.steps[1]
    assert kinds(found.steps) == ["filter", "join", "project"]
    assert isinstance(join, Join)
    assert kinds(join.right.steps) == ["filter"]


def test_a_condition_on_what_a_left_join_found_stays_behind_it() -> None:
    found = plan("SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.amount > 1")
    assert kinds(found.steps) == ["join", "filter", "project"]


@pytest.mark.parametrize(
    ("text", "op", "pattern", "ignore_case"),
    [
        ("status LIKE '%ai%'", "contains", "ai", False),
        ("status ILIKE 'Pa%'", "startswith", "Pa", True),
        ("lower(status) LIKE '%id'", "endswith", "id", True),
        ("status LIKE 'p_id'", "like", "p_id", False),
        ("contains(status, 'ai')", "contains", "ai", False),
        ("strpos(status, 'ai') > 0", "contains", "ai", False),
        ("status SIMILAR TO 'p.*d'", "regex", "^(?:p.*d)$", False),
    ],
)
def test_patterns_become_the_narrowest_match(text: str, op: str, pattern: str, ignore_case: bool) -> None:
    wanted = {"op": op, "operand": Column(name="status"), "pattern": Constant(type="string", value=pattern)}
    assert condition(text) == Match.model_validate(wanted | {"ignore_case": ignore_case})


@pytest.mark.parametrize("text", ["lower(status) = 'paid'", "status ILIKE 'paid'", "'paid' = lower(status)"])
def test_equality_without_case_is_said_in_one_way(text: str) -> None:
    right = Constant(type="string", value="paid")
    assert condition(text) == Compare(op="==", left=Column(name="status"), right=right, ignore_case=True)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'2026-03-01'", "2026-03-01T00:00:00"),
        ("TIMESTAMP '2026-03-01 10:30:00'", "2026-03-01T10:30:00"),
        ("'2026-03-01T10:30:00+02:00'", "2026-03-01T08:30:00"),
        ("CAST('2026-3-1' AS TIMESTAMP)", "2026-03-01T00:00:00"),
    ],
)
def test_text_beside_a_time_is_a_time(text: str, value: str) -> None:
    found = condition(f"placed >= {text}")
    assert isinstance(found, Compare)
    assert found.right == Constant(type="datetime", value=value)


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("INTERVAL 7 DAY", 7, "day"),
        ("INTERVAL '7 days'", 7, "day"),
        ("INTERVAL '1 day 2 hours'", 26, "hour"),
        ("INTERVAL '01:30:00'", 5400, "second"),
        ("INTERVAL '1.5 hours'", 1.5, "hour"),
        ("2 * INTERVAL 1 WEEK", 2, "week"),
        ("to_days(3)", 3, "day"),
    ],
)
def test_intervals_are_an_amount_of_a_unit(text: str, amount: float, unit: str) -> None:
    found = condition(f"paid - placed > {text}")
    assert isinstance(found, Compare)
    assert found.right == Duration.model_validate({"amount": amount, "unit": unit})


def test_days_are_numbers_in_sql_only() -> None:
    found = condition("CAST(paid AS DATE) - CAST(placed AS DATE) > 2")
    assert isinstance(found, Compare)
    assert isinstance(found.left, Call)
    assert found.left.function == "date_diff"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM orders QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1",
        "SELECT id FROM (SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) AS n FROM orders) "
        "WHERE n = 1",
        "WITH r AS (SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) AS n FROM orders) "
        "SELECT id FROM r WHERE n <= 1",
    ],
)
def test_a_row_number_that_only_chooses_rows_is_the_top_of_each_group(sql: str) -> None:
    assert "top" in kinds(plan(sql).steps)
    assert "window" not in kinds(plan(sql).steps)


def test_a_row_number_that_is_shown_stays() -> None:
    found = plan("SELECT id, row_number() OVER (PARTITION BY customer_id) AS n FROM orders QUALIFY n = 1")
    assert not any(isinstance(step, Top) for step in found.steps)


def test_groups_may_be_named_by_alias_or_place() -> None:
    by_name = "SELECT date_trunc('day', placed) AS day, count(*) AS n FROM orders GROUP BY {} ORDER BY n DESC"
    assert plan(by_name.format("day")) == plan(by_name.format("1")) == plan(by_name.format("ALL"))


def test_an_order_inside_that_nothing_keeps_is_dropped() -> None:
    found = plan("SELECT count(*) FROM (SELECT id FROM orders ORDER BY placed) t")
    assert not any(isinstance(step, Sort) for step in found.steps)


def test_without_a_catalog_columns_of_a_join_need_their_tables() -> None:
    assert kinds(read_sql("SELECT a.x FROM a JOIN b ON a.id = b.id").steps) == ["join", "project"]
    with pytest.raises(Unsayable, match="the column 'x' without its table"):
        read_sql("SELECT x FROM a JOIN b ON a.id = b.id")


def test_the_dialect_decides_what_sql_means() -> None:
    found = read_sql("SELECT id FROM orders ORDER BY amount DESC LIMIT 1", SQL, "postgres")
    sort = found.steps[0]
    assert isinstance(sort, Sort)
    assert sort.keys[0].nulls == "first"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r", "recursive CTE"),
        ("SELECT country, count(*) FROM customers GROUP BY ROLLUP (country)", "ROLLUP"),
        ("SELECT name, count(*) FROM customers GROUP BY country", "'name', which is neither grouped nor aggregated"),
        ("SELECT * FROM customers GROUP BY country", "a star beside aggregates"),
        ("SELECT id, name FROM customers c JOIN orders o ON o.customer_id = c.id", "'id', which several tables have"),
        ("SELECT x.id FROM orders o JOIN customers c ON c.id = o.id", "'x', which FROM does not name"),
        ("SELECT id FROM orders NATURAL JOIN customers", "this join"),
        ("SELECT id FROM orders TABLESAMPLE 5%", "TableSample"),
        ("SELECT id FROM orders, LATERAL (SELECT 1) t", "this in FROM"),
        ("SELECT id FROM orders ORDER BY id LIMIT 10%", "limit"),
        ("SELECT id FROM orders WHERE placed AT TIME ZONE 'Europe/Oslo' > now()", "a time zone other than UTC"),
        ("SELECT sum(DISTINCT amount) FROM orders", "sum of distinct values"),
        ("SELECT soundex(name) FROM customers", "soundex"),
        ("SELECT list(id ORDER BY placed) FROM orders", "the aggregate"),
        ("SELECT id FROM orders WHERE details->>'$.*' = 'x'", "a wildcard"),
        ("SELECT sum(amount) OVER (ORDER BY placed RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM orders",
         "a frame by RANGE"),
        ("SELECT DISTINCT name FROM customers ORDER BY age", "DISTINCT with an order by what is not selected"),
        ("SELECT id FROM orders o WHERE id NOT IN (SELECT c.id FROM customers c WHERE c.id = o.customer_id)",
         "the outer column o.customer_id"),
        ("SELECT id FROM orders EXCEPT SELECT id FROM customers", "EXCEPT"),
        ("SELECT id FROM orders WHERE CAST(status AS BIT) IS NULL", "the type BIT"),
    ],
)  # fmt: skip
def test_what_a_plan_can_not_say_is_refused_by_name(sql: str, what: str) -> None:
    with pytest.raises(Unsayable) as refused:
        plan(sql)
    assert what in str(refused.value)


@pytest.mark.parametrize("sql", ["SELEC 1", "DELETE FROM orders", "SELECT 1; SELECT 2", "", "SELECT FROM WHERE"])
def test_what_is_not_one_select_is_no_input(sql: str) -> None:
    with pytest.raises(InvalidInput):
        plan(sql)


def test_an_option_that_no_reader_knows_is_refused_and_not_overlooked() -> None:
    with pytest.raises(Unsayable, match="Select with locks"):
        plan("SELECT id FROM orders FOR UPDATE")


def test_a_query_that_is_nested_too_deeply_is_refused() -> None:
    deep = "SELECT id FROM orders WHERE " + "NOT (" * 3000 + "TRUE" + ")" * 3000
    with pytest.raises(InvalidInput):
        plan(deep)


def test_aggregates_alone_give_one_row() -> None:
    step = plan("SELECT count(*) AS n, max(placed) AS last FROM orders").steps[0]
    assert isinstance(step, Aggregate)
    assert (step.groups, [one.name for one in step.measures]) == ((), ["n", "last"])


_WORDS = """( ) , * SELECT FROM orders WHERE GROUP_BY ORDER_BY id status count(*) AS_n 1 'x' JOIN_customers_c_ON =_c.id
LIMIT_1 DISTINCT OVER IN NOT CASE_WHEN END NULL LIKE extract(hour_FROM_placed) INTERVAL_1_DAY max(amount) UNION_ALL
WITH_t_AS_( QUALIFY lower("""
TOKENS = st.sampled_from(_WORDS.split()).map(lambda word: word.replace("_", " "))


@given(pieces=st.lists(TOKENS, min_size=3, max_size=14))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_plan_or_an_error_that_a_user_can_read(pieces: list[str]) -> None:
    with suppress(InvalidInput):
        to_sql(plan("SELECT " + " ".join(pieces)), SQL)
