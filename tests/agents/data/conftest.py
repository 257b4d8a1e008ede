"""Two small schema groups over the same rows, and a sandbox for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.data.kql import Kql
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from agents.data.sql import Sql
from shared.catalog import Catalog
from shared.settings import Settings

SIGNINS = """TimeGenerated,UserPrincipalName,ResultType,IPAddress,DurationMs,Details,Session,Succeeded,Risk
2026-03-10T08:00:00Z,ana@contoso.com,0,10.0.0.1,120,"{""city"": ""Oslo"", ""tags"": [""vpn""]}",00:05:00,true,0.25
2026-03-10T09:30:00Z,bo@contoso.com,50126,10.0.0.2,340,"{""city"": ""Rome""}",01:00:00,false,0.9
2026-03-11T09:45:00Z,bo@contoso.com,50126,10.0.0.2,,,,false,
2026-03-14T23:00:00Z,cy@contoso.com,0,10.0.0.3,80,"{""city"": ""Oslo""}",00:00:30,true,0.1
"""
HOSTS = "IPAddress,HostName\n10.0.0.1,web-1\n10.0.0.2,web-2\n"
TYPES = {
    "TimeGenerated": ("datetime", "TIMESTAMP"),
    "UserPrincipalName": ("string", "VARCHAR"),
    "ResultType": ("string", "VARCHAR"),
    "IPAddress": ("string", "VARCHAR"),
    "DurationMs": ("long", "BIGINT"),
    "Details": ("dynamic", "JSON"),
    "Session": ("timespan", "INTERVAL"),
    "Succeeded": ("bool", "BOOLEAN"),
    "Risk": ("real", "DOUBLE"),
}


def small_catalog(platform: str, dialect: str = "duckdb", clock: datetime | None = None) -> Catalog:
    """SigninLogs and Hosts, with the types of the platform; its rows are signins.csv and hosts.csv."""
    kind = 0 if platform == "kql" else 1
    signins = [{"name": name, "type": types[kind]} for name, types in TYPES.items()]
    text = ("string", "VARCHAR")[kind]
    hosts = [{"name": "IPAddress", "type": text}, {"name": "HostName", "type": text}]
    return Catalog.model_validate(
        {
            "schema_group": f"small_{platform}",
            "platform": platform,
            "dialect": dialect,
            "clock": clock or datetime(2026, 3, 15, tzinfo=UTC),
            "tables": [
                {"name": "SigninLogs", "columns": signins, "rows": "signins.csv"},
                {"name": "Hosts", "columns": hosts, "rows": "hosts.csv"},
            ],
        }
    )


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox with the rows of both small groups."""
    base: Path = tmp_path_factory.mktemp("groups")
    (base / "signins.csv").write_text(SIGNINS)
    (base / "hosts.csv").write_text(HOSTS)
    sandbox = Sandbox(Settings(data_dir=base))
    for platform in ("kql", "sql"):
        load_rows(small_catalog(platform), base, sandbox.path(f"small_{platform}"))
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="session")
def kql() -> Kql:
    return Kql()


@pytest.fixture(scope="session")
def sql() -> Sql:
    return Sql()


@pytest.fixture(scope="session")
def kql_group() -> Catalog:
    return small_catalog("kql")


@pytest.fixture(scope="session")
def sql_group() -> Catalog:
    return small_catalog("sql")
