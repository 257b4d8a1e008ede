"""Command by command over small.py, with the rows computed by hand. One case a line: search, expected rows."""

# ruff: noqa: E501 - one case a line
# fmt: off

from __future__ import annotations

from typing import Any

import pytest

from agents.data.spl import Parsed
from agents.data.spl.ast import Pipeline
from agents.data.spl.check import known_macros
from agents.data.spl.sources import commands
from tests.agents.data.spl import test_charts, test_results, test_values
from tests.agents.data.spl.small import CATALOG, run

Row = tuple[Any, ...]
ONE = "| makeresults | eval "

CHOOSE: list[tuple[str, list[Row]]] = [
    ("index=web `server_errors` | table user", [("carol",), ("bob",)]),
    ("index=web | `top_of(1, uri)`", [("/home", 3, 50.0)]),
    ("index=web user=bob OR user=carol status=500 | table user", [("carol",), ("bob",)]),
    ("index=web (user=bob status=200) OR user=carol | table user", [("bob",), ("carol",)]),
    ("index=web user=bob AND NOT (status=200 OR status=404) | table status", [(500,)]),
    ("index=web bytes>=100 bytes<=300 | stats count", [(3,)]),
    ("index=web [search index=auth user=nobody | fields user] | stats count", [(0,)]),
    ("index=web [search index=auth user=bob | head 1 | fields user host] | table host", [("web1",)]),
    ("index=web [| inputlookup users where level>3 | fields user] | table status", [(200,), (500,)]),
    ("index=web | where status=404 OR status=500 AND user=\"bob\" | table status", [(404,), (500,)]),
    ("index=web | where user IN (\"bob\", \"carol\") AND NOT status IN (200) | table user", [("carol",), ("bob",)]),
    ("index=web | where len(user)=3 | stats count", [(2,)]),
    ('index=web | regex "user=\\w+" | table user', [("bob",)]),
    ('index=web | regex user="^(alice|carol)$" | stats count', [(3,)]),
    ('index=web | regex _raw!="(?i)error" | stats count', [(4,)]),
    ("index=web | dedup host uri | table host uri", [("web2", "/home"), ("web1", "/home"), ("web2", "/login"), ("web2", "/missing"), ("web1", "/login")]),
    ("index=web | dedup 1 host sortby +_time | table host _time", [("web1", "10:00:00"), ("web2", "10:20:00")]),
    ("index=web | head | stats count", [(6,)]),
    ("index=web | head limit=2 | table user", [("bob",), (None,)]),
    ("index=web | sort _time | head (bytes>=100) | table bytes", [(100,), (300,)]),
    ("index=web | tail 1 | table _time", [("10:00:00",)]),
    ("index=web | sort - status, uri, -bytes | table status uri bytes", [(500, "/login", 700), (500, "/login", 300), (404, "/missing", 50), (200, "/home", 250), (200, "/home", 100), (200, "/home", None)]),
    ("index=web | sort limit=1 bytes | table bytes", [(50,)]),
    ("index=web | sort 3 -bytes | table bytes", [(700,), (300,), (250,)]),
    ("index=web | sort bytes desc | head 1 | table bytes", [(700,)]),
    ("| inputlookup users | reverse | table user", [("bob",), ("alice",)]),
]

COUNT: list[tuple[str, list[Row]]] = [
    ("index=web | top 2 host uri", [("web1", "/home", 2, 33.333333), ("web1", "/login", 1, 16.666667)]),
    ("index=web | top uri countfield=n percentfield=p", [("/home", 3, 50.0), ("/login", 2, 33.333333), ("/missing", 1, 16.666667)]),
    ("index=web | top limit=1 uri showcount=f", [("/home", 50.0)]),
    ("index=web | rare uri by host limit=1", [("web1", "/login", 1, 33.333333), ("web2", "/home", 1, 33.333333)]),
    ("index=web | rare uri", [("/missing", 1, 16.666667), ("/login", 2, 33.333333), ("/home", 3, 50.0)]),
    ("index=web | stats sum(bytes) AS b, max(status) by host, user", [("web1", "alice", 100, 200), ("web1", "bob", 300, 500), ("web2", "alice", 50, 404), ("web2", "bob", 250, 200), ("web2", "carol", 700, 500)]),
    ("index=web | stats p50(bytes) p100(bytes) perc25(bytes)", [(250, 700, 100)]),
    ("index=web host=web1 | stats median(bytes) as m", [(300,)]),
    ("index=web | stats count(eval(bytes>100 AND status=200)) as n, sum(eval(if(status=500, 1, 0))) as e", [(1, 2)]),
    ("index=web | stats values(status) by host", [("web1", ["200", "500"]), ("web2", ["200", "404", "500"])]),
    ("index=web | stats list(uri) by host", [("web1", ["/home", "/login", "/home"]), ("web2", ["/home", "/login", "/missing"])]),
    ("index=web | stats stdevp(bytes) varp(bytes)", [(229.346899, 52600.0)]),
    ("index=web | stats earliest_time(user) as a latest_time(user) as b", [(1714557600.0, 1714565400.0)]),
    ("index=web | eventstats max(bytes) as m | where bytes=m | table user m", [("carol", 700)]),
    ("index=web | eventstats sum(bytes) as t by host | where user=\"alice\" | table host t", [("web2", 1000), ("web1", 400)]),
    ("index=web | eventstats dc(user) as people count | head 1 | table people count", [(3, 6)]),
    ("index=web | sort _time | streamstats count by host | table host count", [("web1", 1), ("web1", 2), ("web2", 1), ("web2", 2), ("web1", 3), ("web2", 3)]),
    ("index=web | sort _time | streamstats current=f sum(bytes) as before | table before", [(None,), (100,), (400,), (450,), (1150,), (1150,)]),
    ("index=web | sort _time | streamstats window=2 current=f max(status) as m | table m", [(None,), (200,), (500,), (500,), (500,), (500,)]),
    ("index=web | sort _time | streamstats max(bytes) as m min(bytes) as l range(bytes) as r | table m l r", [(100, 100, 0), (300, 100, 200), (300, 50, 250), (700, 50, 650), (700, 50, 650), (700, 50, 650)]),
    ("index=web | sort _time | streamstats values(user) as u | tail 1 | table u", [(["alice", "bob", "carol"],)]),
    ("index=web | streamstats first(uri) as newest last(uri) as this | tail 1 | table newest this", [("/home", "/home")]),
    ("index=web | bin bytes span=100 as b | stats count by b", [("0-100", 1), ("100-200", 1), ("200-300", 1), ("300-400", 1), ("700-800", 1)]),
    ("index=web | bin _time span=1d | stats count by _time", [("00:00:00", 6)]),
    ("index=web | eval t=_time | bin span=1h t | stats count by t", [(1714557600, 3), (1714561200, 2), (1714564800, 1)]),
    ("index=web | bin _time bins=3 | stats count by _time", [("10:00:00", 3), ("11:00:00", 2), ("12:00:00", 1)]),
    ("index=web | timechart span=1d count", [("00:00:00", 6)]),
    ("index=web | timechart span=1w@w1 count | eval d=strftime(_time, \"%F %a\") | table d count", [("2024-04-29 Mon", 6)]),
    ("index=web | timechart span=1mon count | eval d=strftime(_time, \"%F\") | table d", [("2024-05-01",)]),
    ("index=web | timechart span=30m count sum(bytes) as b | where count=0 | table b", [(None,)]),
    ("index=web | timechart span=1h p95(bytes) as p max(bytes) as m", [("10:00:00", 300, 300), ("11:00:00", 700, 700), ("12:00:00", 250, 250)]),
    ("index=web | timechart span=1h count(eval(status>=500)) as errors", [("10:00:00", 1), ("11:00:00", 1), ("12:00:00", 0)]),
    ("index=web earliest=-1h@h latest=@h | timechart span=15m count", [("12:00:00", 1), ("12:15:00", 0), ("12:30:00", 0), ("12:45:00", 0)]),
    ("index=web | chart dc(user) max(bytes) by uri", [("/home", 2, 250), ("/login", 2, 700), ("/missing", 1, 50)]),
    ("index=web | chart count over status", [(200, 3), (404, 1), (500, 2)]),
]

FIELDS: list[tuple[str, list[Row]]] = [
    ("index=web | head 1 | fields h* | fields - _* | table *", [("web2",)]),
    ("index=web | head 1 | table host, u*, status", [("web2", "bob", "/home", 200)]),
    ("index=web | head 1 | rename user as host | table host", [("bob",)]),
    ("index=web | stats sum(bytes) by host | rename \"sum(bytes)\" as total | table host total", [("web1", 400), ("web2", 1000)]),
    ("index=web | stats count by host | rename host AS \"the host\" | where 'the host'=\"web1\" | table \"the host\" count", [("web1", 3)]),
    ('index=web | rex "(?<code>\\d{3})" | table code', [("200",), ("200",), ("500",), ("404",), ("500",), ("200",)]),
    ('index=web | rex field=uri "^/(?<first>.)(?<rest>.*)" | dedup first | table first rest', [("h", "ome"), ("l", "ogin"), ("m", "issing")]),
    ('index=web | rex "user=(?<name>\\w+)" | stats count(name) as n', [(1,)]),
    (ONE + 'x="a=1,b=2,c=3" | rex field=x max_match=2 "(?<k>\\w)=(?<v>\\d)" | table k v', [(["a", "b"], ["1", "2"])]),
    (ONE + 'x="k", y="none" | rex field=y "(?<x>\\d)" | table x', [("k",)]),
    (ONE + 'x="John Doe" | rex field=x mode=sed "s/(\\w+) (\\w+)/\\2 \\1/" | table x', [("Doe John",)]),
    (ONE + 'x="aabb" | rex field=x mode=sed "y/ab/xy/" | table x', [("xxyy",)]),
    (ONE + 'x="aabb" | rex field=x mode=sed "s/a/z/" | table x', [("zabb",)]),
    (ONE + 'j="{\\"a\\":{\\"b\\":1},\\"l\\":[{\\"x\\":1},{\\"x\\":2}]}" | spath input=j | table a.b l{}.x', [("1", ["1", "2"])]),
    (ONE + 'j="{\\"l\\":[{\\"x\\":1},{\\"x\\":2}]}" | spath input=j output=y path=l{1}.x | table y', [("2",)]),
    (ONE + 'j="{\\"l\\":[3,4]}" | spath input=j path=l{} | mvexpand l{} | table l{}', [("3",), ("4",)]),
    (ONE + 'j="not json" | spath input=j path=a | table a', [(None,)]),
    ("index=web | stats sum(bytes) as a count as b by host | foreach a b [eval <<FIELD>>=<<FIELD>>*2]", [("web1", 800, 6), ("web2", 2000, 6)]),
    (ONE + "t_x=1, t_y=2 | foreach t_* [eval <<MATCHSTR>>='<<FIELD>>'+1] | table x y", [(2, 3)]),
    (ONE + "a=null(), b=2 | foreach a b [eval <<FIELD>>=coalesce('<<FIELD>>', \"<<FIELD>> is missing\")] | table a b", [("a is missing", "2")]),
    ('index=web | replace "*home" with "start" in uri | top 1 uri | table uri', [("start",)]),
    ('index=web | replace 200 with ok, 404 with "not found" in status | stats count by status', [("500", 2), ("not found", 1), ("ok", 3)]),
    ("index=web | stats count by host | addtotals row=f col=t labelfield=host", [("web1", 3), ("web2", 3), ("Total", 6)]),
    ('index=web | convert num(status) ctime(_time) as t timeformat="%H" | head 1 | table status t', [(200, "12")]),
    ("index=web | fields user | fillnull value=0 user | filldown user | stats dc(user)", [(4,)]),
]

SOURCES: list[tuple[str, list[Row]]] = [
    ("| inputlookup users where level>3 | table user", [("bob",)]),
    ("| inputlookup users max=1 | table user", [("alice",)]),
    ("| inputlookup users start=1 | table user", [("bob",)]),
    ("| inputlookup hosts | stats count by owner", [("dev", 1), ("ops", 2)]),
    ("index=web | lookup hosts host OUTPUT owner AS team | lookup oncall team OUTPUT person | stats count by person", [("ann", 3), ("bea", 3), ("carl", 3)]),
    ("index=web | lookup users user OUTPUT level | stats sum(level) as l", [(14,)]),
    ("index=web | lookup hosts host | head 1 | table owner site", [("dev", "LON")]),
    ("index=web | join host user [search index=auth | stats count as c by host user] | table host user c", [("web1", "bob", 3)]),
    ("index=web | eval level=99 | join user overwrite=f [| inputlookup users] | table user level", [("bob", 99), ("alice", 99), ("bob", 99), ("alice", 99)]),
    ("index=web | join type=outer user [| inputlookup users] | stats count(level) as n count", [(4, 6)]),
    ("index=web | stats count by host | join type=left host [search index=auth | stats count as logins by host]", [("web1", 3, 3), ("web2", 3, None)]),
    ("| inputlookup oncall | join type=inner max=1 team [| inputlookup hosts | rename owner as team] | table person host", [("ann", "web1"), ("bea", "web1"), ("carl", "web2")]),
    ("index=auth | stats count by user | append [search index=web | stats count by uri]", [("bob", 3, None), ("root", 1, None), (None, 3, "/home"), (None, 2, "/login"), (None, 1, "/missing")]),
    ("index=web status=999 | stats count | append [search index=web | stats count]", [(0,), (6,)]),
    ("index=web | stats count by host | appendpipe [where count>5]", [("web1", 3), ("web2", 3)]),
    ("index=web | stats count by host | appendcols override=t [search index=auth | stats count]", [("web1", 4), ("web2", 3)]),
    ("index=web | transaction host | table host duration eventcount", [("web2", 6600, 3), ("web1", 5400, 3)]),
    ("index=web | transaction user maxpause=1h | table user duration eventcount", [("bob", 0, 1), ("carol", 0, 1), ("bob", 0, 1), ("alice", 1200, 2)]),
    ("index=web | transaction user | search eventcount>1 uri=/missing | table user uri", [("alice", ["/home", "/missing"])]),
    ("index=auth | transaction user startswith=\"Failed\" | table user eventcount", [("root", 1), ("bob", 2), ("bob", 1)]),
    ("| tstats count where index=web OR index=auth by index", [("auth", 4), ("web", 6)]),
    ("| tstats sum(bytes) as b avg(bytes) as a where index=web host=web1", [(400, 200)]),
    ("| tstats count min(_time) as first where index=web by host", [("web1", 3, 1714557600), ("web2", 3, 1714558800)]),
    ("| tstats count where index=web by _time span=30m | stats count", [(4,)]),
    ("| tstats count from datamodel=Network.Traffic where Traffic.action=allowed by Traffic.dest", [("web1", 3)]),
    ("| tstats sum(Traffic.bytes) as b from datamodel=Network.Traffic by Traffic.src | rename Traffic.* as *", [("10.0.0.1", 30), ("10.0.0.2", 30)]),
    ("| tstats count from datamodel=Network by Traffic.src fillnull_value=unknown", [("10.0.0.1", 2), ("10.0.0.2", 1), ("unknown", 1)]),
    ("| tstats values(Traffic.dest) as dest from datamodel=Network.Traffic by Traffic.src, _time span=1h | `drop_dm_object_name(Traffic)`", [("10.0.0.1", "10:00:00", ["web1", "web2"]), ("10.0.0.2", "11:00:00", ["web1"])]),
    ("| from datamodel:Network.Traffic | where bytes>15 | table src dest", [(None, "web1"), ("10.0.0.2", "web1"), ("10.0.0.1", "web2")]),
    ("| datamodel Network Traffic search | stats count by Traffic.action", [("allowed", 3), ("blocked", 1)]),
    ("| from lookup:users | table user", [("alice",), ("bob",)]),
    ("| multisearch [search index=web host=web1 | eval k=\"w\"] [search index=auth | eval k=\"a\"] | stats count by k", [("a", 4), ("w", 3)]),
    ("| union [| inputlookup users | fields user] [search index=web | fields user] | stats count by user", [("alice", 3), ("bob", 3), ("carol", 1)]),
]

RESHAPE: list[tuple[str, list[Row]]] = [
    ("index=web | stats count by host status | xyseries host status count", [("web1", 2, None, 1), ("web2", 1, 1, 1)]),
    ("index=web | timechart span=1h count by host | untable _time host n | where n>1", [("10:00:00", "web1", 2)]),
    ("index=web | chart count over uri by host | untable uri host n | stats sum(n) by host", [("web1", 3), ("web2", 3)]),
    ("index=web | sort _time | fields host | fields - _* | uniq | table host", [("web1",), ("web2",), ("web1",), ("web2",)]),
    ("index=web | sort _time | dedup host consecutive=t | table _time host", [("10:00:00", "web1"), ("10:20:00", "web2"), ("11:30:00", "web1"), ("12:10:00", "web2")]),
    ("index=web | sort _time | head (bytes>=100) keeplast=t | table bytes", [(100,), (300,), (50,)]),
    ("index=web | head (isnull(bytes) OR bytes>200) null=t | table bytes", [(250,), (None,), (700,)]),
    ("index=web | stats sum(bytes) as b by host | fieldformat b=tostring(b, \"commas\")", [("web1", 400), ("web2", 1000)]),
]

CASES = [*CHOOSE, *COUNT, *FIELDS, *SOURCES, *RESHAPE]


@pytest.mark.parametrize(("spl", "rows"), CASES, ids=[case[0] for case in CASES])
def test_a_command_gives_the_rows_computed_by_hand(spl: str, rows: list[Row]) -> None:
    assert run(spl)[1] == rows


EVERY_COMMAND = """
search where eval stats eventstats streamstats timechart chart bin top rare dedup sort head tail rex regex fields table
rename fillnull lookup inputlookup join append transaction mvexpand makemv spath tstats appendpipe appendcols multisearch
union foreach
"""


def test_every_command_has_cases_and_there_are_enough() -> None:
    cases = [*CASES, *test_results.CASES, *test_values.CASES]
    searches = [*(spl for spl, _ in cases), *(spl for spl, _, _ in test_charts.CASES)]
    used = {command.name for spl in searches for command in commands(_pipeline(spl))}
    assert set(EVERY_COMMAND.split()) - used == set()
    assert len(searches) + len(test_results.EVAL) >= 300


def _pipeline(spl: str) -> Pipeline:
    pipeline = Parsed(spl, known_macros(CATALOG)).pipeline
    assert pipeline is not None
    return pipeline
