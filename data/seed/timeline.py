"""The two weeks that the seed data covers, and how busy each hour of them is. All times are UTC without a zone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeVar

import numpy as np
from numpy.random import Generator

START = datetime(2026, 3, 1)
END = datetime(2026, 3, 15)
HOURS = int((END - START).total_seconds() // 3600)
SEED = 20260315

Profile = Literal["office", "shop", "flat"]
T = TypeVar("T")

# How busy each hour of a day is (UTC), and the weekend against a weekday.
_DAY = {
    "office": [1, 1, 1, 1, 1, 2, 6, 18, 38, 40, 36, 34, 26, 36, 38, 36, 32, 24, 14, 9, 7, 5, 3, 2],
    "shop": [9, 6, 4, 3, 3, 4, 7, 11, 16, 19, 21, 23, 25, 24, 22, 22, 24, 28, 33, 38, 40, 36, 26, 16],
    "flat": [1] * 24,
}
_WEEKEND = {"office": 0.09, "shop": 1.25, "flat": 1.0}


def randomness(topic: str) -> Generator:
    """A stream of its own for each topic, so that changing one table leaves the others as they are."""
    return np.random.default_rng([SEED, zlib.crc32(topic.encode())])


def moments(rng: Generator, count: int, profile: Profile) -> list[datetime]:
    """`count` times of the two weeks in order, milliseconds exact, dense where the profile is busy."""
    weights = np.array([_hour_weight(START + timedelta(hours=hour), profile) for hour in range(HOURS)])
    hours = rng.choice(HOURS, size=count, p=weights / weights.sum())
    milliseconds = np.sort(hours * 3_600_000 + rng.integers(0, 3_600_000, size=count))
    return [START + timedelta(milliseconds=int(value)) for value in milliseconds]


def _hour_weight(hour: datetime, profile: Profile) -> float:
    weekend = _WEEKEND[profile] if hour.weekday() >= 5 else 1.0
    return _DAY[profile][hour.hour] * weekend


def sparsely(scale: float) -> int:
    """Of regular measurements, every how many are kept at a scale: 1 at the usual volume, at most 24."""
    return max(1, min(24, round(1 / scale)))


def within(rng: Generator, count: int, start: datetime, end: datetime) -> list[datetime]:
    """`count` times between two moments, in order, evenly likely."""
    span = int((end - start).total_seconds() * 1000)
    return [start + timedelta(milliseconds=int(value)) for value in np.sort(rng.integers(0, span, size=count))]


def pick(rng: Generator, choices: Sequence[T], count: int, weights: Sequence[float] | None = None) -> list[T]:
    """`count` of the choices with replacement; weights need not sum to 1."""
    shares = None if weights is None else np.array(weights, dtype=float) / float(sum(weights))
    return [choices[int(index)] for index in rng.choice(len(choices), size=count, p=shares)]


def one_of(rng: Generator, weighted: dict[T, float]) -> T:
    """One of the keys, as likely as its value says. For single draws: `pick` costs ten times as much for one."""
    left = rng.random() * sum(weighted.values())
    for choice, weight in weighted.items():
        left -= weight
        if left < 0:
            return choice
    return choice


def one(rng: Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.random() * len(choices))]


def guid(rng: Generator) -> str:
    text = rng.bytes(16).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
