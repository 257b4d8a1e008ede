"""A small service desk in SQL with rows, whose questions and queries are made to fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import duckdb
from sqlglot import parse_one

from agents.data.accounting import account
from agents.data.columns import ColumnNames
from agents.data.entities import read_entities
from agents.data.fitting import fit
from agents.data.fitting.values import Values
from agents.data.linking import Linked
from agents.data.phrases import Phrases
from agents.data.platform import load_platform
from agents.data.repair import Mended
from agents.data.sandbox import Sandbox
from agents.data.times import read_times
from shared.catalog import Catalog, Example

CLOCK = datetime(2026, 3, 14, 12, tzinfo=UTC)
SQL = load_platform("sql")
_TABLES = {
    "teams": "team_id BIGINT, team VARCHAR, kind VARCHAR",
    "people": "person_id BIGINT, full_name VARCHAR, team_id BIGINT, left_on DATE",
    "badges": "badge_id BIGINT, person_id BIGINT",
    "tickets": "ticket_id BIGINT, title VARCHAR, status VARCHAR, host VARCHAR, region VARCHAR, owner_id BIGINT, "
    "reporter_id BIGINT, opened_at TIMESTAMP, resolved_at TIMESTAMP",
    "Visits": "VisitId BIGINT, Site VARCHAR, SeenAt TIMESTAMP",
    "SignLogs": "LogId BIGINT, SignKind VARCHAR, User VARCHAR, _TimeReceived TIMESTAMP, ClosedAt TIMESTAMP, "
    "Timestamp TIMESTAMP",
    "devices": "device_id BIGINT, is_managed BOOLEAN, is_stolen VARCHAR, system VARCHAR, logon_kind VARCHAR, "
    "step VARCHAR",
    "ops.audits": "audit_id BIGINT, verdict VARCHAR, made_at TIMESTAMP",
}
_VALUES = {
    "status": ["open", "closed", "pending"],
    "kind": ["teams"],
    "step": ["Open", "Close", "Close, Open", "Other, more", "Part", "Partly", "Open, Part"],
}
_ROWS = """
INSERT INTO teams VALUES (1, 'Network', 'teams'), (2, 'Storage', 'teams');
INSERT INTO people VALUES (10, 'Ana Silva', 1, NULL),
  (11, 'Bo Berg', 2, '2026-03-01'), (12, 'Cy Cole', 2, '2026-06-30');
INSERT INTO badges VALUES (1, 10), (2, 11);
INSERT INTO tickets VALUES
  (100, 'VPN drops', 'open', 'lt-101', 'Europe West', 10, 11, '2026-03-13 09:00', NULL),
  (101, 'Disk full', 'closed', 'lt-103', 'Europe West', 11, 10, '2026-03-05 10:00', '2026-03-06 10:00'),
  (102, 'Disk slow', 'pending', 'db-7', 'US East', 11, 12, '2026-02-10 10:00', NULL),
  (103, 'Login fails', 'open', 'db-7', 'US East', 12, 10, '2026-01-20 10:00', NULL);
INSERT INTO "Visits" VALUES (1, 'Lisbon', '2026-03-13 08:00'), (2, 'Oslo', '2026-01-02 08:00');
INSERT INTO devices VALUES (1, true, 'false', 'Unknown', 'Network', 'Close'),
  (2, false, 'true', 'Linux', 'Unknown', 'Open'),
  (3, true, 'false', 'Linux', 'Service', 'Close Files Anew');
INSERT INTO "ops.audits" VALUES (1, 'Passed', '2026-03-12 08:00'), (2, 'Failed', '2026-01-12 08:00');
"""


def desk(dialect: str = "duckdb") -> Catalog:
    return Catalog.model_validate(
        {
            "schema_group": "desk",
            "platform": "sql",
            "dialect": dialect,
            "clock": CLOCK,
            "tables": [
                {"name": name, "columns": [_column(*one.split()) for one in columns.split(", ")]}
                for name, columns in _TABLES.items()
            ],
            "relationships": [
                {"from": "people.team_id", "to": "teams.team_id"},
                {"from": "badges.person_id", "to": "people.person_id"},
                {"from": "tickets.owner_id", "to": "people.person_id"},
                {"from": "tickets.reporter_id", "to": "people.person_id"},
            ],
        }
    )


def _column(name: str, kind: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "values": _VALUES.get(name, [])}


def write_rows(sandbox: Sandbox) -> None:
    path = sandbox.path("desk")
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as connection:
        for name, columns in _TABLES.items():
            connection.execute(f'CREATE TABLE "{name}" ({columns})')
        connection.execute(_ROWS)


def linked(question: str, catalog: Catalog) -> Linked:
    return Linked(
        catalog=catalog,
        links=[],
        mentions=Phrases(catalog, {}).mentions(question),
        times=read_times(question, CLOCK),
        entities=read_entities(question),
        columns=ColumnNames(catalog).mentions(question),
        relationships=catalog.relationships,
    )


class Desk:
    """Fits queries to questions about the desk, and runs them. Without a sandbox the desk has no rows."""

    def __init__(self, sandbox: Sandbox, dialect: str = "duckdb") -> None:
        self.catalog = desk(dialect)
        self.sandbox = sandbox

    def fit(
        self,
        question: str,
        query: str,
        examples: Sequence[Example] = (),
        *,
        whole_rows: bool = False,
        aside: Sequence[str] = (),
        as_logs: bool = False,
    ) -> Mended:
        heard = replace(linked(question, self.catalog), aside=frozenset(aside), as_database=as_logs)
        tables = SQL.tables_of(query, self.catalog)
        values = Values(SQL, self.catalog, self.sandbox) if self.sandbox.has_rows(self.catalog) else None
        told = account(question, query, tables, heard)
        return fit(query, question, heard, told, tables, examples=examples, values=values, whole_rows=whole_rows)

    def rows(self, query: str) -> list[list[Any]]:
        """Its rows, sorted by their text where the query asks for no order: DuckDB gives those in any."""
        run = SQL.to_duckdb(query, self.catalog)
        rows = self.sandbox.execute(run, self.catalog, limit=50).rows
        return rows if parse_one(run, dialect="duckdb").args.get("order") else sorted(rows, key=str)

    def fitted_rows(self, question: str, query: str, note: str) -> list[list[Any]]:
        """The rows after the one mend that its note tells."""
        mended = self.fit(question, query)
        assert mended.notes == [note]
        return self.rows(mended.query)

    def leaves(self, question: str, query: str) -> bool:
        """Whether the text is left as it is, and nothing said."""
        return self.fit(question, query) == Mended(query)
