"""A database for one test: a file, or a schema of its own in the PostgreSQL of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.database import open_database

POSTGRESQL = "postgresql+asyncpg://root@127.0.0.1/test"


@asynccontextmanager
async def sqlite_file(folder: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_database(f"sqlite:///{folder}/test.db")
    yield engine
    await engine.dispose()


@asynccontextmanager
async def postgresql_schema() -> AsyncIterator[AsyncEngine]:
    """An engine on an empty schema which is dropped afterwards."""
    name = f"lexiquery_{uuid4().hex}"
    engine = create_async_engine(POSTGRESQL, connect_args={"server_settings": {"search_path": name}})
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f'CREATE SCHEMA "{name}"'))
    except (OSError, DBAPIError) as error:
        pytest.skip(f"no PostgreSQL at 127.0.0.1:5432 whose database 'test' user root may use: {error}")
    try:
        yield engine
    finally:
        async with engine.begin() as connection:
            await connection.execute(text(f'DROP SCHEMA "{name}" CASCADE'))
        await engine.dispose()
