"""Searches said in the ways of other languages. One a line, over the catalog of small.py."""

from __future__ import annotations

import time

import pytest

from agents.data.spl import Spl
from shared.catalog import Catalog
from shared.models import Proof
from tests.agents.data.spl.small import CATALOG
from tests.agents.data.spl.test_binder import BOUND

SPL = Spl()

# what is written => what SPL calls so
MENDED = r"""
index=web | bin span=1d | stats count by _time => index=web | bin _time span=1d | stats count by _time
index=web | bin span=1 day | stats count by _time => index=web | bin _time span=1d | stats count by _time
index=web | bin _time span=2 hours | stats count by _time => index=web | bin _time span=2h | stats count by _time
index=web | timechart span=1 day count by host => index=web | timechart span=1d count by host
index=web | timechart span=1 month count => index=web | timechart span=1mon count
index=web | where _time > now() - 7d | top uri => index=web | where _time > relative_time(now(), "-7d") | top uri
index=web | where _time>now()-24 hours => index=web | where _time>relative_time(now(), "-24h")
index=web _time >= now() - 7d | stats count => index=web earliest=-7d | stats count
index=web _time > now() - 7d _time < now() - 1d => index=web earliest=-7d latest=-1d
index=web _time>=now()-7d AND _time<=now()-24 hours => index=web earliest=-7d AND latest=-24h
index=web _time < now() - 7d => index=web latest=-7d
index=web (status=500) earliest=-7d _time < now() - 1d => index=web (status=500) earliest=-7d latest=-1d
index=web earliest=-24 hours ago latest=now => index=web earliest=-24h latest=now
index=web earliest=-7 day ago => index=web earliest=-7d
index=web earliest=7 days ago latest=1 day ago | stats count => index=web earliest=-7d latest=-1d | stats count
index=web earliest=-7d ago => index=web earliest=-7d
index=web earliest=-7 days | stats count => index=web earliest=-7d | stats count
index=web earliest="7 days ago" latest=now => index=web earliest=-7d latest=now
index=web earliest="-7 days" => index=web earliest=-7d
index=web earliest=now() - 7d => index=web earliest=-7d
index=web earliest=relative_time(now(), "-1d@d") => index=web earliest=-1d@d
index=web | stats count as c by host | order by c desc => index=web | stats count as c by host | sort - c
index=web | stats count by host | sort by count desc, host asc => index=web | stats count by host | sort - count, + host
index=web | select host, user => index=web | table host, user
index=web | project host, user | take 5 => index=web | table host, user | head 5
index=web | limit 10 => index=web | head 10
index=web | filter status>=500 => index=web | where status>=500
index=web | stats count by host | having count>5 => index=web | stats count by host | where count>5
index=web | extend big=bytes*2 => index=web | eval big=bytes*2
index=web | stats count | group by host => index=web | stats count by host
index=web | stats count group by host => index=web | stats count by host
index=web | stats count by _time span=1d => index=web | bin _time span=1d | stats count by _time
index=web | stats count by _time span=1h, host => index=web | bin _time span=1h | stats count by _time, host
index=web | where uri LIKE '%log%' => index=web | where like(uri, "%log%")
index=web | where status=500 AND uri not like '/a%' => index=web | where status=500 AND NOT like(uri, "/a%")
index=web uri LIKE '%log%' | stats count => index=web uri="*log*" | stats count
index=auth | where action = 'failure' => index=auth | where action = "failure"
index=auth | where action IN ('failure', 'x y') => index=auth | where action IN ("failure", "x y")
index=auth | where lower(action)='failure' => index=auth | where lower(action)="failure"
index=auth | where upper(action)=failure => index=auth | where upper(action)="FAILURE"
index=auth | where upper(action) IN ('failure', success) => index=auth | where upper(action) IN ("FAILURE", "SUCCESS")
index=auth | where lower(action)='Failure' => index=auth | where lower(action)="failure"
index=auth | stats count(eval(action='failure')) as n => index=auth | stats count(eval(action="failure")) as n
index=auth | where action=failure => index=auth | where action="failure"
index=auth | where action=Failure => index=auth | where action="failure"
index=foo action=failure | stats count by src_ip => index=auth action=failure | stats count by src_ip
index=foo status=500 | stats count by host => index=web status=500 | stats count by host
index=auth | append [search index=web | limit 5] => index=auth | append [search index=web | head 5]
"""

KEPT = r"""
index=web earliest="-7d" | stats count
index=web earliest=-7d@d latest=@d
index=web earliest=now-7d
index=web earliest=-7 host=web1
index=web NOT _time > now() - 7d
index=web status=500 OR _time > now() - 7d
index=web (_time > now() - 7d)
index=web _time > now() - 7d _time < 1700000000
index=web _time > now() - 7d _time > now() - 1d
index=web earliest=-1d _time > now() - 7d
index=web _time > now() - 7d + 1h
index=web _time > now() - 7d [search index=auth | fields user] _time < now() - 1d
index=web earliest=+7 days ago
index=web earliest=7 days
index=web earliest=-7 d=1
index=web | where user = host
index=web | where user = 'host'
index=web | where 'user'='username'
index=web | where user='username'
index=auth | where 'action'='failure'
index=auth | where upper('action')='failure'
index=web | eval day=bytes*2 | bin day span=10
index=web | eval hour=bytes | bin span=1 hour | stats count by nope
index=web | stats count by host | order by count
index=web | stats count by host | sort by count
index=web | select count(*)
index=web | group by host
index=web | where user="| limit 10" OR uri="now() - 7d"
index=web | eval x="span=1 day", y="earliest=-7 days" ```| limit 5```
index=web "earliest=-7 days" | stats count
index=web | where status = 'Failure'
index=web | where user = bobb
index=web | where uri LIKE "%log%"
index=web | stats count, latest(user) by _time span=1d
index=web | eventstats count by _time span=1d
index=web "uri LIKE '%log%'" | stats count
index=foo | stats count
index=wbe | stats count
index=foo nope=1 | stats count
index=web earliest="7 of days"
index=web | timechart span=1M count
index=web | stats count by "unclosed
"""


def _cases(text: str) -> list[str]:
    return [line for line in text.strip("\n").split("\n") if line]


def _proof(query: str, catalog: Catalog = CATALOG) -> Proof:
    return Proof.of([check(query, catalog) for check in (SPL.parse, SPL.bind, SPL.safety)])


def _idioms(query: str, catalog: Catalog = CATALOG) -> tuple[str, list[str]]:
    """Round after round, as a query is mended."""
    notes: list[str] = []
    for _ in range(4):
        after, told = SPL.idioms(query, _proof(query, catalog), catalog)
        if after == query:
            assert told == []
            break
        query, notes = after, [*notes, *told]
    return query, notes


@pytest.mark.parametrize("case", _cases(MENDED))
def test_what_is_surely_meant_is_said_in_spl_and_told(case: str) -> None:
    written, meant = case.split(" => ")
    after, notes = _idioms(written)
    assert after == meant
    assert all(note.startswith("used '") and note.endswith(", as SPL says it") for note in notes)
    assert notes
    assert _proof(after).verdict != "rejected"


@pytest.mark.parametrize("query", _cases(KEPT))
def test_what_is_right_or_not_sure_stays(query: str) -> None:
    assert _idioms(query) == (query, [])


@pytest.mark.parametrize("query", _cases(BOUND))
def test_what_can_be_proven_stays(query: str) -> None:
    assert _idioms(query) == (query, [])


ONE = CATALOG.model_copy(update={"tables": [CATALOG.tables[0]]})


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("index=main | stats count", "index=web | stats count"),
        ("index=small | stats count", "index=web | stats count"),
        ("index=nginx status=500 | stats count", "index=web status=500 | stats count"),
        ("index=firewall | stats count", "index=firewall | stats count"),
        ("index=firewall action=blocked | stats count", "index=firewall action=blocked | stats count"),
    ],
)
def test_the_only_index_is_meant_where_the_search_fits_it(query: str, meant: str) -> None:
    assert _idioms(query, ONE)[0] == meant


def test_a_word_that_several_values_spell_stays() -> None:
    action = CATALOG.tables[1].columns[-1].model_copy(update={"values": ["Failure", "failure"]})
    table = CATALOG.tables[1].model_copy(update={"columns": [*CATALOG.tables[1].columns[:-1], action]})
    several = CATALOG.model_copy(update={"tables": [table]})
    assert _idioms("index=auth | where action=FAILURE", several) == ("index=auth | where action=FAILURE", [])
    assert _idioms("index=auth | where action=Failure", several)[0] == 'index=auth | where action="Failure"'


def test_a_note_says_what_was_written_and_what_is_used() -> None:
    assert _idioms("index=web | limit 10")[1] == ["used 'head 10' for 'limit 10', as SPL says it"]


@pytest.mark.parametrize(
    "piece",
    [
        "| limit 1",
        "now() - 7d ",
        "| bin span=1d ",
        "earliest=-7 ",
        "x like '%a' ",
        "'",
        '"a" ',
        "`",
        "[",
        "a = b, ",
        " ",
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    query = ("index=web | where " + piece * 20_000)[:20_000]
    proof = _proof(query)
    start = time.perf_counter()
    SPL.idioms(query, proof, CATALOG)
    assert time.perf_counter() - start < 1
