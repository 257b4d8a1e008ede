"""Times that a question speaks of, read deterministically into ranges."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from agents.data.times.moments import Now
from agents.data.times.ranges import Place as Place
from agents.data.times.ranges import TimeRange as TimeRange
from agents.data.times.ranges import Trailing as Trailing
from agents.data.times.ranges import range_places, read_ranges

_ANY_DAY = Now(datetime(2026, 3, 15, 12, tzinfo=UTC), UTC)
# `The 5 latest` and `the latest 5` order rows, and say no time.
_VAGUE = re.compile(
    r"\b(?:now|currently|(?<!most )recent(?:ly)?|(?<!\d )latest(?! \d)|tomorrow|older|newer|"
    r"most recent (?:\w+ )?(?:hour|day|night|week|month|quarter|shift)s?)\b",
    re.IGNORECASE,
)
_DURATION = re.compile(r"\b\d+\s*(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)\b", re.IGNORECASE)


def read_times(text: str, now: datetime, zone: tzinfo = UTC) -> list[TimeRange]:
    """The time phrases of a text, in order, as ranges in UTC.

    now: what the phrases are relative to, aware (the catalog's clock, or the real one). zone: whose midnight a day
    begins at. Raises ValueError for a `now` without a zone.
    """
    if now.tzinfo is None:
        raise ValueError(f"now has no time zone: {now.isoformat()}")
    return read_ranges(text, Now(now.astimezone(UTC), zone))


def time_places(text: str) -> list[Place]:
    """Where time phrases stand in a text; also those that bound no range (`before and after 3 March`)."""
    return range_places(text, _ANY_DAY)


def without_times(text: str) -> str:
    """The text without its time phrases."""
    for start, end in reversed(time_places(text)):
        text = f"{text[:start]} {text[end:]}"
    return text


def speaks_of_time(question: str) -> bool:
    """`failed sign-ins in the last week`, `on 10 March`, `since Monday`; not `requests per day`."""
    return bool(_VAGUE.search(question) or _DURATION.search(question) or time_places(question))
