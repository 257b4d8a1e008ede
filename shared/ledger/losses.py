"""Calls of dead processes are closed for as long as a server runs, not only when one starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.ledger import Ledger

log = structlog.get_logger(__name__)
LOOK_SECONDS = 300.0


@asynccontextmanager
async def closing_lost(ledger: Ledger) -> AsyncIterator[None]:
    """Calls of dead processes are closed as lost: at once, and every LOOK_SECONDS until the block ends.

    A database that fails meanwhile is asked again the next time; raises what it raises at the start.
    """
    await ledger.close_lost()
    over = asyncio.Event()
    closing = asyncio.create_task(_close_until(over, ledger))
    try:
        yield
    finally:
        over.set()  # rather than to cancel it amid a transaction
        await closing


async def _close_until(over: asyncio.Event, ledger: Ledger) -> None:
    while not await _is_over(over):
        try:
            await ledger.close_lost()
        except (SQLAlchemyError, OSError) as error:
            log.warning("lost calls not closed", problem=str(error)[:200])


async def _is_over(over: asyncio.Event) -> bool:
    """After LOOK_SECONDS, or as soon as it is."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await over.wait()
    except TimeoutError:
        return False
