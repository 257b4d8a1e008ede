"""Agents that register themselves for a while, and go on by registering again."""

from __future__ import annotations

import pytest

from protocol_interface.registry import Registry
from shared.errors import InvalidInput, NotFound
from tests.protocol_interface.registry.cards import Place, card, skill
from tests.protocol_interface.registry.conftest import Clock


async def test_an_agent_is_gone_when_its_lease_is_over(on_either: Registry, place: Place, clock: Clock) -> None:
    registered = await on_either.register_url(place.url, lease_seconds=30)
    assert (registered.source, registered.lease_until is not None) == ("lease", True)
    clock.ahead = 29
    assert [agent.id for agent in await on_either.discover(skill="guess")] == ["guest"]
    clock.ahead = 31
    assert await on_either.discover() == []
    with pytest.raises(NotFound):
        await on_either.route("guest")


async def test_a_lease_goes_on_when_the_agent_registers_again(registry: Registry, place: Place, clock: Clock) -> None:
    other = Registry(registry._store._engine, hosts=registry._hosts)
    await registry.register_url(place.url, lease_seconds=30)
    await other.discover()
    version = await registry.version()
    clock.ahead = 20
    await registry.register_url(place.url, lease_seconds=30)
    clock.ahead = 40
    for one in (registry, other):
        assert [agent.id for agent in await one.discover()] == ["guest"]
        assert await one.version() == version, "a lease that goes on is no change"
    assert place.statuses == [200, 304], "a card that is known is not read again"


async def test_who_registers_for_good_after_a_lease_stays(registry: Registry, place: Place, clock: Clock) -> None:
    await registry.register_url(place.url, lease_seconds=30)
    assert (await registry.register_url(place.url)).lease_until is None
    clock.ahead = 31
    assert [agent.id for agent in await registry.discover()] == ["guest"]


@pytest.mark.parametrize("seconds", [0, 4.9, 86_401, float("nan"), float("inf")])
async def test_a_lease_has_its_bounds(registry: Registry, seconds: float) -> None:
    with pytest.raises(InvalidInput, match=r"give 5 to 86400 seconds"):
        await registry.register_url("http://127.0.0.1:9", lease_seconds=seconds)


async def test_nobody_ends_an_agent_of_ours_by_a_lease(registry: Registry, place: Place, clock: Clock) -> None:
    place.card = card("kql", skill("query"), url=place.url)
    await registry.register_own("kql", place.url)
    renewed = await registry.register_url(place.url, lease_seconds=5)
    assert (renewed.source, renewed.trusted, renewed.lease_until) == ("own", True, None)
    clock.ahead = 6
    assert [agent.id for agent in await registry.discover()] == ["kql"]
