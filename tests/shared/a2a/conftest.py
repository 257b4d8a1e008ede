"""Databases with the tables of tasks, of either kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a.tasks import schema
from shared.database import create_tables
from tests.databases import postgresql_schema, sqlite_file


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with sqlite_file(tmp_path) if request.param == "sqlite" else postgresql_schema() as engine:
        await create_tables(engine, schema)
        yield engine
