"""SPL into plans: what Splunk means by it, in the plan's words."""

from __future__ import annotations

import duckdb
import pytest

from agents.data.plan.expressions import (
    Arithmetic,
    Call,
    Column,
    Compare,
    Constant,
    Duration,
    Expr,
    In,
    InPlan,
    IsNull,
    Logic,
    Match,
    Not,
)
from agents.data.plan.model import (
    Aggregate,
    Expand,
    Extend,
    Filter,
    Join,
    Limit,
    Measure,
    Named,
    Sort,
    SortKey,
    Step,
    Top,
    Union,
    Unsayable,
    Window,
)
from agents.data.plan.read_spl import read_spl
from agents.data.plan.to_sql import to_sql
from tests.agents.data.plan.pieces import first_condition, first_value, text, whole
from tests.agents.data.spl.small import CATALOG, run

TIME, USER, STATUS, HOST, ACTION, BYTES = (
    Column(name=name) for name in ("_time", "user", "status", "host", "action", "bytes")
)
NEWEST = SortKey(value=TIME, descending=True)


def steps(search: str) -> tuple[Step, ...]:
    return read_spl(search, CATALOG).steps


def condition(search: str) -> Expr:
    return first_condition(steps(search))


def value(expression: str) -> Expr:
    return first_value(steps(f"index=web | eval x={expression}"))


def test_search_ignores_the_case_of_text_unless_the_catalog_lists_that_value() -> None:
    assert condition("index=web user=bob") == Compare(op="==", left=USER, right=text("bob"), ignore_case=True)
    assert condition("index=auth action=failure") == Compare(op="==", left=ACTION, right=text("failure"))
    assert condition("index=auth action=FAILURE") == Compare(
        op="==", left=ACTION, right=text("FAILURE"), ignore_case=True
    )
    assert condition('index=web | where user="bob"') == Compare(op="==", left=USER, right=text("bob"))


def test_numbers_are_compared_as_numbers() -> None:
    assert condition("index=web status=500") == Compare(op="==", left=STATUS, right=whole(500))
    assert condition('index=web | where status="500"') == Compare(op="==", left=STATUS, right=whole(500))


def test_not_keeps_the_events_without_the_field_and_unequal_does_not() -> None:
    bob = Compare(op="!=", left=USER, right=text("bob"), ignore_case=True)
    assert condition("index=web user!=bob") == bob
    assert condition("index=web NOT user=bob") == Logic(op="or", operands=(bob, IsNull(operand=USER)))


def test_wildcards_and_free_text_are_matches() -> None:
    assert condition("index=web user=al*") == Match(op="startswith", operand=USER, pattern=text("al"), ignore_case=True)
    assert condition('index=web "not found"') == Match(
        op="has_word", operand=Column(name="_raw"), pattern=text("not found"), ignore_case=True
    )
    assert condition("index=web user=*") == Not(operand=IsNull(operand=USER))
    assert condition("index=web user IN (al, bo)") == In(
        operand=USER, values=(text("al"), text("bo")), ignore_case=True
    )


def test_percentiles_are_of_the_nearest_rank_in_sql_too() -> None:
    search = "index=web | stats perc50(bytes) as half perc90(bytes) as most"
    web = duckdb.connect()
    web.execute("CREATE TABLE web AS SELECT unnest([100, 300, 50, 700, NULL, 250]) AS bytes")
    found = web.execute(to_sql(read_spl(search, CATALOG), CATALOG)).fetchall()
    assert found == run(search)[1] == [(250, 700)]


def test_time_modifiers_are_ranges_with_an_open_end() -> None:
    found = condition("index=web earliest=-1d@d latest=@d")
    day_before = Arithmetic(op="-", left=Call(function="now"), right=Duration(amount=1, unit="day"))
    assert found == Logic(
        op="and",
        operands=(
            Compare(op=">=", left=TIME, right=Call(function="date_trunc", args=(text("day"), day_before))),
            Compare(op="<", left=TIME, right=Call(function="date_trunc", args=(text("day"), Call(function="now")))),
        ),
    )
    assert condition('index=web earliest="05/01/2024:10:30:00"') == Compare(
        op=">=", left=TIME, right=Constant(type="datetime", value="2024-05-01T10:30:00")
    )


def test_stats_leaves_out_events_that_may_lack_the_field() -> None:
    assert steps("index=web | stats count by user")[0] == Filter(condition=Not(operand=IsNull(operand=USER)))
    assert [step.kind for step in steps("index=web | stats count by host")] == ["aggregate"]
    assert [step.kind for step in steps("index=web user=bob | stats count by user")] == ["filter", "aggregate"]


def test_conditions_in_counts_are_the_measure_s() -> None:
    (found,) = steps("index=web | stats count(eval(status>=500)) as errors sum(eval(bytes*8)) as bits")
    bad = Compare(op=">=", left=STATUS, right=whole(500))
    bits = Arithmetic(op="*", left=BYTES, right=whole(8))
    assert found == Aggregate(
        measures=(
            Measure(name="errors", function="count", where=bad),
            Measure(name="bits", function="sum", args=(bits,)),
        )
    )


def test_the_first_events_are_the_newest() -> None:
    assert steps("index=web | head 3") == (Sort(keys=(NEWEST,)), Limit(count=3))
    assert steps("index=web user=* | dedup user")[1] == Top(groups=(USER,), order=(NEWEST,))
    (aggregate,) = steps("index=web | stats first(host) as h")
    assert isinstance(aggregate, Aggregate)
    assert (aggregate.measures[0].function, aggregate.measures[0].args) == ("arg_max", (HOST, TIME))


def test_the_first_groups_are_in_the_order_of_their_keys() -> None:
    assert steps("index=web | stats count by host | head 1")[1:] == (Sort(keys=(SortKey(value=HOST),)), Limit(count=1))


def test_sort_cuts_only_where_a_number_is_written() -> None:
    by_bytes = Sort(keys=(SortKey(value=BYTES, descending=True),))
    assert steps("index=web | sort -bytes") == (by_bytes,)
    assert steps("index=web | sort 5 -bytes") == (by_bytes, Limit(count=5))


def test_a_time_chart_is_groups_in_the_order_of_time() -> None:
    found = steps("index=web | timechart span=1h count")
    hour = Call(function="bin", args=(TIME, Duration(amount=1, unit="hour")))
    count = Measure(name="count", function="count")
    assert found == (
        Aggregate(groups=(Named(name="_time", value=hour),), measures=(count,)),
        Sort(keys=(SortKey(value=TIME),)),
    )


def test_buckets_of_weeks_count_from_1970() -> None:
    (found,) = steps("index=web | bin _time span=1w")
    assert isinstance(found, Extend)
    assert found.columns[0].value.model_dump()["right"] == Duration(amount=3 * 86400, unit="second").model_dump()


def test_top_has_counts_and_shares() -> None:
    found = steps("index=web | top limit=2 host")
    assert [step.kind for step in found] == ["aggregate", "window", "extend", "drop", "sort", "limit"]


def test_times_are_times_and_seconds_are_durations() -> None:
    hour = Duration(amount=3600, unit="second")
    assert value("_time-3600") == Arithmetic(op="-", left=TIME, right=hour)
    age = Arithmetic(op="-", left=Call(function="now"), right=TIME)
    assert value("now()-_time") == Call(function="to_seconds", args=(age,))
    assert value('strptime("2024-05-01", "%Y-%m-%d")') == Constant(type="datetime", value="2024-05-01T00:00:00")
    assert value('tonumber(strftime(_time, "%H"))') == Call(function="date_part", args=(text("hour"), TIME))


def test_assignments_that_read_those_before_are_steps_of_their_own() -> None:
    assert [step.kind for step in steps("index=web | eval a=1, b=2, c=a+b")] == ["extend", "extend"]
    assert [step.kind for step in steps("index=web | eval a=1, b=2")] == ["extend"]


def test_a_lookup_is_a_left_join_with_the_first_row_of_each_key() -> None:
    (found,) = steps("index=web | lookup hosts host OUTPUT owner AS team")
    assert isinstance(found, Join)
    assert found.how == "left"
    assert [step.kind for step in found.right.steps] == ["top", "project"]


def test_a_subsearch_is_a_condition() -> None:
    found = condition("index=web [search index=auth action=failure | fields user]")
    assert isinstance(found, InPlan)
    assert (found.operand, found.ignore_case) == (USER, True)


def test_several_indexes_are_a_union() -> None:
    source = read_spl("index=web OR index=auth user=bob", CATALOG).source
    assert isinstance(source, Union)
    assert [plan.steps[0].kind for plan in source.plans] == ["filter", "filter"]


def test_statistics_of_all_rows_are_windows() -> None:
    (found,) = steps("index=web | eventstats avg(bytes) as mean by host")
    assert isinstance(found, Window)
    assert (found.partition, found.order) == ((HOST,), ())
    running = steps("index=web | sort 0 _time | streamstats sum(bytes) as total")[1]
    assert isinstance(running, Window)
    assert running.order == (SortKey(value=TIME),)


def test_values_of_a_split_text_become_rows() -> None:
    found = steps('index=web | makemv delim="," tags | mvexpand tags')
    assert isinstance(found[1], Expand)
    assert found[1].keep_empty


UNSAYABLE = r"""
the command transaction: index=web | transaction user
the command appendpipe: index=web | stats count by host | appendpipe [stats sum(count) as count]
a column for each value of 'host': index=web | timechart span=1h count by host
a column for each value of 'user': index=web | chart count over host by user
timechart without a span: index=web | timechart count
bin of numbers into ranges: index=web | bin bytes span=100
the network 10.0.0.0/8: index=auth src_ip=10.0.0.0/8
the function cidrmatch: index=auth | where cidrmatch("10.0.0.0/8", src_ip)
the function mode of stats: index=web | stats mode(host) as h
dedup with consecutive: index=web | dedup consecutive=true user
spath without a path: index=web | spath
join without fields: index=web | join [search index=auth | stats count by user]
a subsearch that is not of one field: index=web [search index=auth | fields user host]
streamstats with time_window: index=web | streamstats time_window=1h count
a search that does not bind: index=nothing
a search that does not bind: index=web | stats count by usr
"""


@pytest.mark.parametrize("case", UNSAYABLE.strip().splitlines())
def test_what_the_plan_has_no_words_for_is_named(case: str) -> None:
    what, _, search = case.partition(": ")
    with pytest.raises(Unsayable, match=what):
        read_spl(search, CATALOG)


@pytest.mark.parametrize(
    "time",
    [
        "02/31/2026:00:00:00",
        "13/01/2026",
        "01/01/2026:25:00:00",
        "2026-02-30",
        "0000-01-01",
        "9" * 400,
        f"-{'9' * 5000}d",
    ],
)
def test_a_time_that_no_calendar_has_is_not_sayable(time: str) -> None:
    with pytest.raises(Unsayable):
        read_spl(f'index=web earliest="{time}" | stats count', CATALOG)
