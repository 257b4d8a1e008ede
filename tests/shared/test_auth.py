"""The API key: who is let through, and what the others are told."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from shared.auth import ApiKeyRequired

KEY = "key"
CARDS = ("/.well-known/agent-card.json", "/.well-known/agent.json")


async def _hello(_: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def _greet(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def app() -> ASGIApp:
    paths = ("/", "/health", "/ready", *CARDS, "/health/secret")
    routes = [*(Route(path, _hello) for path in paths), WebSocketRoute("/ws", _greet)]
    return ApiKeyRequired(Starlette(routes=routes), key=KEY)


async def _get(app: ASGIApp, path: str, headers: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://host") as client:
        return await client.get(path, headers={name: value.encode() for name, value in headers.items()})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/health", "/ready", *CARDS])
async def test_what_a_client_needs_before_it_has_a_key_is_public(app: ASGIApp, path: str) -> None:
    assert (await _get(app, path, {})).text == "hello"


GOOD = [{"X-API-Key": "key"}, {"Authorization": "Bearer key"}, {"authorization": "bearer key"}]


@pytest.mark.parametrize("headers", GOOD)
async def test_the_key_opens_by_either_header(headers: dict[str, str]) -> None:
    app = ApiKeyRequired(Starlette(routes=[Route("/", _hello)]), key=KEY)
    assert (await _get(app, "/", headers)).text == "hello"


BAD: list[dict[str, str]] = [
    {},
    {"X-API-Key": ""},
    {"X-API-Key": "Key"},
    {"Authorization": "Basic key"},
    {"Authorization": "key"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer é"},
]


@pytest.mark.parametrize("path", ["/", "/health/secret", "/nothing/there"])
@pytest.mark.parametrize("headers", BAD)
async def test_without_the_key_nothing_else_answers(headers: dict[str, str], path: str) -> None:
    app = ApiKeyRequired(Starlette(routes=[Route("/", _hello), Route("/health/secret", _hello)]), key=KEY)
    refused = await _get(app, path, headers)
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (refused.json()["code"], refused.json()["instance"]) == ("unauthorized", path)


def test_a_websocket_without_the_key_is_closed(app: ASGIApp) -> None:
    client = TestClient(app)
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/ws"):
        pass
    assert closed.value.code == 1008
