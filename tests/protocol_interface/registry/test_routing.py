"""Replicas: which of them a call goes to."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from protocol_interface.registry import Entry, Registry
from protocol_interface.registry.routing import Routing
from shared.errors import AgentUnavailable, NotFound
from tests.protocol_interface.registry.cards import Place, card, skill
from tests.protocol_interface.registry.conftest import Clock

URLS = ("http://a.example", "http://b.example", "http://c.example")
ENTRIES = [Entry(card("kql", skill("query"), url=url), url, trusted=True) for url in URLS]


def chosen(routing: Routing, skill: str = "query", dead: set[str] | None = None, calls: int = 200) -> Counter[str]:
    return Counter(routing.choose(ENTRIES, dead or set(), skill).url for _ in range(calls))


async def took(routing: Routing, clock: Clock, entry: Entry, seconds: float, skill: str = "query") -> None:
    async with routing.using(entry, skill):
        clock.ahead += seconds


async def failed(routing: Routing, entry: Entry) -> None:
    with pytest.raises(AgentUnavailable):
        async with routing.using(entry, "query"):
            raise AgentUnavailable("it is dead")


async def test_the_slowest_of_three_is_never_called(clock: Clock) -> None:
    routing = Routing()
    for entry, seconds in zip(ENTRIES, (0.1, 0.2, 3.0), strict=True):
        await took(routing, clock, entry, seconds)
    found = chosen(routing)
    assert found[URLS[2]] == 0
    assert found[URLS[0]] > found[URLS[1]] > 0


async def test_each_skill_is_timed_by_itself(clock: Clock) -> None:
    routing = Routing()
    for entry, seconds in zip(ENTRIES, (9.0, 0.1, 0.1), strict=True):
        await took(routing, clock, entry, seconds, "link")
    for entry, seconds in zip(ENTRIES, (0.1, 9.0, 9.0), strict=True):
        await took(routing, clock, entry, seconds, "query")
    assert chosen(routing, "link")[URLS[0]] == 0
    assert chosen(routing, "query")[URLS[0]] > 100


async def test_calls_under_way_are_spread(clock: Clock) -> None:
    routing = Routing()
    for entry in ENTRIES:
        await took(routing, clock, entry, 1.0)
    async with routing.using(ENTRIES[0], "query"), routing.using(ENTRIES[1], "query"):
        assert chosen(routing)[URLS[2]] > 100
        assert routing.load("kql", URLS[0]).in_flight == 1
    assert routing.load("kql", URLS[0]).in_flight == 0


async def test_who_fails_is_paused_and_tried_again_later_each_time(clock: Clock) -> None:
    routing = Routing()
    for pause in (2, 4, 8, 16):
        await failed(routing, ENTRIES[0])
        assert chosen(routing)[URLS[0]] == 0
        clock.ahead += pause - 0.5
        assert chosen(routing)[URLS[0]] == 0
        clock.ahead += 1
        assert chosen(routing)[URLS[0]] > 0
    await took(routing, clock, ENTRIES[0], 0.1)
    assert routing.load("kql", URLS[0]).failed == 0


async def test_a_pause_has_an_end_however_often_a_replica_failed(clock: Clock) -> None:
    routing = Routing()
    for _ in range(2000):
        await failed(routing, ENTRIES[0])
    clock.ahead += 601
    assert chosen(routing)[URLS[0]] > 0


async def test_if_none_is_well_the_first_to_come_back_is_called() -> None:
    routing = Routing()
    for entry, times in zip(ENTRIES, (3, 1, 2), strict=True):
        for _ in range(times):
            await failed(routing, entry)
    assert chosen(routing) == {URLS[1]: 200}
    assert chosen(routing, dead={URLS[1]}) == {URLS[2]: 200}


async def test_errors_that_an_agent_answers_and_cancellations_are_no_failures(clock: Clock) -> None:
    routing = Routing()
    with pytest.raises(NotFound):
        async with routing.using(ENTRIES[0], "query"):
            raise NotFound("no such table")
    with pytest.raises(asyncio.CancelledError):
        async with routing.using(ENTRIES[0], "query"):
            raise asyncio.CancelledError
    load = routing.load("kql", URLS[0])
    assert (load.failed, load.in_flight) == (0, 0)


async def test_the_registry_routes_to_the_replica_that_answers(on_either: Registry, place: Place) -> None:
    place.card = card("kql", skill("query"), url=place.url)
    await on_either.register_own("kql", place.url)
    await on_either.register_static("http://127.0.0.1:9", card("partner", skill("query"), url="http://127.0.0.1:9"))
    second = place.url.replace("127.0.0.1", "localhost")
    await on_either.register_own("kql", second)
    assert (await on_either.get("kql")).replicas == 2
    entry = await on_either.route("kql", "query")
    with pytest.raises(AgentUnavailable):
        async with on_either.using(entry, "query"):
            raise AgentUnavailable("gone")
    found = {(await on_either.route("kql", "query")).url for _ in range(10)}
    assert found == {place.url, second} - {entry.url}
    [paused] = [one for one in (await on_either.details("kql")).replicas if one.url == entry.url]
    assert (paused.calls_failed, paused.paused_until is not None) == (1, True)


async def test_the_operator_takes_a_replica_away(registry: Registry, place: Place) -> None:
    place.card = card("kql", skill("query"), url=place.url)
    for url in (place.url, place.url.replace("127.0.0.1", "localhost")):
        await registry.register_own("kql", url)
    await registry.keep_only("kql", [place.url])
    assert await registry.places("kql") == {place.url}
    await registry.keep_only("kql", ["http://127.0.0.1:9"])
    assert await registry.places("kql") == {place.url}, "where it is not known to be, it is not sent"
