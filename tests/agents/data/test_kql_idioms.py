"""What queries borrow from SQL, Splunk and Python, said in KQL; what is right, or not sure, stays as it is."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import time

import pytest

from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog
from tests.agents.data.queries import KQL_GOOD, lines

T = "SigninLogs | "
FUNCTIONS = [
    ("summarize median(Risk)", "summarize percentile(Risk, 50)"),
    ("summarize a = mean(Risk), b = average(DurationMs)", "summarize a = avg(Risk), b = avg(DurationMs)"),
    ("extend n = len(IPAddress), m = length(tolower(IPAddress))", "extend n = strlen(IPAddress), m = strlen(tolower(IPAddress))"),
    ("summarize avg(len(lower(IPAddress)))", "summarize avg(strlen(tolower(IPAddress)))"),
    ("extend y = year(TimeGenerated), m = month(TimeGenerated)", "extend y = getyear(TimeGenerated), m = getmonth(TimeGenerated)"),
    ("where hour(TimeGenerated) > 20 | count", "where hourofday(TimeGenerated) > 20 | count"),
    ("extend x = concat(IPAddress, '-', str(Risk))", "extend x = strcat(IPAddress, '-', tostring(Risk))"),
    ("summarize n = count() by date_trunc('hour', TimeGenerated)", "summarize n = count() by bin(TimeGenerated, 1h)"),
    ("summarize n = count() by date_trunc(TimeGenerated, DAY)", "summarize n = count() by startofday(TimeGenerated)"),
    ("extend x = if(Risk > 0.5, 'high', 'low')", "extend x = iff(Risk > 0.5, 'high', 'low')"),
    ("extend x = ifnull(Risk, 0.0)", "extend x = coalesce(Risk, 0.0)"),
    ("extend x = ucase(trim(IPAddress))", 'extend x = toupper(trim(@"\\s+", IPAddress))'),
    ("where TimeGenerated >= current_date", "where TimeGenerated >= startofday(now())"),
    ("where TimeGenerated >= to_timestamp('2026-03-07') or TimeGenerated < to_timestamp(DurationMs)", "where TimeGenerated >= todatetime('2026-03-07') or TimeGenerated < unixtime_seconds_todatetime(DurationMs)"),
    ("where TimeGenerated >= today() and TimeGenerated < getdate()", "where TimeGenerated >= startofday(now()) and TimeGenerated < now()"),
    ("summarize n = count(*), d = count(distinct IPAddress)", "summarize n = count(), d = dcount(IPAddress)"),
    ("summarize n = count(DurationMs), m = count(IPAddress)", "summarize n = countif(isnotnull(DurationMs)), m = countif(isnotempty(IPAddress))"),
    ("extend x = cast(ResultType as int)", "extend x = toint(ResultType)"),
    ("extend x = substr(IPAddress, 1, 2)", "extend x = substring(IPAddress, 0, 2)"),
    ("summarize x = group_concat(IPAddress) by ResultType", 'summarize x = strcat_array(make_list(IPAddress), ",") by ResultType'),
    ("summarize perc95(Risk), dc(IPAddress), stddev(Risk)", "summarize percentile(Risk, 95), dcount(IPAddress), stdev(Risk)"),
]  # fmt: skip
CONDITIONS = [
    ("where ResultType = '0'", "where ResultType == '0'"),
    ("where (ResultType = '0' OR ResultType = '1') AND NOT Succeeded", "where (ResultType == '0' or ResultType == '1') and not(Succeeded)"),
    ("summarize countif(ResultType = '0')", "summarize countif(ResultType == '0')"),
    ("join kind=inner (Hosts | where HostName = 'web-1') on IPAddress", "join kind=inner (Hosts | where HostName == 'web-1') on IPAddress"),
    ("where UserPrincipalName LIKE '%Fail%'", "where UserPrincipalName contains 'Fail'"),
    ("where UserPrincipalName LIKE 'ana%'", "where UserPrincipalName startswith 'ana'"),
    ("where UserPrincipalName NOT LIKE \"%.com\"", "where UserPrincipalName !endswith \".com\""),
    ("where UserPrincipalName LIKE 'ana'", "where UserPrincipalName =~ 'ana'"),
    ("where UserPrincipalName is null", "where isempty(UserPrincipalName)"),
    ("where UserPrincipalName IS NOT NULL AND Risk is null", "where isnotempty(UserPrincipalName) and isnull(Risk)"),
    ("where Risk != null or IPAddress == NULL", "where isnotnull(Risk) or isempty(IPAddress)"),
    ("where IPAddress in '10.0.0.1'", "where IPAddress in ('10.0.0.1')"),
    ("where IPAddress in '10.0.0.1', '10.0.0.2' | count", "where IPAddress in ('10.0.0.1', '10.0.0.2') | count"),
    ("where DurationMs in 0, 50126 | count", "where DurationMs in (0, 50126) | count"),
    ("where IPAddress IN ['10.0.0.1', '10.0.0.2']", "where IPAddress in ('10.0.0.1', '10.0.0.2')"),
    ("where IPAddress not in ('10.0.0.1')", "where IPAddress !in ('10.0.0.1')"),
    ("where DurationMs BETWEEN 1 AND 100 AND Risk != 0.1", "where DurationMs between (1 .. 100) and Risk != 0.1"),
]  # fmt: skip
STEPS = [
    ("select IPAddress, Risk", "project IPAddress, Risk"),
    ("select distinct IPAddress", "distinct IPAddress"),
    ("select IPAddress as ip", "project ip = IPAddress"),
    ("stats count by IPAddress", "summarize count = count() by IPAddress"),
    ("stats count by IPAddress | sort -count", "summarize count = count() by IPAddress | sort by count desc"),
    ("stats count as n, avg(Risk) as r by IPAddress | sort -n", "summarize n = count(), r = avg(Risk) by IPAddress | sort by n desc"),
    ("summarize n = count() group by IPAddress", "summarize n = count() by IPAddress"),
    ("summarize COUNT(*) AS n BY IPAddress", "summarize n = count() by IPAddress"),
    ("count by IPAddress", "summarize count() by IPAddress"),
    ("group by IPAddress", "summarize by IPAddress"),
    ("filter Risk = 0.1 | head 3", "where Risk == 0.1 | take 3"),
    ("sort Risk desc | take 2", "sort by Risk desc | take 2"),
    ("order Risk", "order by Risk asc"),
    ("sort Risk | take 2", "sort by Risk asc | take 2"),
    ("orderby Risk", "order by Risk asc"),
    ("ORDER BY Risk", "order by Risk asc"),
    ("sort Risk desc, IPAddress | take 2", "sort by Risk desc, IPAddress asc | take 2"),
    ("orderby tolower(IPAddress) DESC, Risk nulls last", "order by tolower(IPAddress) desc, Risk asc nulls last"),
    ("top 2 Risk", "top 2 by Risk"),
    ("top 2 IPAddress asc", "top 2 by IPAddress asc"),
    ("summarize n = count() by IPAddress | top 1 n", "summarize n = count() by IPAddress | top 1 by n"),
    ("sort by Risk DESC, IPAddress ascending", "sort by Risk desc, IPAddress asc"),
    ("eval x = Risk * 2 | rename x as y | table y", "extend x = Risk * 2 | project-rename y = x | project y"),
    ("WHERE Risk > 0.1\nsummarize n = count() by IPAddress\ntake 3", "where Risk > 0.1\n| summarize n = count() by IPAddress\n| take 3"),
]  # fmt: skip
TIMES = [
    ("where TimeGenerated > ago('7d')", "where TimeGenerated > ago(7d)"),
    ("where TimeGenerated > ago(7 days)", "where TimeGenerated > ago(7d)"),
    ("where TimeGenerated > ago(2w)", "where TimeGenerated > ago(14d)"),
    ("where TimeGenerated > now() - 7 days", "where TimeGenerated > now() - 7d"),
    ("where TimeGenerated > today() - 7 days", "where TimeGenerated > startofday(now()) - 7d"),
    ("where TimeGenerated > current_date - 7 days", "where TimeGenerated > startofday(now()) - 7d"),
    ("where TimeGenerated > current_date() - 7 days", "where TimeGenerated > startofday(now()) - 7d"),
    ("where TimeGenerated > utcnow() - 7 days", "where TimeGenerated > now() - 7d"),
    ("where TimeGenerated > now() - interval '24 hours'", "where TimeGenerated > now() - 24h"),
    ("where TimeGenerated > '2026-03-07'", "where TimeGenerated > datetime(2026-03-07)"),
    ("where TimeGenerated >= '2026-03-07' and TimeGenerated < '2026-03-08T10:00:00Z'", "where TimeGenerated >= datetime(2026-03-07) and TimeGenerated < datetime(2026-03-08T10:00:00Z)"),
    ("where TimeGenerated between ('2026-03-07' .. '2026-03-08')", "where TimeGenerated between (datetime(2026-03-07) .. datetime(2026-03-08))"),
    ("where TimeGenerated between '2026-03-07' and '2026-03-08'", "where TimeGenerated between (datetime(2026-03-07) .. datetime(2026-03-08))"),
    ("where TimeGenerated between ago(7d) and now()", "where TimeGenerated between (ago(7d) .. now())"),
]  # fmt: skip
BINS = [
    ("summarize count() by TimeGenerated, 1d", "summarize count() by bin(TimeGenerated, 1d)"),
    ("summarize count() by IPAddress, TimeGenerated, 30m", "summarize count() by IPAddress, bin(TimeGenerated, 30m)"),
    ("summarize count() by TimeGenerated, 1h, IPAddress", "summarize count() by bin(TimeGenerated, 1h), IPAddress"),
    ("summarize count() by TimeGenerated(1h)", "summarize count() by bin(TimeGenerated, 1h)"),
    ("summarize count() by bin(TimeGenerated), 1h", "summarize count() by bin(TimeGenerated, 1h)"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), [*FUNCTIONS, *CONDITIONS, *STEPS, *TIMES, *BINS])
def test_what_is_borrowed_is_said_in_kql(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, written: str, said: str
) -> None:
    query, notes = kql.idioms(T + written, prove(kql, T + written, kql_group, sandbox), kql_group)
    assert query == T + said
    assert notes
    proof = prove(kql, query, kql_group, sandbox)
    assert proof.verdict != "rejected"
    assert kql.idioms(query, proof, kql_group) == (query, [])


NOT_SURE = [
    "summarize count() by bin(TimeGenerated)",
    "summarize count() by hour(TimeGenerated)",
    "summarize count() by date_trunc('week', TimeGenerated)",
    "extend n = len(Details)",
    "extend n = substr(IPAddress, 0, 2)",
    "extend x = Risk | where y is null",
    "where UserPrincipalName LIKE 'a%b%'",
    "where UserPrincipalName LIKE 'a_b'",
    "where TimeGenerated = '2026-03-07'",
    "where TimeGenerated > '2026-02-31'",
    "where TimeGenerated > 'yesterday'",
    "where TimeGenerated > ago(7)",
    "where TimeGenerated > ago('1 month')",
    "where TimeGenerated > ago('3M')",
    "where TimeGenerated > now() - 3 M",
    "top 2 ResultType",
    "top 2 Risk, DurationMs",
    "top 2 Risk by IPAddress",
    "extend x = ResultType | top 2 x",
    "sort Risk IPAddress",
    "where TimeGenerated between ago(7d) and now() - 1d",
    "where IPAddress in '10.0.0.1', UserPrincipalName",
    "extend x = to_timestamp(Details)",
    "parse Details with 'risk=' Risk:string | where Risk is null",
    "parse Details with 'risk=' Risk | where Risk is null",
    "group by IPAddress | count",
    "where Details.x is null",
    "where Nope == 'A = B AND C LIKE x' // where A = 'x' AND len(x)",
    "extend x = nope('a', ResultType = 'x')",
    "select *",
    "where Nope > 1 let n = 2",
    "extend x = case(Risk > 1, strcat = 'a', 'b'), y = nope(1)",
    "summarize count() by IPAddress, 1d | where Nope > 1",
]


@pytest.mark.parametrize("written", NOT_SURE)
def test_what_is_not_sure_stays_as_it_is(kql: Kql, kql_group: Catalog, sandbox: Sandbox, written: str) -> None:
    proof = prove(kql, T + written, kql_group, sandbox)
    assert proof.verdict == "rejected"
    assert kql.idioms(T + written, proof, kql_group) == (T + written, [])


RIGHT = [
    "SigninLogs | where ResultType <> '0'",
    "SigninLogs | summarize count() by bin(TimeGenerated, 1d)",
    "SigninLogs | summarize count() by TimeGenerated, IPAddress",
    "SigninLogs | where UserPrincipalName == 'a = b AND c LIKE d IS NULL' // AND len(x)",
    "SigninLogs | summarize count = count() by IPAddress | order by count desc",
    "let len = (x:string) { strlen(x) }; SigninLogs | extend n = len(IPAddress)",
    "let d = 1d; SigninLogs | summarize count() by bin(TimeGenerated, d)",
    "SigninLogs | project IPAddress,\n  top = Risk,\n  Session\n| take 3",
]


@pytest.mark.parametrize("query", [*RIGHT, *lines(KQL_GOOD)])
def test_what_is_right_is_never_changed(kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(kql, query, kql_group, sandbox)
    assert proof.verdict == "proven"
    assert kql.idioms(query, proof, kql_group) == (query, [])


@pytest.mark.parametrize("query", [*RIGHT, *lines(KQL_GOOD)])
def test_of_a_query_that_is_wrong_elsewhere_what_is_right_is_never_changed(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str
) -> None:
    wrong = f"{query}\n| where NoSuchColumn == 1"
    proof = prove(kql, wrong, kql_group, sandbox)
    assert proof.verdict == "rejected"
    assert kql.idioms(wrong, proof, kql_group) == (wrong, [])


def test_without_dotnet_it_is_mended_too(kql_group: Catalog, sandbox: Sandbox) -> None:
    other, query = Kql(DuckdbKql()), T + "select IPAddress"
    assert other.idioms(query, prove(other, query, kql_group, sandbox), kql_group)[0] == T + "project IPAddress"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT IPAddress\nFROM SigninLogs\nWHERE Risk = 0.1 AND IPAddress LIKE 'a%'\nORDER BY Risk",
        "WITH a AS (SELECT IPAddress FROM SigninLogs) SELECT * FROM a WHERE IPAddress IS NULL",
    ],
)
def test_a_statement_of_sql_stays_as_it_is(kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    assert kql.idioms(query, prove(kql, query, kql_group, sandbox), kql_group) == (query, [])


def test_notes_say_what_is_otherwise_in_kql(kql: Kql, kql_group: Catalog, sandbox: Sandbox) -> None:
    query = T + "having IPAddress LIKE '10%' | sort Risk"
    assert kql.idioms(query, prove(kql, query, kql_group, sandbox), kql_group)[1] == [
        "used 'where' for 'having'",
        "used 'sort by' for 'sort', upwards where no direction was written",
        "used startswith '10', which ignores case, for LIKE '10%'",
    ]


HOSTILE = [
    "not ", "x in ['a', ", "T | where not(", "a = ", "a between b and ", "count(distinct ", "x is null ", "| sort a ",
    "by TimeGenerated, 1d ", "as n, ", "\nwhere ", "'", "`", "(((", ")", "| summarize count as n by a, ", "LIKE '%a%' ", "cast(a as int",
    "date_trunc('hour', ", "{", "| sort a(", "| top 2 a, ", "a.b.c(d).", "💥 ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("head", ["SigninLogs | where ", "SigninLogs | summarize "])
def test_hostile_text_takes_no_time(kql: Kql, kql_group: Catalog, sandbox: Sandbox, piece: str, head: str) -> None:
    query = (head + piece * 20_000)[:20_000]
    proof = prove(kql, "SigninLogs | where", kql_group, sandbox)
    start = time.process_time()
    kql.idioms(query, proof, kql_group)
    assert time.process_time() - start < 5
