"""The times that a query filters by, read from its text, the same for KQL, SPL and SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.data.times import TimeRange, read_times
from agents.data.times.calendar import shifted, unit_of

_NOW = r"(?:now\s*\(\s*\)|current_(?:date|timestamp)(?:\s*\(\s*\))?|localtimestamp|today\s*\(\s*\)|getdate\s*\(\s*\))"
_UNIT = r"[A-Za-z]+"
# A count back from now: (count, unit).
_BACK = [
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"\bago\s*\(\s*(\d+(?:\.\d+)?)\s*({_UNIT})\s*\)",
        rf"\bnow\s*\(\s*-\s*(\d+(?:\.\d+)?)\s*({_UNIT})\s*\)",
        rf"\bnow\s*\(\s*\)\s*-\s*(\d+(?:\.\d+)?)({_UNIT})\b",
        rf"{_NOW}(?:\s*::\s*\w+)?\s*-\s*INTERVAL\s*'?\s*(\d+(?:\.\d+)?)\s*'?\s*({_UNIT})",
        rf"\bdate_sub\s*\(\s*{_NOW}\s*,\s*INTERVAL\s*'?(\d+(?:\.\d+)?)'?\s*({_UNIT})",
        rf"'now'\s*,\s*'-(\d+)\s+({_UNIT})'",
        rf"\b(?:earliest|latest|starttime)\s*=\s*\"?-(\d*)({_UNIT})",
        rf"\brelative_time\s*\(\s*now\s*\(\s*\)\s*,\s*\"-(\d*)({_UNIT})",
    )
]
_BACK_BY_NAME = re.compile(rf"\bdateadd\s*\(\s*({_UNIT})\s*,\s*-\s*(\d+)\s*,\s*{_NOW}", re.IGNORECASE)
_WRITTEN = re.compile(
    r"\bdatetime\s*\(\s*[\"']?\s*([^)\"']*\d)\s*[\"']?\s*\)|[\"'](\d{4}-\d\d-\d\d[^\"']*|\d\d/\d\d/\d{4}[^\"']*)[\"']"
)
_SPLUNK_CLOCK = re.compile(r"^(\d\d/\d\d/\d{4}):")
# Times that are computed: a bound, though not one that is worked out here.
_COMPUTED = re.compile(
    rf"\bago\s*\(\s*[A-Za-z_]|\b(?:startof|endof)(?:day|week|month|year)\s*\(\s*(?:now|ago)\b|\bdate_trunc\s*\(\s*'\w+'\s*,\s*{_NOW}"
    rf"|(?:[<>=]|between)\s*(?:date\s*\()?\s*{_NOW}|\b(?:earliest|latest)\s*=\s*\"?[@+\w]",
    re.IGNORECASE,
)
# A part of a date may be compared with a number; which part and which number is not worked out here.
_PARTS = re.compile(
    r"\b(?:extract|date_part|datepart|strftime|to_char|format_datetime|datetime_part|(?:day|week|month)of(?:week|month|year)"
    r"|hourofday|getyear|getmonth|year|month|day|hour|date|date_\w+)\s*\(|\bdate_(?:hour|wday|mday|month|year)\b|::\s*date\b"
    r"|\b(?:year|month|day)\b\"?\s*(?:=|<|>|in\b|between\b|i?like\b)",
    re.IGNORECASE,
)
_SPL_UNITS = {"mon": "month", "q": "quarter"}
_A_DAY = timedelta(days=1)
_EXACT = timedelta(minutes=1)


@dataclass(frozen=True)
class TimeBounds:
    """The instants that a query compares times with. computed: there are some that are not worked out here; parts: it
    has parts of dates, which may be compared."""

    instants: tuple[datetime, ...]
    computed: bool
    parts: bool

    @property
    def any(self) -> bool:
        """Whether there is surely a condition on a time."""
        return bool(self.instants) or self.computed

    def fit(self, asked: TimeRange) -> bool:
        """Whether one of them begins or ends the range that was asked for; a count of days back, to the day."""
        tolerance = _A_DAY if asked.kind == "relative" and not _within_a_day(asked) else _EXACT
        edges = [edge for edge in (asked.start, asked.end) if edge is not None]
        if asked.trailing and asked.start:
            edges = [asked.start]
        return self.computed or any(abs(one - edge) <= tolerance for one in self.instants for edge in edges)


def time_bounds(query: str, now: datetime) -> TimeBounds:
    """now: what the query runs against."""
    instants = tuple(dict.fromkeys([*_counted(query, now), *_written(query, now)]))
    return TimeBounds(instants, bool(_COMPUTED.search(query)), bool(_PARTS.search(query)))


def _within_a_day(asked: TimeRange) -> bool:
    return bool(asked.start and asked.end and asked.end - asked.start < _A_DAY)


def _counted(query: str, now: datetime) -> Iterator[datetime]:
    found = [(match[1] or "1", match[2]) for pattern in _BACK for match in pattern.finditer(query)]
    found += [(match[2], match[1]) for match in _BACK_BY_NAME.finditer(query)]
    for count, unit in found:
        try:
            named = unit_of(_SPL_UNITS.get(unit.lower(), unit))
            whole = float(count).is_integer()
            yield (
                shifted(now, -int(float(count)), named) if whole else now - float(count) * timedelta(**{f"{named}s": 1})
            )
        except (StopIteration, OverflowError, ValueError, TypeError):
            continue


def _written(query: str, now: datetime) -> Iterator[datetime]:
    for match in _WRITTEN.finditer(query):
        written = _SPLUNK_CLOCK.sub(r"\1 ", (match[1] or match[2]).strip())
        for found in read_times(f"on {written}", now)[:1]:
            if found.start:
                yield found.start
