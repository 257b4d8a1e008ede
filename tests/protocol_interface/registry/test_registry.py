"""The registry: who can do what, on a real database, with cards from real servers."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from agents.serve import agent_app, agent_card
from protocol_interface.a2a_client import A2AClient
from protocol_interface.card_check import CARD_LIMIT
from protocol_interface.card_fetch import fetch_card
from protocol_interface.registry import Registry
from shared.errors import AgentUnavailable, Conflict, InvalidInput, NotFound
from tests.agents.scripted_agent import ScriptedAgent
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.probes import ask_all
from tests.protocol_interface.registry.cards import Place, as_fetched, card, skill


@pytest.fixture
async def filled(registry: Registry) -> Registry:
    """Two data agents with the same skills, a knowledge agent, and one that shares a tag but not the skill."""
    for platform in ("spl", "kql"):
        tag = f"platform:{platform}"
        await registry.register(
            card(platform, skill("query", tag), skill("prove", tag), description=f"Queries of {platform.upper()}"),
            url=f"http://{platform}.example",
        )
    await registry.register(card("sop", skill("search", "knowledge"), skill("plain")), url="http://sop.example")
    await registry.register(card("prover", skill("prove", "platform:kql")), url="http://prover.example")
    return registry


@pytest.fixture
def strict(engine: AsyncEngine, registry: Registry) -> Registry:
    """On the same database, as in a server for others."""
    return Registry(engine)


FOUND: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["kql", "prover", "sop", "spl"]),
    ({"skill": "query"}, ["kql", "spl"]),
    ({"platform": "kql"}, ["kql", "prover"]),
    ({"skill": "query", "platform": "kql"}, ["kql"]),
    ({"skill": "query", "platform": "sql"}, []),
    ({"skill": "plain"}, ["sop"]),
    ({"q": "queries SPL"}, ["spl"]),
    ({"q": "KNOWLEDGE"}, ["sop"]),
    ({"q": "100%"}, []),
]


@pytest.mark.parametrize(("by", "names"), FOUND)
async def test_agents_are_found_by_skill_platform_and_words(
    filled: Registry, by: dict[str, Any], names: list[str]
) -> None:
    assert [agent.id for agent in await filled.discover(**by)] == names


async def test_no_name_puts_a_stranger_in_front_of_our_agents(filled: Registry) -> None:
    await as_fetched(filled, card("aaa", skill("query", "platform:kql")), "http://evil.example")
    found = await filled.discover(skill="query", platform="kql")
    assert [(agent.id, agent.trusted) for agent in found] == [("kql", True), ("aaa", False)]


async def test_an_agent_is_shown_with_its_skills_and_platform(filled: Registry) -> None:
    found = await filled.get("kql")
    assert (found.url, found.platform, found.healthy) == ("http://kql.example", "kql", None)
    assert found.skills[0] == {
        "id": "query",
        "name": "query",
        "description": "can query",
        "tags": ["platform:kql"],
        "examples": [],
    }


async def test_an_unknown_agent_gets_the_nearest_name(filled: Registry) -> None:
    with pytest.raises(NotFound, match=r"unknown agent 'kqll'; did you mean 'kql'\?"):
        await filled.get("kqll")
    with pytest.raises(NotFound):
        await filled.remove("kqll")


async def test_a_card_that_is_registered_again_replaces_its_skills(filled: Registry) -> None:
    await filled.register(card("kql", skill("explain")), url="http://kql.example/")
    assert [agent.id for agent in await filled.discover(skill="query")] == ["spl"]
    assert [one["id"] for one in (await filled.get("kql")).skills] == ["explain"]


async def test_a_stranger_can_not_take_a_name(filled: Registry) -> None:
    with pytest.raises(Conflict, match=r"agent 'kql' is registered at http://kql\.example, not http://evil\.example"):
        await as_fetched(filled, card("kql", skill("query")), "http://evil.example")
    assert (await filled.route("kql")).trusted


async def test_the_operator_moves_an_agent(filled: Registry) -> None:
    await filled.register(card("kql", skill("query")), url="http://elsewhere.example")
    assert (await filled.get("kql")).url == "http://elsewhere.example"


async def test_two_who_register_one_name_at_once_leave_one_agent(registry: Registry) -> None:
    both = (registry.register(card("kql", skill("query")), url="http://kql.example") for _ in range(2))
    await asyncio.gather(*both)
    assert [agent.id for agent in await registry.discover()] == ["kql"]


async def test_a_removed_agent_is_found_no_more(filled: Registry) -> None:
    await as_fetched(filled, card("guest", skill("guess")), "http://guest.example")
    await filled.remove("guest")
    assert await filled.discover(skill="guess") == []


async def test_an_agent_of_our_own_is_not_removed(filled: Registry) -> None:
    with pytest.raises(Conflict, match="agent 'sop' is LexiQuery's own"):
        await filled.remove("sop")
    assert [agent.id for agent in await filled.discover(skill="search")] == ["sop"]


async def test_another_agent_at_the_address_of_ours_is_refused(registry: Registry) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent("kql"), url=url), listener):
        with pytest.raises(InvalidInput, match=r"the agent at .* is 'kql', not 'sql'; mend LEXIQUERY_AGENTS"):
            await registry.register_own("sql", url)
    assert await registry.discover() == []


async def test_health_is_that_of_the_card_at_the_url(registry: Registry, remote_client: A2AClient) -> None:
    dead = loopback_socket()
    url = f"http://127.0.0.1:{dead.getsockname()[1]}"
    dead.close()
    await registry.register(agent_card(ScriptedAgent("dead"), url), url=url)
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent("well"), url=url), listener):
        await registry.register_own("well", url)
        await registry.register(agent_card(ScriptedAgent("usurped"), url), url=url)
        health = await ask_all(registry, remote_client.http)
    assert health == {"dead": False, "well": True, "usurped": False}
    assert {agent.id: agent.healthy for agent in await registry.discover()} == health


async def test_a_stranger_whose_name_came_to_mean_our_own_network_is_not_called(
    engine: AsyncEngine, registry: Registry, remote_client: A2AClient
) -> None:
    called = asyncio.Event()

    async def note(_: Request) -> Response:
        called.set()
        return Response()

    host = Starlette(routes=[Route("/.well-known/agent-card.json", note)])
    async with on_a_socket(host, loopback_socket()) as url:
        await as_fetched(registry, agent_card(ScriptedAgent("guest"), url), url)
        health = await ask_all(Registry(engine), remote_client.http)
    assert health == {"guest": False}
    assert not called.is_set()


async def test_an_agent_of_this_process_is_healthy(registry: Registry, local_client: A2AClient) -> None:
    assert await ask_all(registry, local_client.http) == {"scripted": True}


REFUSED = [
    ("ftp://kql.example", "is no http or https URL"),
    ("kql", "is no http or https URL"),
    ("http://user:word@kql.example", "the URL holds a password"),
    ("http://127.0.0.1:9", "'127.0.0.1' is at 127.0.0.1, which is not public"),
    ("http://localhost:9", "which is not public"),
    ("http://[::1]:9", "is at ::1, which is not public"),
    ("http://[::ffff:10.0.0.1]", "which is not public"),
    ("http://10.1.2.3", "which is not public"),
    ("http://100.64.0.1", "which is not public"),
    ("http://169.254.1.1", "which is not public"),
    ("http://169.254.169.254/latest", "where clouds hand out a machine's credentials"),
    ("http://0.0.0.0", "which is not public"),
    ("http://2130706433", "which is not public"),
]


@pytest.mark.parametrize(("url", "says"), REFUSED)
async def test_a_stranger_can_not_lead_us_into_our_own_network(strict: Registry, url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        await strict.register_url(url)


async def test_an_agent_of_this_machine_is_registered_where_that_is_allowed(registry: Registry) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent(), url=url), listener):
        found = await registry.register_url(url)
    assert (found.id, found.url) == ("scripted", url)
    assert not (await registry.route("scripted")).trusted


async def test_a_card_can_not_point_into_our_own_network(registry: Registry) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent(), url="http://169.254.169.254"), listener):
        with pytest.raises(InvalidInput, match=r"'169\.254\.169\.254' is at"):
            await registry.register_url(url)


@pytest.mark.parametrize("port", [0, 65536, 99999999])
async def test_a_url_without_a_real_port_is_refused(registry: Registry, port: int) -> None:
    with pytest.raises(InvalidInput, match=f"has the port {port}; give one of 1 to 65535"):
        await registry.register_url(f"http://127.0.0.1:{port}/")


def _changed(**fields: Any) -> Response:
    return JSONResponse({**agent_card_to_dict(card("odd", skill("query"))), **fields})


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield b" " * 65536
        await asyncio.sleep(0)


NO_CARDS = [
    (_changed(name=""), "has a name of 0 characters"),
    (_changed(skills=[]), "has no skills"),
    (_changed(skills=[{"id": "query"}, {"id": "query"}]), "has two skills 'query'"),
    (_changed(supportedInterfaces=[]), "names no interface"),
    (_changed(supportedInterfaces=[{"url": "file:///etc/passwd"}]), "has an interface at 'file:///etc/passwd'"),
    (_changed(skills="many"), "is no Agent Card"),
    (Response("<html>"), "is no Agent Card"),
    (JSONResponse(["card"]), "is no Agent Card"),
    (StreamingResponse(_endless()), f"is larger than {CARD_LIMIT // 1024} KiB"),
    (Response(gzip.compress(b" " * 10**8), headers={"Content-Encoding": "gzip"}), "is compressed"),
]


@pytest.mark.parametrize(("response", "says"), NO_CARDS)
async def test_a_card_that_can_not_be_used_says_why(registry: Registry, response: Response, says: str) -> None:
    async def answer(_: Request) -> Response:
        return response

    listener = loopback_socket()
    host = Starlette(routes=[Route("/.well-known/agent-card.json", answer)])
    async with on_a_socket(host, listener) as url:
        with pytest.raises(InvalidInput, match=says):
            await registry.register_url(url)


@pytest.mark.parametrize(
    ("response", "says"),
    [(RedirectResponse("http://169.254.169.254"), "answered 307"), (Response(status_code=500), "answered 500")],
)
async def test_redirects_and_failures_are_not_followed(registry: Registry, response: Response, says: str) -> None:
    async def answer(_: Request) -> Response:
        return response

    listener = loopback_socket()
    host = Starlette(routes=[Route("/.well-known/agent-card.json", answer)])
    async with on_a_socket(host, listener) as url:
        with pytest.raises(AgentUnavailable, match=says):
            await registry.register_url(url)


async def test_a_host_that_never_answers_is_given_up() -> None:
    with loopback_socket() as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(AgentUnavailable, match=r"did not come within 0\.05 s"):
            await fetch_card(url, seconds=0.05)


async def test_a_card_that_drips_in_is_given_up(place: Place) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.01)

    place.answer = StreamingResponse(drip())
    with pytest.raises(AgentUnavailable, match=r"did not come within 0\.1 s"):
        await fetch_card(place.url, seconds=0.1)
