"""Clients that wait: for an answer, until they leave; for events, with signs of life."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from core_engine.product import LocalProduct
from protocol_interface.product import Event
from shared.errors import Conflict, ServerStopping
from shared.models import Answer

T = TypeVar("T")
KEEP_ALIVE_SECONDS = 15.0
"""Longest silence of an event stream: proxies close what says nothing for a minute."""


async def answer_while_awaited(
    request: Request, product: LocalProduct, journey_id: str, *, keep: bool
) -> Answer | None:
    """The journey's answer; None when its client left before, and the journey was cancelled unless `keep`.

    Raises ServerStopping when the wait is cancelled: the journey goes on at the next start.
    """
    try:
        answer = await while_awaited(request, product.answer(journey_id))
    except asyncio.CancelledError as error:
        later = f"the journey goes on when it starts again: GET /api/v1/journeys/{journey_id}"
        raise ServerStopping("the server stops before the journey's end", suggestion=later) from error
    if answer is None and not keep:
        with suppress(Conflict):  # it ended just now
            await product.cancel(journey_id)
    return answer


async def while_awaited(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None when its client left before, and the work was cancelled."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def server_sent(
    events: AsyncIterator[Event], *, after: int, silence: float = KEEP_ALIVE_SECONDS
) -> AsyncIterator[str]:
    """The events with a sequence above `after` as an event stream; a comment after each `silence`, in seconds."""
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({coming}, timeout=silence)
            if not done:
                yield ": nothing new\n\n"
                continue
            event = coming.result()
            if event is None:
                return
            if event.sequence > after:
                yield f"id: {event.sequence}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n"
            coming = asyncio.ensure_future(anext(events, None))
    finally:
        coming.cancel()
