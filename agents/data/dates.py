"""Days that no calendar has."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

_ISO = re.compile(r"\s*(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})(?P<time>(?:[T ].*)?)", re.DOTALL)


def nearest_real(text: str) -> str | None:
    """The nearest day that exists, as the text writes it: `2026-02-31` gives `2026-02-28`. None where the text is no
    ISO date, for a day that exists, and for zeros, which MySQL has for a part that is not known."""
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
    if not (year and month and day):
        return None
    real_month = min(month, 12)
    real_day = min(day, monthrange(year, real_month)[1])
    if (real_month, real_day) == (month, day):
        return None
    return f"{year:04d}-{real_month:02d}-{real_day:02d}{found['time']}"


def days_around(text: str) -> tuple[date, date] | None:
    """The last day of the month and the first of the next, for an ISO date between them: `2026-02-31`. None for any
    other text."""
    found = _ISO.fullmatch(text)
    if found is None or not 1 <= int(found["month"]) <= 12 or not 1 <= int(found["year"]) < 9999:
        return None
    last = date(int(found["year"]), int(found["month"]), monthrange(int(found["year"]), int(found["month"]))[1])
    return (last, last + timedelta(days=1)) if int(found["day"]) > last.day else None
