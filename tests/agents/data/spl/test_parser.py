"""What the grammar accepts and refuses, and where it says the fault is. One search a line."""

# ruff: noqa: E501 - one case a line
# fmt: off

from __future__ import annotations

import pytest

from agents.data.spl import Macro, Parsed

ACCEPTED = r'''
index=web
search index=web error
index=web sourcetype="nginx:access" status>=500 NOT (user=root OR user="svc *") uri=/api/*
index=web (a=1 OR b=2) AND c!=3 "free text" TERM(10.0.0.1) CASE(Error)
index=web host::web1 user IN ("a", b*, "c d")
index=web earliest=-7d@d latest=@d
index=web path="C:\\Windows\\*" cmd=*\"quoted\"*
index=web url=*?a=b&c=d* [search index=auth | fields user | format]
index=web ```a comment``` | head 5 ```another
over two lines```
| stats count | where count > 5
| tstats count from datamodel=Endpoint.Processes where Processes.process_name=cmd.exe by Processes.dest _time span=1h
| tstats summariesonly=true allow_old_summaries=f count min(_time) as firstTime where index=* by host, sourcetype
| inputlookup hosts.csv where site="NYC" owner!=x
| inputlookup append=t hosts
| makeresults count=5 annotate=t
index=web | stats count, dc(user) as users, avg(eval(bytes/1024)) as kb, values(a.b{}.c) by host, 'x y'
index=web | stats count(eval(status>=500 AND method="GET")) AS "server errors" BY host
index=web | eventstats avg(bytes) AS a BY host | streamstats current=f window=5 last(x) as prev by host
index=web | timechart span=1h limit=5 useother=f count by host
index=web | timechart span=1h count by host where count in top5
index=web | chart sum(bytes) over host by status limit=3
index=web | chart avg(x) by host, status span=10
index=web | eval a=1, b="x".a, 'odd name'=lower(user), c=if(isnull(x), 0, x-1)
index=web | eval x=case(a=1, "one", a IN (2, 3), "few", true(), "many") | eval y=-x*2%3
index=web | eval d = a.b . "text", e = 5 . "5", f=mvindex(split(x, ","), -1)
index=web | where like(uri, "/a%") OR match(uri, "^/b\d+") AND NOT (x > 5 XOR y < 2)
index=web | where user LIKE "a%" AND x NOT IN (1, 2)
index=web | rex field=_raw "user=(?<user>\w+)\s+ip=(?P<ip>[\d.]+)" max_match=0
index=web | rex mode=sed field=uri "s/\d+/N/g" | regex uri!="^/health" | regex "raw.*text"
index=web | rename a as b, "c d" AS 'e f' x.* as *
index=web | fields + a, b* | fields - c d | table a b*
index=web | sort 10 -count, +host | sort - num(x) str(y) | sort limit=0 ip(addr) desc
index=web | dedup 2 host user keepempty=true sortby -_time
index=web | top limit=5 showperc=f uri by host | rare 3 uri
index=web | head 5 | head limit=3 | head (x<5) null=true | tail
index=web | bin span=5m _time AS slot | bucket bytes bins=10
index=web | lookup dnslookup clientip AS src OUTPUT clienthost AS h, x | lookup local=t l a OUTPUTNEW b
index=web | join type=left max=0 user, host [search index=auth | stats count by user]
index=web | append [| inputlookup x] | appendcols override=t [search index=a] | appendpipe [stats count]
index=web | transaction user maxspan=5m maxpause=30s startswith="login" endswith=eval(action="logout") keepevicted=t
index=web | transaction startswith=(action=a OR action=b) user
index=web | makemv delim="," x | makemv tokenizer="(\w+)" y allowempty=t | mvexpand x limit=5 | mvcombine y | nomv y
index=web | spath | spath input=json path=a.b{}.c output=x | spath a.b
index=web | fillnull value="n/a" a b | fillnull | filldown a*
index=web | convert timeformat="%F" ctime(_time) as t num(*) | addtotals row=t col=t labelfield=x a b | addcoltotals
index=web | foreach a* [eval <<FIELD>>=if('<<FIELD>>'>0, 1, 0)] | foreach mode=multivalue x [eval t=t+<<ITEM>>]
index=web | replace "a*" WITH "b*", x with y IN host user | strcat a "-" b c | iplocation prefix=x_ ip
index=web | return 5 user | format "(" "(" "AND" ")" "OR" ")"
| union [search index=a] [search index=b] | multisearch [search index=c] [search index=d]
index=web | `unknown_macro(1, "a b")` | `other`
`macro` EventCode=1 | stats count `by_macro` by x
index=web | xyseries _time host count | untable _time host n | transpose 5 column_name=x | predict c as p algorithm=LLP
index=web | trendline sma5(count) as t | anomalydetection x action=filter | geostats latfield=a longfield=b count | rangemap field=x low=0-5 default=high
'''

# search | code of the problem | column
REFUSED = r'''
 | empty | 1
index=web | | empty_clause | 12
index=web || stats count | empty_clause | 12
index=web | stat count | unknown_command | 13
index=web | stats | empty_clause | 18
index=web | stats count by | empty_clause | 27
index=web | stats count by | head 5 | empty_clause | 28
index=web | stats sum( by host | syntax | 27
index=web | stats sum by host | syntax | 23
index=web | stats count(eval(a>1) as b | unclosed_bracket | 35
index=web (a=1 OR b=2 | unclosed_bracket | 11
index=web a=1) | unclosed_bracket | 14
index=web user="bob | unclosed_quote | 16
index=web ```comment | unclosed_comment | 11
index=web `macro | unclosed_macro | 11
index=web OR | syntax | 13
index=web a= | syntax | 13
index=web NOT | syntax | 14
index=web user IN () | empty_clause | 21
index=web user IN (a, b | unclosed_bracket | 24
index=web () OR | empty_clause | 12
index=web [search index=auth | unclosed_bracket | 11
index=web [] | empty_clause | 12
index=web ] | unclosed_bracket | 11
index=web | where | empty_clause | 18
index=web | where a= | syntax | 21
index=web | where (a=1 | unclosed_bracket | 23
index=web | where a=1 b=2 | syntax | 23
index=web | where !a | syntax | 19
index=web | where x=[search a] | syntax | 21
index=web | eval x | syntax | 19
index=web | eval x=1 y=2 | syntax | 22
index=web | eval x=if(a=1, 2 | unclosed_bracket | 29
index=web | eval x=1, | syntax | 22
index=web | rename a b | syntax | 22
index=web | rex "no group" | syntax | 17
index=web | rex field=x nopattern | syntax | 25
index=web | top limit=x user | bad_option | 23
index=web | join type=cross user [search a] | bad_option | 23
index=web | stats foo=1 count | unknown_option | 19
index=web | timechart spam=1h count | unknown_option | 23
index=web | head five six | syntax | 23
index=web | dedup | empty_clause | 18
index=web | sort | empty_clause | 17
index=web | table | empty_clause | 18
index=web | bin span=1h | empty_clause | 24
index=web | lookup hosts | empty_clause | 25
index=web | convert cttime(x) | unknown_function | 21
index=web | append | syntax | 19
index=web | join ho#=0 [search index=auth] | unknown_option | 18
tstats count where index=web by host | missing_pipe | 1
| tstats count from Endpoint where x=1 | syntax | 21
'''


def _lines(text: str) -> list[str]:
    """A search is a line; one that opens a comment goes on."""
    lines = text.strip("\n").split("\n")
    return [line for line in lines if line and not line.startswith("over two lines")]


@pytest.mark.parametrize("spl", [line if "```another" not in line else line + "\nlines```" for line in _lines(ACCEPTED)])
def test_a_well_formed_search_is_accepted(spl: str) -> None:
    check = Parsed(spl).parse()
    assert check.status == "passed", check.problems


@pytest.mark.parametrize("case", _lines(REFUSED))
def test_a_broken_search_is_refused_at_the_right_place(case: str) -> None:
    spl, code, column = case.rsplit(" | ", 2)
    (problem,) = Parsed(spl).parse().problems
    assert (problem.code, problem.line, problem.column) == (code, 1, int(column)), problem.message


def test_a_misspelt_command_gets_the_nearest_name() -> None:
    (problem,) = Parsed("index=web | evel x=1").parse().problems
    assert problem.message == "unknown command 'evel'"
    assert problem.suggestion == "eval"


def test_a_misspelt_option_gets_the_nearest_name() -> None:
    (problem,) = Parsed("index=web | timechart spam=1h count").parse().problems
    assert problem.suggestion == "span"


def test_places_count_lines_and_see_through_comments_and_macros() -> None:
    macros = {"hosts": Macro("host=web1 host=web2 host=web3")}
    (problem,) = Parsed("index=web `hosts` ```why```\n| stats count\n| hed 5", macros).parse().problems
    assert (problem.line, problem.column) == (3, 3)


def test_a_fault_in_a_macro_is_shown_where_the_macro_is_called() -> None:
    (problem,) = Parsed("index=web | `bad(5)`", {"bad": Macro("head $n$ $n$", ("n",))}).parse().problems
    assert (problem.line, problem.column) == (1, 13)


def test_macros_with_the_wrong_number_of_arguments_or_calling_themselves_are_problems() -> None:
    assert Parsed("`m(1)`", {"m": Macro("x")}).parse().problems[0].code == "macro_arguments"
    assert Parsed("`m`", {"m": Macro("a `m`")}).parse().problems[0].code == "macro_recursion"
    bomb = {f"m{n}": Macro(f"`m{n + 1}` " * 12) for n in range(12)} | {"m12": Macro("x" * 99)}
    assert Parsed("`m0`", bomb).parse().problems[0].code == "too_long"


@pytest.mark.parametrize("spl", ["(" * 5000, "index=web " + "[search x " * 500, "| eval x=" + "(" * 900 + "1",
                                 "index=web " + "NOT " * 3000 + "x", "| eval x=" + "-" * 5000 + "1"])
def test_deep_nesting_is_a_problem_and_no_crash(spl: str) -> None:
    assert Parsed(spl).parse().problems[0].code == "too_deep"


def test_a_search_beyond_the_length_limit_is_a_problem() -> None:
    assert Parsed("x " * 200_000).parse().problems[0].code == "too_long"
    assert Parsed("x" + " | head" * 600).parse().problems[0].code == "too_long"
