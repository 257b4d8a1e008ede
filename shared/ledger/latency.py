"""Percentiles of call times from counts in bins, exact to one part in fifty.

The bins are DDSketch's (Masson, Rim, Lee: DDSketch, VLDB 2019): bin i holds the times in (g^(i-1), g^i] seconds with
g = (1 + a) / (1 - a), and 2 g^i / (g + 1) is off by at most the share `a` of any of them. Counts of bins can be
added, which percentiles can't.

Counts are kept packed, four bytes a bin, so that all rows of a reading are read and added as one array. A JSON object
of a hundred bins takes many times as long.
"""

from __future__ import annotations

import json
import math
import struct
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

ACCURACY = 0.02
_BASE = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_BASE = math.log(_BASE)
_LEAST_SECONDS = 1e-6
_DIGIT = 4  # bytes

Packed = str | None
"""Counts as a row keeps them, as text of JSON: a string, of the least bin and then the count of each bin from there on,
four bytes each, least byte first, in base64, or nothing at all; by an older LexiQuery an object of calls by bin."""


class Counts(NamedTuple):
    """Calls of some lines: `calls[line, n]` are in the bin `first + n`."""

    first: int
    calls: npt.NDArray[np.int64]

    def by_bin(self, line: int) -> dict[int, int]:
        """Without the bins that have no call."""
        [bins] = self.calls[line].nonzero()
        return dict(zip((bins + self.first).tolist(), self.calls[line, bins].tolist(), strict=True))

    def percentiles(self, percents: Sequence[float]) -> list[list[float | None]]:
        """Of each line, by nearest rank: the smallest time that at least so many in a hundred calls don't exceed; None
        without calls."""
        so_far = self.calls.cumsum(axis=1)
        in_all = so_far[:, -1]
        ranks = [np.maximum(np.ceil(in_all * percent / 100), 1) for percent in percents]
        bins = self.first + np.stack([(so_far < rank[:, None]).sum(axis=1) for rank in ranks], axis=1)
        return [
            [seconds_of(number) if calls else None for number in numbers]
            for numbers, calls in zip(bins.tolist(), in_all.tolist(), strict=True)
        ]


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
    return b64encode(struct.pack(f"<i{len(digits)}I", first, *digits)).decode()


def added(lines: Sequence[Iterable[Packed]]) -> Counts:
    """What each line's rows come to."""
    parts = [(number, part) for number, kept in enumerate(lines) for one in kept if one and (part := _unpacked(one))]
    if not parts:
        return Counts(0, np.zeros((len(lines), 1), np.int64))
    digits = np.frombuffer(b"".join(part for _, part in parts), "<u4").astype(np.int64)
    lengths = np.array([len(part) // _DIGIT for _, part in parts])
    starts = lengths.cumsum() - lengths
    first_bins = digits[starts].astype(np.int32).astype(np.int64)  # it has a sign, and counts have none
    digits[starts] = 0
    bins = np.arange(len(digits)) + np.repeat(first_bins - starts - 1, lengths)
    first = int(bins.min())
    width = int(bins.max()) - first + 1
    places = np.repeat([number * width for number, _ in parts], lengths) + bins - first
    calls = np.bincount(places, digits, len(lines) * width).astype(np.int64)
    return Counts(first, calls.reshape(len(lines), width))


def _unpacked(kept: str) -> bytes:
    """The least bin and the counts from there on, as `pack` put them together."""
    if not kept.startswith('"'):
        known = json.loads(kept) or {}
        kept = f'"{pack({int(number): calls for number, calls in known.items()})}"'
    return a2b_base64(kept[1:-1])
