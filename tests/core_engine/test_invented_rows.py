"""Rows invented for gold queries: a query returns some, and one with a condition left out returns others."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.data.platform import load_platform
from agents.data.proof import run_proven
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from core_engine.evaluation.invented_rows import invent, write_rows
from shared.catalog import Catalog, Column, Table
from shared.models import Rows
from shared.settings import Settings

NOW = datetime(2024, 4, 1, tzinfo=UTC)


def columns(**types: str) -> list[Column]:
    return [Column(name=name, type=type_) for name, type_ in types.items()]


LOGONS = Table(
    name="Logons",
    columns=columns(
        TimeGenerated="datetime",
        User="string",
        DeviceId="string",
        Result="string",
        Tries="long",
        Interactive="bool",
        Details="dynamic",
    ),
)
DEVICES = Table(name="Devices", columns=columns(DeviceId="string", OSName="string", Owner="string", Build="string"))
CATALOG = Catalog(schema_group="logons", platform="kql", clock=NOW, tables=[LOGONS, DEVICES])
QUERIES = [
    'Logons | where Result == "Failed" | where TimeGenerated > ago(7d)',
    "Logons | where TimeGenerated between (datetime(2023-01-05T10:00:00Z) .. datetime(2023-01-05T10:10:00Z))",
    'Logons | where User startswith "adm" and User endswith "@x.org" | where Tries >= 4 and Tries < 9',
    'Logons | where Details.place.city == "Lisbon" | where Interactive',
    'Logons | where Result in ("Locked", "Expired") | summarize n = count() by User | where n > 3',
    'Logons | join kind=inner (Devices | where OSName has "Windows") on DeviceId | where Owner =~ "kim"',
    'Logons | extend Who = tolower(User) | where Who contains "svc" or Tries > 50',
    'Devices | where Build == 7 | where isnotempty(Owner) | where OSName != "Linux"',
    'Logons | where DeviceId in ((Devices | where Owner == "lee" | project DeviceId))',
    "Logons | where Tries == 3 | where TimeGenerated > ago(7d) | "
    "make-series n=count() on TimeGenerated from ago(7d) to now() step 1d by User",
]

Run = Callable[[str], Rows]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("rows")
    catalog = write_rows(CATALOG, invent(CATALOG, QUERIES, NOW), folder)
    sandbox = Sandbox(Settings(data_dir=folder, row_limit=100_000))
    load_rows(catalog, folder, sandbox.path("logons"))
    return lambda query: run_proven(load_platform("kql"), query, catalog, sandbox, 100_000)


@pytest.mark.parametrize("query", QUERIES)
def test_a_gold_query_returns_rows(run: Run, query: str) -> None:
    assert run(query).rows


@pytest.mark.parametrize("query", [query for query in QUERIES if "make-series" not in query])
def test_a_query_without_one_of_its_conditions_returns_other_rows(run: Run, query: str) -> None:
    right = sorted(map(repr, run(query).rows))
    steps = re.split(r" (?=\| )", query)
    for number, step in enumerate(steps):
        if step.startswith("| where") and step.count("(") == step.count(")"):
            assert sorted(map(repr, run(" ".join(steps[:number] + steps[number + 1 :])).rows)) != right, step


def test_the_same_rows_come_every_time(tmp_path: Path) -> None:
    assert invent(CATALOG, QUERIES, NOW) == invent(CATALOG, QUERIES, NOW)


def test_rows_without_a_wish_for_their_time_are_of_the_last_thirty_days(run: Run) -> None:
    [[oldest, newest]] = run(
        'Logons | where Result !in ("Failed") | summarize percentile(TimeGenerated, 10), max(TimeGenerated)'
    ).rows
    assert "2024-03-01" <= oldest < newest <= "2024-04-01"


def test_every_table_has_rows_even_without_a_query(tmp_path: Path) -> None:
    assert {name: len(rows) >= 50 for name, rows in invent(CATALOG, [], NOW).items()} == {
        "Logons": True,
        "Devices": True,
    }
