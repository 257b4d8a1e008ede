"""Parts that an evaluation leaves out."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.parts import Part, catalogs_without, read_parts
from shared.catalog import Catalog, Catalogs, Column, Example, Table, schema
from shared.database import create_tables
from shared.errors import InvalidInput
from shared.settings import Settings

CATALOG = Catalog(
    schema_group="estate",
    platform="sql",
    tables=[Table(name="hosts", columns=[Column(name="name", type="VARCHAR")])],
    examples=[Example(question="Which hosts are there?", query="SELECT name FROM hosts")],
)


def test_what_is_no_part_is_named_with_the_nearest() -> None:
    assert read_parts(["snap", "examples"]) == {Part.SNAP, Part.EXAMPLES}
    with pytest.raises(InvalidInput, match="'example' is no part of the derivation; did you mean 'examples'"):
        read_parts(["example"])


def test_the_setting_is_a_list_with_commas(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_WITHOUT", "examples, snap")
    assert Settings().without == {"examples", "snap"}


async def test_without_examples_a_data_agent_sees_none(engine: AsyncEngine) -> None:
    await create_tables(engine, schema)
    catalogs = Catalogs(engine)
    await catalogs.put(CATALOG)
    bare = catalogs_without(["examples"], catalogs, engine)
    assert (await bare.get("estate")).examples == []
    assert (await bare.get("estate")).version != CATALOG.version
    assert (await catalogs_without([], catalogs, engine).get("estate")).examples == CATALOG.examples
