"""The seed's examples and golden queries through the plan and out again: the same rows."""

# ruff: noqa: E501 - a query is one line

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from agents.data.plan.read_kql import read_kql
from agents.data.plan.read_spl import read_spl
from agents.data.plan.read_sql import read_sql
from agents.data.plan.to_kql import to_kql
from agents.data.plan.to_spl import to_spl
from agents.data.plan.to_sql import to_sql
from tests.agents.data.queries import lines
from tests.data.conftest import Query, Seed, examples, golds

Answer = tuple[list[str], list[list[Any]]]

# Its columns are the values of a field.
PIVOT = "index=app | chart count over service by level"
# Splunk's percentiles are values that occur, the plan's lie between them.
PERCENTILES = "perc95"


def queries(platform: str, *without: str) -> list[Query]:
    found = [query for query in [*examples(), *golds()] if query.platform == platform]
    return [query for query in found if not any(text in query.text for text in without)]


def alike(one: Answer, other: Answer) -> bool:
    """The same rows in any order; columns are found by name where both have the same names, else by place."""
    (names, rows), (other_names, other_rows) = one, other
    if len(names) != len(other_names):
        return False
    places = [other_names.index(name) for name in names] if set(names) == set(other_names) else range(len(names))
    return _shown(rows) == _shown([[row[place] for place in places] for row in other_rows])


def _shown(rows: list[list[Any]]) -> list[tuple[str, ...]]:
    return sorted(tuple(_cell(value) for value in row) for row in rows)


def _cell(value: Any) -> str:
    """Numbers to four places; a time as its second, since SPL's times are numbers; a missing text as the empty one."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else ""
    if isinstance(value, int | float):
        return f"{value:.4f}"
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return f"{(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp():.4f}"


def run(seed: Seed, platform: str, text: str) -> Answer:
    """Proven first."""
    found = seed.run(Query("", platform, text))
    return found.columns, found.rows


def run_sql(seed: Seed, platform: str, sql: str) -> Answer:
    """SQL on the platform's tables."""
    found = seed.sandbox.execute(sql, seed.catalog(platform), limit=1000)
    return found.columns, found.rows


@pytest.mark.parametrize("query", queries("spl", PIVOT), ids=lambda query: query.id)
def test_a_search_finds_the_same_written_again_and_as_sql(seed: Seed, query: Query) -> None:
    catalog = seed.catalog("spl")
    plan, found = read_spl(query.text, catalog), run(seed, "spl", query.text)
    again = to_spl(plan, catalog)
    assert alike(run(seed, "spl", again), found), again
    if PERCENTILES not in query.text:
        sql = to_sql(plan, catalog)
        assert alike(run_sql(seed, "spl", sql), found), sql


@pytest.mark.parametrize("query", queries("kql"), ids=lambda query: query.id)
def test_kql_finds_the_same_written_again_and_as_sql(seed: Seed, query: Query) -> None:
    catalog = seed.catalog("kql")
    plan, found = read_kql(query.text, catalog), run(seed, "kql", query.text)
    again, sql = to_kql(plan, catalog), to_sql(plan, catalog)
    assert alike(run(seed, "kql", again), found), again
    assert alike(run_sql(seed, "kql", sql), found), sql


SQL = r"""
SELECT COUNT(*) FROM web WHERE service = 'search' AND status = 504
SELECT service, COUNT(*) AS errors FROM web WHERE status >= 500 AND _time >= now() - INTERVAL 24 HOUR GROUP BY service ORDER BY errors DESC
SELECT date_trunc('hour', _time) AS hour, COUNT(*) AS n FROM web WHERE _time >= today() - INTERVAL 1 DAY AND _time < today() GROUP BY hour ORDER BY hour
SELECT uri_path, AVG(response_time) AS avg_ms, COUNT(*) AS n FROM web GROUP BY uri_path HAVING COUNT(*) > 50 ORDER BY avg_ms DESC LIMIT 10
SELECT service, ROUND(100.0 * SUM(CASE WHEN status >= 500 THEN 1 ELSE 0 END) / COUNT(*), 2) AS rate FROM web GROUP BY service ORDER BY rate DESC
SELECT service, 100.0 * COUNT(*) FILTER (WHERE status >= 500) / COUNT(*) AS rate FROM web GROUP BY service
SELECT _time, host, error_code, message FROM app WHERE service = 'payments' AND level IN ('ERROR', 'FATAL') ORDER BY _time DESC LIMIT 20
SELECT host, MountedOn, MAX(UsePct) AS most FROM os WHERE sourcetype = 'df' AND UsePct >= 90 GROUP BY host, MountedOn ORDER BY most DESC
SELECT DISTINCT service FROM deploy WHERE status = 'failed'
SELECT o.team, COUNT(*) AS errors FROM app a JOIN service_owners o ON o.service = a.service WHERE a.level = 'ERROR' GROUP BY o.team ORDER BY errors DESC
SELECT o.service, COUNT(d.deployment_id) AS n FROM service_owners o LEFT JOIN deploy d ON d.service = o.service GROUP BY o.service
SELECT h.role, COUNT(DISTINCT o.host) AS n FROM os o JOIN hosts h ON o.host = h.host WHERE o.sourcetype = 'df' AND o.UsePct > 80 GROUP BY h.role
SELECT user, COUNT(*) AS n FROM auth WHERE sourcetype = 'vpn' AND action = 'success' AND (EXTRACT(HOUR FROM _time) >= 22 OR EXTRACT(HOUR FROM _time) < 6) GROUP BY user
SELECT CAST(_time AS DATE) AS day, service, COUNT(*) AS slow FROM web WHERE response_time > 1000 GROUP BY day, service ORDER BY day, service
SELECT CASE WHEN _time >= TIMESTAMP '2026-03-12 10:30:00' THEN 'since' ELSE 'before' END AS period, AVG(response_time) AS ms FROM web WHERE service = 'search' GROUP BY period
SELECT error_code, COUNT(*) AS n FROM app WHERE trace_id IN (SELECT trace_id FROM web WHERE service = 'payments' AND status = 502) AND error_code IS NOT NULL GROUP BY error_code
SELECT service FROM service_owners WHERE service NOT IN (SELECT service FROM deploy WHERE environment = 'production')
SELECT o.service FROM service_owners o WHERE NOT EXISTS (SELECT 1 FROM deploy d WHERE d.service = o.service)
SELECT COUNT(*) FROM web WHERE useragent LIKE 'PriceHarvest%' AND status = 429
SELECT service, status, COUNT(*) AS n FROM web WHERE status NOT IN (200, 304) GROUP BY service, status
SELECT service, COUNT(*) AS n, RANK() OVER (ORDER BY COUNT(*) DESC) AS place FROM web GROUP BY service
WITH d AS (SELECT CAST(_time AS DATE) AS day, COUNT(*) AS n FROM web GROUP BY day) SELECT day, n, n - LAG(n) OVER (ORDER BY day) AS change FROM d ORDER BY day
SELECT host FROM os WHERE sourcetype = 'cpu' GROUP BY host HAVING MAX(_time) < now() - INTERVAL 2 HOUR
SELECT trace_id, response_time FROM web WHERE response_time > (SELECT AVG(response_time) * 10 FROM web) ORDER BY response_time DESC LIMIT 5
SELECT user, src_ip, _time FROM auth WHERE action = 'failure' QUALIFY ROW_NUMBER() OVER (PARTITION BY user ORDER BY _time DESC) = 1
SELECT service, arg_max(version, _time) AS latest FROM deploy WHERE status = 'succeeded' GROUP BY service
SELECT 'web' AS source, COUNT(*) AS n FROM web UNION ALL SELECT 'app', COUNT(*) FROM app
SELECT COUNT(*) FROM web WHERE CAST(_time AS DATE) = CURRENT_DATE - INTERVAL 1 DAY
SELECT COUNT(*) FROM web WHERE date_trunc('day', _time) = DATE '2026-03-10' AND EXTRACT(hour FROM _time) BETWEEN 9 AND 17
SELECT service, COUNT(*) AS n FROM web GROUP BY ALL ORDER BY n DESC LIMIT 3 OFFSET 2
SELECT regexp_extract(message, '(\d+)', 1) AS number, COUNT(*) AS n FROM app WHERE error_code = 'PAY-4021' GROUP BY number
SELECT COALESCE(error_code, 'none') AS code, COUNT(*) AS n FROM app GROUP BY code ORDER BY n DESC
"""


@pytest.mark.parametrize("sql", lines(SQL))
def test_sql_as_a_search_finds_the_same(seed: Seed, sql: str) -> None:
    catalog = seed.catalog("spl")
    search = to_spl(read_sql(sql, catalog), catalog)
    assert alike(run(seed, "spl", search), run_sql(seed, "spl", sql)), search
