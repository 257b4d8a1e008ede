"""Days and periods of days: `3 March`, `2026-03-09`, `yesterday`, `last Friday`, `this week`, `in February`, `Q1 2026`.

What names no year is the latest that has begun.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from typing import TypeAlias

from agents.data.times.calendar import (
    MONTH,
    ORDINAL,
    WEEKDAY,
    Unit,
    add_units,
    make_date,
    month_of,
    ordinal_of,
    period_start,
    unit_of,
    weekday_of,
)

_LOOK_BACK = 9  # years: 29 February is at most eight years ago
_Match: TypeAlias = re.Match[str]
_EDGE = re.compile(r"(?:the\s+)?(beginning|start|end)\s+of\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Days:
    """Whole days, `after` being the first that no longer belongs to them. yearless: no year was said; relative: counted
    from today. reading: how it was understood, where it could be understood otherwise. zone: whose days, where it was
    said."""

    first: date
    after: date
    reading: str = ""
    yearless: bool = False
    relative: bool = False
    zone: tzinfo | None = None

    @classmethod
    def day(cls, day: date, reading: str = "", *, yearless: bool = False, relative: bool = False) -> Days:
        return cls(day, day + timedelta(days=1), reading, yearless, relative)

    @property
    def single(self) -> bool:
        return self.after - self.first == timedelta(days=1)

    def in_year(self, year: int) -> Days | None:
        """The same days of another year; None where it has no such day."""
        first = make_date(year, self.first.month, self.first.day)
        if first is None:
            return None
        return replace(self, first=first, after=first + (self.after - self.first), reading="", yearless=False)


def read_days(text: str, start: int, today: date, *, led: bool) -> tuple[Days, int] | None:
    """The days that begin exactly at `start`, and where their words end. led: a preposition comes before, so that a
    bare month or year is a time and not a name."""
    if no_day(text, start):
        return None
    if (edge := _EDGE.match(text, start)) and (found := read_days(text, edge.end(), today, led=True)):
        return _edge(text[start : found[1]], edge[1].lower(), found[0]), found[1]
    for pattern, reader, needs_lead in _READERS:
        if (led or not needs_lead) and (match := pattern.match(text, start)):
            try:
                days = reader(match, today)
            except (OverflowError, ValueError):
                days = None
            if days:
                return days, match.end()
    return None


def no_day(text: str, start: int) -> int | None:
    """Where the words of a date that no calendar has end: `31 February`; 50 March is no date."""
    for pattern in _DATES:
        if match := pattern.match(text, start):
            day, year = int(match["day"]), int(match["year"] or 2000)
            return match.end() if 28 < day <= 31 and not make_date(year, month_of(match["month"]), day) else None
    return None


def _edge(said: str, which: str, days: Days) -> Days:
    """`the end of February` is its last day."""
    day = days.after - timedelta(days=1) if which == "end" else days.first
    return replace(days, first=day, after=day + timedelta(days=1), reading=f"'{said}' is {day}")


def _latest(make: Callable[[int], date | None], year: str | None, today: date) -> date | None:
    """The date in its year; without one, the latest that has begun."""
    if year:
        return make(int(year))
    candidates = (make(today.year - back) for back in range(_LOOK_BACK))
    return next((found for found in candidates if found and found <= today), None)


def _which_year(match: _Match, first: date, today: date, year: str | None) -> str:
    if year or first.year == today.year:
        return ""
    return f"'{match[0].strip()}' is in {first.year}, the latest one"


def _ymd(match: _Match, today: date) -> Days | None:
    found = make_date(int(match[1]), int(match[2]), int(match[3]))
    return Days.day(found) if found else None


def _named(match: _Match, today: date) -> Days | None:
    month, day, year = month_of(match["month"]), int(match["day"]), match["year"]
    found = _latest(lambda year: make_date(year, month, day), year, today)
    return Days.day(found, _which_year(match, found, today, year), yearless=not year) if found else None


def _numbers(match: _Match, today: date) -> Days | None:
    """06/29/2022 can only be June; 06/01/2022 is read month first, as Americans do, and 6.1.2022 day first."""
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    year += 2000 if year < 100 else 0
    day_first = match[2] == "." or first > 12
    found = make_date(year, second, first) if day_first else make_date(year, first, second)
    unclear = match[2] != "." and max(first, second) <= 12 and first != second
    return Days.day(found, f"'{match[0]}' is {found}, the month first" if unclear else "") if found else None


def _month(match: _Match, today: date) -> Days | None:
    number = month_of(match["month"])
    return _period(match, lambda year: make_date(year, number, 1), "month", today)


def _quarter(match: _Match, today: date) -> Days | None:
    groups = match.groupdict()
    number = int(groups["q"]) if groups.get("q") else ordinal_of(groups["ordinal"])
    return _period(match, lambda year: make_date(year, 3 * number - 2, 1), "quarter", today)


def _period(match: _Match, make: Callable[[int], date | None], unit: Unit, today: date) -> Days | None:
    year = match.groupdict().get("year")
    first = _latest(make, year, today)
    if first is None:
        return None
    return Days(first, add_units(first, 1, unit), _which_year(match, first, today, year), yearless=not year)


def _year(match: _Match, today: date) -> Days | None:
    first = make_date(int(match[1]), 1, 1)
    return Days(first, add_units(first, 1, "year")) if first else None


def _iso_week(match: _Match, today: date) -> Days | None:
    first = date.fromisocalendar(int(match[1]), int(match[2]), 1)
    return Days(first, first + timedelta(days=7))


def _week_of_month(match: _Match, today: date) -> Days | None:
    """The first week of March is its days 1 to 7; the last its last seven."""
    month = month_of(match["month"])
    begun = _latest(lambda year: make_date(year, month, 1), match["year"], today)
    if begun is None:
        return None
    nth, after = match["nth"].lower(), add_units(begun, 1, "month")
    first = after - timedelta(days=7) if nth == "last" else begun + timedelta(days=7 * (ordinal_of(nth) - 1))
    return Days(first, first + timedelta(days=7), f"the {nth} week is {first} and the six days after")


def _week_of(match: _Match, today: date) -> Days | None:
    found = read_days(match[1], 0, today, led=False)
    if not found or found[1] != len(match[1]):
        return None
    first = period_start(found[0].first, "week")
    return Days(first, first + timedelta(days=7))


def _near(match: _Match, today: date) -> Days | None:
    words = match[0].lower()
    back = 2 if "before" in words else 1 if "yesterday" in words else 0
    return Days.day(today - timedelta(days=back), relative=True)


def _weekday(match: _Match, today: date) -> Days | None:
    """`Monday` is the latest, which may be today; `last Monday` was before today; `this Monday` is of this week."""
    which, wanted = (match["which"] or "").lower(), weekday_of(match["day"])
    back = today.weekday() - wanted
    if not which.startswith("this"):
        back = back % 7 or (7 if which else 0)
    unclear = back in (0, 7) or (which and not which.startswith("this") and back <= today.weekday())
    day = today - timedelta(days=back)
    return Days.day(day, f"'{match[0]}' is {day}" if unclear else "", relative=True)


def _weekend(match: _Match, today: date) -> Days | None:
    """The latest that has begun; `last weekend` the latest that is over."""
    saturday = period_start(today, "week") + timedelta(days=5)
    which = (match["which"] or "").lower()
    if saturday > today or any(word in which for word in ("last", "past", "previous")):
        saturday -= timedelta(days=7)
    return Days(saturday, saturday + timedelta(days=2), f"'{match[0]}' begins on {saturday}", relative=True)


def _this_period(match: _Match, today: date) -> Days | None:
    """`this week`, `the current month`, `the previous quarter`, and `last week`, which is the calendar's."""
    unit, which = unit_of(match["unit"]), match["which"].lower()
    first = add_units(period_start(today, unit), 0 if which in ("this", "current") else -1, unit)
    after = add_units(first, 1, unit)
    reading = f"'{match[0]}' is {first} to {after - timedelta(days=1)}" if which == "last" else ""
    return Days(first, after, reading, relative=True)


def _begin(match: _Match, today: date) -> Days | None:
    return Days.day(period_start(today, unit_of(match[1])), relative=True)


_Reader: TypeAlias = Callable[[_Match, date], Days | None]


def _readers() -> Iterator[tuple[re.Pattern[str], _Reader, bool]]:
    """(pattern, reader, whether it needs a preposition), the more special before the more general."""
    end = r"(?![\w]|[-./:]\d)"
    said_year = rf"(?P<year>(?:19|20)\d{{2}}){end}"
    year = rf"(?:,?\s+(?:of\s+)?{said_year})?"
    day = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
    month = rf"(?P<month>{MONTH})"
    date_words = rf"\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}|{MONTH}\s+\d{{1,2}}\b"
    readers: list[tuple[str, _Reader, bool]] = [
        (r"([12]\d{3})-(\d{2})-(\d{2})(?!\d|-)", _ymd, False),
        (rf"([12]\d{{3}})/(\d{{1,2}})/(\d{{1,2}}){end}", _ymd, False),
        (rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2([12]\d{{3}}|(?<!\.)\d{{2}}){end}", _numbers, False),
        (r"([12]\d{3})-W(\d{2})(?!\w)", _iso_week, False),
        (rf"(?:the\s+)?(?P<nth>{ORDINAL}|last)\s+week\s+(?:of|in)\s+{month}{year}", _week_of_month, False),
        (rf"(?:the\s+)?week\s+(?:of|from)\s+({date_words})", _week_of, False),
        (rf"(?:the\s+)?{day}\s+(?:of\s+)?{month}{year}", _named, False),
        (rf"{month}\s+(?:the\s+)?{day}(?!\d|:\d|\s*[ap]m\b){year}", _named, False),
        (rf"{month},?\s+(?:of\s+)?{said_year}", _month, False),
        (rf"(?:the\s+)?(?:whole\s+)?(?:month\s+of\s+)?{month}", _month, True),
        (rf"(?P<year>(?:19|20)\d{{2}})[-\s]?Q(?P<q>[1-4]){end}", _quarter, False),
        (rf"Q(?P<q>[1-4])(?!\w){year}", _quarter, False),
        (rf"(?:the\s+)?(?P<ordinal>{ORDINAL})\s+quarter{year}(?!\w)", _quarter, False),
        (rf"(?:the\s+)?year\s+((?:19|20)\d{{2}}){end}", _year, False),
        (rf"((?:19|20)\d{{2}}){end}", _year, True),
        (r"(?:the\s+)?day\s+before\s+yesterday\b|yesterday\b|today\b", _near, False),
        (rf"(?P<which>(?:the\s+)?(?:last|past|previous)\s+|this\s+)?(?P<day>{WEEKDAY})", _weekday, False),
        (r"(?P<which>(?:the\s+)?(?:last|past|previous)\s+|this\s+|the\s+)?weekend\b", _weekend, False),
        (
            r"(?:the\s+)?(?:whole\s+(?:of\s+the\s+)?)?(?P<which>this|current|previous|prior)\s+(?:calendar\s+|iso\s+)?"
            r"(?P<unit>day|week|month|quarter|year)\b",
            _this_period,
            False,
        ),
        (r"(?P<which>last)\s+(?:calendar\s+)?(?P<unit>week|month|quarter|year)\b", _this_period, False),
        (r"(?:the\s+)?(?:beginning|start)\s+of\s+(?:the|this)\s+(day|week|month|quarter|year)\b", _begin, True),
    ]
    for text, reader, needs_lead in readers:
        yield re.compile(text, re.IGNORECASE), reader, needs_lead


_READERS = list(_readers())
_DATES = [pattern for pattern, reader, _ in _READERS if reader is _named]
