"""Searches over small.py's rows, with the rows computed by hand. One case a line: search, expected rows."""

# ruff: noqa: E501 - one case a line
# fmt: off

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.data.spl.small import run

Row = tuple[Any, ...]

SEARCH: list[tuple[str, list[Row]]] = [
    ("index=web status=500 | table _time user", [("11:00:00", "carol"), ("10:05:00", "bob")]),
    ("index=web status>=400 NOT user=bob | table user", [("carol",), ("alice",)]),
    ("index=web user!=bob | table user", [("carol",), ("alice",), ("alice",)]),
    ("index=web NOT user=bob | table user", [(None,), ("carol",), ("alice",), ("alice",)]),
    ("index=web user=A* status=200 | table user", [("alice",)]),
    ("index=web user=ALICE | stats count", [(2,)]),
    ("index=web user=* | stats count", [(5,)]),
    ("index=web error | table user", [("carol",), ("bob",)]),
    ("index=web timeout | table user", [("carol",)]),
    ("index=web time | stats count", [(0,)]),
    ("index=web time* | stats count", [(1,)]),
    ('index=web "not found" | table uri', [("/missing",)]),
    ('index=web "found not" | stats count', [(0,)]),
    ("index=web fail* OR upstr* | table uri", [("/login",)]),
    ("index=web earliest=-2h | table uri", [("/home",), ("/home",), ("/login",)]),
    ("index=web earliest=-2h@h latest=-1h@h | table uri", [("/home",), ("/login",)]),
    ("index=web earliest=-1h | table uri", [("/home",)]),
    ('index=web earliest="05/01/2024:12:00:00" | table uri', [("/home",)]),
    ("index=web earliest=@d latest=@d+10h+10m | stats count", [(2,)]),
    ("index=web host IN (web1, db*) status=200 | table _time", [("11:30:00",), ("10:00:00",)]),
    ("index=web user=alice OR user=bob status=200 | table user status", [("bob", 200), ("alice", 200)]),
    ("index=auth src_ip=10.0.0.0/8 | stats count", [(3,)]),
    ("index=auth (src_ip=203.0.113.0/24 OR user=r*) | stats count", [(1,)]),
    ("index=* earliest=-24h | stats count by index", [("auth", 4), ("web", 6)]),
    ("index=web OR index=auth | stats count by index, host", [("auth", "db1", 1), ("auth", "web1", 3), ("web", "web1", 3), ("web", "web2", 3)]),
    ("index=web [search index=auth action=failure | fields user | dedup user] | table user", [("bob",), ("bob",)]),
    ("index=web NOT [search index=auth | fields user] | stats count", [(4,)]),
    ("index=web [search index=auth | return 5 user] | stats count", [(2,)]),
    ("index=web | search bytes>200 uri=/lo* | table bytes", [(700.0,), (300.0,)]),
    ("index=web sourcetype=nginx* | stats count", [(6,)]),
]

FILTER: list[tuple[str, list[Row]]] = [
    ('index=web | where user="bob" AND status>300 | table uri', [("/login",)]),
    ('index=web | where user="BOB" | stats count', [(0,)]),
    ('index=web | where isnull(user) OR user IN ("carol") | table status', [(200,), (500,)]),
    ('index=web | where NOT user="bob" | table user', [("carol",), ("alice",), ("alice",)]),
    ('index=web | where match(_raw, "(?i)ERROR") | stats count', [(2,)]),
    ('index=web | where like(uri, "/lo%") OR uri LIKE "/m%" | stats count', [(3,)]),
    ("index=web | where bytes>100 AND bytes<=300 | stats count", [(2,)]),
    ('index=web | where status="404" | stats count', [(1,)]),
    ("index=web | where _time>=relative_time(now(), \"-2h\") | stats count", [(3,)]),
    ('index=web | regex uri="^/(home|login)$" | stats count', [(5,)]),
    ('index=web | regex uri!="home" | stats count', [(3,)]),
    ("index=web | head 2 | table _time", [("12:10:00",), ("11:30:00",)]),
    ("index=web | head (status=200) | table _time", [("12:10:00",), ("11:30:00",)]),
    ("index=web | tail 2 | table _time", [("10:00:00",), ("10:05:00",)]),
    ("index=web | reverse | head 1 | table _time", [("10:00:00",)]),
    ("index=web | dedup user | table _time user", [("12:10:00", "bob"), ("11:00:00", "carol"), ("10:20:00", "alice")]),
    ("index=web | dedup user keepempty=t | stats count", [(4,)]),
    ("index=web | dedup 2 host sortby -bytes | table host bytes", [("web2", 700.0), ("web1", 300.0), ("web2", 250.0), ("web1", 100.0)]),
    ("index=web | sort - bytes | table bytes", [(700.0,), (300.0,), (250.0,), (100.0,), (50.0,), (None,)]),
    ("index=web | sort bytes | head 2 | table bytes", [(50.0,), (100.0,)]),
    ("index=web | sort 2 status, -bytes | table status bytes", [(200, 250.0), (200, 100.0)]),
    ("index=web | sort 0 -num(status) +str(uri) | head 3 | table status uri", [(500, "/login"), (500, "/login"), (404, "/missing")]),
    ("index=web | sort status d | head 1 | table status", [(500,)]),
]

STATS: list[tuple[str, list[Row]]] = [
    ("index=web | stats count", [(6,)]),
    ("index=web status=999 | stats count", [(0,)]),
    ("index=web status=999 | stats count by host", []),
    ("index=web | stats count(user) dc(user)", [(5, 3)]),
    ("index=web | stats count, sum(bytes) as b, avg(bytes) by host", [("web1", 3, 400.0, 200.0), ("web2", 3, 1000.0, 333.333333)]),
    ("index=web | stats min(bytes) max(bytes) range(bytes)", [(50.0, 700.0, 650.0)]),
    ("index=web | stats median(bytes) p90(bytes) perc50(bytes) mode(status)", [(250.0, 700.0, 250.0, 200)]),
    ("index=web | stats stdev(bytes) var(bytes) sumsq(bytes)", [(256.417628, 65750.0, 655000.0)]),
    ("index=web | stats count(eval(status>=500)) as errors count by host", [("web1", 1, 3), ("web2", 1, 3)]),
    ("index=web | stats sum(eval(bytes/100)) as h", [(14.0,)]),
    ('index=web | stats dc(eval(if(status>=400, user, null()))) as u', [(3,)]),
    ("index=web | stats values(user) as u", [(["alice", "bob", "carol"],)]),
    ("index=web host=web1 | stats list(status)", [(["200", "500", "200"],)]),
    ("index=web | stats first(_time) as f last(_time) as l", [(1714565400.0, 1714557600.0)]),
    ("index=web user=* | stats earliest(user) latest(user) first(user) last(user)", [("alice", "bob", "bob", "alice")]),
    ("index=web | stats min(_time) as a max(_time) as b | eval d=b-a | table d", [(7800.0,)]),
    ("index=web | stats max(user) min(user)", [("carol", "alice")]),
    ("index=web | stats count by user", [("alice", 2), ("bob", 2), ("carol", 1)]),
    ("index=web host=web1 | stats values(u*) as * by host", [("web1", ["alice", "bob"], ["/home", "/login"])]),
    ("index=web | stats count by user | where count>1 | stats count", [(2,)]),
    ("index=web | eventstats avg(bytes) as m by host | where bytes>m | table host bytes m", [("web2", 700.0, 333.333333), ("web1", 300.0, 200.0)]),
    ("index=web | stats sum(bytes) as b by host | eventstats sum(b) as t | eval share=round(100*b/t, 1) | table share", [(28.6,), (71.4,)]),
    ("index=web | sort _time | streamstats sum(bytes) as t by host | table host t", [("web1", 100.0), ("web1", 400.0), ("web2", 50.0), ("web2", 750.0), ("web1", 400.0), ("web2", 1000.0)]),
    ("index=web | sort _time | streamstats window=2 count as c sum(bytes) as s | table c s", [(1, 100.0), (2, 400.0), (2, 350.0), (2, 750.0), (2, 700.0), (2, 250.0)]),
    ("index=web | sort _time | streamstats current=f last(user) as prev | table prev", [(None,), ("alice",), ("bob",), ("alice",), ("carol",), ("carol",)]),
    ("index=web | streamstats window=2 global=f avg(bytes) as a by host | table a", [(250.0,), (None,), (475.0,), (375.0,), (300.0,), (200.0,)]),
    ("index=web | streamstats dc(user) as n | table n", [(1,), (1,), (2,), (3,), (3,), (3,)]),
    ("index=web | top user", [("alice", 2, 40.0), ("bob", 2, 40.0), ("carol", 1, 20.0)]),
    ("index=web | top limit=1 uri by host", [("web1", "/home", 2, 66.666667), ("web2", "/home", 1, 33.333333)]),
    ("index=web | top 1 uri showperc=f", [("/home", 3)]),
    ("index=web | rare limit=1 uri", [("/missing", 1, 16.666667)]),
    ("| tstats count where index=web by host", [("web1", 3), ("web2", 3)]),
    ("| tstats count where index=web status>=500 by _time span=1h", [("10:00:00", 1), ("11:00:00", 1)]),
    ("| tstats dc(user) as users max(_time) as last where index=web", [(3, 1714565400.0)]),
]

TIME: list[tuple[str, list[Row]]] = [
    ("index=web | bin _time span=1h | stats count by _time", [("10:00:00", 3), ("11:00:00", 2), ("12:00:00", 1)]),
    ("index=web | bucket span=30m _time as slot | stats count by slot", [(1714557600.0, 3), (1714561200.0, 1), (1714563000.0, 1), (1714564800.0, 1)]),
    ("index=web | bin bytes span=500 | stats count by bytes", [("0-500", 4), ("500-1000", 1)]),
    ("index=web | timechart span=1h count", [("10:00:00", 3), ("11:00:00", 2), ("12:00:00", 1)]),
    ("index=web status=404 OR status=200 | timechart span=30m count as n", [("10:00:00", 2), ("10:30:00", 0), ("11:00:00", 0), ("11:30:00", 1), ("12:00:00", 1)]),
    ("index=web | timechart span=30m avg(bytes) as a", [("10:00:00", 150.0), ("10:30:00", None), ("11:00:00", 700.0), ("11:30:00", None), ("12:00:00", 250.0)]),
    ("index=web earliest=-4h@h latest=@h | timechart span=1h count", [("09:00:00", 0), ("10:00:00", 3), ("11:00:00", 2), ("12:00:00", 1)]),
    ("index=web | timechart span=1h cont=f count | where count>2", [("10:00:00", 3)]),
    ("index=web | timechart span=1h per_minute(bytes) as r", [("10:00:00", 7.5), ("11:00:00", 11.666667), ("12:00:00", 4.166667)]),
    ("index=web earliest=-10m@m latest=now | timechart count | stats count", [(60,)]),
    ("index=web | timechart span=1h count by host", [("10:00:00", 2, 1), ("11:00:00", 1, 1), ("12:00:00", 0, 1)]),
    ("index=web | chart count by host", [("web1", 3), ("web2", 3)]),
    ("index=web | chart max(bytes) over uri by host", [("/home", 100.0, 250.0), ("/login", 300.0, 700.0), ("/missing", None, 50.0)]),
    ('index=web | eval h=strftime(_time, "%Y-%m-%d %H:%M") | head 1 | table h', [("2024-05-01 12:10",)]),
    ('| makeresults | eval t=strptime("2024-05-01 12:00:00", "%Y-%m-%d %H:%M:%S") | table t', [(1714564800.0,)]),
    ('| makeresults | eval t=relative_time(now(), "-1d@d") | table t', [(1714435200.0,)]),
    ('| makeresults | eval t=relative_time(now(), "@w0") | eval d=strftime(t, "%F %a") | table d', [("2024-04-28 Sun",)]),
    ('| makeresults | eval t=relative_time(now(), "@w1"), m=relative_time(now(), "-1mon@mon+2d") | eval d=strftime(t, "%F"), e=strftime(m, "%F") | table d e', [("2024-04-29", "2024-04-03")]),
    ("| makeresults | eval t=now() | table _time t", [("13:00:00", 1714568400.0)]),
    ('index=web | convert timeformat="%H:%M" ctime(_time) as t | head 1 | table t', [("12:10",)]),
]

EVAL: list[tuple[str, Row]] = [
    ('a=1+2*3, b=7%4, c=10/4, d=-2', (7, 3, 2.5, -2)),
    ('a=1/0, b=null()+1, c=5 . "x", d="a"+"b"', (None, None, "5x", "ab")),
    ('a=if(1<2,"y","n"), b=case(1>2,"a",2>1,"b"), c=case(1>2,"a"), d=coalesce(null(),"z")', ("y", "b", None, "z")),
    ('a=round(3.14159,2), b=round(2.5), c=floor(-1.5), d=ceiling(1.2)', (3.14, 3, -2, 2)),
    ('a=len("abc"), b=upper("x"), c=substr("abcdef",2,3), d=substr("abcdef",-2)', (3, "X", "bcd", "ef")),
    ('a=replace("a1b22","[0-9]+","#"), b=trim("  x "), c=ltrim("xxa","x"), d=replace("john doe","(\\\\w+) (\\\\w+)","\\\\2 \\\\1")', ("a#b#", "x", "a", "doe john")),
    ('a=tostring(1234567,"commas"), b=tostring(3661,"duration"), c=tostring(255,"hex"), d=tostring(1==1)', ("1,234,567", "01:01:01", "0xFF", "True")),
    ('a=tonumber("12")+1, b=tonumber("ff",16), c=tonumber("x"), d=if(isnum("4"),1,0)', (13.0, 255, None, 1)),
    ('a=mvcount(split("a;b;c",";")), b=mvindex(split("a;b;c",";"),1), c=mvindex(split("a;b;c",";"),-1), d=mvjoin(split("a b"," "),"-")', (3, "b", "c", "a-b")),
    ('a=mvindex(split("a;b;c",";"),0,1), b=mvappend("x",split("y z"," ")), c=mvdedup(split("a a b"," ")), d=mvsort(split("b a"," "))', (["a", "b"], ["x", "y", "z"], ["a", "b"], ["a", "b"])),
    ('x=split("ab cd"," "), a=mvfilter(match(x,"^a")), b=mvmap(x,upper(x)), c=mvfind(x,"d$") | fields a b c', (["ab"], ["AB", "CD"], 1)),
    ('a=mvrange(1,4), b=mvzip(split("a b"," "),split("1 2"," ")), c=mvcount("x"), d=mvcount(null())', (["1", "2", "3"], ["a,1", "b,2"], 1, None)),
    ('a=if(cidrmatch("10.0.0.0/8","10.1.2.3"),1,0), b=if(cidrmatch("10.0.0.0/8","11.0.0.1"),1,0), c=if(like("abc","a_c"),1,0), d=if(in("b","a","b"),1,0)', (1, 0, 1, 1)),
    ('a=if(isnull(null()),1,0), b=if(isnotnull(""),1,0), c=typeof(1), d=typeof("x")', (1, 1, "Number", "String")),
    ('a=min(3,1,2), b=max(3,1,2), c=abs(-4), d=pow(2,10)', (1, 3, 4, 1024.0)),
    ('a=printf("%03d|%s|%.1f",7,"x",2.25), b=md5("a"), c=sqrt(16), d=log(1000)', ("007|x|2.2", "0cc175b9c0f1b6a831c399e269772661", 4.0, 3.0)),
    ('j="{\\"a\\":{\\"b\\":[1,2]}}", a=spath(j,"a.b{1}"), b=json_extract(j,"a.b{}") | fields a b', ("2", ["1", "2"])),
    ('a=validate(1>2,"low"), b=nullif("x","x"), c=tostring(true() AND NOT false()), d=if(1!=2 XOR 1=2,1,0)', ("low", None, "True", 1)),
    ('a=exp(0), b=ln(1), c=urldecode("a%20b"), d=strftime(0,"%d/%m/%y %H:%M:%S")', (1.0, 0.0, "a b", "01/01/70 00:00:00")),
]

FIELDS: list[tuple[str, list[Row]]] = [
    ("index=web | head 1 | fields user, status | table *", [("12:10:00", "bob", 200, 'GET /home 200 {"ms": 12, "db": {"calls": [3, 4]}}')]),
    ("index=web | head 1 | fields - _* sourcetype index tags | table *", [("web2", "bob", 200, 250.0, "/home")]),
    ("index=web | head 1 | table u*", [("bob", "/home")]),
    ('index=web | head 1 | rename user as account, status AS "HTTP code" | table account "HTTP code"', [("bob", 200)]),
    ("index=web | head 1 | rename u* as x_* | table x_ser x_ri", [("bob", "/home")]),
    ("index=web | head 1 | rename _time as t | table t", [(1714565400.0,)]),
    ("index=web | fillnull value=none user | stats count by user", [("alice", 2), ("bob", 2), ("carol", 1), ("none", 1)]),
    ("index=web | fillnull bytes | stats avg(bytes)", [(233.333333,)]),
    ("index=web | filldown user | table user", [("bob",), ("bob",), ("carol",), ("alice",), ("bob",), ("alice",)]),
    ("index=web | eval user=upper(user), n=len(user) | stats count by user n", [("ALICE", 5, 2), ("BOB", 3, 2), ("CAROL", 5, 1)]),
    ('index=web | eval r=case(status<400,"ok",status<500,"client",true(),"server") | stats count by r', [("client", 1), ("ok", 3), ("server", 2)]),
    ('index=web | eval s=if(searchmatch("error"),"bad","good") | stats count by s', [("bad", 2), ("good", 4)]),
    ('index=web | rex "^(?<verb>GET|POST) (?<path>\\S+)" | stats count by verb', [("GET", 4), ("POST", 2)]),
    ('index=web | rex field=uri mode=sed "s/\\//_/g" | stats count by uri', [("_home", 3), ("_login", 2), ("_missing", 1)]),
    ('index=web | rex max_match=0 "(?<n>\\d+)" | head 1 | table n', [(["200", "12", "3", "4"],)]),
    ('index=web | rex "(?<js>\\{.*\\})" | spath input=js path=db.calls{} output=c | spath input=js path=ms | where isnotnull(js) | table c ms', [(["3", "4"], "12")]),
    ('index=web | makemv delim="," tags | mvexpand tags | stats count by tags', [("a", 3), ("b", 2), ("c", 1)]),
    ('index=web | makemv delim="," tags | stats count by tags', [("a", 3), ("b", 2), ("c", 1)]),
    ('index=web | makemv tokenizer="([a-z])" tags | search tags=c | table tags', [(["c", "a"],)]),
    ('index=web | makemv delim="," tags | nomv tags | head 5 | tail 1 | table tags', [("b",)]),
    ("index=web | stats count by host uri | fields host uri | mvcombine uri", [("web1", ["/home", "/login"]), ("web2", ["/home", "/login", "/missing"])]),
    ("index=web | replace web* with w* in host | stats count by host", [("w1", 3), ("w2", 3)]),
    ('index=web | strcat host ":" uri full | head 1 | table full', [("web2:/home",)]),
    ("index=web | accum bytes as t | delta status as d | head 3 | table t d", [(250.0, None), (250.0, 0), (950.0, 300)]),
    ("index=web | stats count sum(bytes) as b by host | addtotals fieldname=all", [("web1", 3, 400.0, 403.0), ("web2", 3, 1000.0, 1003.0)]),
    ("index=web | stats count by host | addcoltotals labelfield=host label=all", [("web1", 3), ("web2", 3), ("all", 6)]),
]

COMBINE: list[tuple[str, list[Row]]] = [
    ("| inputlookup hosts", [("web1", "ops", "NYC"), ("web2", "dev", "LON"), ("db1", "ops", "NYC")]),
    ("| inputlookup hosts.csv where site=nyc | stats count", [(2,)]),
    ("index=web | lookup hosts host OUTPUT owner | stats count by owner", [("dev", 3), ("ops", 3)]),
    ("index=web | lookup users.csv user AS user OUTPUTNEW dept as d | table d", [("it",), (None,), (None,), ("sales",), ("it",), ("sales",)]),
    ('index=web | eval owner="me" | lookup hosts host OUTPUTNEW owner site | stats count by owner site', [("me", "LON", 3), ("me", "NYC", 3)]),
    ("index=web | join user [| inputlookup users] | table user level", [("bob", 5), ("alice", 2), ("bob", 5), ("alice", 2)]),
    ("index=web | join type=left user [| inputlookup users] | table level", [(5,), (None,), (None,), (2,), (5,), (2,)]),
    ("| inputlookup hosts | join host max=0 [search index=web | fields host status] | stats count by site", [("LON", 3), ("NYC", 3)]),
    ("index=web | stats count by host | append [search index=auth | stats count by host]", [("web1", 3), ("web2", 3), ("db1", 1), ("web1", 3)]),
    ('index=web | stats count by user | appendpipe [stats sum(count) as count | eval user="all"]', [("alice", 2), ("bob", 2), ("carol", 1), ("all", 5)]),
    ("index=web | stats count by host | appendcols [search index=auth | stats count as logins by host]", [("web1", 3, 1), ("web2", 3, 3)]),
    ("| inputlookup hosts | inputlookup append=t users | stats count", [(5,)]),
    ("| union [search index=web | fields host] [search index=auth | fields host] | stats count by host", [("db1", 1), ("web1", 6), ("web2", 3)]),
    ("| multisearch [search index=web status=500] [search index=auth action=failure] | stats count by index", [("auth", 3), ("web", 2)]),
    ("index=auth | transaction user maxpause=5m | table user duration eventcount action", [("root", 0.0, 1, ["failure"]), ("bob", 60.0, 3, ["failure", "success"])]),
    ('index=auth | transaction user startswith="Failed" endswith="Accepted" | table user eventcount', [("bob", 2)]),
    ('index=auth | transaction user startswith=eval(action="failure") endswith=(action=success) | table duration', [(30.0,)]),
    ("| makeresults count=2 | eval a=1 | table a", [(1,), (1,)]),
]

CASES = [*SEARCH, *FILTER, *STATS, *TIME, *FIELDS, *COMBINE]


@pytest.mark.parametrize(("spl", "expected"), CASES, ids=[spl for spl, _ in CASES])
def test_a_search_gives_the_rows_computed_by_hand(spl: str, expected: list[Row]) -> None:
    assert run(spl)[1] == expected


@pytest.mark.parametrize(("assignments", "expected"), EVAL, ids=[spl for spl, _ in EVAL])
def test_eval_gives_the_values_computed_by_hand(assignments: str, expected: Row) -> None:
    assert run(f"| makeresults | eval {assignments} | fields - _time")[1] == [expected]


def test_a_search_without_a_table_shows_every_field_newest_first() -> None:
    columns, rows = run("index=auth")
    assert columns == ["_time", "_raw", "host", "sourcetype", "user", "src_ip", "action", "index"]
    assert [row[0] for row in rows] == ["12:00:00", "09:51:00", "09:50:30", "09:50:00"]
