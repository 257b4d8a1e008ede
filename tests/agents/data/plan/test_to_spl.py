"""Plans as SPL. A search that is written as people write it comes back from the plan as it was."""

from __future__ import annotations

import pytest

from agents.data.plan.expressions import (
    Arithmetic,
    Between,
    Call,
    Cast,
    Column,
    Compare,
    Constant,
    Duration,
    Expr,
    Logic,
    Match,
    Not,
)
from agents.data.plan.model import (
    Aggregate,
    Extend,
    Filter,
    Frame,
    Join,
    Key,
    Limit,
    Measure,
    Named,
    Project,
    QueryPlan,
    Scalar,
    Sort,
    SortKey,
    Step,
    Table,
    Top,
    Unsayable,
    Values,
    Window,
    WindowColumn,
)
from agents.data.plan.read_spl import read_spl
from agents.data.plan.to_spl import to_spl
from tests.agents.data.plan.pieces import text, whole
from tests.agents.data.queries import lines
from tests.agents.data.spl.small import CATALOG, run

SAME = r"""
index=web
index=web status=500 user!=bob
index=web status>=400 NOT user=bob
index=web NOT user IN (alice, bob) status IN (200, 404)
index=web user=* NOT uri=*
index=web user="al*" uri="*log*" | stats count
index=web (user=alice OR status=500) | stats count by user
index=web (user=alice OR (status=500 host=web2)) | stats count
index=web "not found" | table uri
index=web earliest=-24h latest=-1h@h
index=web earliest="05/01/2024:10:00:00" latest=now
index=web [search index=auth action=failure | dedup user | fields user] | table user
index=web NOT [search index=auth | fields user] | stats count
index IN (web, auth) user=bob | stats count by host
index=web uri="/lo*" | where match(_raw, "(?i)error\d+")
index=web | eval kb=round(bytes/1024, 2), who=coalesce(user, "nobody") | table _time who kb
index=web | eval level=case(status>=500, "bad", status>=400, "poor", true(), "good") | stats count by level
index=web | eval slow=if(bytes>250 AND isnotnull(user), "yes", "no") | stats count by slow
index=web | eval hour=tonumber(strftime(_time, "%H")), day=strftime(_time, "%Y-%m-%d") | stats count by day hour
index=web | eval age=now()-_time | where age>3600 | stats count
index=web | eval name=mvindex(split(uri, "/"), 1) | stats count by name
index=web | eval n=(bytes+1)*2-(status-(1-bytes))/(2/bytes) | table n
index=web | bin _time span=10m | stats count dc(user) as users by _time host
index=web | stats count(eval(status>=500)) as errors sum(eval(bytes*8)) as bits perc95(bytes) as p95 by host
index=web | stats latest(status) as last_status earliest(uri) as first_uri values(user) as users by host
index=web | eventstats avg(bytes) as mean by host | where bytes>mean | table host bytes mean
index=web | sort 0 host -bytes | streamstats count as place by host | where place<=2 | table host bytes place
index=web | sort 0 _time | streamstats current=f window=1 last(bytes) as before | table _time bytes before
index=web | dedup user | table user _time
index=web | sort 0 -bytes | dedup 2 host | table host bytes
index=web | head 5
index=web | stats count by uri | sort 3 -count uri
index=web | rename user AS who, uri AS path | fields - tags
index=web | rex field=uri "^/(?<first>\w+)" | stats count by first
index=web | lookup hosts host OUTPUT owner | stats count by owner
index=web | lookup users user OUTPUT dept AS department | stats count by department
index=web | stats count by host | join type=left host [search index=auth | stats count as logins by host]
index=web | stats count by host | append [search index=auth | stats count by host]
| inputlookup hosts | where site="NYC" | sort 0 host
index=web | stats count as n by host uri | eventstats sum(n) as total by host | eval share=100*n/total | fields - total
"""


@pytest.mark.parametrize("search", lines(SAME))
def test_a_search_comes_back_from_the_plan_as_it_was(search: str) -> None:
    assert to_spl(read_spl(search, CATALOG), CATALOG) == search


TIME, STATUS, BYTES, USER, HOST = (Column(name=name) for name in ("_time", "status", "bytes", "user", "host"))
NOW = Call(function="now")


def web(*steps: Step) -> QueryPlan:
    return QueryPlan(source=Table(name="web"), steps=steps)


def count_by(*groups: Named) -> Aggregate:
    return Aggregate(groups=groups, measures=(Measure(name="n", function="count"),))


def day_of(value: Column) -> Call:
    return Call(function="date_trunc", args=(text("day"), value))


def test_a_day_of_the_event_is_a_time_range() -> None:
    march = Constant(type="date", value="2024-05-01")
    plan = web(Filter(condition=Compare(op="==", left=Cast(operand=TIME, to="date"), right=march)))
    assert to_spl(plan, CATALOG) == 'index=web earliest="05/01/2024:00:00:00" latest="05/02/2024:00:00:00"'


def test_yesterday_is_a_time_range_relative_to_now() -> None:
    yesterday = Arithmetic(op="-", left=Cast(operand=NOW, to="date"), right=Duration(amount=1, unit="day"))
    plan = web(Filter(condition=Compare(op="==", left=Cast(operand=TIME, to="date"), right=yesterday)))
    assert to_spl(plan, CATALOG) == "index=web earliest=-1d@d latest=@d"


def test_an_end_that_is_part_of_the_range_is_not_latest() -> None:
    low, high = (Constant(type="datetime", value=f"2024-05-01T{hour}:00:00") for hour in ("10", "11"))
    plan = web(Filter(condition=Between(operand=TIME, low=low, high=high)))
    found = to_spl(plan, CATALOG)
    assert found.startswith('index=web earliest="05/01/2024:10:00:00" | where _time<=strptime(')
    assert len(run(found)[1]) == 4


def test_a_bucket_of_time_stays_the_time() -> None:
    plan = web(count_by(Named(name="day", value=day_of(TIME))), Sort(keys=(SortKey(value=Column(name="day")),)))
    assert to_spl(plan, CATALOG) == "index=web | bin _time span=1d | stats count as n by _time | sort _time"


def test_a_bucket_beside_the_time_itself_gets_a_field_of_its_own() -> None:
    last = Measure(name="last", function="max", args=(TIME,))
    plan = web(Aggregate(groups=(Named(name="day", value=day_of(TIME)),), measures=(last,)))
    assert to_spl(plan, CATALOG) == 'index=web | eval day=relative_time(_time, "@d") | stats max(_time) as last by day'


def test_weeks_start_on_monday() -> None:
    week = Call(function="date_trunc", args=(text("week"), TIME))
    found = to_spl(web(count_by(Named(name="week", value=week))), CATALOG)
    assert found == 'index=web | eval _time=relative_time(_time, "@w1") | stats count as n by _time'


def test_columns_set_at_once_see_the_values_from_before() -> None:
    swapped = Extend(columns=(Named(name="status", value=BYTES), Named(name="bytes", value=STATUS)))
    plan = web(Filter(condition=Compare(op="==", left=USER, right=text("carol"))), swapped, _table("status", "bytes"))
    assert run(to_spl(plan, CATALOG))[1] == [(700.0, 500.0)]


def _table(*names: str) -> Project:
    return Project(columns=tuple(Named(name=name, value=Column(name=name)) for name in names))


def test_rows_are_sorted_again_by_a_column_that_has_changed() -> None:
    by_bytes = (SortKey(value=BYTES),)
    doubled = Named(name="bytes", value=Arithmetic(op="-", left=whole(0), right=BYTES))
    first = Top(groups=(HOST,), order=by_bytes)
    found = to_spl(web(Sort(keys=by_bytes), Extend(columns=(doubled,)), first, _table("host", "bytes")), CATALOG)
    assert found == "index=web | sort 0 bytes | eval bytes=0-bytes | sort 0 bytes | dedup host | table host bytes"


def test_a_value_of_the_same_rows_is_of_eventstats() -> None:
    mean = web(Aggregate(measures=(Measure(name="mean", function="avg", args=(BYTES,)),)))
    above = Filter(condition=Compare(op=">", left=BYTES, right=Scalar(plan=mean)))
    found = to_spl(web(above, _table("user", "bytes")), CATALOG)
    assert found == "index=web | eventstats avg(bytes) as mean_1 | where bytes>mean_1 | table user bytes"
    assert run(found)[1] == [("carol", 700.0), ("bob", 300.0)]


def test_a_value_of_other_rows_is_joined_to_all() -> None:
    logins = QueryPlan(source=Table(name="auth"), steps=(Aggregate(measures=(Measure(name="n", function="count"),)),))
    more = Filter(condition=Compare(op=">", left=STATUS, right=Scalar(plan=logins)))
    assert run(to_spl(web(more, count_by()), CATALOG))[1] == [(6,)]


def test_a_join_takes_only_what_is_read_of_the_other_side() -> None:
    hosts = QueryPlan(source=Table(name="auth"))
    join = Join(right=hosts, keys=(Key(left=HOST, right=HOST),))
    action = Named(name="action", value=Column(name="action"))
    found = to_spl(web(join, count_by(action)), CATALOG)
    assert found == (
        "index=web | join type=inner max=0 host [search index=auth | fields host action] | stats count as n by action"
    )
    assert sorted(run(found)[1]) == [("failure", 6), ("success", 3)]


def test_conditions_on_the_other_side_of_a_join_are_in_its_search() -> None:
    join = Join(right=QueryPlan(source=Table(name="auth")), keys=(Key(left=HOST, right=HOST),))
    failed = Compare(op="==", left=Column(name="action"), right=text("failure"))
    assert to_spl(web(join, Filter(condition=failed), count_by()), CATALOG) == (
        "index=web | join type=inner max=0 host [search index=auth action=failure | fields host] | stats count as n"
    )


def test_text_with_signs_of_like_is_matched_by_a_regular_expression() -> None:
    part = Match(op="contains", operand=Column(name="_raw"), pattern=text("upstream_timeout"))
    plan = web(Limit(count=9), Filter(condition=part))
    assert to_spl(plan, CATALOG) == 'index=web | head 9 | where match(_raw, "upstream_timeout")'


def test_patterns_are_wildcards_in_a_base_search_and_like_after_it() -> None:
    like = Match(op="like", operand=USER, pattern=text("Al%"))
    assert to_spl(web(Filter(condition=like)), CATALOG) == 'index=web user="Al*"'
    assert to_spl(web(Filter(condition=Not(operand=like))), CATALOG) == 'index=web user!="Al*"'
    later = web(Limit(count=3), Filter(condition=like))
    assert to_spl(later, CATALOG) == 'index=web | head 3 | where like(user, "Al%")'


def test_conditions_on_the_events_come_before_a_join() -> None:
    join = Join(right=QueryPlan(source=Table(name="users")), keys=(Key(left=USER, right=USER),))
    bad = Compare(op=">=", left=STATUS, right=whole(400))
    senior = Compare(op=">", left=Column(name="level"), right=whole(3))
    plan = web(join, Filter(condition=Logic(op="and", operands=(senior, bad))), count_by())
    assert to_spl(plan, CATALOG) == (
        "index=web status>=400 | join type=inner max=0 user [| inputlookup users | fields user level]"
        " | where level>3 | stats count as n"
    )


def test_rows_after_the_first_are_counted_off() -> None:
    plan = web(Sort(keys=(SortKey(value=BYTES),)), _table("bytes"), Limit(count=2, offset=1))
    assert run(to_spl(plan, CATALOG))[1] == [(100.0,), (250.0,)]


def test_missing_values_sort_first_where_the_plan_says_so() -> None:
    plan = web(Sort(keys=(SortKey(value=BYTES, nulls="first"),)), _table("bytes"), Limit(count=2))
    assert run(to_spl(plan, CATALOG))[1] == [(None,), (50.0,)]


def test_an_extreme_by_another_value_than_time_is_the_first_once_rows_are_sorted() -> None:
    best = Measure(name="who", function="arg_max", args=(USER, BYTES))
    found = to_spl(web(Aggregate(groups=(Named(name="host", value=HOST),), measures=(best,))), CATALOG)
    assert found == "index=web | sort 0 -bytes | stats first(user) as who by host"
    assert run(found)[1] == [("web1", "bob"), ("web2", "carol")]


def test_rank_is_the_place_of_the_first_alike() -> None:
    rank = WindowColumn(name="place", function="rank")
    order = (SortKey(value=STATUS, descending=True),)
    plan = web(Window(order=order, columns=(rank,)), _table("status", "place"))
    assert [row[1] for row in run(to_spl(plan, CATALOG))[1]] == [1, 1, 3, 4, 4, 4]


BY_STATUS, TOTAL = (SortKey(value=STATUS),), WindowColumn(name="x", function="sum", args=(BYTES,))
AHEAD = TOTAL.model_copy(update={"frame": Frame(start=0, end=1)})


def extended(value: Expr) -> Extend:
    return Extend(columns=(Named(name="x", value=value),))


HARD: list[tuple[str, Step]] = [
    ("a full outer join", Join(how="full", right=web(), keys=(Key(left=USER, right=USER),))),
    ("the window function ntile", Window(order=BY_STATUS, columns=(TOTAL.model_copy(update={"function": "ntile"}),))),
    ("a running value over rows that may be alike", Window(order=BY_STATUS, columns=(TOTAL,))),
    ("a window over the rows that follow", Window(order=BY_STATUS, columns=(AHEAD,))),
    ("a conversion from string to bool", extended(Cast(operand=USER, to="bool"))),
    ("a pattern that is computed", Filter(condition=Match(op="contains", operand=USER, pattern=HOST))),
    ("a year as a number of seconds", extended(Duration(amount=1, unit="year"))),
]


@pytest.mark.parametrize(("what", "step"), HARD, ids=[what for what, _ in HARD])
def test_what_spl_has_no_words_for_is_named(what: str, step: Step) -> None:
    with pytest.raises(Unsayable, match=what):
        to_spl(web(step), CATALOG)


def test_an_unknown_table_and_written_rows_are_named() -> None:
    with pytest.raises(Unsayable, match="the table orders"):
        to_spl(QueryPlan(source=Table(name="orders")), CATALOG)
    with pytest.raises(Unsayable, match="rows written out"):
        to_spl(QueryPlan(source=Values(columns=("a",), rows=((whole(1),), (whole(2),)))), CATALOG)
