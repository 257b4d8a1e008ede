"""Short statements run in the loop itself on a file of SQLite, and nowhere else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.at_hand import at_hand
from shared.database import create_tables, open_database

SCHEMA = MetaData()
NUMBERS = Table("numbers", SCHEMA, Column("number", Integer, primary_key=True))


@pytest.fixture
async def on_file(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_database(f"sqlite:///{tmp_path / 'numbers.db'}")
    await create_tables(engine, SCHEMA)
    yield engine
    await engine.dispose()


async def numbers(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list((await connection.execute(select(NUMBERS.c.number))).scalars())


async def test_what_is_written_at_hand_is_there_for_all_and_what_others_write_is_read(on_file: AsyncEngine) -> None:
    own = at_hand(on_file)
    assert own.rows(insert(NUMBERS), [{"number": 1}, {"number": 2}]) == ()
    assert await numbers(on_file) == [1, 2]
    async with on_file.begin() as connection:
        await connection.execute(insert(NUMBERS), {"number": 3})
    assert own.rows(select(NUMBERS).where(NUMBERS.c.number > 1)) == [(2,), (3,)]


async def test_what_is_locked_or_fails_goes_the_usual_way_and_changes_nothing(
    on_file: AsyncEngine, tmp_path: Path
) -> None:
    own = at_hand(on_file)
    other = sqlite3.connect(tmp_path / "numbers.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert own.rows(insert(NUMBERS), [{"number": 1}]) is None
    assert own.rows(select(NUMBERS)) == [], "a writer stops no reader"
    other.execute("COMMIT")
    other.close()
    assert own.rows(insert(NUMBERS), [{"number": 2}, {"number": 2}]) is None, "the second is there already"
    assert await numbers(on_file) == []
    assert own.rows(insert(NUMBERS), [{"number": 3}]) == ()


async def test_it_ends_with_the_engine(on_file: AsyncEngine, tmp_path: Path) -> None:
    own = at_hand(on_file)
    assert own.rows(insert(NUMBERS), [{"number": 1}]) == ()
    assert at_hand(on_file) is own
    await on_file.dispose()
    assert not (tmp_path / "numbers.db-wal").exists(), "the last connection that closes takes the log along"


async def test_another_thread_goes_the_usual_way(on_file: AsyncEngine) -> None:
    own = at_hand(on_file)
    assert own.rows(select(NUMBERS)) == []
    assert await asyncio.to_thread(own.rows, select(NUMBERS)) is None


async def test_a_database_in_memory_has_one_connection_and_goes_the_usual_way() -> None:
    engine = open_database("sqlite://")
    await create_tables(engine, SCHEMA)
    assert at_hand(engine).rows(select(NUMBERS)) is None
    await engine.dispose()
