"""Calls of the ledger by what they share, and what is said of a name that nobody knows."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.call_search import search_calls
from core_engine.store import Store
from core_engine.store import schema as store_schema
from shared.database import create_tables
from shared.errors import NotFound
from shared.ledger import Ledger, schema
from shared.ledger.statistics import CallFilter, Statistics
from tests.shared.ledger.calls import call, record


@pytest.fixture
async def ledger(engine: AsyncEngine) -> Ledger:
    await create_tables(engine, schema, store_schema)
    return Ledger(engine)


async def found(ledger: Ledger, **wanted: object) -> list[str]:
    asked = CallFilter.model_validate(wanted)
    return [one.id for one in await search_calls(Statistics(ledger.engine), Store(ledger.engine), asked, 20)]


UNKNOWN = [
    ({"model": "qwen2.5-codr"}, r"^unknown model 'qwen2.5-codr'; did you mean 'qwen2.5-coder'\?$"),
    ({"agent": "kq"}, r"^unknown agent 'kq'; did you mean 'kql'\?$"),
    ({"user": "eve"}, r"^unknown user 'eve'; known: ada$"),
    ({"tag": "prd"}, r"^unknown tag 'prd'; did you mean 'prod'\?$"),
    ({"purpose": "derived"}, r"^unknown purpose 'derived'; did you mean 'derive'\?$"),
    ({"prompt_name": "deriv"}, r"^unknown prompt name 'deriv'; did you mean 'derive'\?$"),
    ({"prompt_version": "2"}, r"^unknown prompt version '2'; known: 1$"),
    ({"model": "qwen2.5-coder", "user": "eve"}, r"^unknown user 'eve'"),
    ({"journey_id": "nosuch"}, r"^unknown journey 'nosuch'$"),
]


@pytest.mark.parametrize(("wanted", "says"), UNKNOWN)
async def test_a_name_that_no_call_has_is_said_with_the_nearest(
    ledger: Ledger, wanted: dict[str, str], says: str
) -> None:
    prompt = {"prompt_name": "derive", "prompt_version": "1"}
    await record(ledger, call("a", status="success", model="qwen2.5-coder", user="ada", tags=["prod"], **prompt))
    with pytest.raises(NotFound, match=says):
        await found(ledger, **wanted)


async def test_known_names_that_share_no_call_are_no_error(ledger: Ledger) -> None:
    await record(ledger, call("a", status="success", model="large", user="ada"))
    await record(ledger, call("b", status="error", model="small", user="bob"))
    assert await found(ledger, model="large", user="ada") == ["a"]
    assert await found(ledger, model="large", user="bob") == []
    assert await found(ledger, model="large", status="error") == []


async def test_an_empty_ledger_knows_nobody(ledger: Ledger) -> None:
    assert await found(ledger, model="large", user="ada", tag="prod") == []
