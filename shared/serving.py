"""Serving with uvicorn: an end that lets everything close, and requests from web pages kept out."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import uvicorn
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.models import ProblemDetail

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Server(uvicorn.Server):
    """On SIGINT and SIGTERM `serve` returns; uvicorn's own raises the signal again, and nothing gets to close."""

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
        if scope["type"] == "http" and (problem := self._problem(Headers(scope=scope), scope["path"])):
            body = problem.model_dump_json(exclude_none=True)
            await Response(body, problem.status, media_type="application/problem+json")(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, headers: Headers, path: str) -> ProblemDetail | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if host not in self._hosts:
            detail = f"this server is not '{host}'; set LEXIQUERY_PUBLIC_URL to the address that clients use"
            return ProblemDetail(title="Wrong host", status=421, detail=detail, code="wrong_host", instance=path)
        if origin is not None and origin not in self._origins:
            detail = f"pages of '{origin}' may not use this server"
            return ProblemDetail(
                title="Foreign origin", status=403, detail=detail, code="foreign_origin", instance=path
            )
        return None
