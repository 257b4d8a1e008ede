"""Each hidden incident can be found, by the queries that somebody would look for it with."""

from __future__ import annotations

from typing import Any

from data.seed.incidents import BadDeploy, Certificate, DiskFull, Exfiltration, Leaver, NoisyCron, SlowSearch, Spray
from tests.data.conftest import Query, Seed


def run(seed: Seed, platform: str, text: str) -> list[list[Any]]:
    return seed.run(Query("", platform, text)).rows


def test_the_spray_is_the_only_address_that_fails_for_many_accounts_in_an_hour(seed: Seed) -> None:
    rows = run(
        seed,
        "kql",
        'SigninLogs | where ResultType == "50126" '
        "| summarize Accounts = dcount(UserPrincipalName) by IPAddress, bin(TimeGenerated, 1h) "
        "| where Accounts > 20 | project IPAddress",
    )
    assert rows == [[Spray.ADDRESS]]


def test_the_only_role_of_an_administrator_is_given_from_the_address_of_the_spray(seed: Seed) -> None:
    rows = run(
        seed,
        "kql",
        'AuditLogs | where OperationName == "Add member to role" '
        '| where tostring(TargetResources[1].displayName) endswith "Administrator" '
        "| project tostring(InitiatedBy.user.ipAddress), tostring(TargetResources[0].displayName)",
    )
    assert rows == [[Spray.ADDRESS, Spray.PUPPET]]


def test_most_server_errors_of_checkout_fall_into_the_hour_of_the_bad_deployment(seed: Seed) -> None:
    rows = run(
        seed, "spl", "index=web service=checkout status=500 | bin _time span=1h | stats count by _time | sort 1 -count"
    )
    assert rows[0][0] == f"{BadDeploy.START:%Y-%m-%dT%H:00:00Z}"
    versions = run(seed, "spl", f'index=app error_code="{BadDeploy.CODE}" | stats count by version | sort -count')
    assert versions[0][0] == BadDeploy.VERSION


def test_the_deployment_and_its_rollback_are_the_same_in_splunk_and_in_the_warehouse(seed: Seed) -> None:
    spl = run(
        seed, "spl", "index=deploy status=succeeded environment=production | stats count by deployment_id version"
    )
    sql = run(
        seed,
        "sql",
        "SELECT deployment_id, version FROM deployments WHERE status = 'succeeded' AND environment = 'production'",
    )
    assert {(row[0], row[1]) for row in spl} == {(row[0], row[1]) for row in sql}
    assert BadDeploy.VERSION in {row[1] for row in sql}


def test_orders_fail_most_for_the_reasons_of_the_incidents_while_they_last(seed: Seed) -> None:
    for start, end, reason in (
        (BadDeploy.START, BadDeploy.END, "checkout_error"),
        (DiskFull.FULL, DiskFull.FIXED, "timeout"),
        (Certificate.EXPIRED, Certificate.RENEWED, "fraud_check_unavailable"),
    ):
        rows = run(
            seed,
            "sql",
            "SELECT failure_reason, COUNT(*) AS n FROM orders WHERE failure_reason IS NOT NULL "
            f"AND placed_at >= TIMESTAMP '{start}' AND placed_at < TIMESTAMP '{end}' "
            "GROUP BY failure_reason ORDER BY n DESC LIMIT 1",
        )
        assert rows[0][0] == reason


def test_only_one_disk_fills_up(seed: Seed) -> None:
    assert run(seed, "spl", "index=os sourcetype=df UsePct>=90 | stats count by host | fields host") == [
        [DiskFull.HOST]
    ]


def test_one_laptop_sends_hundreds_of_connections_to_a_host_that_no_other_talks_to(seed: Seed) -> None:
    rows = run(
        seed,
        "kql",
        "DeviceNetworkEvents | summarize Devices = dcount(DeviceName), n = count() by RemoteUrl "
        "| where Devices == 1 and n > 100 | project RemoteUrl",
    )
    assert rows == [[Exfiltration.SITE]]
    laptops = run(seed, "kql", f'DeviceNetworkEvents | where RemoteUrl == "{Exfiltration.SITE}" | distinct DeviceName')
    assert laptops == [[Exfiltration.LAPTOP]]


def test_the_cron_job_writes_more_syslog_than_any_other(seed: Seed) -> None:
    rows = run(seed, "spl", "index=os sourcetype=syslog | stats count by host message | sort 1 -count")
    assert rows[0][0] == NoisyCron.HOST
    assert NoisyCron.JOB in rows[0][1]


def test_search_misses_its_objective_only_while_it_leaks(seed: Seed) -> None:
    rows = run(
        seed,
        "sql",
        "SELECT DISTINCT s.name, m.day FROM daily_service_metrics m JOIN services s ON s.service_id = m.service_id "
        "WHERE m.p95_latency_ms > s.slo_latency_ms ORDER BY m.day",
    )
    assert {row[0] for row in rows} == {"search"}
    assert [row[1] for row in rows] == ["2026-03-12", "2026-03-13", "2026-03-14"]
    assert SlowSearch.START.date().isoformat() == rows[0][1]


def test_the_leaver_signs_in_after_the_last_day_that_the_warehouse_knows(seed: Seed) -> None:
    left = run(seed, "sql", "SELECT email, left_on FROM employees WHERE left_on < today()")
    assert left == [[f"{Leaver.ACCOUNT}@larkfield.example", "2026-03-06"]]
    signins = run(
        seed,
        "kql",
        f'SigninLogs | where UserPrincipalName == "{left[0][0]}" and TimeGenerated > datetime(2026-03-07) '
        '| where ResultType == "0" | count',
    )
    assert signins == [[3 * len(Leaver.USED)]]
