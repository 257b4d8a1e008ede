"""Every version of a prompt that was used keeps its text."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateSchema, DropSchema

from shared.database import open_database
from shared.errors import InvalidInput, NotFound
from shared.ledger import schema
from shared.llm.prompt_history import PromptHistory, PromptVersion, pick_version
from shared.llm.prompts import Prompt

POSTGRESQL = "postgresql://root@127.0.0.1/test"
OLD, NEW = Prompt("plan", "Choose."), Prompt("plan", "Choose well.")


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """The table of prompts, on PostgreSQL in a schema of its own."""
    if request.param == "sqlite":
        yield engine
        return
    name = f"lexiquery_{uuid4().hex}"
    opened = open_database(POSTGRESQL)
    inside = opened.execution_options(schema_translate_map={None: name})
    try:
        async with opened.begin() as connection:
            await connection.execute(CreateSchema(name))
    except (DBAPIError, OSError) as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {error}")
    async with inside.begin() as connection:
        await connection.run_sync(schema.create_all, tables=[schema.tables["prompts"]])
    yield inside
    async with opened.begin() as connection:
        await connection.execute(DropSchema(name, cascade=True))
    await opened.dispose()


async def test_every_version_that_was_used_is_kept_once_the_newest_first(database: AsyncEngine) -> None:
    history = PromptHistory(database)
    for used in (OLD, OLD, NEW, Prompt("derive", "Answer.")):
        await history.keep(used)
    await PromptHistory(database).keep(OLD)  # another process
    assert [one.text for one in await history.versions("plan")] == [NEW.text, OLD.text]
    assert {one.name for one in await history.versions()} == {"plan", "derive"}
    assert await history.text("plan", OLD.version) == await history.text("plan", OLD.version[:6].upper()) == OLD.text


async def test_a_process_writes_a_version_down_once(engine: AsyncEngine) -> None:
    history = PromptHistory(engine)
    await history.keep(OLD)
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM prompts"))
    await history.keep(OLD)
    assert await history.versions() == []


async def test_an_unknown_version_gets_the_nearest(engine: AsyncEngine) -> None:
    history = PromptHistory(engine)
    await history.keep(OLD)
    with pytest.raises(NotFound, match=f"of prompt 'plan'; did you mean '{OLD.version}'?"):
        await history.text("plan", f"{OLD.version[:-1]}x")


def test_digits_that_several_versions_begin_with_name_them_all() -> None:
    known = [PromptVersion(name="plan", version=version, text="") for version in ("abc1", "abc2", "d")]
    assert pick_version("plan", "d", known).version == "d"
    with pytest.raises(InvalidInput, match="several versions of prompt 'plan' begin with 'abc'; one of abc1, abc2"):
        pick_version("plan", "abc", known)
