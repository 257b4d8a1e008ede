"""Percentiles of call times from counts in bins, exact to one part in fifty.

The bins are DDSketch's (Masson, Rim, Lee: DDSketch, VLDB 2019): bin i holds the times in (g^(i-1), g^i] seconds with
g = (1 + a) / (1 - a), and 2 g^i / (g + 1) is off by at most the share `a` of any of them. Counts of bins can be
added, which percentiles can't.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

ACCURACY = 0.02
_BASE = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_BASE = math.log(_BASE)
_LEAST_SECONDS = 1e-6


def bin_of(seconds: float) -> int:
    """The bin of a time; anything below a microsecond is one."""
    return math.ceil(math.log(max(seconds, _LEAST_SECONDS)) / _LOG_BASE)


def seconds_of(number: int) -> float:
    """The time that stands for all of a bin."""
    return float(2 * _BASE**number / (_BASE + 1))


def percentiles(bins: Mapping[int, int], percents: Sequence[float]) -> list[float | None]:
    """Nearest rank: the smallest time that at least so many in a hundred calls don't exceed; None without calls.

    percents: ascending.
    """
    total = sum(bins.values())
    ranks = deque(max(1, math.ceil(total * percent / 100)) for percent in percents)
    found: list[float | None] = []
    seen = 0
    for number in sorted(bins):
        seen += bins[number]
        while ranks and seen >= ranks[0]:
            ranks.popleft()
            found.append(seconds_of(number))
    return found + [None] * len(ranks)
