"""A2A apps on real sockets, for tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


def loopback_socket(host: str = "127.0.0.1") -> socket.socket:
    """A listening socket on a free port; connections wait in it until a server takes them."""
    listener = socket.socket()
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind((host, 0))
    listener.listen()
    return listener


@asynccontextmanager
async def on_a_socket(app: ASGIApp, listener: socket.socket) -> AsyncIterator[str]:
    """The app served on a listening socket; its URL."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
