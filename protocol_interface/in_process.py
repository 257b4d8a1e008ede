"""HTTP to an ASGI app of this process, such that a local agent can't tell that it is local."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from contextvars import Context

import httpx
from starlette.applications import Starlette
from starlette.types import ASGIApp


class InProcess(httpx.AsyncBaseTransport):
    """A transport that calls `app`, each request in an asyncio task and a context of its own, as a server would.

    So nothing but the request reaches the app (no contextvars), and a caller that is cancelled leaves at once while the
    app, like a server whose client hung up, goes on until it is told otherwise. The app's lifespan spans from the first
    request to aclose.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._asgi = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._lifespan = AsyncExitStack()
        self._starting = asyncio.Lock()
        self._started = False
        self._requests: set[asyncio.Task[httpx.Response]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._start()
        answering = asyncio.get_running_loop().create_task(self._asgi.handle_async_request(request), context=Context())
        self._requests.add(answering)
        answering.add_done_callback(self._requests.discard)
        # Not `await answering`: that would carry our cancellation into the app.
        await asyncio.wait({answering})
        return answering.result()

    async def aclose(self) -> None:
        await self._lifespan.aclose()
        requests = list(self._requests)
        for request in requests:
            request.cancel()
        await asyncio.gather(*requests, return_exceptions=True)

    async def _start(self) -> None:
        async with self._starting:
            if not self._started and isinstance(self._app, Starlette):
                await self._lifespan.enter_async_context(self._app.router.lifespan_context(self._app))
            self._started = True
