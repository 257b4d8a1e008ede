"""Where strangers may be: public addresses, and what the operator lists in LEXIQUERY_ALLOW_HOSTS."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agents.serve import agent_app, agent_card
from protocol_interface import registry as registry_module
from protocol_interface.a2a_client import A2AClient
from protocol_interface.hosts import HostRule
from protocol_interface.registry import Registry
from shared import addresses
from shared.addresses import METADATA
from shared.database import create_tables
from shared.errors import AgentUnavailable, InvalidInput
from shared.ledger import Ledger
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.probes import ask_all
from tests.protocol_interface.registry.cards import as_fetched

PUBLIC = "93.184.215.14"
Names = Callable[[str, str], None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Says at which addresses a name of these tests is; several, parted by spaces."""
    known: dict[str, str] = {}
    resolve = socket.getaddrinfo

    def answer(host: str, port: int, *rest: Any, **named: Any) -> Any:
        return [one for address in known.get(host, host).split() for one in resolve(address, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known.__setitem__


def rule(allow_hosts: str, host: str = "0.0.0.0") -> HostRule:
    return HostRule.of(Settings.model_validate({"allow_hosts": allow_hosts, "host": host}))


ALLOWED = [
    ("", PUBLIC),
    ("", "[2606:2800:21f:cb07:6820:80da:af6b:8b2c]"),
    ("10.1.0.0/16", "10.1.2.3"),
    ("10.1.2.3", "10.1.2.3"),
    ("10.1.2.3", "[::ffff:10.1.2.3]"),
    ("192.168.0.0/16, 10.1.0.0/16", "10.1.2.3"),
    ("fd12::/48", "[fd12::7]"),
    ("[fd12::7]", "[fd12::7]"),
    ("169.254.169.254", "169.254.169.254"),
    ("localhost", "localhost"),
    ("LocalHost.", "localhost"),
    ("127.0.0.1", "127.0.0.1"),
]


@pytest.mark.parametrize(("listed", "host"), ALLOWED)
async def test_a_public_or_listed_host_may_be_called(listed: str, host: str) -> None:
    assert await rule(listed).address(httpx.URL(f"http://{host}:9020"))


REFUSED = [
    ("10.1.0.0/16", "10.2.0.1"),
    ("10.1.0.0/16", "127.0.0.1"),
    ("10.1.0.0/16", "[::ffff:10.2.0.1]"),
    ("agents.example", "10.1.2.3"),
    ("", "100.64.0.1"),
    ("", "169.254.1.1"),
    ("", "[fe80::1]"),
    ("", "[64:ff9b::a00:1]"),
    ("", "[2002:a00:1::]"),
    ("", "[64:ff9b:1::a00:1]"),
    ("", "[::a00:1]"),
    ("", "[::ffff:0:a00:1]"),
    ("", "[2001:0:a00::1]"),
    ("", "[fec0::1]"),
    ("", "[::]"),
    ("", "0.0.0.0"),
    ("", "[::ffff:169.254.1.1]"),
    ("0.0.0.0/0,::/0", "0.0.0.0"),
    ("0.0.0.0/0,::/0", "224.0.0.1"),
    ("0.0.0.0/0,::/0", "[ff02::1]"),
]


@pytest.mark.parametrize(("listed", "host"), REFUSED)
async def test_any_other_host_is_refused_with_the_setting_that_allows_it(listed: str, host: str) -> None:
    shown = host.strip("[]")
    with pytest.raises(InvalidInput, match=f"'{shown}' is at .*not public; allow it by LEXIQUERY_ALLOW_HOSTS={shown}"):
        await rule(listed).address(httpx.URL(f"http://{host}"))


@pytest.mark.parametrize("address", sorted(map(str, METADATA)))
async def test_a_metadata_address_is_refused_unless_it_is_listed_itself(names: Names, address: str) -> None:
    names("metadata.example", address)
    for host in (f"[{address}]" if ":" in address else address, "metadata.example"):
        url = httpx.URL(f"http://{host}/latest")
        with pytest.raises(InvalidInput, match=f"credentials; .*list {address} itself in LEXIQUERY_ALLOW_HOSTS"):
            await rule("0.0.0.0/0,::/0,169.254.0.0/16,metadata.example").address(url)
        assert await rule(f"{address},metadata.example").address(url) == address


async def test_this_machine_may_be_called_by_a_server_for_this_machine() -> None:
    assert await rule("", host="127.0.0.1").address(httpx.URL("http://127.0.0.1:9")) == "127.0.0.1"


@pytest.mark.parametrize(
    ("listed", "addresses", "refused"),
    [
        ("agents.example", "10.1.2.3", None),
        ("10.1.0.0/16", "10.1.2.3 10.1.2.4", None),
        ("", "10.1.2.3", "10.1.2.3"),
        ("10.1.0.0/16", "10.1.2.3 10.2.0.1", "10.2.0.1"),
        ("corp.example", "10.1.2.3", "10.1.2.3"),
        ("", f"{PUBLIC} 127.0.0.1", "127.0.0.1"),
    ],
)
async def test_a_name_is_judged_by_every_address_that_it_has(
    names: Names, listed: str, addresses: str, refused: str | None
) -> None:
    names("agents.example", addresses)
    url = httpx.URL("https://agents.example")
    if refused is None:
        assert await rule(listed).address(url) == addresses.split()[0]
        return
    with pytest.raises(InvalidInput, match=f"'agents.example' is at {refused}, which is not public"):
        await rule(listed).address(url)


async def test_a_name_server_that_never_answers_is_given_up_and_holds_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        released.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(addresses, "RESOLVE_SECONDS", 0.02)
    slow = (rule("").address(httpx.URL(f"http://slow-{number}.example")) for number in range(40))
    try:
        found = await asyncio.gather(*slow, return_exceptions=True)
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        released.set()
    assert {(type(one), str(one).startswith("can't resolve the host")) for one in found} == {(AgentUnavailable, True)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("10.1.2.3/16", r"'10\.1\.2\.3/16' is no network; did you mean '10\.1\.0\.0/16'\?"),
        ("http://agents.example", "'http://agents.example' is no host's name, address or network"),
        ("agents.example:9020", "is no host's name"),
        ("10.1", "'10.1' is no host's name"),
        ("10.1.0.0/40", "is no host's name"),
        ("*", "is no host's name"),
    ],
)
def test_an_entry_that_names_no_host_is_told(text: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        rule(f"10.0.0.0/8,{text}")


@pytest.fixture
async def strict(engine: AsyncEngine) -> Registry:
    """As in a server for others, whose operator lists agents.example."""
    await create_tables(engine, registry_module.schema)
    return Registry(engine, hosts=rule("agents.example"))


async def test_another_partys_agent_in_the_private_network_is_registered_and_asked(
    names: Names, strict: Registry, ledger: Ledger, settings: Settings
) -> None:
    listener = loopback_socket()
    url = f"http://agents.example:{listener.getsockname()[1]}"
    names("agents.example", "127.0.0.1")
    served = settings.model_copy(update={"host": "0.0.0.0", "allow_hosts": ["agents.example"]})
    client = A2AClient(strict, ledger=ledger, local={}, settings=served)
    async with on_a_socket(agent_app(ScriptedAgent("guest"), url=url), listener):
        assert not (await strict.register_url(url)).trusted
        assert await ask_all(strict, client.http) == {"guest": True}
        assert await client.invoke("guest", "echo", {"n": 1}) == {"n": 1}
    await client.close()


async def test_no_task_goes_where_a_strangers_name_came_to_lead(
    names: Names, strict: Registry, ledger: Ledger, settings: Settings
) -> None:
    """The name was public when the agent was registered, and means this machine when a task is sent."""
    called: list[Request] = []

    async def note(request: Request) -> Response:
        called.append(request)
        return JSONResponse({})

    host = Starlette(routes=[Route("/{path:path}", note, methods=["GET", "POST"])])
    client = A2AClient(strict, ledger=ledger, local={}, settings=settings.model_copy(update={"host": "0.0.0.0"}))
    async with on_a_socket(host, loopback_socket()) as url:
        there = url.replace("127.0.0.1", "guest.example")
        await as_fetched(strict, agent_card(ScriptedAgent("guest"), there), there)
        names("guest.example", "127.0.0.1")
        with pytest.raises(AgentUnavailable, match=r"can't reach agent 'guest' .*127\.0\.0\.1, which is not public"):
            await client.invoke("guest", "echo", {})
    await client.close()
    assert called == []


async def test_the_agent_is_called_by_its_name_at_the_address_that_was_judged(
    names: Names, strict: Registry, ledger: Ledger, settings: Settings
) -> None:
    heard: list[str] = []

    async def note(request: Request) -> Response:
        heard.append(request.headers["host"])
        return Response(status_code=503)

    host = Starlette(routes=[Route("/{path:path}", note, methods=["GET", "POST"])])
    client = A2AClient(strict, ledger=ledger, local={}, settings=settings)
    async with on_a_socket(host, loopback_socket()) as url:
        there = url.replace("127.0.0.1", "agents.example")
        names("agents.example", "127.0.0.1")
        await as_fetched(strict, agent_card(ScriptedAgent("guest"), there), there)
        with pytest.raises(AgentUnavailable, match="answered HTTP 503"):
            await client.invoke("guest", "echo", {})
        with pytest.raises(AgentUnavailable, match="answered 503"):
            await strict.register_url(there)
    await client.close()
    assert set(heard) == {there.removeprefix("http://")}
