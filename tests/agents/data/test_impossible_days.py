"""Bounds on days that there are not say the bound that is meant, and that is told."""

from __future__ import annotations

import pytest

from agents.data.impossible_days import mend_days
from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalog

_SQL = "SELECT IPAddress FROM SigninLogs JOIN Hosts USING (IPAddress) WHERE "
_KQL = "SigninLogs | where "


@pytest.mark.parametrize(
    ("platform", "condition", "meant"),
    [
        ("sql", "TimeGenerated <= '2026-02-31'", "TimeGenerated < '2026-03-01'"),
        ("sql", "TimeGenerated < TIMESTAMP '2026-02-30 23:59:59'", "TimeGenerated < TIMESTAMP '2026-03-01'"),
        ("sql", "TimeGenerated >= DATE '2026-04-31'", "TimeGenerated >= DATE '2026-05-01'"),
        ("sql", "TimeGenerated > CAST('2027-12-32' AS DATE)", "TimeGenerated >= CAST('2028-01-01' AS DATE)"),
        (
            "sql",
            "TimeGenerated BETWEEN '2026-02-01' AND '2026-02-31' AND DurationMs > 1",
            "TimeGenerated BETWEEN '2026-02-01' AND '2026-02-28 23:59:59.999999' AND DurationMs > 1",
        ),
        (
            "sql",
            "TimeGenerated BETWEEN DATE '2028-02-01' AND DATE '2028-02-30'",
            "TimeGenerated BETWEEN DATE '2028-02-01' AND '2028-02-29 23:59:59.999999'",
        ),
        ("kql", "TimeGenerated > datetime(2026-02-31)", "TimeGenerated >= datetime(2026-03-01)"),
        (
            "kql",
            "TimeGenerated between (datetime(2026-02-01) .. datetime(2026-02-31))",
            "TimeGenerated between (datetime(2026-02-01) .. datetime(2026-02-28 23:59:59.999999))",
        ),
    ],
)
def test_a_bound_is_the_months_end(
    sandbox: Sandbox, kql_group: Catalog, sql_group: Catalog, platform: str, condition: str, meant: str
) -> None:
    start, group = (_SQL, sql_group) if platform == "sql" else (_KQL, kql_group)
    prover = load_platform(platform)
    mended = mend_days(start + condition, prove(prover, start + condition, group, sandbox))
    assert mended.query == start + meant
    (note,) = mended.notes
    assert "a day that does not exist" in note
    assert prove(prover, mended.query, group, sandbox).verdict == "proven"


@pytest.mark.parametrize(
    "condition",
    [
        "CAST(TimeGenerated AS DATE) = '2026-02-31'",
        "TimeGenerated >= '2026-13-01'",
        "TimeGenerated = '2026-02-31' AND HostName LIKE '%<2026-02-31' -- not <= '2026-02-31'",
    ],
)
def test_what_is_meant_otherwise_or_not_known_stays(sandbox: Sandbox, sql_group: Catalog, condition: str) -> None:
    query = _SQL + condition
    assert mend_days(query, prove(load_platform("sql"), query, sql_group, sandbox)).query == query
