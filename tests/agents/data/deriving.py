"""A small group with rows, for tests that derive: sign-ins and hosts, as KQL tables."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb

from shared.catalog import Catalog
from shared.settings import Settings

CLOCK = datetime(2026, 3, 14, tzinfo=UTC)


def small_catalog() -> Catalog:
    return Catalog.model_validate(
        {
            "schema_group": "ops",
            "platform": "kql",
            "clock": CLOCK,
            "tables": [
                {
                    "name": "SigninLogs",
                    "description": "Sign-ins of users, with their result",
                    "columns": [
                        {"name": "TimeGenerated", "type": "datetime"},
                        {"name": "UserPrincipalName", "type": "string", "description": "who signed in"},
                        {"name": "ResultType", "type": "string", "values": ["Success", "Failure"]},
                        {"name": "Country", "type": "string"},
                    ],
                },
                {
                    "name": "Heartbeat",
                    "description": "Signs of life of computers",
                    "columns": [
                        {"name": "TimeGenerated", "type": "datetime"},
                        {"name": "Computer", "type": "string"},
                        {"name": "OSType", "type": "string"},
                    ],
                },
            ],
            "glossary": [{"term": "break-in", "meaning": "ResultType == 'Failure'"}],
            "examples": [
                {"question": "How many sign-ins were there?", "query": "SigninLogs\n| count"},
                {"question": "Which computers run Linux?", "query": "Heartbeat\n| where OSType == 'Linux'"},
            ],
        }
    )


def write_rows(settings: Settings) -> None:
    """The group's DuckDB file: three sign-ins, of them two failures of eve, and one heartbeat."""
    settings.groups_path.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.groups_path / "ops.duckdb")) as connection:
        connection.execute(
            """CREATE TABLE "SigninLogs" ("TimeGenerated" TIMESTAMP, "UserPrincipalName" VARCHAR, "ResultType" VARCHAR,
            "Country" VARCHAR)"""
        )
        connection.execute(
            """INSERT INTO "SigninLogs" VALUES ('2026-03-13 10:00', 'eve', 'Failure', 'NL'),
            ('2026-03-13 11:00', 'eve', 'Failure', 'NL'), ('2026-03-13 12:00', 'ann', 'Success', 'DE')"""
        )
        connection.execute('CREATE TABLE "Heartbeat" ("TimeGenerated" TIMESTAMP, "Computer" VARCHAR, "OSType" VARCHAR)')
        connection.execute("INSERT INTO \"Heartbeat\" VALUES ('2026-03-13 10:00', 'web-3', 'Linux')")
