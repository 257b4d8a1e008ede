"""Probes: who is asked when, and what a card that changes or lies does."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import httpx
import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from sqlalchemy import update

from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry, tables
from protocol_interface.registry.probing import LEAST_OFTEN, QUARANTINE, slower
from tests.protocol_interface.probes import ask_all
from tests.protocol_interface.registry.cards import Place, as_fetched, card, skill
from tests.protocol_interface.registry.conftest import Clock

HOME = "http://127.0.0.1:7"
GUEST = card("guest", skill("guess"), url=HOME)
EVERY = 30.0


class Answers:
    """Whom probes reach in memory: they get `answer`, and are counted."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = httpx.Response(200, json=agent_card_to_dict(GUEST))

    def http(self, _: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self._give))

    def _give(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return httpx.Response(self.answer.status_code, content=self.answer.content)


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
async def guest(registry: Registry) -> Registry:
    """A registry with a stranger."""
    await as_fetched(registry, GUEST, HOME)
    return registry


async def test_each_is_asked_once_in_a_while_and_not_before(guest: Registry, answers: Answers, clock: Clock) -> None:
    for _ in range(3):
        await guest.check_due(answers.http, every=EVERY)
    assert answers.asked == 1
    clock.ahead = EVERY * 1.5
    await guest.check_due(answers.http, every=EVERY)
    assert answers.asked == 2


async def test_the_dead_are_asked_less_and_less_and_come_back(guest: Registry, answers: Answers, clock: Clock) -> None:
    answers.answer = httpx.Response(503)
    asked: list[float] = []
    for _ in range(8):
        await guest.check_due(answers.http, every=EVERY)
        while answers.asked == len(asked):
            clock.ahead += EVERY / 10
            await guest.check_due(answers.http, every=EVERY)
        asked.append(clock.ahead)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert max(waits[:2]) <= EVERY * 1.6
    assert min(waits[4:]) >= EVERY * 4
    [replica] = (await guest.details("guest")).replicas
    assert (replica.healthy, replica.failures) == (False, 8)
    assert "answered 503, not a card" in (replica.problem or "")
    answers.answer = httpx.Response(200, json=agent_card_to_dict(GUEST))
    clock.ahead += EVERY * LEAST_OFTEN * 1.5
    await guest.check_due(answers.http, every=EVERY)
    [replica] = (await guest.details("guest")).replicas
    assert (replica.healthy, replica.failures, replica.problem) == (True, 0, None)
    assert replica.last_seen is not None


def test_the_wait_for_the_dead_doubles_up_to_a_limit() -> None:
    assert [slower(failures) for failures in range(QUARANTINE + 6)] == [1, 1, 1, 2, 4, 8, 16, 20, 20]
    assert slower(10**6) == LEAST_OFTEN


async def test_new_agents_are_asked_at_once_and_known_ones_spread_over_the_time(
    guest: Registry, answers: Answers, clock: Clock
) -> None:
    await guest.mark("guest", healthy=True)
    other = Registry(guest._store._engine, hosts=HostRule(loopback=True))
    await as_fetched(other, card("new", skill("guess")), "http://127.0.0.1:8")
    await other.check_due(answers.http, every=1e9)
    assert answers.asked == 1, "`guest` was asked by another process"


async def test_a_card_that_changed_is_taken_in_as_a_new_version(
    guest: Registry, place: Place, answers: Answers
) -> None:
    newer = card("guest", skill("guess"), skill("know"), url=HOME)
    answers.answer = httpx.Response(200, json=agent_card_to_dict(newer))
    assert await ask_all(guest, answers.http) == {"guest": True}
    assert [agent.id for agent in await guest.discover("know")] == ["guest"]
    assert len((await guest.details("guest")).versions) == 2
    version = await guest.version()
    await ask_all(guest, answers.http)
    assert await guest.version() == version


async def test_a_card_that_is_still_the_same_is_not_read_again(registry: Registry, place: Place) -> None:
    await registry.register_url(place.url)
    assert await ask_all(registry, lambda _: httpx.AsyncClient()) == {"guest": True}
    assert place.statuses == [200, 304]


def _of(name: str, url: str = HOME, *skills: str) -> httpx.Response:
    one = card(name, *(skill(id) for id in skills or ("guess",)), url=url)
    return httpx.Response(200, json=agent_card_to_dict(one))


LIES: list[tuple[Callable[[], httpx.Response], str]] = [
    (lambda: _of("kql"), "is 'kql' by now"),
    (lambda: _of("guest", "http://169.254.169.254"), "'169.254.169.254' is at"),
    (lambda: _of("guest", "http://10.0.0.1"), "which is not public"),
    (lambda: _of("guest", HOME, "guess", "guess"), "has two skills 'guess'"),
    (lambda: httpx.Response(200, content=b" " * 300_000), "is larger than 256 KiB"),
    (lambda: httpx.Response(200, content=b"\xff"), "is no Agent Card"),
    (lambda: httpx.Response(302, headers={"location": "http://169.254.169.254"}), "answered 302"),
    (lambda: httpx.Response(404), "answered 404"),
]


@pytest.mark.parametrize(("answer", "says"), LIES)
async def test_a_registered_agent_that_begins_to_lie_is_unhealthy_and_its_card_stays(
    guest: Registry, answers: Answers, answer: Callable[[], httpx.Response], says: str
) -> None:
    answers.answer = answer()
    assert await ask_all(guest, answers.http) == {"guest": False}
    details = await guest.details("guest")
    assert says in (details.replicas[0].problem or "")
    assert details.card == agent_card_to_dict(GUEST)


async def test_an_agent_by_file_need_not_serve_a_card(registry: Registry, answers: Answers) -> None:
    await registry.register_card(GUEST)
    answers.answer = httpx.Response(404)
    assert await ask_all(registry, answers.http) == {"guest": True}
    answers.answer = httpx.Response(502)
    assert await ask_all(registry, answers.http) == {"guest": False}


@pytest.mark.parametrize("problem", [OverflowError("port"), ValueError("nonsense"), KeyError("what")])
async def test_whatever_asking_one_agent_raises_is_its_own_failed_probe(
    guest: Registry, answers: Answers, problem: Exception
) -> None:
    await as_fetched(guest, card("bad", skill("guess")), "http://127.0.0.1:8")

    def give(request: httpx.Request) -> httpx.Response:
        if request.url.port == 8:
            raise problem
        return answers._give(request)

    found = await ask_all(guest, lambda _: httpx.AsyncClient(transport=httpx.MockTransport(give)))
    assert found == {"guest": True, "bad": False}


@pytest.mark.parametrize(("days", "left"), [(6.9, {"kql", "guest"}), (7.1, {"kql"})])
async def test_a_stranger_that_was_dead_for_a_week_is_forgotten(
    guest: Registry, answers: Answers, days: float, left: set[str]
) -> None:
    await guest.register(card("kql", skill("query")), url="http://127.0.0.1:8")
    answers.answer = httpx.Response(503)
    async with guest._store._engine.begin() as connection:
        await connection.execute(update(tables.replicas).values(last_seen=time.time() - days * 86_400))
    assert await ask_all(guest, answers.http) == dict.fromkeys(left, False)
