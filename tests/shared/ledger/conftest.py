"""The ledger on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.database import create_tables
from shared.ledger import Ledger, schema
from tests.databases import postgresql_schema, sqlite_file


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    """A ledger on SQLite, and one on PostgreSQL."""
    async with sqlite_file(tmp_path) if request.param == "sqlite" else postgresql_schema() as engine:
        await create_tables(engine, schema)
        ledger = Ledger(engine)
        yield ledger
        await ledger.close()
