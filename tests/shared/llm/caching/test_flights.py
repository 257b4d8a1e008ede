"""Single flight: of identical calls one is made, and nobody suffers from another's end."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import BudgetExceeded, LexiQueryError, ModelUnavailable
from shared.llm.caching import Landed, SingleFlight


class Model:
    """Answers with the number of the call once it is let go, or fails."""

    def __init__(self) -> None:
        self.calls = 0
        self.stopped = 0
        self.go = asyncio.Event()
        self.failure: LexiQueryError | None = None

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.stopped += 1
            raise
        if self.failure and number == 1:
            self.go.clear()
            raise self.failure
        return number


async def started(flights: SingleFlight[int], model: Model, number: int) -> list[asyncio.Task[Landed[int]]]:
    """So many callers of one key, the first making the call and the others waiting for it."""
    tasks = [asyncio.create_task(flights.fly("key", model)) for _ in range(number)]
    await turns()
    return tasks


async def turns() -> None:
    """Lets every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_call_is_made_and_the_others_are_spared() -> None:
    model, flights = Model(), SingleFlight[int]()
    tasks = await started(flights, model, 5)
    model.go.set()
    assert await asyncio.gather(*tasks) == [Landed(1, spared=False), *[Landed(1, spared=True)] * 4]
    assert await flights.fly("key", model) == Landed(2, spared=False)


async def test_other_keys_and_no_key_share_nothing() -> None:
    model, flights = Model(), SingleFlight[int]()
    model.go.set()
    landed = await asyncio.gather(*(flights.fly(key, model) for key in ("a", "b", None, None)))
    assert model.calls == 4
    assert not any(one.spared for one in landed)


async def test_a_waiter_that_is_cancelled_leaves_the_call_to_the_others() -> None:
    model, flights = Model(), SingleFlight[int]()
    maker, leaver, waiter = await started(flights, model, 3)
    leaver.cancel()
    await turns()
    model.go.set()
    assert await maker == Landed(1, spared=False)
    assert await waiter == Landed(1, spared=True)
    assert leaver.cancelled()


async def test_when_the_maker_is_cancelled_the_first_waiter_makes_the_call() -> None:
    model, flights = Model(), SingleFlight[int]()
    maker, heir, waiter = await started(flights, model, 3)
    maker.cancel()
    await turns()
    assert (model.stopped, model.calls) == (1, 2)
    model.go.set()
    assert await heir == Landed(2, spared=False)
    assert await waiter == Landed(2, spared=True)


async def test_when_all_are_cancelled_nothing_runs_on() -> None:
    model, flights = Model(), SingleFlight[int]()
    tasks = await started(flights, model, 3)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert model.stopped == model.calls == 1
    model.go.set()
    assert await flights.fly("key", model) == Landed(2, spared=False)


async def test_a_failure_of_the_server_is_everybodys() -> None:
    model, flights = Model(), SingleFlight[int]()
    model.failure = ModelUnavailable("the model server is gone")
    tasks = await started(flights, model, 3)
    model.go.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [model.failure] * 3
    assert model.calls == 1
    model.go.set()
    assert await flights.fly("key", model) == Landed(2, spared=False)


async def test_a_spent_budget_is_the_makers_alone() -> None:
    model, flights = Model(), SingleFlight[int]()
    model.failure = BudgetExceeded("the journey's budget is spent")
    maker, heir, waiter = await started(flights, model, 3)
    model.go.set()
    with pytest.raises(BudgetExceeded):
        await maker
    await turns()
    model.go.set()
    assert await heir == Landed(2, spared=False)
    assert await waiter == Landed(2, spared=True)
