"""The MCP server as its clients reach it: in memory, over HTTP on a real socket, over stdio."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import CallToolResult, TextContent
from starlette.applications import Starlette
from starlette.types import ASGIApp

from protocol_interface.mcp_server.http import mount_server
from protocol_interface.mcp_server.server import LexiQueryServer, build_mcp
from shared.serving import OwnHostOnly
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.notebook import Notebook

ROOT = Path(__file__).parents[2]
STDIO = StdioServerParameters(command=sys.executable, args=["-m", "tests.protocol_interface.stdio_server"], cwd=ROOT)
# `legacy` is the initialize handshake, which settles on 2025-11-25.
VERSIONS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
both_versions = pytest.mark.parametrize("mode", VERSIONS)
OFTEN = 0.01
"""Seconds between two looks at the registry."""


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def mcp_app(server: LexiQueryServer, url: str, settings: Settings | None = None) -> ASGIApp:
    """The server in a host application without an API key."""
    contexts: list[AbstractAsyncContextManager[None]] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with contexts[0]:
            yield

    host = Starlette(lifespan=lifespan)
    contexts.append(mount_server(host, server, settings=settings or Settings(), url=url))
    return OwnHostOnly(host, url=url)


@asynccontextmanager
async def served(server: LexiQueryServer, settings: Settings | None = None) -> AsyncIterator[str]:
    """The URL of its endpoint, on a real socket."""
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(mcp_app(server, url, settings), listener):
        yield f"{url}/mcp"


@asynccontextmanager
async def connected(transport: str, mode: str, **callbacks: Any) -> AsyncIterator[Client]:
    """A client of a Notebook: over `memory`, `http` or `stdio`."""
    async with AsyncExitStack() as stack:
        there: Any = STDIO if transport == "stdio" else build_mcp(Notebook())
        if transport == "http":
            there = await stack.enter_async_context(served(there))
        yield await stack.enter_async_context(Client(there, mode=mode, **callbacks))
