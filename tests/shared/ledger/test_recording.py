"""Whatever ends a call, its row says so; also for functions that somebody else wrote."""

from __future__ import annotations

import asyncio

import pytest

from shared.calls import CallRecord
from shared.context import scoped
from shared.errors import BudgetExceeded, ModelUnavailable
from shared.ledger import Ledger, Reservation
from shared.ledger.recording import metered, new_call, recorded, trace_of
from shared.models import Budget
from tests.shared.ledger.calls import call

KIND = {"operation": "chat", "purpose": "derive", "provider": "mine", "model": "m"}


async def statuses(ledger: Ledger) -> list[str]:
    return [one.status async for one in ledger.every_call()]


async def test_a_decorated_function_is_a_row_a_call(ledger: Ledger) -> None:
    @metered(ledger, **KIND)
    async def ask(record: CallRecord, question: str) -> str:
        record.prompt_tokens = len(question)
        return question.upper()

    with scoped(journey_id="j1", agent="kql", user="ada", tags=["prod"]):
        assert [await ask("abc"), await ask("de")] == ["ABC", "DE"]
    first, second = await ledger.calls("j1")
    assert (first.status, first.prompt_tokens, second.prompt_tokens) == ("success", 3, 2)
    assert (first.agent, first.user, first.tags, first.trace_id) == ("kql", "ada", ["prod"], trace_of("j1"))
    assert first.id != second.id


async def test_an_error_a_cancellation_and_a_refusal_are_told_apart(ledger: Ledger) -> None:
    with pytest.raises(ModelUnavailable):
        async with recorded(ledger, new_call(**KIND)):
            raise ModelUnavailable("gone")
    with pytest.raises(asyncio.CancelledError):
        async with recorded(ledger, new_call(**KIND)):
            raise asyncio.CancelledError
    with scoped(journey_id="j1"), pytest.raises(BudgetExceeded):
        async with recorded(ledger, new_call(**KIND), Reservation(tokens=5, budget=Budget(tokens=1))):
            raise AssertionError("the block does not run")
    assert await statuses(ledger) == ["error", "cancelled"]


async def test_a_call_that_is_cancelled_while_its_row_is_written_ends_as_cancelled(ledger: Ledger) -> None:
    async def make() -> None:
        async with recorded(ledger, new_call(**KIND)):
            await asyncio.Event().wait()

    task = asyncio.create_task(make())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.close()
    assert await statuses(ledger) == ["cancelled"]


async def test_a_row_that_can_not_be_written_keeps_none_of_the_others_out(ledger: Ledger) -> None:
    await ledger.begin(call("twice"))
    begun = [ledger.begin(call(name)) for name in ("a", "twice", "b")]
    refused = [one for one in await asyncio.gather(*begun, return_exceptions=True) if one]
    assert [type(one).__name__ for one in refused] == ["IntegrityError"]
    assert sorted([one.id async for one in ledger.every_call()]) == ["a", "b", "twice"]
