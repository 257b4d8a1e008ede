"""A moment before and after which a question compares: `before and since 12 March 10:30`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from agents.data.times.moments import Now
from agents.data.times.ranges import read_ranges

_BOTH = re.compile(
    r"\bbefore\s+(?:and|or|vs\.?|versus)\s+(?P<after>since|after)\s+(?P<moment>.+)", re.IGNORECASE | re.S
)


@dataclass(frozen=True)
class Sides:
    """moment: in UTC, the first that lies after; words: as the question calls what lies before it, and after."""

    moment: datetime
    words: tuple[str, str]


def read_sides(question: str, now: datetime, zone: tzinfo = UTC) -> Sides | None:
    """None where the question compares so with no moment, or with several. now, zone: as in read_times."""
    if not (found := _BOTH.search(question)):
        return None
    times = read_ranges(f"since {found['moment']}", Now(now.astimezone(UTC), zone))
    if len(times) != 1 or times[0].start is None:
        return None
    return Sides(times[0].start, ("before", found["after"].lower()))
