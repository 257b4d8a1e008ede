"""Searches that do more than read this group's data, in as many disguises as we know; and honest ones beside them."""


# fmt: off

from __future__ import annotations

import pytest

from agents.data.spl import Macro, Parsed
from agents.data.spl.check import known_macros
from tests.agents.data.spl.small import CATALOG

UNSAFE = r'''
index=web | delete
index=web | DELETE
index=web | DeLeTe
index=web|delete
index=web |```harmless``` delete
index=web | ```x```delete```y```
index=web | head 5 | stats count | delete
index=web | outputlookup hosts
index=web | outputlookup append=t hosts.csv
index=web | outputlookup override_if_empty=f key_field=host hosts
index=web | outputcsv /tmp/x
index=web | outputcsv dispatch=t x
index=web | outputtext
index=web | collect index=summary
index=web | collect index=web testmode=true
index=web | mcollect index=metrics
index=web | meventcollect index=metrics split=t x
index=web | tscollect namespace=x
index=web | sendemail to="me@example.com"
index=web | sendemail to=a@b.c sendresults=t inline=t
index=web | sendalert webhook param.url="http://x"
index=web | script python evil
index=web | script perl x arg1 arg2
index=web | run evil.py
index=web | runshellscript evil.sh a b c d e f g h
index=web | map search="search index=web | delete"
index=web | map maxsearches=10000 search="| outputlookup $x$"
index=web | map [search index=web]
| rest /services/authentication/users
| rest splunk_server=* /services/server/info
| REST /servicesNS/-/-/storage/passwords
| savedsearch "Delete everything"
| loadjob 123.456
| loadjob savedsearch="admin:search:x"
| dbxquery connection=prod query="drop table x"
| inputcsv secrets.csv
| inputcsv dispatch=t x
| inputlookup users_and_passwords
| inputlookup append=t geo_attr_countries.csv
| history
| audit
| crawl files root=/
| typeahead prefix="pass" count=10
| dump basefilename=x
index=web | dump basefilename=x
| metadata type=hosts index=*
| dbinspect index=*
| eventcount index=*
| datamodel Authentication search
| from datamodel:"Authentication"
| pivot Web Web count(Web)
| mstats avg(_value) where index=metrics by host
| tstats count where index=_audit by user
| tstats count where index=* by index
| tstats count from datamodel=Web by Web.url
| walklex index=web type=field
index=_internal
index=_*
index=*
index=* OR index=_*
error
host=web1
NOT index=web
index=web OR sourcetype=anything
index=web OR NOT index=web
index!=web
index=web | append [search index=_audit]
index=web | append [search index=auth | delete]
index=web | append [| rest /services/server/info]
index=web | join user [| inputlookup secrets]
index=web [search index=auth | outputlookup hosts | return user]
index=web NOT [| savedsearch x]
index=web | appendpipe [outputlookup hosts]
index=web | appendcols [search index=web | append [search index=auth | append [search index=web | collect index=x]]]
index=web | foreach * [outputcsv <<FIELD>>]
| union [search index=web] [search index=web | delete]
| union other_dataset, [search index=web]
| multisearch [search index=web] [search index=_audit]
index=web | lookup secrets user OUTPUT password
index=web | eval x=lookup("secrets", json_object("user", user), json_array("password"))
index=web | eval x=lookup(user, json_object("user", user), json_array("password"))
index=web | `danger`
`danger_base` | stats count
index=web | stats count | fit LinearRegression x from y into m
index=web | deletemodel m
index=web | sistats count by host
index=web | sitimechart count
index=web | snowincident --category x
| makeresults count=999999999 | eval x=1
| makeresults count=1000 | map search="search index=web"
'''

SAFE = r'''
index=web | stats count by host
index=web delete
index=web "| delete"
index=web uri="*|delete" | eval note="| outputlookup hosts"
index=web user="outputlookup" collect rest
index=web ```| delete``` | head 5
index=web | eval delete=1, collect=2 | table delete collect
index=web | rename user as sendemail | stats count by sendemail
index=web | search "sendemail to=x"
index=web | rex "(?<script>\w+)" | stats count by script
index=* earliest=-24h | stats count by index
index=* earliest=-1h sourcetype=linux:auth
index=w* OR index=auth
| inputlookup hosts.csv | lookup users user AS owner
| makeresults count=100 | eval x=random()
| tstats count where index=web by host
index=web [search index=auth action=failure | fields user]
index=web | append [search index=auth | stats count] | appendpipe [stats count]
index=web | foreach b* [eval <<FIELD>>=0]
index=web | eval x=lookup("users", json_object("user", user), json_array("dept"))
index=web | eval x="a | delete", y="[| delete]", z="`delete`" | table x y z
index=web "‮" OR "｜ delete"
index=web | eval x=mvrange(0, 100) | mvexpand x | stats count by x
index=web | eval total=0 | foreach b* [eval total=total+'<<FIELD>>']
index=web | join max=0 host [search index=auth | stats count by host]
index=web earliest=-30d@d | stats count by host
| tstats count from datamodel=Network.Traffic by Traffic.src
| from datamodel:Network.Traffic | stats count by src
index=web `server_errors` | `top_of(3, uri)`
index=web | eval x=printf("%05.2f", bytes) | eval y=replace(uri, "/", "_"), z=x." ".y." ".uri
'''


def lines(text: str) -> list[str]:
    return text.strip("\n").split("\n")


@pytest.mark.parametrize("spl", lines(UNSAFE))
def test_a_search_that_does_more_than_read_the_group_is_denied(spl: str) -> None:
    parsed = Parsed(spl)
    assert parsed.parse().status == "failed" or parsed.safety(CATALOG).status == "failed"


@pytest.mark.parametrize("spl", lines(SAFE))
def test_an_honest_search_is_let_through(spl: str) -> None:
    parsed = Parsed(spl, known_macros(CATALOG))
    assert parsed.parse().status == "passed", parsed.parse().problems
    assert parsed.safety(CATALOG).problems == []


def test_the_unsafe_searches_are_judged_and_not_just_misread() -> None:
    misread = [spl for spl in lines(UNSAFE) if Parsed(spl).parse().status == "failed"]
    assert misread == []


@pytest.mark.parametrize(
    "macros",
    [
        {"m": Macro("| delete")},
        {"m": Macro("`n`"), "n": Macro("| head 5 | outputlookup hosts")},
        {"m": Macro("| append [search index=_audit]")},
        {"m": Macro('| map search="x"')},
        {"m": Macro("OR index=_internal")},
    ],
)
def test_what_a_macro_hides_is_judged(macros: dict[str, Macro]) -> None:
    assert Parsed("index=web `m`", macros).safety(CATALOG).status == "failed"


def test_a_macro_can_complete_a_command_name() -> None:
    assert Parsed("index=web | de`m`", {"m": Macro("lete")}).safety(CATALOG).problems[0].code == "denied_command"


def test_a_denied_command_says_why_and_where() -> None:
    (problem,) = Parsed("index=web\n| outputlookup hosts").safety(CATALOG).problems
    assert (problem.code, problem.line, problem.column) == ("denied_command", 2, 3)
    assert problem.message == "'outputlookup' is not allowed: it writes a lookup"


def test_every_index_for_all_time_is_refused_with_the_indexes_there_are() -> None:
    (problem,) = Parsed("index=* error").safety(CATALOG).problems
    assert problem.code == "unbounded"
    assert "index=web" in (problem.suggestion or "")
