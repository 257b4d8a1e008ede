"""The columns of charts, which the rows decide: columns and rows computed by hand over small.py. One case a line."""

# ruff: noqa: E501 - one case a line
# fmt: off

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.data.spl.small import run

CASES: list[tuple[str, list[str], list[tuple[Any, ...]]]] = [
    ("index=web | timechart span=1h count by host", ["_time", "web1", "web2"], [("10:00:00", 2, 1), ("11:00:00", 1, 1), ("12:00:00", 0, 1)]),
    ("index=web | timechart span=1h count by user", ["_time", "alice", "bob", "carol", "NULL"], [("10:00:00", 2, 1, 0, 0), ("11:00:00", 0, 0, 1, 1), ("12:00:00", 0, 1, 0, 0)]),
    ("index=web | timechart span=1h limit=1 count by user", ["_time", "alice", "NULL", "OTHER"], [("10:00:00", 2, 0, 1), ("11:00:00", 0, 1, 1), ("12:00:00", 0, 0, 1)]),
    ("index=web | timechart span=1h limit=1 useother=f usenull=f count by user", ["_time", "alice"], [("10:00:00", 2), ("11:00:00", 0), ("12:00:00", 0)]),
    ("index=web | timechart span=1h limit=0 count by user nullstr=\"nobody\"", ["_time", "alice", "bob", "carol", "nobody"], [("10:00:00", 2, 1, 0, 0), ("11:00:00", 0, 0, 1, 1), ("12:00:00", 0, 1, 0, 0)]),
    ("index=web | timechart span=1h sum(bytes) by host", ["_time", "web1", "web2"], [("10:00:00", 400, 50), ("11:00:00", None, 700), ("12:00:00", None, 250)]),
    ("index=web | timechart span=1h limit=1 avg(bytes) by status", ["_time", "500", "OTHER"], [("10:00:00", 300, 75), ("11:00:00", 700, None), ("12:00:00", None, 250)]),
    ("index=web | timechart span=30m per_hour(bytes) by host", ["_time", "web1", "web2"], [("10:00:00", 800, 100), ("10:30:00", None, None), ("11:00:00", None, 1400), ("11:30:00", None, None), ("12:00:00", None, 500)]),
    ("index=web | timechart span=1h cont=f count by user usenull=f limit=1", ["_time", "alice", "OTHER"], [("10:00:00", 2, 1), ("11:00:00", 0, 1), ("12:00:00", 0, 1)]),
    ("index=web status=999 | timechart span=1h count by user", ["_time"], []),
    ("index=web earliest=-4h@h latest=-2h@h | timechart span=1h count by host", ["_time", "web1", "web2"], [("09:00:00", 0, 0), ("10:00:00", 2, 1)]),
    ("index=web | timechart span=1h dc(user) as people by host", ["_time", "web1", "web2"], [("10:00:00", 2, 1), ("11:00:00", 0, 1), ("12:00:00", 0, 1)]),
    ("index=web | timechart span=1h count(eval(status>=500)) by host", ["_time", "web1", "web2"], [("10:00:00", 1, 0), ("11:00:00", 0, 1), ("12:00:00", 0, 0)]),
    ('index=web | makemv delim="," tags | timechart span=1h count by tags usenull=f', ["_time", "a", "b", "c"], [("10:00:00", 2, 2, 1), ("11:00:00", 1, 0, 0), ("12:00:00", 0, 0, 0)]),
    ("index=web | chart max(bytes) over uri by host", ["uri", "web1", "web2"], [("/home", 100, 250), ("/login", 300, 700), ("/missing", None, 50)]),
    ("index=web | chart count by host status", ["host", "200", "404", "500"], [("web1", 2, 0, 1), ("web2", 1, 1, 1)]),
    ("index=web | chart count avg(bytes) as a over host by status", ["host", "count: 200", "count: 404", "count: 500", "a: 200", "a: 404", "a: 500"], [("web1", 2, 0, 1, 100, None, 300), ("web2", 1, 1, 1, 250, 50, 700)]),
    ('index=web | chart sep="-" count max(bytes) over uri by host limit=1', ["uri", "count-web1", "count-OTHER", "max(bytes)-web1", "max(bytes)-OTHER"], [("/home", 2, 1, 100, 250), ("/login", 1, 1, 300, 700), ("/missing", 0, 1, None, 50)]),
    ('index=web | chart format="$VAL$ ($AGG$)" count dc(user) as u over status by host', ["status", "web1 (count)", "web2 (count)", "web1 (u)", "web2 (u)"], [(200, 2, 1, 1, 1), (404, 0, 1, 0, 1), (500, 1, 1, 1, 1)]),
    ("index=web | chart sum(bytes) over host by user where sum in top1", ["host", "carol", "OTHER"], [("web1", None, 400), ("web2", 700, 300)]),
    ("index=web | chart sum(bytes) over host by user where max>250 useother=f", ["host", "bob", "carol"], [("web1", 300, None), ("web2", 250, 700)]),
    ('index=web | chart count over uri by user usenull=f otherstr="rest" limit=2', ["uri", "alice", "bob", "rest"], [("/home", 1, 1, 0), ("/login", 0, 1, 1), ("/missing", 1, 0, 0)]),
    ("index=web | chart limit=bottom1 count over host by user", ["host", "carol", "NULL", "OTHER"], [("web1", 0, 1, 2), ("web2", 1, 0, 2)]),
    ("index=web | chart count over bytes span=500 by host", ["bytes", "web1", "web2"], [("0-500", 2, 2), ("500-1000", 0, 1)]),
    ("index=web | chart count by _time span=1h", ["_time", "count"], [("10:00:00", 3), ("11:00:00", 2), ("12:00:00", 1)]),
    ("index=web | timechart span=1h count by host | addtotals | fields - web1", ["_time", "web2", "Total"], [("10:00:00", 1, 3), ("11:00:00", 1, 2), ("12:00:00", 1, 1)]),
    ("index=web | timechart span=1h sum(bytes) by host | fillnull value=0 | where web1=0", ["_time", "web1", "web2"], [("11:00:00", 0, 700), ("12:00:00", 0, 250)]),
    ("index=web | timechart span=1h count by host | eval more=web1-web2 | rename web1 as first | sort - more | head 1", ["_time", "first", "web2", "more"], [("10:00:00", 2, 1, 1)]),
    ("index=web | timechart span=1h count by host | eval x=web1+web9 | where isnull(x) | stats count", ["count"], [(3,)]),
    ("index=web | timechart span=1h count by host | table _time web9 | head 1", ["_time", "web9"], [("10:00:00", None)]),
    ("index=web | chart count over uri by host | append [search index=auth | chart count over action by host]", ["uri", "web1", "web2", "action", "db1"], [("/home", 2, 1, None, None), ("/login", 1, 1, None, None), ("/missing", 0, 1, None, None), (None, 2, None, "failure", 1), (None, 1, None, "success", 0)]),
]


@pytest.mark.parametrize(("spl", "columns", "rows"), CASES, ids=[case[0] for case in CASES])
def test_a_charts_columns_are_the_values_that_occur(spl: str, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    assert run(spl) == (columns, rows)
