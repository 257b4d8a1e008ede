"""Percentiles of call times from counts in bins, exact to one part in fifty.

The bins are DDSketch's (Masson, Rim, Lee: DDSketch, VLDB 2019): bin i holds the times in (g^(i-1), g^i] seconds with
g = (1 + a) / (1 - a), and 2 g^i / (g + 1) is off by at most the share `a` of any of them. Counts of bins can be
added, which percentiles can't.

Counts are kept packed: those of neighbouring bins are the digits of one number in base 2^32, so that a whole row is
read and added to another in one step. A JSON object of a hundred bins takes six times as long.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from binascii import a2b_base64
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

ACCURACY = 0.02
_BASE = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_BASE = math.log(_BASE)
_LEAST_SECONDS = 1e-6
_FIRST = struct.Struct("<i")
_BITS = 32

Packed = str | None
"""Counts as a row keeps them, as text of JSON: a string, of the least bin and then the count of each bin from there on,
four bytes each, least byte first, in base64, or nothing at all; by an older LexiQuery an object of calls by bin."""


class Counts(NamedTuple):
    """Calls in the bin `first` and in each one after it."""

    first: int
    calls: Sequence[int]

    def by_bin(self) -> dict[int, int]:
        """Without the bins that have no call."""
        return {number: calls for number, calls in enumerate(self.calls, self.first) if calls}


def bin_of(seconds: float) -> int:
    """The bin of a time; anything below a microsecond is one."""
    return math.ceil(math.log(max(seconds, _LEAST_SECONDS)) / _LOG_BASE)


@cache
def seconds_of(number: int) -> float:
    """The time that stands for all of a bin."""
    return float(2 * _BASE**number / (_BASE + 1))


def pack(calls: Mapping[int, int]) -> str:
    """calls: by bin, each below 2^32; a bin with none or fewer is left out."""
    numbers = [number for number, some in calls.items() if some > 0]
    if not numbers:
        return ""
    first = min(numbers)
    digits = [0] * (max(numbers) - first + 1)
    for number in numbers:
        digits[number - first] = calls[number]
    return b64encode(_FIRST.pack(first) + struct.pack(f"<{len(digits)}I", *digits)).decode()


def added(kept: Iterable[Packed]) -> Counts:
    """All of them together, fewer than 2^32 calls in a bin."""
    parts = [_digits_of(one) for one in kept if one]
    if len(parts) < 2:
        first, digits = parts[0] if parts else (0, b"")
    else:
        first = min(part[0] for part in parts)
        total = sum(int.from_bytes(digits, "little") << _BITS * (start - first) for start, digits in parts)
        digits = total.to_bytes(_BITS // 8 * -(-total.bit_length() // _BITS), "little")
    return Counts(first, struct.unpack(f"<{len(digits) * 8 // _BITS}I", digits))


def _digits_of(kept: str) -> tuple[int, bytes]:
    if not kept.startswith('"'):
        known = json.loads(kept) or {}
        kept = f'"{pack({int(number): calls for number, calls in known.items()})}"'
    raw = a2b_base64(kept[1:-1])
    return (_FIRST.unpack_from(raw)[0], raw[_FIRST.size :]) if raw else (0, b"")


def percentiles(counts: Counts, percents: Sequence[float]) -> list[float | None]:
    """Nearest rank: the smallest time that at least so many in a hundred calls don't exceed; None without calls."""
    if not counts.calls:
        return [None] * len(percents)
    so_far = list(accumulate(counts.calls))
    calls = so_far[-1]
    ranks = [math.ceil(calls * percent / 100) or 1 for percent in percents]
    return [seconds_of(counts.first + bisect_left(so_far, rank)) for rank in ranks]
