"""So many calls of a model at a time; those that wait are taken turn by turn between journeys."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Turn = asyncio.Future[None]


class FairQueue:
    """limit: calls at a time. A journey with a hundred calls keeps one with a single call waiting for one turn only.

    Calls outside a journey (None) share the turns of one. Not for threads: all on one event loop. clock: seconds.
    """

    def __init__(self, limit: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = limit
        self._clock = clock
        self._waiting: OrderedDict[str | None, deque[Turn]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return sum(not mine.done() for turns in self._waiting.values() for mine in turns)

    @asynccontextmanager
    async def turn(self, journey_id: str | None) -> AsyncIterator[float]:
        """Within the block the call may be made; gives the seconds that it waited."""
        waited = await self._wait(journey_id)
        try:
            yield waited
        finally:
            self._pass_on()

    async def _wait(self, journey_id: str | None) -> float:
        if self._free:
            self._free -= 1
            return 0.0
        began = self._clock()
        mine: Turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(journey_id, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # the turn came in the moment of the cancellation
                self._pass_on()
            raise
        return self._clock() - began

    def _pass_on(self) -> None:
        """Straight to the next that waits, so that no newcomer gets in between; its journey goes to the end."""
        while self._waiting:
            journey_id, turns = self._waiting.popitem(last=False)
            mine = turns.popleft()
            if turns:
                self._waiting[journey_id] = turns
            if not mine.done():  # else it was cancelled while it waited
                mine.set_result(None)
                return
        self._free += 1
