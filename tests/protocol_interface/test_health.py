"""Agents that die, come back, or come up late, as the registry shows them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agents.serve import agent_app
from protocol_interface.a2a_client import A2AClient
from protocol_interface.health import register_own, watch_agents
from protocol_interface.registry import Registry
from shared.errors import NotFound
from tests.agents.scripted_agent import ScriptedAgent
from tests.agents.serving import on_a_socket

OFTEN = 0.01


class Address:
    """One address, at which an agent lives now and then."""

    def __init__(self) -> None:
        with self._socket(0) as probe:
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self, name: str) -> AsyncIterator[None]:
        listener = self._socket(self.port)
        listener.listen()
        async with on_a_socket(agent_app(ScriptedAgent(name), url=self.url), listener):
            yield

    def _socket(self, port: int) -> socket.socket:
        opened = socket.socket()
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        return opened


@pytest.fixture
def address() -> Address:
    return Address()


@asynccontextmanager
async def watched(registry: Registry, client: A2AClient, **own: str) -> AsyncIterator[None]:
    watching = asyncio.create_task(
        watch_agents(registry, client, {name: [url] for name, url in own.items()}, seconds=OFTEN)
    )
    yield
    assert not watching.done()
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def becomes(registry: Registry, name: str, healthy: bool) -> None:
    async with asyncio.timeout(30):
        while await _health(registry, name) is not healthy:  # noqa: ASYNC110 -- a database has no events
            await asyncio.sleep(OFTEN)


async def _health(registry: Registry, name: str) -> bool | None:
    try:
        return (await registry.get(name)).healthy
    except NotFound:
        return None


async def test_an_agent_that_dies_is_unhealthy_until_it_answers_again(
    registry: Registry, remote_client: A2AClient, address: Address
) -> None:
    async with watched(registry, remote_client):
        async with address.serving("guest"):
            await registry.register_url(address.url)
            await becomes(registry, "guest", healthy=True)
        await becomes(registry, "guest", healthy=False)
        async with address.serving("guest"):
            await becomes(registry, "guest", healthy=True)


async def test_an_agent_of_ours_that_comes_up_late_is_registered_then(
    registry: Registry, remote_client: A2AClient, address: Address
) -> None:
    await register_own(registry, "kql", [address.url])
    assert await registry.discover() == []
    async with watched(registry, remote_client, kql=address.url), address.serving("kql"):
        await becomes(registry, "kql", healthy=True)
    assert (await registry.get("kql")).trusted


async def test_an_agent_of_ours_that_is_gone_at_the_start_is_known_to_be(registry: Registry, address: Address) -> None:
    async with address.serving("kql"):
        await register_own(registry, "kql", [address.url])
    await register_own(registry, "kql", [address.url])
    assert (await registry.get("kql")).healthy is False


async def test_another_agent_at_the_address_does_not_end_the_watch(
    registry: Registry, remote_client: A2AClient, address: Address
) -> None:
    async with address.serving("sql"), watched(registry, remote_client, kql=address.url):
        await registry.register_url(address.url)
        await becomes(registry, "sql", healthy=True)
    assert [agent.id for agent in await registry.discover()] == ["sql"]


async def test_an_agent_of_ours_is_served_at_several_urls_and_nowhere_else(
    registry: Registry, address: Address
) -> None:
    named = address.url.replace("127.0.0.1", "localhost")
    async with address.serving("kql"):
        await register_own(registry, "kql", [address.url, named, "http://127.0.0.1:9"])
        assert await registry.places("kql") == {address.url, named}
        await register_own(registry, "kql", [named])
    assert await registry.places("kql") == {named}


async def test_nothing_that_goes_wrong_ends_the_watch(
    registry: Registry, remote_client: A2AClient, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, failed = registry.check_due, asyncio.Event()

    async def fail_once(*given: Any, **named: Any) -> None:
        if not failed.is_set():
            failed.set()
            raise KeyError("nobody thought of it")
        await check(*given, **named)

    monkeypatch.setattr(registry, "check_due", fail_once)
    async with address.serving("guest"), watched(registry, remote_client):
        await failed.wait()
        await registry.register_url(address.url)
        await becomes(registry, "guest", healthy=True)


async def test_a_static_agent_that_comes_up_late_is_registered_then(
    registry: Registry, remote_client: A2AClient, address: Address
) -> None:
    watching = asyncio.create_task(watch_agents(registry, remote_client, {}, seconds=OFTEN, cards=[address.url]))
    async with address.serving("guest"):
        await becomes(registry, "guest", healthy=True)
    assert (await registry.get("guest")).source == "static"
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
