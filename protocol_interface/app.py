"""What peers and assistants reach LexiQuery by, mounted on the host app: A2A, its plain HTTP form, and MCP."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.a2a_server import mount_a2a
from protocol_interface.mcp_server import mount_mcp
from protocol_interface.product import Product
from protocol_interface.registry import Registry
from shared.telemetry import Telemetry


def mount_protocols(
    app: FastAPI,
    product: Product,
    registry: Registry,
    client: A2AClient,
    url: str,
    *,
    engine: AsyncEngine | None = None,
    telemetry: Telemetry | None = None,
    secured: bool = False,
) -> list[AbstractAsyncContextManager[None]]:
    """Mount all three; the contexts that the host's lifespan must be in while it serves.

    url: where clients reach the host; engine: keeps A2A tasks over a restart; telemetry: told of MCP requests;
    secured: the host wants its API key.
    """
    app.include_router(a2a_router(registry, client))
    return [mount_a2a(app, product, url, engine=engine, secured=secured), mount_mcp(app, product, telemetry)]
