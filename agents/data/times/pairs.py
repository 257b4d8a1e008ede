"""Two moments that bound a range: `between 9 and 10 March`, `from 14:00 to 16:00 on 12 March`, `9-10 March`.

What one of them leaves out, it takes from the other.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta, tzinfo
from typing import TypeAlias

from agents.data.times.clocks import PART, Clock, hour_in, read_clock
from agents.data.times.days import Days
from agents.data.times.moments import OF_DAY, Moment, Now, read_days_of, read_moment

_Pair: TypeAlias = tuple[Moment, Moment, int]
_DASH = r"\s*[-–—]\s*"
_FORMS = (
    (re.compile(r"between\s+", re.IGNORECASE), re.compile(rf"\s*,?\s+(?:and|&|to)\s+|{_DASH}", re.IGNORECASE)),
    (
        re.compile(r"(?:starting\s+)?from\s+", re.IGNORECASE),
        re.compile(rf"\s+(?:up\s+)?(?:to|until|till|through|thru|and)\s+|{_DASH}", re.IGNORECASE),
    ),
    (
        re.compile(r"(?:on\s+|in\s+|during\s+)?"),
        re.compile(rf"\s+(?:to|until|till|through|thru)\s+|{_DASH}", re.IGNORECASE),
    ),
)
_DAY = re.compile(r"(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)?(?![\w:])", re.IGNORECASE)
_SECOND_DAY = re.compile(r"(?:the\s+)?(\d{1,2})(?:st|nd|rd|th)?(?![\w:./-])(?:,?\s+((?:19|20)\d{2})\b)?", re.IGNORECASE)
_HOUR = re.compile(r"(\d{1,2})(?![\w:./])")
_HOUR_IN = re.compile(rf"(\d{{1,2}})\s+(?:o'clock\s+)?(?:in\s+the|at)\s+({PART})\b", re.IGNORECASE)


def read_pair(text: str, start: int, now: Now) -> _Pair | None:
    """The two moments, the earlier first, and where their words end."""
    for opening, joint in _FORMS:
        if (opened := opening.match(text, start)) is None:
            continue
        begin = opened.end()
        found = (
            _short_hours(text, begin, joint)
            or _short_days(text, begin, joint, now)
            or _month_days(text, begin, joint, now)
            or _two(text, begin, joint, now)
        )
        if found and (filled := _filled(*_with_day(text, found, now), now)):
            return filled
    return None


def _two(text: str, start: int, joint: re.Pattern[str], now: Now) -> _Pair | None:
    first = read_moment(text, start, now, led=True)
    joined = first and joint.match(text, first[1])
    second = joined and read_moment(text, joined.end(), now, led=True)
    return (first[0], *second) if first and second else None


def _short_days(text: str, start: int, joint: re.Pattern[str], now: Now) -> _Pair | None:
    """`9 and 10 March`: the first day is of the month of the second."""
    day = _DAY.match(text, start)
    joined = day and joint.match(text, day.end())
    found = joined and read_days_of(text, joined.end(), now, led=False)
    if not day or not joined or not found or not found[0].single or not _DAY.match(text, joined.end()):
        return None
    days, number = found[0], int(day[1])
    if not 1 <= number < days.first.day:
        return None
    first = days.first.replace(day=number)
    return Moment(replace(days, first=first, after=first + timedelta(days=1))), Moment(days), found[1]


def _month_days(text: str, start: int, joint: re.Pattern[str], now: Now) -> _Pair | None:
    """`March 9 to 10, 2026`: the second day is of the month of the first."""
    found = read_days_of(text, start, now, led=False)
    joined = found and joint.match(text, found[1])
    second = joined and _SECOND_DAY.match(text, joined.end())
    if not found or not second or not found[0].single or text[start].isdigit():
        return None
    first = found[0].in_year(int(second[2])) if second[2] else found[0]
    if first is None or int(second[1]) <= first.first.day:
        return None
    try:
        last = first.first.replace(day=int(second[1]))
    except ValueError:
        return None
    return Moment(first), Moment(replace(first, first=last, after=last + timedelta(days=1))), second.end()


def _short_hours(text: str, start: int, joint: re.Pattern[str]) -> _Pair | None:
    """`2 and 4 pm`, `3 and 4 in the morning`: the first hour is of the half or part of the day of the second."""
    hour = _HOUR.match(text, start)
    joined = hour and joint.match(text, hour.end())
    if not hour or not joined or int(hour[1]) > 12:
        return None
    first = int(hour[1])
    if part := _HOUR_IN.match(text, joined.end()):
        last, end, zone = hour_in(int(part[1]), part[2]), part.end(), None
        first = hour_in(first, part[2])
    elif (read := read_clock(text, joined.end())) and text[: read[1]].rstrip(".").lower().endswith("m"):
        last, end, zone = read[0].second // 3600, read[1], read[0].zone
        first += 12 if last > 12 and first + 12 <= last else 0
    else:
        return None
    if first >= 24 or last >= 24:
        return None
    return Moment(clock=_at(first, zone)), Moment(clock=_at(last, zone)), end


def _at(hour: int, zone: tzinfo | None) -> Clock:
    return Clock(hour * 3600, (hour + 1) * 3600, zone=zone)


def _with_day(text: str, pair: _Pair, now: Now) -> _Pair:
    """`between 02:00 and 04:00 on 12 March`: the day may follow both."""
    first, second, end = pair
    joint = OF_DAY.match(text, end)
    if joint and not first.days and not second.days and not first.exact and not second.exact:
        found = read_days_of(text, joint.end(), now, led=False)
        if found and found[0].single:
            return first, replace(second, days=found[0]), found[1]
    return pair


def _filled(first: Moment, second: Moment, end: int, now: Now) -> _Pair | None:
    """Each with what only the other says. None where the result would end before it begins."""
    if first.clock and second.clock and not first.clock.zone and second.clock.zone:
        first = replace(first, clock=replace(first.clock, zone=second.clock.zone))
    over_midnight = bool(first.clock and second.clock and second.clock.second <= first.clock.second)
    if first.days and second.clock and not second.days:
        second = replace(second, days=_moved(first.days, over_midnight))
    elif second.days and first.clock and not first.days:
        first = replace(first, days=_moved(second.days, -over_midnight))
    if first.days and second.days:
        days = _same_era(first.days, second.days)
        if days is None:
            return None
        first = replace(first, days=replace(days, zone=days.zone or second.days.zone))
    return first, second, end


def _moved(days: Days, by: int) -> Days:
    return replace(days, first=days.first + timedelta(days=by), after=days.after + timedelta(days=by), reading="")


def _same_era(first: Days, second: Days) -> Days | None:
    """The first days, in the year of the second or the one before where they name none. None if they come after it."""
    if not first.yearless or (second.yearless and first.first <= second.first):
        return first if first.first <= second.first else None
    same = first.in_year(second.first.year)
    return same if same and same.first <= second.first else _year_before(first, second)


def _year_before(first: Days, second: Days) -> Days | None:
    days = first.in_year(second.first.year - 1)
    return replace(days, reading=f"it begins on {days.first}, the year before") if days else None
