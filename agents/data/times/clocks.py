"""Times of day: `14:30`, `2 pm UTC`, `midnight`, `in the evening`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from agents.data.times.zones import read_zone

DAY_SECONDS = 86_400
# 18:00 to 6:00 is the night; the rest of the day in quarters.
_PARTS = {
    "morning": (6 * 3600, 12 * 3600),
    "afternoon": (12 * 3600, 18 * 3600),
    "evening": (18 * 3600, 24 * 3600),
    "night": (18 * 3600, 30 * 3600),
}
PART = rf"(?:{'|'.join(_PARTS)})"
_NAMED = {"noon": 12 * 3600, "midday": 12 * 3600, "midnight": 0}
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:\.\d+)?)?(?![\d:])(?:\s*(?P<half>[ap]\.?m\b\.?))?"
    r"|(?P<bare>\d{1,2})\s*(?:(?P<half2>[ap]\.?m\b\.?)|o'clock\b)|(?P<named>noon|midday|midnight)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Clock:
    """A time of day in seconds since midnight, and its end: a part of the day's, or as far as the words are precise
    (a minute for 14:30). vague: the end is only that precision."""

    second: int
    end: int
    vague: bool = True
    zone: tzinfo | None = None
    reading: str = ""


def read_clock(text: str, start: int) -> tuple[Clock, int] | None:
    """The time of day that begins at `start`, and where its words end."""
    match = _CLOCK.match(text, start)
    if not match:
        return None
    zone, end, reading = read_zone(text, match.end())
    if match["named"]:
        second = _NAMED[match["named"].lower()]
        return Clock(second, second + 60, zone=zone, reading=reading), end
    hour, minute, whole = int(match["hour"] or match["bare"]), int(match["minute"] or 0), int(match["second"] or 0)
    if half := (match["half"] or match["half2"] or "").lower()[:1]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half == "p")
    second = hour * 3600 + minute * 60 + whole
    if minute > 59 or whole > 59 or second > DAY_SECONDS:
        return None
    precision = 1 if match["second"] else 60 if match["minute"] else 3600
    return Clock(second, second + precision, zone=zone, reading=reading), end


def part_of_day(word: str) -> Clock:
    first, end = _PARTS[word.lower()]
    reading = f"the {word.lower()} is {first // 3600}:00 to {end // 3600 % 24}:00"
    return Clock(first, end, vague=False, reading=reading)


def hour_in(hour: int, part: str) -> int:
    """The hour of the day that `3 in the afternoon` is."""
    return hour + 12 if part.lower() in ("afternoon", "evening") and hour < 12 else hour


def wall(day: date, second: int, zone: tzinfo) -> datetime:
    """What a wall clock shows on a day, as UTC; 24:00 and later are on the days after."""
    day += timedelta(days=second // DAY_SECONDS)
    shown = (datetime.min + timedelta(seconds=second % DAY_SECONDS)).time()
    return datetime.combine(day, shown, zone).astimezone(UTC)
