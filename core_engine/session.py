"""The product for a command: of the server that owns the data directory if one runs, else built in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from core_engine.remote import RemoteProduct
from core_engine.state import running_server
from shared.settings import Settings

if TYPE_CHECKING:
    from core_engine.product import LocalProduct

WAIT_SECONDS = 600.0
"""How long a command waits for another command to end."""


@asynccontextmanager
async def open_product(settings: Settings) -> AsyncIterator[LocalProduct | RemoteProduct]:
    """Raises AlreadyRunning when another command keeps the data directory longer than WAIT_SECONDS."""
    if url := running_server(settings):
        async with remote_product(settings, url) as product:
            yield product
        return
    from core_engine.bootstrap import open_lexiquery

    async with open_lexiquery(settings, wait=WAIT_SECONDS) as lexiquery:
        yield lexiquery.product


@asynccontextmanager
async def remote_product(settings: Settings, url: str) -> AsyncIterator[RemoteProduct]:
    async with remote_client(settings, url) as client:
        yield RemoteProduct(client)


@asynccontextmanager
async def remote_client(settings: Settings, url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"} if settings.api_key else {}
    timeout = httpx.Timeout(10, read=None, write=60)
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=timeout, trust_env=False) as client:
        yield client
