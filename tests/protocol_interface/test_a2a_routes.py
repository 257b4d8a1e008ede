"""A2A as plain HTTP, for clients without an SDK."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from fastapi import Depends, FastAPI

from agents.serve import agent_app
from core_engine.mending import known_parameters_only
from core_engine.problems import install_problem_responses
from protocol_interface.a2a_client import A2AClient
from protocol_interface.app import mount_protocols
from protocol_interface.registry import Registry
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.conftest import LOCAL
from tests.protocol_interface.notebook import Notebook
from tests.protocol_interface.registry.cards import as_fetched, card, skill


@pytest.fixture
async def http(registry: Registry, local_client: A2AClient, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """A dashboard's connection to a host with everything mounted."""
    app = FastAPI()
    install_problem_responses(app)
    known = [Depends(known_parameters_only)]
    here = "http://127.0.0.1:8000"
    mount_protocols(app, Notebook(), registry, local_client, here, settings=settings, dependencies=known)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=here) as client:
        yield client


async def test_agents_are_discovered_by_skill_and_platform(http: httpx.AsyncClient) -> None:
    found = await http.get("/a2a/agents/discover", params={"skill": "echo", "platform": "kql", "q": "test"})
    none = await http.get("/a2a/agents/discover", params={"skill": "echo", "platform": "spl"})
    assert [agent["id"] for agent in found.json()] == ["scripted"]
    assert none.json() == []


@pytest.mark.parametrize(
    ("method", "path", "suggestion"),
    [
        ("GET", "discover?platfrm=kql", "did you mean 'platform'?"),
        ("GET", "discover?q=kql&x=1", "known: after, healthy, limit, platform, q, skill, tag"),
        ("GET", "export?x=1", "it takes none"),
        ("GET", "scripted?x=1", "it takes none"),
        ("DELETE", "scripted?lease=1", "it takes none"),
        ("POST", "register?url=http://127.0.0.1:9", "it takes none"),
    ],
)
async def test_a_parameter_that_a_route_does_not_take_is_refused(
    http: httpx.AsyncClient, method: str, path: str, suggestion: str
) -> None:
    """Left out, every agent would be found."""
    refused = await http.request(method, f"/a2a/agents/{path}")
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert refused.json()["suggestion"] == suggestion


async def test_an_agent_is_registered_by_url_and_removed(http: httpx.AsyncClient) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent("another"), url=url), listener):
        registered = await http.post("/a2a/agents/register", json={"url": url})
    removed = await http.delete("/a2a/agents/another")
    again = await http.delete("/a2a/agents/another")
    assert (registered.status_code, registered.json()["id"]) == (201, "another")
    assert removed.status_code == 204
    assert (again.status_code, again.json()["code"]) == (404, "not_found")


async def test_an_agent_of_our_own_is_not_removed(http: httpx.AsyncClient) -> None:
    refused = await http.delete("/a2a/agents/scripted")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


async def test_nobody_registers_another_agent_under_the_name_of_ours(
    http: httpx.AsyncClient, registry: Registry
) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent("scripted"), url=url), listener):
        refused = await http.post("/a2a/agents/register", json={"url": url})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert (await registry.route("scripted")).url == LOCAL


async def test_a_url_into_the_private_network_is_refused(http: httpx.AsyncClient) -> None:
    refused = await http.post("/a2a/agents/register", json={"url": "http://169.254.169.254/"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_a_task_is_sent_to_an_agent_for_a_journey(http: httpx.AsyncClient) -> None:
    task = {"agent_id": "scripted", "skill": "who", "input": {}, "journey_id": "j-1"}
    invoked = (await http.post("/a2a/task/invoke", json=task)).json()
    assert invoked["output"]["journey_id"] == invoked["journey_id"] == "j-1"


async def test_a_task_without_a_journey_gets_one(http: httpx.AsyncClient) -> None:
    invoked = (await http.post("/a2a/task/invoke", json={"agent_id": "scripted", "skill": "who"})).json()
    assert invoked["journey_id"]
    assert invoked["output"]["journey_id"] == invoked["journey_id"]


async def test_an_agents_error_is_the_responses_problem(http: httpx.AsyncClient) -> None:
    task = {"agent_id": "scripted", "skill": "miss", "input": {"table": "SigninLog"}}
    failed = await http.post("/a2a/task/invoke", json=task)
    assert failed.status_code == 404
    assert failed.headers["content-type"] == "application/problem+json"
    assert failed.json()["suggestion"] == "did you mean 'SigninLogs'?"


def nested(depth: int) -> list[Any]:
    return [nested(depth - 1)] if depth else []


@pytest.mark.parametrize("value", [nested(200), 10**400, {"a": ["\ud800"]}], ids=["deep", "large", "no Unicode"])
async def test_an_input_that_a2a_has_no_form_for_is_the_callers_mistake(http: httpx.AsyncClient, value: Any) -> None:
    task = {"agent_id": "scripted", "skill": "echo", "input": {"value": value}}
    refused = await http.post(
        "/a2a/task/invoke", content=json.dumps(task), headers={"Content-Type": "application/json"}
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_the_hosts_other_routes_stay_reachable(http: httpx.AsyncClient) -> None:
    card = await http.get("/.well-known/agent-card.json")
    nothing = await http.get("/some/tasks")
    assert card.json()["name"] == "lexiquery"
    assert nothing.status_code == 404


async def register_some(registry: Registry, *names: str) -> None:
    for name in names:
        await as_fetched(registry, card(name, skill("guess", "luck")), f"http://{name}.example")


async def test_agents_are_listed_page_by_page(http: httpx.AsyncClient, registry: Registry) -> None:
    await register_some(registry, "ant", "bee", "c/d e")
    first = await http.get("/a2a/agents/discover", params={"limit": 3})
    rest = await http.get(first.links["next"]["url"])
    assert [agent["id"] for agent in first.json()] == ["scripted", "ant", "bee"]
    assert [agent["id"] for agent in rest.json()] == ["c/d e"]
    assert "next" not in rest.links
    assert (await http.get("/a2a/agents/discover", params={"limit": 1001})).status_code == 422


async def test_agents_are_discovered_by_tag_and_health(http: httpx.AsyncClient, registry: Registry) -> None:
    await register_some(registry, "ant", "bee")
    await registry.mark("bee", healthy=False)
    dead = await http.get("/a2a/agents/discover", params={"tag": "luck", "healthy": "false"})
    assert [agent["id"] for agent in dead.json()] == ["bee"]


async def test_a_list_that_is_known_is_not_sent_again(http: httpx.AsyncClient, registry: Registry) -> None:
    await register_some(registry, "ant")
    etag = (await http.get("/a2a/agents/discover")).headers["etag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        again = await http.get("/a2a/agents/discover", headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    await registry.mark("ant", healthy=False)
    changed = await http.get("/a2a/agents/discover", headers={"If-None-Match": etag})
    assert (changed.status_code, changed.headers["etag"] != etag) == (200, True)


async def test_an_agent_registers_itself_for_a_while(http: httpx.AsyncClient) -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(agent_app(ScriptedAgent("another"), url=url), listener):
        leased = await http.post("/a2a/agents/register", json={"url": url, "lease_seconds": 60})
        short = await http.post("/a2a/agents/register", json={"url": url, "lease_seconds": 1})
    assert (leased.status_code, leased.json()["source"]) == (201, "lease")
    assert leased.json()["lease_until"] > "2026"
    assert (short.status_code, short.json()["suggestion"]) == (422, "give 5 to 86400 seconds, and renew in time")


async def test_a_card_is_registered_as_it_is_given_and_shown(http: httpx.AsyncClient) -> None:
    given = agent_card_to_dict(card("c/d e", skill("guess"), url="http://93.184.215.14"))
    assert (await http.post("/a2a/agents/register", json={"card": given})).status_code == 201
    shown = (await http.get("/a2a/agents/c%2Fd%20e")).json()
    assert (shown["agent"]["source"], shown["card"]["name"], len(shown["versions"])) == ("card", "c/d e", 1)
    assert [replica["url"] for replica in shown["replicas"]] == ["http://93.184.215.14"]
    assert (await http.delete("/a2a/agents/c%2Fd%20e")).status_code == 204
    missing = await http.get("/a2a/agents/scriptet")
    assert (missing.status_code, missing.json()["suggestion"]) == (404, "did you mean 'scripted'?")


@pytest.mark.parametrize("body", [{}, {"url": "http://a", "card": {}}, {"card": {"name": "a" * 300_000}}, {"card": {}}])
async def test_what_is_no_registration_is_refused(http: httpx.AsyncClient, body: dict[str, Any]) -> None:
    refused = await http.post("/a2a/agents/register", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_the_registry_is_exported_and_imported(http: httpx.AsyncClient, registry: Registry) -> None:
    given = card("ant", skill("guess"), url="http://93.184.215.14")
    await as_fetched(registry, given, "http://93.184.215.14")
    exported = (await http.get("/a2a/agents/export")).json()
    await registry.remove("ant")
    done = (await http.post("/a2a/agents/import", json=exported)).json()
    assert done == {"registered": ["ant"], "skipped": ["scripted"], "refused": []}
    assert [agent.id for agent in await registry.discover()] == ["scripted", "ant"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"journey_id": "j" * 65},
        {"journey_id": "j\u0000"},
        {"journey_id": "j\u00e9"},
        {"agent_id": "a\u0000"},
        {"agent_id": "a" * 256},
        {"skill": "s\u0000"},
        {"skill": "s" * 129},
        {"input": {"a": [1] * 20_001}},
    ],
    ids=lambda wrong: f"{wrong}"[:30],
)
async def test_a_task_that_can_t_be_sent_is_the_client_s_mistake(
    http: httpx.AsyncClient, wrong: dict[str, Any]
) -> None:
    task = {"agent_id": "scripted", "skill": "who", "input": {}, **wrong}
    refused = await http.post("/a2a/task/invoke", json=task)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_a_card_of_very_many_fields_is_refused(http: httpx.AsyncClient) -> None:
    refused = await http.post("/a2a/agents/register", json={"card": {f"x{n}": 1 for n in range(5001)}})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")
    assert "more than 5,000 values" in refused.json()["detail"]
