"""Proving a query against its schema group in this process: no model, no agent."""

from __future__ import annotations

import asyncio

from agents.data.platform import load_platform
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.catalog import Catalogs
from shared.errors import InvalidInput
from shared.models import Proof, ProveRequest


async def prove_alone(platform: str, query: str, macros: str = "") -> Proof:
    """Against no schema group, which only SPL's own field flow can do. macros: the text of a macros.conf.

    Raises NotFound for an unknown platform, InvalidInput for one whose queries need a group, or for other macros.
    """
    language = load_platform(platform).language
    if platform != "spl":
        message = f"a {language} query is proven against a schema group"
        raise InvalidInput(message, suggestion="name it with --group")
    from agents.data.spl.alone import prove_spl
    from agents.data.spl.conf import read_macros

    return await asyncio.to_thread(prove_spl, query, None, read_macros(macros))


async def prove_request(request: ProveRequest, catalogs: Catalogs, sandbox: Sandbox) -> Proof:
    """Raises NotFound for an unknown group or platform, InvalidInput when the group is not on that platform."""
    platform = load_platform(request.platform)
    catalog = await catalogs.get(request.schema_group, [request.platform])
    return await asyncio.to_thread(prove, platform, request.query, catalog, sandbox)
