"""What peers and assistants reach LexiQuery by, mounted on the host app: A2A, its plain HTTP form, and MCP."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import FastAPI
from fastapi.params import Depends
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.a2a_server import grpc_place, mount_a2a, webhooks_of
from protocol_interface.mcp_server import mount_mcp
from protocol_interface.product import Product
from protocol_interface.registry import Registry
from shared.ledger import Ledger
from shared.settings import Settings
from shared.telemetry import Telemetry


def mount_protocols(
    app: FastAPI,
    product: Product,
    registry: Registry,
    client: A2AClient,
    url: str,
    *,
    settings: Settings,
    engine: AsyncEngine | None = None,
    telemetry: Telemetry | None = None,
    secured: bool = False,
    ledger: Ledger | None = None,
    dependencies: Sequence[Depends] = (),
) -> list[AbstractAsyncContextManager[None]]:
    """Mount all three; the contexts that the host's lifespan must be in while it serves.

    url: where clients reach the host; engine: keeps A2A tasks over a restart; telemetry: told of MCP requests;
    secured: the host wants its API key; ledger: to report A2A tasks' calls; settings: who else may use MCP, and how
    many at a time; which webhooks A2A may call, and where it is served over gRPC; dependencies: of each route of the
    plain HTTP form, as the host's own routes have them.
    """
    app.include_router(a2a_router(registry, client), dependencies=dependencies)
    client.callbacks.serve_at(url)
    mcp = mount_mcp(app, product, telemetry, settings=settings, url=url)
    a2a = mount_a2a(
        app,
        product,
        url,
        engine=engine,
        secured=secured,
        ledger=ledger,
        webhooks=webhooks_of(settings),
        place=grpc_place(settings, url),
    )
    return [a2a, mcp]
