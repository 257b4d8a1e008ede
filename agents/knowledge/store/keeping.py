"""The key of who keeps the database: made once, and read there alone."""

from __future__ import annotations

import secrets

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.store.tables import keeper as _keeper

_ONE = 1


async def keeper_key(engine: AsyncEngine) -> bytes:
    """32 bytes, the same for every process on the database."""
    if (key := await _kept(engine)) is None:
        try:
            async with engine.begin() as connection:
                await connection.execute(insert(_keeper).values(id=_ONE, key=secrets.token_hex(32)))
        except IntegrityError:
            pass  # another process was first
        key = await _kept(engine)
    assert key is not None
    return bytes.fromhex(key)


async def _kept(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        found: str | None = await connection.scalar(select(_keeper.c.key).where(_keeper.c.id == _ONE))
        return found
