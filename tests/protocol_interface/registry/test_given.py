"""Cards that somebody gives: nobody's word but his own, so they change no agent that is known."""

from __future__ import annotations

import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard, AgentInterface
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol_interface.a2a_client import A2AClient
from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry, exchange
from protocol_interface.registry.exchange import Export, import_agents
from shared.errors import AgentUnavailable, Conflict, InvalidInput
from shared.ledger import Ledger
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.registry.cards import Place, as_fetched, card, skill

HOME, EVIL = "http://93.184.215.14", "http://93.184.215.66"
DOES = "Does things"


def guest(url: str = HOME, *others: tuple[str, str], description: str = DOES, name: str = "guest") -> AgentCard:
    """others: (URL, binding) of further interfaces."""
    one = card(name, skill("guess"), description=description, url=url)
    for other, binding in others:
        one.supported_interfaces.append(AgentInterface(url=other, protocol_binding=binding, protocol_version="1.0"))
    return one


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_given_card_changes_no_agent_that_is_known(on_either: Registry, trusted: bool) -> None:
    await (on_either.register(guest(), url=HOME) if trusted else as_fetched(on_either, guest(), HOME))
    with pytest.raises(Conflict, match=f"agent 'guest' has another card at {HOME}; register its URL"):
        await on_either.register_card(guest(description="EVIL"))
    assert (await on_either.route("guest")).card.description == DOES


@pytest.mark.parametrize(("trusted", "source"), [(True, "own"), (False, "url")])
async def test_the_card_that_is_known_ends_no_agent_by_a_lease(registry: Registry, trusted: bool, source: str) -> None:
    await (registry.register(guest(), url=HOME) if trusted else as_fetched(registry, guest(), HOME))
    found = await registry.register_card(guest(), lease_seconds=5)
    assert (found.source, found.lease_until, found.trusted) == (source, None, trusted)


@pytest.mark.parametrize(
    "elsewhere", [(EVIL, "JSONRPC"), (f"{HOME}:81", "JSONRPC"), ("https://93.184.215.14", "HTTP+JSON"), (EVIL, "GRPC")]
)
async def test_a_card_leads_nowhere_but_to_its_own_place(registry: Registry, elsewhere: tuple[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"has an interface at .*, and the agent is at"):
        await registry.register_card(guest(HOME, elsewhere))


async def test_a_fetched_card_leads_nowhere_else_either(registry: Registry, place: Place) -> None:
    place.card = guest(EVIL)
    with pytest.raises(InvalidInput, match="has an interface at"):
        await registry.register_url(place.url)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_the_key_goes_to_no_host_but_the_one_that_the_operator_named(
    registry: Registry, ledger: Ledger, settings: Settings, host: str
) -> None:
    heard: list[str | None] = []

    async def note(request: Request) -> Response:
        heard.append(request.headers.get("authorization"))
        return Response(status_code=503)

    client = A2AClient(
        registry, ledger=ledger, local={}, settings=settings.model_copy(update={"api_key": SecretStr("a key")})
    )
    app = Starlette(routes=[Route("/{path:path}", note, methods=["GET", "POST"])])
    async with on_a_socket(app, loopback_socket()) as url:
        await registry.register(guest(url.replace("127.0.0.1", host)), url=url)
        with pytest.raises(AgentUnavailable, match="answered HTTP 503"):
            await client.invoke("guest", "guess", {})
    await client.close()
    assert set(heard) == {"Bearer a key" if host == "127.0.0.1" else None}


async def test_grpc_may_have_a_port_of_its_own(registry: Registry) -> None:
    one = guest(HOME, ("93.184.215.14:50051", "GRPC"))
    one.supported_interfaces.reverse()
    assert (await registry.register_card(one)).url == HOME


async def test_strangers_are_so_many_at_most_and_ours_do_not_count(on_either: Registry) -> None:
    few = Registry(on_either._store._engine, hosts=HostRule(), limit=1)
    await few.register(card("kql", skill("query")), url="http://kql.example")
    await few.register_card(guest(name="one"))
    with pytest.raises(Conflict, match=r"has 1 agents of others already; .*raise LEXIQUERY_REGISTRY_LIMIT"):
        await few.register_card(guest(name="two"))
    await few.register_card(guest(name="one"))
    await few.register(card("spl", skill("query")), url="http://spl.example")
    await few.register_static(HOME, guest(name="partner"))
    assert [agent.id for agent in await few.discover()] == ["kql", "spl", "one", "partner"]


def exported(name: str, *replicas: tuple[str, AgentCard]) -> Export:
    found = [{"url": url, "card": agent_card_to_dict(one)} for url, one in replicas]
    return Export.model_validate({"agents": [{"name": name, "source": "url", "replicas": found}]})


@pytest.mark.parametrize(
    ("name", "url", "one", "says"),
    [
        ("nobody", EVIL, guest(EVIL, description="EVIL"), "has the card of 'guest'"),
        ("guest", EVIL, guest(EVIL, description="EVIL"), "is registered at"),
        ("guest", HOME, guest(HOME, description="EVIL"), "has another card at"),
        ("new", HOME, guest(EVIL, name="new"), "has an interface at"),
    ],
)
async def test_an_import_takes_over_nobody(registry: Registry, name: str, url: str, one: AgentCard, says: str) -> None:
    await registry.register_card(guest())
    done = await import_agents(registry, exported(name, (url, one)))
    assert (done.registered, len(done.refused)) == ([], 1)
    assert says in done.refused[0].reason
    assert (await registry.route("guest")).card.description == DOES
    assert await registry.places("guest") == {HOME}


async def test_an_agent_is_imported_with_all_its_replicas_or_not_at_all(registry: Registry) -> None:
    twice = [(HOME, guest()), (HOME, guest(description="another"))]
    done = await import_agents(registry, exported("guest", *twice))
    assert "has another card at" in done.refused[0].reason
    assert await registry.discover() == []


async def test_a_file_of_too_many_agents_is_refused(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "MOST", 1)
    with pytest.raises(InvalidInput, match="more than 1 agents; import it in parts"):
        await import_agents(registry, exported("guest", (HOME, guest()), (EVIL, guest(EVIL))))
