"""KQL beyond what duckdb-kql translates: said in what it has, with the rows that Kusto's reference defines."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

import pytest

from agents.data.kql import Kql
from agents.data.proof import run_proven
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog

RESULTS = [
    ("Hosts | project-reorder HostName | take 1", ["HostName", "IPAddress"], [["web-1", "10.0.0.1"]]),
    ("SigninLogs | project-keep Risk, IP* | top 1 by Risk", ["IPAddress", "Risk"], [["10.0.0.2", 0.9]]),
    ("Hosts | project-away IP*", ["HostName"], [["web-1"], ["web-2"]]),
    ("SigninLogs | mv-expand Details.tags to typeof(string) | where isnotempty(Details_tags) | project Details_tags",
     ["Details_tags"], [["vpn"]]),
    ("Hosts | extend Parts = '[1, 2]' | mv-expand todynamic(Parts) to typeof(long) | summarize sum(Parts)",
     ["sum_Parts"], [[6]]),
    ('Hosts | search "WEB-2"', ["$table", "IPAddress", "HostName"], [["Hosts", "10.0.0.2", "web-2"]]),
    ('Hosts | search HostName:"web*" and "10.0.0.2" | project HostName', ["HostName"], [["web-2"]]),
    ('SigninLogs | search "340" | project DurationMs', ["DurationMs"], [[340]]),
    ('search in (Hosts, SigninLogs) "10.0.0.2" | summarize n = count() by $table | order by n asc',
     ["$table", "n"], [["Hosts", 1], ["SigninLogs", 2]]),
    ('Hosts | where * has "web-1" | project HostName', ["HostName"], [["web-1"]]),
    ("let n = 1; Hosts | take n", ["IPAddress", "HostName"], [["10.0.0.1", "web-1"]]),
    ("let n = 1; SigninLogs | top n by Risk | project Risk", ["Risk"], [[0.9]]),
    ("(Hosts | where HostName == 'web-1') | count as n", ["n"], [[1]]),
    ("Hosts | sample-distinct 5 of HostName | order by HostName asc", ["HostName"], [["web-1"], ["web-2"]]),
    ("SigninLogs | where IPAddress in (Hosts) | count", ["Count"], [[3]]),
    ("SigninLogs | extend t = tostring(Details.tags.[0]) | where t == 'vpn' | project t", ["t"], [["vpn"]]),
    ("let f = (ip:string) { SigninLogs | where IPAddress == ip }; f('10.0.0.2') | count", ["Count"], [[2]]),
    ("let f = (T:(IPAddress:string), n:long = 1) { let m = n; T | take m }; Hosts | invoke f() | count", ["Count"], [[1]]),
    ("let f = () { Hosts }; let g = () { union f, f() }; g | count", ["Count"], [[4]]),
    ("Hosts | as T | union T | count", ["Count"], [[4]]),
    ("SigninLogs | summarize argmax(TimeGenerated, ResultType) by UserPrincipalName | where UserPrincipalName == 'bo@contoso.com'",
     ["UserPrincipalName", "max_TimeGenerated", "max_TimeGenerated_ResultType"],
     [["bo@contoso.com", "2026-03-11T09:45:00Z", "50126"]]),
    ("SigninLogs | summarize count = count() by IPAddress | where count > 1 | sort by count desc | project top = count",
     ["top"], [[2]]),
    ("Hosts | union Hosts | summarize take_any(*) by HostName | order by HostName asc", ["HostName", "IPAddress"],
     [["web-1", "10.0.0.1"], ["web-2", "10.0.0.2"]]),
    ("Hosts | where HostName == 'web-2' | summarize any(*)", ["any_IPAddress", "any_HostName"], [["10.0.0.2", "web-2"]]),
    ("SigninLogs | summarize percentiles(DurationMs, 0, 100)", ["percentile_DurationMs_0", "percentile_DurationMs_100"],
     [[80, 340]]),
    ("Hosts | union (Hosts | extend HostName = 1) | summarize s = sum(HostName_long), n = dcount(HostName_string)",
     ["s", "n"], [[2, 2]]),
    ("SigninLogs | summarize n = count() by bin_at(TimeGenerated, 1d, datetime(2026-03-10 09:00)) | order by TimeGenerated asc | take 1",
     ["TimeGenerated", "n"], [["2026-03-09T09:00:00Z", 1]]),
    ("SigninLogs | make-series n = count() on TimeGenerated from datetime(2026-03-10) to datetime(2026-03-12) step 1d"
     " | project n", ["n"], [[[2, 1]]]),
    ("SigninLogs | where ResultType == '0' | make-series m = max(DurationMs) default = -1 on TimeGenerated"
     " from datetime(2026-03-13) to datetime(2026-03-15) step 1d by IPAddress | where IPAddress == '10.0.0.3'",
     ["IPAddress", "m", "TimeGenerated"],
     [["10.0.0.3", [-1, 80], ["2026-03-13T00:00:00.0000000Z", "2026-03-14T00:00:00.0000000Z"]]]),
    ("SigninLogs | where isnotempty(tostring(Details)) | project Details | evaluate bag_unpack(Details, 'd_')"
     " | where d_city == 'Rome' | project d_city, d_tags", ["d_city", "d_tags"], [["Rome", None]]),
    ("SigninLogs | project ResultType, IPAddress | evaluate pivot(ResultType) | order by IPAddress asc",
     ["IPAddress", "0", "50126"], [["10.0.0.1", 1, 0], ["10.0.0.2", 0, 2], ["10.0.0.3", 1, 0]]),
    ("SigninLogs | project ResultType, Risk | evaluate pivot(ResultType, max(Risk))", ["0", "50126"], [[0.25, 0.9]]),
    ("print a = ipv4_is_private('10.1.2.3'), b = ipv4_is_private('8.8.8.8'), c = ipv4_is_private('x')",
     ["a", "b", "c"], [[True, False, None]]),
    ("print a = ipv4_is_in_range('10.1.2.3', '10.0.0.0/8'), b = ipv4_is_in_range('11.1.2.3', '10.0.0.0/8')",
     ["a", "b"], [[True, False]]),
    ("print d = unixtime_seconds_todatetime(1700000000), m = unixtime_milliseconds_todatetime(1700000000500)",
     ["d", "m"], [["2023-11-14T22:13:20Z", "2023-11-14T22:13:20.500000Z"]]),
    ("SigninLogs | summarize a = maxif(Risk, Succeeded), b = minif(Risk, Succeeded), c = count_distinct(IPAddress),"
     " d = make_list_if(Risk, Risk > 0.5), e = count_distinctif(IPAddress, Succeeded)",
     ["a", "b", "c", "d", "e"], [[0.25, 0.1, 3, [0.9], 2]]),
    ("print a = set_difference(dynamic([1, 2]), dynamic([2])), b = set_intersect(dynamic([1, 2]), dynamic([2, 3])),"
     " c = array_length(set_union(dynamic([1, 2]), dynamic([2, 3]))), d = bag_keys(dynamic({'x': 1}))",
     ["a", "b", "c", "d"], [[[1], [2], 3, ["x"]]]),
]  # fmt: skip


@pytest.mark.parametrize(("query", "columns", "rows"), RESULTS)
def test_a_construct_the_translation_lacks_gives_kustos_rows(
    kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str, columns: list[str], rows: list[list[object]]
) -> None:
    found = run_proven(kql, query, kql_group, sandbox, 10)
    assert (found.columns, found.rows) == (columns, rows)
