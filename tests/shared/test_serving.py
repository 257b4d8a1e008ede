"""Who is answered by a server on this machine, and how much it reads of a request."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from socket import create_server

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import RequestTooLarge
from shared.serving import BodyLimited, OwnHostOnly, Server, ToldOfStop

URL = "http://127.0.0.1:8000"


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


APP = Starlette(routes=[Route("/", echo, methods=["POST"])])


def client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=URL)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:8000"},
        {"Host": "ops.example:8000"},
        {"Origin": URL},
        {"Origin": "http://localhost:8000"},
    ],
)
async def test_its_own_names_are_answered(headers: dict[str, str]) -> None:
    async with client(OwnHostOnly(APP, url="http://ops.example:8000")) as http:
        assert (await http.post("/", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "wrong_host"),
        ({"Host": "127.0.0.1:8001"}, 421, "wrong_host"),
        ({"Origin": "http://evil.example"}, 403, "foreign_origin"),
        ({"Origin": "null"}, 403, "foreign_origin"),
    ],
)
async def test_other_names_and_pages_are_not(headers: dict[str, str], status: int, code: str) -> None:
    async with client(OwnHostOnly(APP, url=URL)) as http:
        refused = await http.post("/", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["content-type"] == "application/problem+json"


async def test_what_is_imported_is_not_looked_through_for_garbage_while_a_server_runs() -> None:
    frozen = asyncio.Queue[int]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        frozen.put_nowait(gc.get_freeze_count())
        await PlainTextResponse("")(scope, receive, send)

    before = gc.get_freeze_count()
    with create_server(("127.0.0.1", 0)) as listener:
        server = Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve([listener]))
        async with httpx.AsyncClient() as http:
            await http.get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        server.should_exit = True
        await running
    assert await frozen.get() > before + 1000
    assert gc.get_freeze_count() == 0


async def in_chunks(*sizes: int) -> AsyncIterator[bytes]:
    for size in sizes:
        yield b"x" * size


async def test_a_body_up_to_the_limit_is_read() -> None:
    async with client(BodyLimited(APP, limit=10)) as http:
        whole = await http.post("/", content=b"x" * 10)
        streamed = await http.post("/", content=in_chunks(4, 6))
    assert whole.text == streamed.text == "x" * 10


async def test_a_longer_body_is_refused_by_its_length_or_while_it_is_read() -> None:
    async with client(BodyLimited(APP, limit=2**20)) as http:
        said = await http.post("/", content=b"x" * (2**20 + 1))
        unsaid = await http.post("/", content=in_chunks(2**20, 1))
    for refused in (said, unsaid):
        assert (refused.status_code, refused.json()["code"]) == (413, "request_too_large")
        assert "longer than 1 MiB" in refused.json()["detail"]


async def test_what_an_app_answers_to_a_broken_off_body_is_not_heard() -> None:
    async def answers_anyway(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
        except RequestTooLarge:
            await PlainTextResponse("can't parse that", 400)(scope, receive, send)

    async with client(BodyLimited(answers_anyway, limit=3)) as http:
        refused = await http.post("/", content=in_chunks(4))
    assert refused.status_code == 413


async def cancelled(begins: str | None) -> list[Message]:
    """What a client hears of a request that is cancelled. begins: the type of the answer that has begun by then."""
    heard: list[Message] = []
    reached = asyncio.Event()

    async def hangs(_: Scope, __: Receive, send: Send) -> None:
        if begins:
            start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", begins.encode())]}
            await send(start)
        reached.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        heard.append(message)

    request = asyncio.create_task(ToldOfStop(hangs)({"type": "http", "path": "/x"}, receive, send))
    await reached.wait()
    request.cancel()
    await request
    return heard


async def test_a_request_that_is_cancelled_is_told_that_the_server_stops() -> None:
    start, body = await cancelled(None)
    assert (start["status"], json.loads(body["body"])["code"]) == (503, "server_stopping")


async def test_what_is_cancelled_within_a_request_does_not_stop_the_server() -> None:
    async def cancels_a_part(_: Scope, __: Receive, ___: Send) -> None:
        part = asyncio.ensure_future(asyncio.Event().wait())
        part.cancel()
        await part

    async with client(ToldOfStop(cancels_a_part)) as http:
        with pytest.raises(asyncio.CancelledError):
            await http.post("/")


async def test_a_stream_of_events_that_is_cancelled_ends_and_half_an_answer_does_not() -> None:
    _, end = await cancelled("text/event-stream; charset=utf-8")
    assert end == {"type": "http.response.body"}
    assert [one["type"] for one in await cancelled("text/csv")] == ["http.response.start"]
