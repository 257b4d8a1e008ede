"""What executors are at work on: a task that its client cancels still ends by its own run, which says what it cost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.a2a.wire import CALLS
from shared.calls import CallRecord
from shared.ledger import Ledger

log = structlog.get_logger(__name__)
STOP_SECONDS = 3.0
"""How long a cancelled run may take to end; a client of ours waits for five."""
Result = TypeVar("Result")


class Stopped(Exception):
    """The task's client cancelled it."""


@dataclass
class _Run:
    executing: asyncio.Task[Any]
    work: asyncio.Task[Any]
    stop: Callable[[], Awaitable[bool]] | None
    is_stopped: bool = False


class Runs:
    """By task; one at a time of each."""

    def __init__(self) -> None:
        self._runs: dict[str, _Run] = {}

    async def of(
        self, task_id: str, work: Coroutine[Any, Any, Result], stop: Callable[[], Awaitable[bool]] | None = None
    ) -> Result:
        """What the work gives. Must be called in the asyncio task of `execute`, which says afterwards how it ended.

        stop: tells the work to end, and whether it will; without it, or if it won't, the work is cancelled.
        Raises Stopped when `cancel` did that.
        """
        executing = asyncio.current_task()
        assert executing is not None
        working = asyncio.create_task(work)
        run = self._runs[task_id] = _Run(executing, working, stop)
        executing.add_done_callback(lambda _: self._runs.pop(task_id, None))
        try:
            return await working
        except asyncio.CancelledError:
            if run.is_stopped and not executing.cancelling():
                raise Stopped from None
            raise

    async def cancel(self, task_id: str) -> bool:
        """End the task's work; whether its `execute` is over, with all that it had to say, within STOP_SECONDS."""
        run = self._runs.get(task_id)
        if run is None:
            return False
        run.is_stopped = True
        if not (run.stop and await run.stop()):
            run.work.cancel()
        over, _ = await asyncio.wait({run.executing}, timeout=STOP_SECONDS)
        return bool(over)


async def calls_since(ledger: Ledger, journey_id: str, since: datetime) -> list[CallRecord] | None:
    """The journey's model calls; None, and a line in the log, if they can't be read: a task ends all the same."""
    try:
        calls = await ledger.calls(journey_id, limit=CALLS)
    except SQLAlchemyError:
        log.exception("calls not reported", journey_id=journey_id)
        return None
    return [call for call in calls if call.started_at >= since]
