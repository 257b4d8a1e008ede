"""Serving with uvicorn: an end that lets everything close; requests from web pages, and endless ones, kept out."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from socket import socket
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import ForeignOrigin, InvalidInput, LexiQueryError, RequestTooLarge, ServerStopping, WrongHost
from shared.problems import error_response

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Server(uvicorn.Server):
    """On SIGINT and SIGTERM `serve` returns; uvicorn's own raises the signal again, and nothing gets to close.

    What is not answered `timeout_graceful_shutdown` seconds later is told so. What is there when it begins, nearly all
    of it imported, is not looked through for garbage meanwhile: that stops every answer for a fifth of a second.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        app: Any = config.app  # uvicorn takes more than ASGI 3; we give it that
        config.app = ToldOfStop(app)
        super().__init__(config)

    async def serve(self, sockets: list[socket] | None = None) -> None:
        gc.freeze()
        try:
            await super().serve(sockets)
        finally:
            gc.unfreeze()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        caught = []
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, self.handle_exit, number, None)
            except (RuntimeError, ValueError, NotImplementedError):
                continue  # not the main thread, or not this platform: whoever runs us ends us
            caught.append(number)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)


class ToldOfStop:
    """Ends a request that is cancelled, as uvicorn does to those that are under way when it has waited long enough.

    One without an answer gets a 503, and an event stream its end. Any other answer breaks off: half of it is no whole.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: Headers | None = None

        async def seen(message: Message) -> None:
            nonlocal answer
            if message["type"] == "http.response.start":
                answer = Headers(raw=message["headers"])
            await send(message)

        try:
            await self._app(scope, receive, seen)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if scope["type"] != "http" or not (task and task.cancelling()):  # something within was cancelled
                raise
            if answer is None:
                stops = ServerStopping("the server stops, and the request is not done", suggestion="send it again")
                await error_response(stops, scope["path"])(scope, receive, send)
            elif answer.get("content-type", "").startswith("text/event-stream"):
                await send({"type": "http.response.body"})


class OwnHostOnly:
    """Answers only requests that name this server, and none that another site's page made.

    A server on loopback without an API key trusts whoever reaches it; a web page that a user opens can reach it too,
    by a name that it makes point to 127.0.0.1 (another Host), or by a form that it sends there (another Origin).
    """

    def __init__(self, app: ASGIApp, *, url: str) -> None:
        self._app = app
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        self._hosts = {f"{host}{port}" for host in (*_LOOPBACK, parts.hostname or "")}
        self._origins = {f"{parts.scheme}://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (error := self._problem(Headers(scope=scope))):
            await error_response(error, scope["path"])(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, headers: Headers) -> LexiQueryError | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            set_it = "set LEXIQUERY_PUBLIC_URL to the address that clients use"
            return WrongHost(f"this server is not '{host}'", suggestion=set_it)
        if origin is not None and origin not in self._origins:
            return ForeignOrigin(f"pages of '{origin}' may not use this server")
        return None


class WithoutNul:
    """Answers 400 to a request whose address holds a NUL character: no name has one, and PostgreSQL takes none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\0" in scope["path"] or b"%00" in scope["query_string"]):
            problem = InvalidInput("the address holds a NUL character")
            await error_response(problem, scope["path"].replace("\0", ""))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


class BodyLimited:
    """Answers 413 to a request whose body is longer than `limit` bytes, before or while it is read."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        too_large = RequestTooLarge(
            f"the request's body is longer than {self._limit / 2**20:g} MiB",
            suggestion="send less at once, or raise LEXIQUERY_REQUEST_LIMIT_MB",
        )
        refusal = error_response(too_large, scope["path"])
        if _said_length(scope) > self._limit:
            await refusal(scope, receive, send)
            return
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise too_large
            return message

        async def answer(message: Message) -> None:
            # What the app makes of a body that broke off is not what its sender has to know.
            nonlocal started
            if started or read <= self._limit:
                started = True
                await send(message)

        try:
            await self._app(scope, counted, answer)
        except RequestTooLarge:
            if started:
                raise
        if not started:
            await refusal(scope, receive, send)


def _said_length(scope: Scope) -> int:
    said = Headers(scope=scope).get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0
