"""MCP over HTTP, met by what is no good client: foreign pages, other names, nonsense, too much, and those who leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from protocol_interface.mcp_server import build_mcp
from protocol_interface.mcp_server.http import PATH, Trimmed
from shared.settings import Settings
from tests.protocol_interface.mcp_serving import served
from tests.protocol_interface.notebook import Notebook

MODERN = "2026-07-28"
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}


def headers(method: str, name: str | None = None) -> dict[str, str]:
    """Those of a request by protocol 2026-07-28."""
    named = {"mcp-name": name} if name else {}
    return {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method, **named}


def call(method: str, **params: Any) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


@pytest.fixture
def product() -> Notebook:
    return Notebook(hold=True)


@pytest.fixture
async def http(product: Notebook) -> AsyncIterator[httpx.AsyncClient]:
    """At the endpoint of a server that lets two sessions in."""
    async with (
        served(build_mcp(product), Settings(mcp_sessions=2)) as url,
        httpx.AsyncClient(base_url=url.removesuffix(PATH), trust_env=False, timeout=30) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"origin": "https://evil.example"}, 403, "foreign_origin"),
        ({"origin": "null"}, 403, "foreign_origin"),
        ({"host": "evil.example"}, 421, "wrong_host"),
    ],
)
async def test_another_sites_page_and_another_name_are_refused(
    http: httpx.AsyncClient, sent: dict[str, str], status: int, code: str
) -> None:
    for body, kind in ((HELLO, ACCEPT), (call("tools/list"), headers("tools/list"))):
        refused = await http.post(PATH, json=body, headers={**kind, **sent})
        assert (refused.status_code, refused.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[" * 100_000, 400, -32700),
        (b"[]", 400, -32600),
        (b'{"jsonrpc": "2.0", "id": {}, "method": "tools/list"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}', 400, None),
    ],
)
async def test_nonsense_is_answered_with_what_is_wrong(
    http: httpx.AsyncClient, body: bytes, status: int, code: int | None
) -> None:
    answered = await http.post(PATH, content=body, headers=headers("tools/list"))
    assert answered.status_code == status
    assert code is None or answered.json()["error"]["code"] == code


async def test_a_body_of_more_than_four_megabytes_is_refused(http: httpx.AsyncClient, product: Notebook) -> None:
    too_much = call("tools/call", name="ask", arguments={"question": "?" * 5_000_000})
    assert (await http.post(PATH, json=too_much, headers=headers("tools/call", "ask"))).status_code == 413
    assert product.asked == []


async def test_a_client_that_leaves_cancels_its_journey(http: httpx.AsyncClient, product: Notebook) -> None:
    asks = call("tools/call", name="ask", arguments={"question": "Failures?"})
    asks["params"]["_meta"]["progressToken"] = 1
    async with http.stream("POST", PATH, json=asks, headers=headers("tools/call", "ask")) as answering:
        await anext(answering.aiter_lines())
    await product.was_cancelled.wait()
    assert product.cancelled == ["journey-1"]


async def test_a_session_ends_when_its_client_says_so_and_there_are_no_more_than_are_allowed(
    http: httpx.AsyncClient,
) -> None:
    first, second, third = [await http.post(PATH, json=HELLO, headers=ACCEPT) for _ in range(3)]
    assert [one.status_code for one in (first, second, third)] == [200, 200, 503]
    own = {"mcp-session-id": first.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
    assert (await http.delete(PATH, headers=own)).status_code == 200
    gone = await http.post(PATH, json={**HELLO, "method": "ping", "params": {}}, headers={**ACCEPT, **own})
    assert gone.status_code == 404
    assert (await http.post(PATH, json=HELLO, headers=ACCEPT)).status_code == 200


async def test_blanks_around_a_header_are_none_of_its_value() -> None:
    """As uvicorn's faster parser gives them; clients in Python refuse to send them."""
    seen: list[Any] = []

    async def app(scope: Any, *_: Any) -> None:
        seen.extend(scope["headers"])

    await Trimmed(app)({"type": "http", "headers": [(b"mcp-name", b" ask\t ")]}, None, None)  # type: ignore[arg-type]
    assert seen == [(b"mcp-name", b"ask")]


async def test_an_unknown_method_and_an_unknown_tool_are_told(http: httpx.AsyncClient) -> None:
    async with Client(str(http.base_url).rstrip("/") + PATH, mode=MODERN) as client:
        result = await client.call_tool("made_up", {})
        assert result.is_error
        with pytest.raises(MCPError):
            await client.read_resource("nothing://here")
    answered = await http.post(PATH, json=call("tools/make_up"), headers=headers("tools/make_up"))
    assert answered.json()["error"]["code"] == -32601
