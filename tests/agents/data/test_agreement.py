"""Two queries over the same rows agree or not; a query without rows is told which condition took the last one."""
# ruff: noqa: E501 - a query is one line

from __future__ import annotations

from pathlib import Path

import pytest

from agents.data.agreement import Derived, agreement, why_empty
from agents.data.kql import Kql
from agents.data.platform import Platform, load_platform
from agents.data.proof import run_proven
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog

Groups = dict[str, tuple[Platform, Catalog]]


WEB = """_time,user,status,uri
2026-03-10T08:00:00Z,ana,200,/home
2026-03-10T09:30:00Z,bo,404,/missing
2026-03-11T09:45:00Z,bo,500,/home
"""
SPLUNK = Catalog.model_validate(
    {
        "schema_group": "small_spl",
        "platform": "spl",
        "clock": "2026-03-15T00:00:00Z",
        "tables": [
            {
                "name": "web",
                "kind": "index",
                "rows": "web.csv",
                "columns": [
                    {"name": "_time", "type": "time"},
                    {"name": "user", "type": "string"},
                    {"name": "status", "type": "int"},
                    {"name": "uri", "type": "string"},
                ],
            }
        ],
        "macros": [{"name": "errors", "definition": "status>=500 user=cy"}],
    }
)


@pytest.fixture
def groups(kql: Kql, sql: Sql, kql_group: Catalog, sql_group: Catalog, sandbox: Sandbox, tmp_path: Path) -> Groups:
    (tmp_path / "web.csv").write_text(WEB)
    load_rows(SPLUNK, tmp_path, sandbox.path(SPLUNK.schema_group))
    return {"kql": (kql, kql_group), "sql": (sql, sql_group), "spl": (load_platform("spl"), SPLUNK)}


def derived(groups: Groups, platform: str, query: str) -> Derived:
    return Derived(groups[platform][0], query, groups[platform][1])


@pytest.mark.parametrize(
    ("one", "other", "status"),
    [
        ("SigninLogs | summarize n = count() by UserPrincipalName", "SELECT COUNT(*), UserPrincipalName FROM SigninLogs GROUP BY 2", "passed"),
        ("SigninLogs | project IPAddress", "SELECT IPAddress, Risk FROM SigninLogs ORDER BY Risk", "passed"),
        ("SigninLogs | where Succeeded | count", "SELECT COUNT(*) FROM SigninLogs", "failed"),
        ("Hosts | project HostName", "SELECT IPAddress FROM Hosts", "failed"),
        ("SigninLogs | mv-apply tag = Details.tags on (where tostring(tag) == 'vpn')", "SELECT 1", "skipped"),
        ("Nowhere | count", "SELECT 1", "skipped"),
    ],
)  # fmt: skip
def test_queries_of_two_platforms_agree_by_their_rows(
    groups: Groups, sandbox: Sandbox, one: str, other: str, status: str
) -> None:
    check = agreement(derived(groups, "kql", one), derived(groups, "sql", other), sandbox)
    assert (check.name, check.status) == ("agreement", status)


EMPTY = [
    ("kql", "SigninLogs | where Succeeded | where ResultType == '50127' | count as n | where n > 0",
     ["no row is left after `where ResultType == '50127'`; 2 rows before it",
      "no row has ResultType '50127'; there is '50126', '0'"]),
    ("kql", "SigninLogs | where Risk > 0.05 and Risk > 5 and Succeeded",
     ["no row is left after `where Risk > 5`; 3 rows before it", "Risk lies between 0.1 and 0.9"]),
    ("kql", "SigninLogs | where TimeGenerated > ago(1h) | project UserPrincipalName",
     ["no row is left after `where TimeGenerated > ago(1h)`; 4 rows before it",
      "TimeGenerated lies between 2026-03-10T08:00:00Z and 2026-03-14T23:00:00Z"]),
    ("kql", "let failed = SigninLogs | where ResultType == '50121'; failed | where Succeeded",
     ["no row is left after `where ResultType == '50121'`; 4 rows before it",
      "no row has ResultType '50121'; there is '50126', '0'"]),
    ("kql", "SigninLogs | join kind=inner (Hosts | where HostName == 'web-9') on IPAddress",
     ["no row is left after `join kind=inner (Hosts | where HostName == 'web-9') on IPAddress`; 4 rows before it",
      "no row has HostName 'web-9'; there is 'web-1', 'web-2'"]),
    ("sql", "SELECT HostName FROM Hosts WHERE IPAddress LIKE '10.%' AND HostName = 'web-7' ORDER BY 1",
     ["no row is left after `WHERE HostName = 'web-7'`; 2 rows before it",
      "no row has HostName 'web-7'; there is 'web-1', 'web-2'"]),
    ("sql", "SELECT h.HostName FROM SigninLogs s JOIN Hosts h ON h.HostName = s.IPAddress WHERE s.Risk > 0",
     ["no row is left after `JOIN Hosts AS h ON h.HostName = s.IPAddress`; 4 rows before it"]),
    ("sql", "SELECT UserPrincipalName, COUNT(*) FROM SigninLogs GROUP BY 1 HAVING COUNT(*) > 5",
     ["no row is left after `HAVING COUNT(*) > 5`; 4 rows before it"]),
    ("sql", "WITH f AS (SELECT * FROM SigninLogs WHERE Risk > 3) SELECT COUNT(*) FROM f GROUP BY IPAddress",
     ["no row is left after `WHERE Risk > 3`; 4 rows before it", "Risk lies between 0.1 and 0.9"]),
    ("spl", "status>=400 index=web user=bo AND status>500 | table user",
     ["no row is left after `status>500`; 2 rows before it", "status lies between 200 and 500"]),
    ("spl", "index=web (user=ana OR user=bo) uri=\"/hom\" | stats count by user",
     ["no row is left after `uri=\"/hom\"`; 3 rows before it", "no row has uri '/hom'; there is '/home', '/missing'"]),
    ("spl", "index=web earliest=-1h@h | eval late=1 | where late=1",
     ["no row is left after `earliest=-1h@h`; 3 rows before it",
      "_time lies between 2026-03-10T08:00:00Z and 2026-03-11T09:45:00Z"]),
    ("spl", "index=web | eval big=status*2 | where status>=404 AND big>1000 and user=\"bo\"",
     ["no row is left after `where big>1000`; 2 rows before it"]),
    ("spl", "index=web | where user=\"ana\" AND status>200 OR status>500",
     ["no row is left after `where user=\"ana\" AND status>200 OR status>500`; 3 rows before it",
      "status lies between 200 and 500"]),
    ("spl", "index=web | stats count by user | search count>1 user=ana",
     ["no row is left after `search user=ana`; 1 row before it"]),
    ("spl", "index=web ```only errors``` `errors` | fields user",
     ["no row is left after `user=cy`; 1 row before it", "no row has user 'cy'; there is 'bo', 'ana'"]),
    ("spl", "index=web | join user [search index=web status=200 user=bo] | sort user",
     ["no row is left after `join user [search index=web status=200 user=bo]`; 3 rows before it",
      "status lies between 200 and 500"]),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "query", "notes"), EMPTY)
def test_no_rows_are_explained_by_the_condition_that_took_the_last(
    groups: Groups, sandbox: Sandbox, platform: str, query: str, notes: list[str]
) -> None:
    language, group = groups[platform]
    assert run_proven(language, query, group, sandbox, 1).rows == []
    assert why_empty(language, query, group, sandbox) == notes
