"""What recording takes of a journey: one call after the other, and many at once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from benchmarks.calls import CALLS_A_JOURNEY
from benchmarks.databases import Place
from benchmarks.figures import Taken
from shared.context import scoped
from shared.ledger import Ledger, Reservation
from shared.ledger.budgets import Budgets
from shared.ledger.limits import Scope
from shared.ledger.recording import new_call, recorded
from shared.models import Budget

_PLENTY = Budget(tokens=10**9, seconds=1e9)
_EVERY: tuple[Scope, ...] = ("journey", "user", "day")
_WARMING = 50
_MODEL = {"operation": "chat", "purpose": "derive", "provider": "ollama", "model": "qwen2.5-coder:1.5b"}
_BETWEEN_SECONDS = 0.005
"""For which a quick model answers, and a journey works on with the answer, at least."""
_RUN = uuid4().hex[:8]
"""So that no journey of an earlier run on the same database goes on."""


async def one_by_one(place: Place, count: int, text: int, *, budgets: bool) -> Taken:
    """What a journey waits for its calls to be recorded. budgets: of the day, every user and every journey are set, far
    from spent."""
    taken = Taken()
    async with _ledger(place) as ledger:
        for scope in _EVERY if budgets else ():
            await Budgets(ledger.engine).set(scope, "", _PLENTY)
        for number in range(min(_WARMING, count)):
            await _record(ledger, number, text)
        cpu = time.process_time()
        for number in range(count):
            taken.seconds.append(await _record(ledger, number, text, _BETWEEN_SECONDS))
            await asyncio.sleep(_BETWEEN_SECONDS)
        taken.cpu = time.process_time() - cpu
        for scope in _EVERY if budgets else ():
            await Budgets(ledger.engine).remove(scope, "")
    return taken


async def at_once(place: Place, recorders: int, seconds: float, text: int) -> tuple[float, Taken]:
    """Calls a second of so many recorders, each with one call of a model that takes no time after the other for that
    long, until all of them are written."""
    taken = Taken()

    async def record(ledger: Ledger, number: int) -> None:
        while (began := time.perf_counter()) < until:
            await _record(ledger, number, text)
            taken.seconds.append(time.perf_counter() - began)
            number += 1

    async with _ledger(place) as ledger:
        await _record(ledger, 0, text)
        began, cpu = time.perf_counter(), time.process_time()
        until = began + seconds
        await asyncio.gather(*(record(ledger, recorder * 1_000_000) for recorder in range(recorders)))
        await ledger.close()
        taken.cpu = time.process_time() - cpu
        return len(taken.seconds) / (time.perf_counter() - began), taken


@asynccontextmanager
async def _ledger(place: Place) -> AsyncIterator[Ledger]:
    engine = place.open()
    ledger = Ledger(engine)
    yield ledger
    await ledger.close()
    await engine.dispose()


async def _record(ledger: Ledger, number: int, text: int, model_seconds: float = 0) -> float:
    """Seconds that a call waits to be recorded. number: calls beside each other share a journey."""
    began = time.perf_counter()
    journey = f"bench-{_RUN}-{number // CALLS_A_JOURNEY}"
    with scoped(journey_id=journey, agent="kql", user=f"user{number % 50}", tags=["prod"]):
        call = new_call(**_MODEL, idempotency_key=secrets.token_hex(32), request="x" * text)
        async with recorded(ledger, call, Reservation(tokens=1000)):
            waited = time.perf_counter() - began
            if model_seconds:
                await asyncio.sleep(model_seconds)
            began = time.perf_counter()
            call.prompt_tokens, call.completion_tokens, call.response = 900, 100, "y" * (text // 4)
    return waited + time.perf_counter() - began
