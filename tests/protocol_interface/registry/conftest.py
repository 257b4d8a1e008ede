"""A place with a card that a test changes, a clock that it puts forward, and a registry on either database."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry, current, probing, registry, routing, schema, store
from shared.database import create_tables
from shared.ledger import Ledger
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.registry.cards import Place, card, skill


class Clock:
    """What the registry takes for the time: it stands still but for `ahead`, in seconds, however slow the machine."""

    def __init__(self) -> None:
        self.ahead = 0.0
        self._began, self._began_monotonic = time.time(), time.monotonic()

    def time(self) -> float:
        return self._began + self.ahead

    def monotonic(self) -> float:
        return self._began_monotonic + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (current, registry, probing, routing, store):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=clock.time, monotonic=clock.monotonic))
    return clock


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A stranger's agent `guest`, which can `guess`."""
    place = Place()
    async with on_a_socket(place.app, loopback_socket()) as url:
        place.url = url
        place.card = card("guest", skill("guess"), url=url)
        yield place


@pytest.fixture
async def on_either(either: Ledger) -> Registry:
    """On SQLite, and on PostgreSQL; as in a server that listens to this machine only."""
    await create_tables(either.engine, schema)
    return Registry(either.engine, hosts=HostRule(loopback=True))
