"""Cards that lie, or are no cards: refused with what is wrong, whatever they hold."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from fastapi.routing import APIRoute

from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.card_check import CARD_LIMIT, parse_card
from protocol_interface.registry import Registry
from shared.errors import InvalidInput
from tests.protocol_interface.registry.cards import card, skill

GOOD = agent_card_to_dict(card("guest", skill("guess")))
URL = "https://a.example"
AGENTS = "/a2a/agents/"


def changed(**fields: Any) -> bytes:
    return json.dumps({**GOOD, **fields}).encode()


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = {"a": value}
    return value


def _extension(params: Any) -> dict[str, Any]:
    return {"extensions": [{"uri": "urn:x", "params": params}]}


NO_CARDS = [
    (b"", "is no Agent Card"),
    (b"\xff\xfe{}", "can't decode byte 0xff"),
    (json.dumps(GOOD).encode("utf-16"), "is no Agent Card"),
    (b'{"name": "guest", "name": "kql"}', "has the key 'name' twice"),
    (b'{"name": "guest", "skills": [{"id": "a", "id": "b"}]}', "has the key 'id' twice"),
    (b"[" * 100_000, "lie too deep"),
    (b'{"a":' * 50_000, "lie too deep"),
    (changed(capabilities=_extension(nested(40))), "more than 32 deep"),
    (b" " * (CARD_LIMIT + 1), "larger than 256 KiB"),
    (changed(name="1" * 65), "a name of 65 characters"),
    (changed(name="k\u200bql"), "characters that nobody sees"),
    (changed(name=" kql"), "characters that nobody sees"),
    (changed(name="kql\u202e"), "characters that nobody sees"),
    (changed(name="export"), "address of the registry itself"),
    (changed(name="-x"), "would read it otherwise"),
    (changed(name="a/../b"), "would read it otherwise"),
    (changed(description="a\x00b"), r"the control character '\\x00'"),
    (changed(description="a\x1b[2Jb"), r"the control character '\\x1b'"),
    (changed(description="a\x9b31mRED"), r"the control character '\\x9b'"),
    (changed(description="a\x7f"), r"the control character '\\x7f'"),
    (changed(skills=[{"id": "a", "description": "a\u202eb"}]), r"the control character '\\u202e'"),
    (changed(skills=[{"id": "a", "tags": ["a\u2067b"]}]), r"the control character '\\u2067'"),
    (b'{"name": "\\ud800", "skills": []}', "is no Agent Card"),
    (changed(skills=[{"id": "a", "tags": ["t\x00"]}]), "the control character"),
    (changed(skills=[{"id": "s" * 129}]), "longer than 128 characters"),
    (changed(skills=[{"id": f"s{number}"} for number in range(201)]), "more than 200 skills"),
    (changed(skills=[{"id": "a", "tags": [str(number) for number in range(201)]}]), "more than 200 skills, or tags"),
    (changed(supportedInterfaces=[{"url": URL}] * 17), "more than 16 interfaces"),
    (changed(supportedInterfaces=[{"url": "http://[::1"}]), "no http URL"),
    (changed(supportedInterfaces=[{"url": "javascript:alert(1)"}]), "no http URL"),
    (changed(supportedInterfaces=[{"url": "a.example:80", "protocolBinding": "JSONRPC"}]), "no http URL"),
    (changed(supportedInterfaces=[{"url": "http://user:word@a.example"}]), "no http URL"),
    (changed(supportedInterfaces=[{"url": "http://a.example:99999999"}]), "with a port of 1 to 65535"),
    (changed(supportedInterfaces=[{"url": "a.example:0", "protocolBinding": "GRPC"}]), "with a port of 1 to 65535"),
    (changed(supportedInterfaces=[{"url": None}]), "no http URL"),
    (changed(supportedInterfaces={"url": URL}), "is no Agent Card|names no interface"),
    (b'{"name": 1e999}', "is no Agent Card"),
    (b'{"name": ' + b"9" * 5000 + b"}", "is no Agent Card"),
    (b"null", "is no Agent Card"),
]


@pytest.mark.parametrize(("content", "says"), NO_CARDS, ids=[says for _, says in NO_CARDS])
def test_what_is_no_usable_card_is_refused_with_the_reason(content: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        parse_card(content, "http://guest.example")


def test_no_agent_may_be_called_like_an_address_of_the_registry() -> None:
    router = a2a_router(cast("Registry", None), cast("A2AClient", None))
    paths = [route.path for route in router.routes if isinstance(route, APIRoute)]
    taken = {path.removeprefix(AGENTS) for path in paths if path.startswith(AGENTS) and "{" not in path}
    assert "export" in taken
    for name in taken:
        with pytest.raises(InvalidInput, match=f"no agent can be called '{name}'.*name it '{name}-agent'"):
            parse_card(changed(name=name), "here")


@pytest.mark.parametrize("name", ["exports", "Export", "team/export", "a.b", "x-", "a/b/"])
def test_a_name_that_only_looks_like_an_address_passes(name: str) -> None:
    assert parse_card(changed(name=name), "here").name == name


def test_an_honest_card_passes() -> None:
    several = [{"url": URL, "protocolBinding": "JSONRPC"}, {"url": "a.example:50051", "protocolBinding": "GRPC"}]
    one = parse_card(changed(supportedInterfaces=several, capabilities=_extension(nested(20))), "here")
    assert (one.name, len(one.supported_interfaces)) == ("guest", 2)
