"""A moment before and after which a question compares: `before and since 12 March 10:30`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from agents.data.times.calendar import UNIT
from agents.data.times.moments import Now
from agents.data.times.ranges import read_ranges

_BOTH = re.compile(r"\bbefore\s+(?:and|vs\.?|versus)\s+(?P<after>since|after)\s+(?P<moment>.+)", re.I | re.S)
_A_SPAN = re.compile(rf"\b{UNIT}\s+$", re.IGNORECASE)  # `the day before and after` bounds both sides
_LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class Sides:
    """moment: in UTC, the first that lies after; words: as the question calls what lies before it, and after."""

    moment: datetime
    words: tuple[str, str]


def read_sides(question: str, now: datetime, zone: tzinfo = UTC) -> Sides | None:
    """None where the question compares so with no moment of at most a day, or speaks of other times too.

    now, zone: as in read_times.
    """
    if not (found := _BOTH.search(question)) or _A_SPAN.search(question[: found.start()]):
        return None
    reading = Now(now.astimezone(UTC), zone)
    times, others = read_ranges(found["moment"], reading), read_ranges(question[: found.start()], reading)
    if len(times) != 1 or others:
        return None
    start, end = times[0].start, times[0].end
    if start is None or end is None or end - start > _LONGEST:
        return None
    return Sides(start, ("before", found["after"].lower()))
