"""The measurement: what is read, what is written again, and whether the rows are the same."""

from __future__ import annotations

from agents.data.plan.measure import measure
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog


def test_a_gold_query_counts_as_the_same_only_if_its_rows_are(kql_group: Catalog, sandbox: Sandbox) -> None:
    failures: list[str] = []
    golds = [
        (kql_group, "SigninLogs | where Succeeded | summarize n = count() by IPAddress"),
        (kql_group, "SigninLogs | evaluate bag_unpack(Details)"),
    ]
    counts = measure(golds, sandbox, ["kql", "sql"], failures)
    assert (counts.queries, counts.read) == (2, 1)
    assert counts.written == counts.ran == counts.same == {"kql": 1, "sql": 1}
    assert ["evaluate" in failure for failure in failures] == [True]


def test_sql_is_measured_as_kql_on_the_same_tables(sql_group: Catalog, sandbox: Sandbox) -> None:
    golds = [(sql_group, "SELECT HostName, count(*) AS n FROM Hosts GROUP BY HostName")]
    counts = measure(golds, sandbox, ["sql", "kql"], [])
    assert counts.same == {"sql": 1, "kql": 1}
