"""Catalogs that are kept: one that can't be read is named, and harms no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.catalog import Catalog, Catalogs, schema
from shared.database import create_tables, open_database
from shared.errors import NotFound, StorageFailed


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """A database with the groups `good` and `bad`, of which the second is damaged."""
    engine = open_database(f"sqlite+aiosqlite:///{tmp_path}/kept.db")
    await create_tables(engine, schema)
    for name in ("good", "bad"):
        await Catalogs(engine).put(named(name))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE catalogs SET content = '{\"tables\": 7, \"new\": 1}' WHERE schema_group = 'bad'")
        )
    yield engine
    await engine.dispose()


def named(name: str) -> Catalog:
    return Catalog.model_validate(
        {"schema_group": name, "platform": "sql", "tables": [{"name": "t", "columns": [{"name": "a"}]}]}
    )


async def test_where_there_is_none_an_unknown_group_is_told_how_to_add_one(engine: AsyncEngine) -> None:
    catalogs = Catalogs(engine)
    for name in ("good", "bad"):
        await catalogs.remove(name)
    for asked in (catalogs.get("good"), catalogs.remove("good")):
        with pytest.raises(NotFound, match="unknown schema group 'good'; there is none yet; `lexiquery"):
            await asked


async def test_the_others_can_be_used(engine: AsyncEngine) -> None:
    catalogs = Catalogs(engine)
    assert [one.schema_group for one in await catalogs.all()] == ["good"]
    assert (await catalogs.get("good")).tables[0].name == "t"


async def test_the_damaged_one_is_named(engine: AsyncEngine) -> None:
    with pytest.raises(StorageFailed, match="'bad'") as raised:
        await Catalogs(engine).get("bad")
    assert raised.value.suggestion
    assert "import it again" in raised.value.suggestion


async def test_it_can_be_imported_again_or_removed(engine: AsyncEngine) -> None:
    catalogs = Catalogs(engine)
    await catalogs.put(named("bad"))
    assert len(await catalogs.all()) == 2
    await catalogs.remove("bad")
    with pytest.raises(NotFound, match="bad"):
        await catalogs.remove("bad")
