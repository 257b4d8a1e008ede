"""The conformance suite's server: ours with its fixtures, behind the checks of a server without an API key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette
from starlette.types import ASGIApp

from protocol_interface.mcp_server import build_mcp
from protocol_interface.mcp_server.http import mount_server
from shared.serving import OwnHostOnly
from shared.settings import Settings
from tests.protocol_interface.mcp_conformance.fixtures import add_fixtures
from tests.protocol_interface.notebook import Notebook


def conformance_app(url: str) -> ASGIApp:
    contexts: list[AbstractAsyncContextManager[None]] = []

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with contexts[0]:
            yield

    host = Starlette(lifespan=lifespan)
    server = build_mcp(Notebook())
    add_fixtures(server)
    contexts.append(mount_server(host, server, settings=Settings(), url=url))
    return OwnHostOnly(host, url=url)
