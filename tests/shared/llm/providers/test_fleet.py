"""Which provider is tried, how many calls at a time, and whose turn it is. The clock is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from shared.errors import ContextExceeded, ModelUnavailable
from shared.llm.providers.base import ModelMissing
from shared.llm.providers.breaker import FAILURES, REST_SECONDS, Breaker
from shared.llm.providers.fleet import Fleet
from shared.llm.providers.queue import FairQueue
from tests.shared.llm.providers.conftest import on_ollama, on_openai


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("vllm", clock=clock)


def fail(breaker: Breaker, error: BaseException | None = None, times: int = 1) -> None:
    error = error or ModelUnavailable("it is down", suggestion="start it")
    for _ in range(times):
        with pytest.raises(type(error)), breaker.watched():
            raise error


def test_a_provider_that_keeps_failing_is_left_alone(breaker: Breaker) -> None:
    fail(breaker, times=FAILURES - 1)
    assert (breaker.state, breaker.lets_through) == ("closed", True)
    fail(breaker)
    assert (breaker.state, breaker.lets_through) == ("open", False)
    with (
        pytest.raises(
            ModelUnavailable, match=r"'vllm' is left alone for 30 s: 5 calls in a row failed; .*: it is down"
        ) as raised,
        breaker.watched(),
    ):
        raise AssertionError("no call is made")
    assert raised.value.suggestion == "start it"


def test_a_success_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, times=FAILURES - 1)
    with breaker.watched():
        pass
    fail(breaker, times=FAILURES - 1)
    assert breaker.state == "closed"


def test_after_its_rest_one_call_tries_it_alone(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, times=FAILURES)
    clock.now += REST_SECONDS
    assert breaker.state == "half-open"
    with breaker.watched():
        assert not breaker.lets_through
        with pytest.raises(ModelUnavailable, match="while another call tries it"), breaker.watched():
            raise AssertionError("no call is made")
    assert (breaker.state, breaker.lets_through) == ("closed", True)


def test_a_trial_that_fails_opens_it_for_another_rest(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, times=FAILURES)
    clock.now += REST_SECONDS
    fail(breaker)
    assert breaker.state == "open"
    clock.now += REST_SECONDS
    assert breaker.lets_through


NO_FAILURES = [ContextExceeded("too long"), asyncio.CancelledError(), ModelMissing("not there")]


@pytest.mark.parametrize("error", NO_FAILURES, ids=lambda error: type(error).__name__)
def test_what_says_nothing_of_the_server_is_no_failure(breaker: Breaker, clock: Clock, error: BaseException) -> None:
    fail(breaker, error, times=FAILURES * 2)
    assert breaker.state == "closed"
    fail(breaker, times=FAILURES)
    clock.now += REST_SECONDS
    fail(breaker, error)
    assert (breaker.state, breaker.lets_through) == ("half-open", True)


class Line:
    """Calls that stand in one queue and go on when `end` is set. order: the journeys in the order of their turns."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.order: list[str | None] = []
        self.end = asyncio.Event()

    def join(self, *journeys: str | None) -> list[asyncio.Task[float]]:
        return [asyncio.create_task(self._call(journey)) for journey in journeys]

    async def _call(self, journey: str | None) -> float:
        async with self.queue.turn(journey) as waited:
            self.order.append(journey)
            await self.end.wait()
            return waited


async def settle() -> None:
    """Until every task that can go on did."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_no_more_calls_than_the_limit_run_at_a_time(clock: Clock) -> None:
    line = Line(FairQueue(2, clock=clock))
    calls = line.join("a", "a", "a", "a", "a")
    await settle()
    assert (len(line.order), line.queue.waiting) == (2, 3)
    clock.now += 3.0
    line.end.set()
    assert await asyncio.gather(*calls) == [0.0, 0.0, 3.0, 3.0, 3.0]
    assert line.queue.waiting == 0


async def test_turns_go_round_between_journeys() -> None:
    line = Line(FairQueue(1))
    calls = line.join("a", "a", "a", "a", "b", None, "b")
    await settle()
    line.end.set()
    await asyncio.gather(*calls)
    assert line.order == ["a", "a", "b", None, "a", "b", "a"]


async def test_a_cancelled_wait_loses_nobody_s_turn() -> None:
    line = Line(FairQueue(1))
    line.end.set()
    async with line.queue.turn("a"):
        waiting, taken, last = line.join("b", "c", "d")
        await settle()
        waiting.cancel()
    taken.cancel()  # its turn is there, and it has not run yet
    await asyncio.gather(waiting, taken, last, return_exceptions=True)
    assert (waiting.cancelled(), taken.cancelled(), line.order) == (True, True, ["d"])
    assert await asyncio.gather(*line.join("e")) == [0.0]


async def test_whatever_is_cancelled_the_queue_is_free_afterwards() -> None:
    for steps in _orders():
        line = Line(FairQueue(2))
        calls = line.join("a", "b", "c", "a", "b", "c")
        for number, pauses in steps:
            for _ in range(pauses):
                await asyncio.sleep(0)
            calls[number].cancel()
        line.end.set()
        await asyncio.gather(*calls, return_exceptions=True)
        async with line.queue.turn("a") as first, line.queue.turn("b") as second:
            assert (first, second, line.queue.waiting) == (0.0, 0.0, 0)


def _orders() -> Iterator[list[tuple[int, int]]]:
    for first in range(6):
        for second in range(6):
            for pauses in range(4):
                yield [(first, pauses), (second, pauses // 2)]


@pytest.fixture
def fleet(clock: Clock) -> Fleet:
    return Fleet([on_openai("http://127.0.0.1:9"), on_ollama("http://127.0.0.1:9")], concurrency=4, clock=clock)


async def broken(fleet: Fleet, number: int, model: str = "m") -> None:
    for _ in range(FAILURES):
        with pytest.raises(ModelUnavailable):
            async with fleet.turn(fleet.providers[number], model, "j1"):
                raise ModelUnavailable(f"provider {number} is down")


async def test_providers_are_tried_in_their_order_and_a_broken_one_is_left_out(fleet: Fleet, clock: Clock) -> None:
    assert [provider.name for provider in fleet.candidates("m")] == ["vllm", "ollama"]
    await broken(fleet, 0)
    assert [provider.name for provider in fleet.candidates("m")] == ["ollama"]
    clock.now += REST_SECONDS
    assert [provider.name for provider in fleet.candidates("m")] == ["vllm", "ollama"]
    await fleet.close()


async def test_a_provider_that_lacks_a_model_is_not_asked_for_it_again_at_once(fleet: Fleet, clock: Clock) -> None:
    with pytest.raises(ModelMissing):
        async with fleet.turn(fleet.providers[0], "m", "j1"):
            raise ModelMissing("'vllm' has no model 'm'")
    assert [provider.name for provider in fleet.candidates("m")] == ["ollama"]
    assert [provider.name for provider in fleet.candidates("other")] == ["vllm", "ollama"]
    clock.now += 60
    assert [provider.name for provider in fleet.candidates("m")] == ["vllm", "ollama"]


async def test_when_none_may_be_tried_the_first_one_s_error_says_why(fleet: Fleet) -> None:
    await broken(fleet, 0)
    await broken(fleet, 1)
    with pytest.raises(ModelUnavailable, match=r"'vllm' is left alone .* provider 0 is down"):
        fleet.candidates("m")


async def test_a_call_that_waited_while_its_provider_broke_is_not_made(fleet: Fleet) -> None:
    provider = fleet.providers[0]

    async def call() -> None:
        async with fleet.turn(provider, "m", "j2"):
            raise AssertionError("no call is made")

    async with AsyncExitStack() as held:
        for _ in range(4):
            await held.enter_async_context(fleet.queue(provider, "m").turn("j1"))
        waiting = asyncio.create_task(call())
        await settle()
        await broken(fleet, 0, "another")
    with pytest.raises(ModelUnavailable, match="left alone"):
        await waiting


async def test_each_model_of_a_provider_has_its_own_queue_and_the_embedded_one_takes_one_call_at_a_time() -> None:
    many, one = on_ollama("http://127.0.0.1:9"), on_ollama("http://127.0.0.1:9", name="embedded")
    fleet, end = Fleet([many, one], concurrency=2), asyncio.Event()
    order: list[str] = []

    async def call(provider: int, model: str) -> None:
        async with fleet.turn(fleet.providers[provider], model, None):
            order.append(f"{provider}{model}")
            await end.wait()

    calls = [(0, "m"), (0, "m"), (0, "m"), (0, "n"), (1, "m"), (1, "m"), (1, "n")]
    tasks = [asyncio.create_task(call(*one)) for one in calls]
    await settle()
    assert order == ["0m", "0m", "0n", "1m", "1n"]
    end.set()
    await asyncio.gather(*tasks)


async def test_the_embedded_server_gets_the_next_call_of_embeddings_while_it_computes_one() -> None:
    fleet, end = (
        Fleet([on_ollama("http://127.0.0.1:9", name="embedded")], concurrency=8, pipelined={"e"}),
        asyncio.Event(),
    )
    order: list[str] = []

    async def call(model: str) -> None:
        async with fleet.turn(fleet.providers[0], model, None):
            order.append(model)
            await end.wait()

    tasks = [asyncio.create_task(call(model)) for model in ("e", "e", "e", "chat", "chat")]
    await settle()
    assert order == ["e", "e", "chat"]
    end.set()
    await asyncio.gather(*tasks)
