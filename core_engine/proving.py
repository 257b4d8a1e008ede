"""Proving a query against its schema group in this process: no model, no agent."""

from __future__ import annotations

import asyncio

from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalogs
from shared.errors import InvalidInput
from shared.models import Proof, ProveRequest


async def prove_request(request: ProveRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Raises NotFound for an unknown group or platform, InvalidInput when the group is not on that platform."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group)
    if catalog.platform != request.platform:
        raise InvalidInput(
            f"schema group '{catalog.schema_group}' is on platform '{catalog.platform}', not '{request.platform}'",
            suggestion=f"use platform '{catalog.platform}'",
        )
    return await asyncio.to_thread(prove, platform, request.query, catalog, sandbox)
