"""Null, multivalue and text-that-is-a-number: how SPL's values behave, with the rows computed by hand. One case a line.

`FIVE` makes rows n=1 to n=5; the other searches read small.py.
"""

# ruff: noqa: E501 - one case a line
# fmt: off

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.data.spl.small import run

Row = tuple[Any, ...]
ONE, FIVE = "| makeresults | eval ", "| makeresults count=5 | streamstats count as n | eval "

NULLS: list[tuple[str, list[Row]]] = [
    (ONE + 'x=null(), y=x+1, z=coalesce(x, y, 3) | table y z', [(None, "3")]),
    (ONE + 'x="" | where isnotnull(x) | stats count', [(1,)]),
    (ONE + 'x=if(null()=1, "y", "n"), y=case(null()>1, "a", true(), "b") | table x y', [("n", "b")]),
    (ONE + 'x=null() | where x=null() OR x!=1 | stats count', [(0,)]),
    (ONE + 'x="a".null(), y=len(null()), z=upper(null()) | table x y z', [(None, None, None)]),
    (ONE + 'a=substr("abc", 1, 1), b=substr("abc", -1), c=len(""), d=nullif(1, 2) | table a b c d', [("a", "c", 0, 1)]),
    ("index=web | stats count(bytes) as n avg(bytes) as a sum(user) as s", [(5, 280.0, None)]),
    ("index=web status=404 | stats sum(tags) max(bytes) by host", [("web2", None, 50)]),
    ("index=web | stats count by user | stats sum(count)", [(5,)]),
    ("index=web | eventstats count as n by user | table user n", [("bob", 2), (None, None), ("carol", 1), ("alice", 2), ("bob", 2), ("alice", 2)]),
    ("index=web | sort user | table user", [("alice",), ("alice",), ("bob",), ("bob",), ("carol",), (None,)]),
    ("index=web | sort -user | table user", [("carol",), ("bob",), ("bob",), ("alice",), ("alice",), (None,)]),
    ("index=web | where NOT (bytes>100) | table bytes", [(50,), (100,)]),
    ("index=web NOT bytes>100 | table bytes", [(None,), (50,), (100,)]),
    ("index=web NOT user=* | table uri", [("/home",)]),
    ("index=web | fillnull value=none user tags | where user=\"none\" OR tags=\"none\" | table user tags", [("bob", "none"), ("none", "a"), ("carol", "none")]),
    ("index=web | fillnull value=x newfield | stats count by newfield", [("x", 6)]),
    ("index=web | top limit=1 user", [("alice", 2, 40.0)]),
    ("index=web | dedup tags | table tags", [("a",), ("c,a",), ("b",), ("a,b",)]),
    ("index=web | streamstats count(bytes) as n | table n", [(1,), (1,), (2,), (3,), (4,), (5,)]),
    ("index=web | stats earliest(bytes) latest(bytes) first(user) last(tags)", [(100, 250, "bob", "a,b")]),
    ('index=web | eval t=mvcount(split(tags, ",")) | table t', [(None,), (1,), (None,), (2,), (1,), (2,)]),
]

MANY: list[tuple[str, list[Row]]] = [
    (ONE + 'x=split("b,a,b", ",") | stats values(x) list(x) count(x) dc(x)', [(["a", "b"], ["b", "a", "b"], 3, 2)]),
    (ONE + 'x=split("1,2,3", ",") | stats sum(x) avg(x) min(x) max(x)', [(6, 2, 1, 3)]),
    (ONE + 'x=split("a,b,c", ",") | stats count by x', [("a", 1), ("b", 1), ("c", 1)]),
    (ONE + 'x=split("a,b", ",") | where x="b" | stats count', [(1,)]),
    (ONE + 'x=split("a,b", ",") | search x=B | stats count', [(1,)]),
    (ONE + 'x=split("a,b", ","), y=split("c,d", ",") | where x=y | stats count', [(0,)]),
    (ONE + 'x=split("a,b", ","), y=split("b,d", ",") | where x=y | stats count', [(1,)]),
    (ONE + 'x=split("b,a", ",") | mvexpand x | table x', [("b",), ("a",)]),
    (ONE + 'x=split("b,a", ",") | mvexpand x limit=1 | table x', [("b",)]),
    ("index=web | makemv delim=\",\" tags | mvexpand tags | table user tags", [("bob", None), (None, "a"), ("carol", None), ("alice", "c"), ("alice", "a"), ("bob", "b"), ("alice", "a"), ("alice", "b")]),
    (ONE + 'x="a,,b" | makemv delim="," allowempty=t x | table x', [(["a", "", "b"],)]),
    (ONE + 'x="a,,b" | makemv delim="," x | table x', [(["a", "b"],)]),
    (ONE + 'x="k1=v1 k2=v2" | makemv tokenizer="=(\\w+)" x | table x', [(["v1", "v2"],)]),
    (ONE + 'x=mvindex(split("a,b", ","), 5), y=mvjoin(split("a", ","), "-"), z=mvcount(mvappend("a", null(), "b")) | table x y z', [(None, "a", 2)]),
    (ONE + 'x=mvzip(split("a b", " "), split("1 2", " "), "="), y=mvreverse(split("a b", " ")) | table x y', [(["a=1", "b=2"], ["b", "a"])]),
    (ONE + 'x=split("1 2 3", " ") | eval y=mvmap(x, x*10), z=mvfilter(x>1) | table y z', [(["10", "20", "30"], ["2", "3"])]),
    (ONE + 'x=split("a b", " "), y=split("b c", " ") | eval z=mvmap(x, if(isnull(mvfind(y, x)), x, null())) | table z', [(["a"],)]),
    (ONE + 'x=mvrange(1, 10, 3), y=mvsort(split("10 9 b a", " ")) | table x y', [(["1", "4", "7"], ["10", "9", "a", "b"])]),
    (ONE + 'x=split("a b", " ") | nomv x | eval n=mvcount(x) | table x n', [("a\nb", 1)]),
    (FIVE + 'k=if(n<3, "x", "y") | fields - _time | mvcombine n', [("x", ["1", "2"]), ("y", ["3", "4", "5"])]),
    (ONE + 'team="ops" | lookup oncall team OUTPUT person | table person', [(["ann", "bea"],)]),
    (ONE + 'team="ops" | lookup oncall team | mvexpand person | table team person', [("ops", "ann"), ("ops", "bea")]),
    (ONE + 'team="none" | lookup oncall team | table person', [(None,)]),
]

TEXT: list[tuple[str, list[Row]]] = [
    (FIVE + 'v=case(n=1, "10", n=2, "9", n=3, "x", n=4, "-1") | sort v | table v', [("-1",), ("9",), ("10",), ("x",), (None,)]),
    (FIVE + 'v=case(n=1, "10", n=2, "9", n=3, "x", n=4, "-1") | sort - v | table v', [("x",), ("10",), ("9",), ("-1",), (None,)]),
    (FIVE + 'v=case(n=1, "10", n=2, "9", n=3, "x") | sort str(v) | head 3 | table v', [("10",), ("9",), ("x",)]),
    (FIVE + 'v=case(n=1, "10.0.0.10", n=2, "10.0.0.9", n=3, "9.1.1.1") | sort ip(v) | head 3 | table v', [("9.1.1.1",), ("10.0.0.9",), ("10.0.0.10",)]),
    (FIVE + 'v=if(n=1, "9", "10") | stats max(v) min(v)', [("10", "9")]),
    (FIVE + 'v=if(n=1, "9", if(n=2, "b", "10")) | stats max(v) min(v)', [("b", "10")]),
    (ONE + 'x="5", y=x+1, z=x*2, w=x."1" | table y z w', [(6, 10, "51")]),
    (ONE + 'x="5", y="6", z=x+y | table z', [("11",)]),
    (ONE + 'x="a", y="b", z=x+"/"+y, w=x+y | table z w', [("a/b", "ab")]),
    (ONE + 'x="10", y="9" | where x>y | stats count', [(1,)]),
    (ONE + 'x="10", y="9a" | where x>y | stats count', [(0,)]),
    (ONE + 'x="Bob" | where x="bob" | stats count', [(0,)]),
    (ONE + 'x="Bob" | search x="bob" | stats count', [(1,)]),
    (ONE + 'x=1/4, y=10/5, z=7%3, w=-2 . "" | table x y z w', [(0.25, 2, 1, "-2")]),
    (ONE + 'x=tostring(0.5, "commas"), y=tostring(1000, "commas"), z=tostring(59, "duration"), w=tostring(90061, "duration") | table x y z w', [("0.50", "1,000", "00:00:59", "1+01:01:01")]),
    (ONE + 'x=strptime("2024-05-01", "%Y-%m-%d"), y=strftime(1714521600, "%Y"), z=relative_time(1714568400, "@d"), w=relative_time(1714568400, "-1h") | table x y z w', [(1714521600, "2024", 1714521600, 1714564800)]),
    (ONE + 'x=if(match("abc", "^A"), 1, 0), y=if(match("abc", "(?i)^A"), 1, 0), z=if(like("abc", "%B%"), 1, 0), w=if(like("abc", "_b%"), 1, 0) | table x y z w', [(0, 1, 0, 1)]),
    (ONE + 'x=if(isint(3), 1, 0), y=if(isint("3.5"), 1, 0), z=if(isstr("a"), 1, 0), w=if(isnum("a"), 1, 0) | table x y z w', [(1, 0, 1, 0)]),
    (ONE + 'p="^b" | eval x=if(match("abc", p), 1, 0), y=if(match("bcd", p), 1, 0) | table x y', [(0, 1)]),
    (ONE + 'x=floor(2.9), y=ceil(2.1), z=round(1.005, 1), w=max(2, 10, 9) | table x y z w', [(2, 3, 1.0, 10)]),
    (ONE + 'x=case(1=2, "a", 2=2, "b", 3=3, "c"), y=if(1=1 AND (2=3 OR 3=3), "t", "f"), z=if(NOT 1=2, "t", "f") | table x y z', [("b", "t", "t")]),
    (ONE + 'x=1+2."3", y=2*3+4, z=2+3*4, w=(2+3)*4 | table x y z w', [("33", 10, 14, 20)]),
]


FUNCTIONS: list[tuple[str, list[Row]]] = [
    (ONE + 'x=bit_and(12, 10), y=bit_or(12, 10), z=bit_xor(12, 10), w=bit_shift_left(1, 4) | table x y z w', [(8, 14, 6, 16)]),
    (ONE + 'x=avg(1, 2, "x"), y=tanh(0), z=bit_shift_right(16, 2), w=cosh(0) | table x y z w', [(1.5, 0, 4, 1)]),
    (ONE + 'x=split("a b", " "), y=if(ismv(x), 1, 0), z=if(ismv("a"), 1, 0), w=if(isbool(1=1), 1, 0) | table y z w', [(1, 0, 1)]),
    (ONE + 'x=json_array("c", 2), z=if(json_valid(x), "ok", "no") | table x z', [('["c",2]', "ok")]),
    (ONE + 'x=json_object("a", 1, "b", "t") | eval y=json_extract(x, "b"), z=json_keys(x) | table x y z', [('{"a":1,"b":"t"}', "t", '["a","b"]')]),
    (ONE + 'x=mv_to_json_array(split("a b", " ")), y=json_array_to_mv(x) | table x y', [('["a","b"]', ["a", "b"])]),
]

CASES = [*NULLS, *MANY, *TEXT, *FUNCTIONS]


@pytest.mark.parametrize(("spl", "rows"), CASES, ids=[case[0] for case in CASES])
def test_values_behave_as_in_splunk(spl: str, rows: list[Row]) -> None:
    assert run(spl)[1] == rows
