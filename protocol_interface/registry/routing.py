"""Which replica of an agent a call goes to.

Of the replicas that are well and not paused, two are picked by chance, and the call goes to the one with the smaller
(calls in flight + 1) × seconds that a call of the skill takes there; where one of the two has not been called for the
skill lately, to the one with fewer calls in flight. Two by chance, because many processes that all chose the best one
would choose the same (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001).

A call that fails pauses its replica for this process: for 2 seconds, twice as long with each further failure in a row,
up to 10 minutes. Then it is tried again. If no replica is well, the one whose pause is over first is called: the call
is the test.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from protocol_interface.registry.records import Entry
from shared.errors import AgentUnavailable, LexiQueryError

WEIGHT = 0.3
"""Of the newest call in the average of seconds."""
PAUSE, LONGEST_PAUSE = 2.0, 600.0
_FORGOTTEN = 600.0
"""Seconds after which what calls took says no more."""


@dataclass
class Load:
    """A replica as this process sees it. seconds: of a skill's calls, on average, and when the last of them ended."""

    in_flight: int = 0
    failed: int = 0
    paused_until: float = 0.0
    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)

    def took(self, skill: str, seconds: float, now: float) -> None:
        self.failed, self.paused_until = 0, 0.0
        known = self.lately(skill, now)
        self.seconds[skill] = seconds if known is None else average(known, seconds), now

    def fail(self, now: float) -> None:
        self.failed += 1
        self.paused_until = now + min(PAUSE * 2 ** min(self.failed - 1, 20), LONGEST_PAUSE)

    def lately(self, skill: str, now: float) -> float | None:
        seconds, at = self.seconds.get(skill, (0.0, -_FORGOTTEN))
        return seconds if now - at < _FORGOTTEN else None


def average(known: float, newest: float) -> float:
    """Exponentially weighted."""
    return known + WEIGHT * (newest - known)


class Routing:
    """The loads of all replicas that this process called."""

    def __init__(self) -> None:
        self._loads: dict[tuple[str, str], Load] = {}

    def load(self, name: str, url: str) -> Load:
        return self._loads.setdefault((name, url), Load())

    def forget(self, name: str) -> None:
        for key in [key for key in self._loads if key[0] == name]:
            del self._loads[key]

    def choose(self, entries: Sequence[Entry], dead: set[str], skill: str) -> Entry:
        """One of an agent's entries, of which there is one at least. dead: URLs that did not answer a probe."""
        if len(entries) == 1:
            return entries[0]
        now = time.monotonic()
        loads = {entry.url: self.load(entry.name, entry.url) for entry in entries}
        well = [entry for entry in entries if entry.url not in dead and loads[entry.url].paused_until <= now]
        if not well:
            return min(entries, key=lambda entry: (entry.url in dead, loads[entry.url].paused_until))
        picked = random.sample(well, min(2, len(well)))
        return picked[0] if len(picked) == 1 else _better(picked, [loads[one.url] for one in picked], skill, now)

    @asynccontextmanager
    async def using(self, entry: Entry, skill: str) -> AsyncIterator[None]:
        """A call of the entry: counted while it is under way, timed, and its replica paused when it did not answer.

        AgentUnavailable is a failure; any other LexiQueryError is an answer; a cancellation says nothing.
        """
        load, began = self.load(entry.name, entry.url), time.monotonic()
        load.in_flight += 1
        try:
            yield
        except AgentUnavailable:
            load.fail(time.monotonic())
            raise
        except LexiQueryError:
            load.took(skill, time.monotonic() - began, time.monotonic())
            raise
        else:
            load.took(skill, time.monotonic() - began, time.monotonic())
        finally:
            load.in_flight -= 1


def _better(two: Sequence[Entry], loads: Sequence[Load], skill: str, now: float) -> Entry:
    took = [load.lately(skill, now) for load in loads]
    if None in took:
        return two[0] if loads[0].in_flight <= loads[1].in_flight else two[1]
    first, second = ((load.in_flight + 1) * (seconds or 0.0) for load, seconds in zip(loads, took, strict=True))
    return two[0] if first <= second else two[1]
