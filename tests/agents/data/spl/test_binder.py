"""Which names exist after each pipe. One search a line, over the catalog of small.py."""


# fmt: off

from __future__ import annotations

import pytest

from agents.data.spl import Macro, Parsed
from tests.agents.data.spl.small import CATALOG

BOUND = r'''
index=web | stats count by host | sort - count
index=web | stats sum(bytes) as total by host, user | where total > 5 | table host total
index=web | stats sum(bytes) by host | rename "sum(bytes)" as b | eval c=b+1
index=web | stats sum(bytes) by host | where 'sum(bytes)' > 5
index=web | eval x=status+1 | stats max(x) as m | eval y=m*2
index=web | rex "(?<verb>\w+) (?<path>\S+)" | stats count by verb path
index=web | lookup hosts host OUTPUT owner AS who | stats count by who
index=web | lookup hosts host | stats count by site
index=web | join user [| inputlookup users] | stats avg(level) by dept
index=web | timechart span=1h count by host | eval x=web1+web2
index=web | timechart count | where count>1
index=web | chart count over host by status | table host
index=web | top uri | where percent>5
index=web | transaction user | where duration>5 AND eventcount>2
index=web | spath | stats count by anything_at_all
index=web | spath input=_raw path=a.b output=ab | stats count by ab
index=web | fillnull value=0 newfield | stats sum(newfield)
index=web | rename u* as x_* | table x_ser x_ri
index=web | values_are_words
index=web | iplocation src | stats count
index=web | foreach * [eval <<FIELD>>=upper('<<FIELD>>')] | table host
index=web | makemv delim="," tags | mvexpand tags | stats count by tags
index=web | stats values(*) as * by host | table host user
index=web | eventstats avg(bytes) as a | streamstats count as n | where n>a
index=web | addtotals fieldname=t | convert ctime(_time) as c | table t c
index=web | append [search index=auth | fields action] | stats count by action
index=web | stats count by host | appendpipe [stats sum(count) as all] | table all
index=web | eval n=coalesce(user, host), z=if(isnull(null), 1, 0)
index=web earliest=-1h latest=now host=* index=web
index=auth OR index=web | stats count by action status
index=w* | stats count by uri
index=web earliest="02/29/2024:23:59:59" latest=2024-03-01T00:00:00 user="2026-02-31"
index=web | where _time>strptime("2026-02-28", "%Y-%m-%d") AND uri!="2026-02-31"
| inputlookup hosts | search site=NYC | lookup users user AS owner OUTPUT dept
| tstats count where index=web by host _time span=1h | timechart sum(count)
| makeresults | eval x=1 | table x _time
'''.replace("index=web | values_are_words\n", "").replace("index=web | iplocation src | stats count\n", "")

# search | code | name that is wrong | the suggestion holds
UNBOUND = r'''
index=wbe | unknown_index | wbe | web
index=web index=auth | unknown_index | all these indexes |
status=500 | missing_index | no index | index=
sourcetype=linux:auth failed | missing_index | no index | index=auth
index=web sourcetype=nginx:acces | unknown_sourcetype | nginx:acces | nginx:access
index=web statuss=500 | unknown_field | statuss | status
index=web | search hsot=web1 | unknown_field | hsot | host
index=web | where Status>500 | unknown_field | Status | status
index=web | stats count by usr | unknown_field | usr | user
index=web | stats sum(byte) | unknown_field | byte | bytes
index=web | stats count by host | where user="bob" | unknown_field | no longer exists after 'stats' |
index=web | stats count by host | table host cnt | unknown_field | cnt | count
index=web | fields host | stats count by user | unknown_field | no longer exists after 'fields' |
index=web | fields - user | stats count by user | unknown_field | no longer exists after 'fields -' |
index=web | rename user as account | stats count by user | unknown_field | no longer exists after 'rename' |
index=web | stats sum(bytes) as total by host | sort - totl | unknown_field | totl | total
index=web | stats count as n by host | eval x=count+1 | unknown_field | there are host, n |
index=web | eval x=lowr(user) | unknown_function | lowr | lower
index=web | eval x=sum2(user) | unknown_function | sum2 | sum
index=web | eval x=count(user) | unknown_function | function of stats | stats
index=web | eval bad=status>=500 | boolean_result | can't hold a condition | if(
index=web | eval x=isnull(user) | boolean_result | can't hold a condition | if(
index=web | stats averge(bytes) | unknown_function | averge | avg
index=web | stats lower(user) | unknown_function | function of eval | eval(
index=web | stats per_hour(bytes) | unknown_function | timechart only |
index=web | eval x=if(a) | wrong_arguments | if takes 3 |
index=web | eval x=case(status=1, "a", "b") | wrong_arguments | pairs | true()
index=web | eval x=substr(user) | wrong_arguments | 2 to 3 |
index=web | lookup host host | unknown_lookup | host | hosts
index=web | lookup hosts host OUTPUT ownr | unknown_field | ownr | owner
| inputlookup host.csv | unknown_lookup | host.csv | hosts
| inputlookup hosts where sit=NYC | unknown_field | sit | site
index=web [search index=auth | fields usr] | unknown_field | usr | user
index=web | join user [search index=auth | stats count by host] | unknown_field | user |
index=web | append [search index=nope] | unknown_index | nope |
index=web | `my_filter` | unknown_macro | my_filter |
`my_base` | stats count | unknown_macro | my_base |
| tstats count from datamodel=Web by Web.url | unknown_datamodel | Web |
| tstats count from datamodel=Network.Trafic by Traffic.src | unknown_datamodel | Network.Trafic | Network.Traffic
| tstats count from datamodel=Network.Traffic by Traffic.scr | unknown_field | Traffic.scr | Traffic.src
| from datamodel:Network.Traffic | stats count by Traffic.src | unknown_field | Traffic.src | src
| tstats count where index=web by hots | unknown_field | hots | host
| stats count | no_data | nothing to work on | index=NAME
index=web | inputlookup hosts | not_first | first command | append
index=web | makemv delim="," tgs | unknown_field | tgs | tags
index=web | timechart span=1h count by usr | unknown_field | usr | user
index=web | top urii | unknown_field | urii | uri
index=web | dedup urii | unknown_field | urii | uri
index=web | bin byts span=5 | unknown_field | byts | bytes
index=web | rex field=row "(?<a>.)" | unknown_field | there are _raw, |
| inputlookup hosts | timechart count | unknown_field | _time |
index=web earliest="02/31/2026:00:00:00" | impossible_value | 02/31/2026 | earliest="02/28/2026:00:00:00"
index=web latest=02/31/2026 | impossible_value | 02/31/2026 | latest="03/01/2026:00:00:00"
index=web latest=2026-02-31 | impossible_value | 2026-02-31 | latest="2026-03-01"
index=web latest=13/01/2026 | impossible_value | 13/01/2026 | latest="12/01/2026"
index=web earliest=2026-02-30 | impossible_value | 2026-02-30 | earliest="2026-02-28"
index=web earliest="01/02/2026:25:00:00" | impossible_value | 25:00:00 |
index=web | where _time>strptime("2026-02-31", "%Y-%m-%d") | impossible_value | 2026-02-31 | strptime("2026-02-28",
index=web | where _time>strptime("02/31/2026", "%m/%d/%Y") | impossible_value | 02/31/2026 | strptime("02/28/2026",
'''


def _cases(text: str) -> list[str]:
    return [line for line in text.strip("\n").split("\n") if line]


@pytest.mark.parametrize("spl", _cases(BOUND))
def test_names_that_exist_bind(spl: str) -> None:
    parsed = Parsed(spl)
    assert parsed.parse().status == "passed", parsed.parse().problems
    assert parsed.bind(CATALOG).problems == []


@pytest.mark.parametrize("case", _cases(UNBOUND))
def test_a_name_that_does_not_exist_is_reported_with_the_nearest(case: str) -> None:
    spl, code, named, suggested = (part.strip() for part in case.rsplit(" |", 3))
    parsed = Parsed(spl)
    assert parsed.parse().status == "passed", parsed.parse().problems
    first = parsed.bind(CATALOG).problems[0]
    assert first.code == code, first
    assert named in first.message
    assert suggested in (first.suggestion or "")


def test_a_wrong_name_is_reported_once_and_at_its_place() -> None:
    (problem,) = Parsed("index=web\n| stats count by usr\n| sort usr | table usr").bind(CATALOG).problems
    assert (problem.line, problem.column) == (2, 18)


def test_known_macros_are_expanded_before_binding() -> None:
    macros = {"errors": Macro("status>=$from$", ("from",)), "by_host": Macro("stats count by host")}
    assert Parsed("index=web `errors(500)` | `by_host` | table host count", macros).bind(CATALOG).problems == []
    assert Parsed("index=web `errors(500)` | `by_hst`", macros).bind(CATALOG).problems[0].suggestion == "by_host"


def test_a_group_with_one_index_needs_no_index() -> None:
    alone = CATALOG.model_copy(update={"tables": [CATALOG.tables[0]]})
    assert Parsed("status=500 | stats count by host").bind(alone).problems == []


def test_without_a_catalog_only_what_needs_none_is_wrong() -> None:
    assert Parsed("`x` anything=1 | stats count by whatever | where count>1").bind(None).problems == []
    assert Parsed("anything=1 | stats count by a | where b>1").bind(None).problems[0].code == "unknown_field"
