"""Proving a query against its schema group in this process: no model, no agent."""

from __future__ import annotations

import asyncio

from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalogs
from shared.models import Proof, ProveRequest


async def prove_request(request: ProveRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Raises NotFound for an unknown group or platform, InvalidInput when the group is not on that platform."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group, [request.platform])
    return await asyncio.to_thread(prove, platform, request.query, catalog, sandbox)
