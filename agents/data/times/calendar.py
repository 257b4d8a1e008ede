"""Units, months and numbers by name, and calendar arithmetic. Weeks begin on Monday (ISO 8601)."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta
from typing import Literal, TypeAlias

Unit: TypeAlias = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

UNIT = r"(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?|quarters?|years?|yrs?)"
SHORT_UNIT = r"(?:s|m|h|d|w|y)"
_SHORT: dict[str, Unit] = {"s": "second", "m": "minute"}
_BEGINNINGS: dict[str, Unit] = {
    **{"sec": "second", "min": "minute", "h": "hour", "d": "day", "w": "week"},
    **{"mon": "month", "q": "quarter", "y": "year"},
}
_MONTHS = [name.lower() for name in calendar.month_name][1:]
_DAYS = [name.lower() for name in calendar.day_name]
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
WEEKDAY = r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b"
_NUMBERS = [
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
]
_NUMBER_OF = {
    **{word: number for number, word in enumerate(_NUMBERS, 1)},
    **{"a": 1, "an": 1, "couple": 2, "few": 3, "several": 3, "thirty": 30, "sixty": 60, "ninety": 90},
}
NUMBER = (
    rf"(?:\d{{1,5}}|(?:a\s+)?(?:couple|few|several)(?:\s+of)?|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))}"
    r"|thirty|sixty|ninety|an?)"
)
_HALVES: dict[Unit, tuple[int, Unit]] = {
    **{"minute": (30, "second"), "hour": (30, "minute")},
    **{"day": (12, "hour"), "week": (84, "hour")},
}
_HALVED = r"(?:minute|min|hour|hr|day|week)s?"
# `half an hour`, `1.5 hours`, `2 and a half hours`, `hour and a half`: not a whole number of units.
HALVES = (
    rf"(?:(?:half\s+(?:an?\s+)?|(?P<before>{NUMBER})(?:\.5|\s+and\s+a\s+half)[\s-]*)(?P<halved>{_HALVED})"
    rf"|(?:(?P<wholes>{NUMBER})\s+)?(?P<first>{_HALVED})\s+and\s+a\s+half)"
)
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
ORDINAL = rf"(?:{'|'.join(_ORDINALS)})"


def unit_of(word: str) -> Unit:
    """`hrs`, `h`, `hours` → hour."""
    word = word.lower()
    if word in _SHORT:
        return _SHORT[word]
    return next(unit for beginning, unit in _BEGINNINGS.items() if word.startswith(beginning))


def number_of(words: str) -> int:
    """`7`, `seven`, `a couple of` → 2, `a few` → 3."""
    if words.isdigit():
        return int(words)
    said = re.findall(r"[a-z]+", words.lower())
    return next(_NUMBER_OF[word] for word in reversed(said) if word != "of")


def counted(match: re.Match[str]) -> tuple[int, Unit]:
    """The count and unit of HALVES, of a `fortnight`, or of the groups `count` and `unit`, or `short` and `letter`."""
    groups = {name: said for name, said in match.groupdict().items() if said}
    if unit := groups.get("halved") or groups.get("first"):
        whole = number_of(groups.get("before") or groups.get("wholes") or ("1" if "first" in groups else "0"))
        step, smaller = _HALVES[unit_of(unit)]
        return (2 * whole + 1) * step, smaller
    if "fortnight" in groups:
        return 2, "week"
    return number_of(groups.get("count") or groups.get("short") or "1"), unit_of(groups.get("unit") or groups["letter"])


def ordinal_of(word: str) -> int:
    return _ORDINALS[word.lower()]


def month_of(word: str) -> int:
    return next(number for number, name in enumerate(_MONTHS, 1) if name.startswith(word.lower().rstrip(".")[:3]))


def weekday_of(word: str) -> int:
    """Monday is 0."""
    return _DAYS.index(word.lower())


def make_date(year: int, month: int, day: int) -> date | None:
    """None for a day that no calendar has."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def period_start(day: date, unit: Unit) -> date:
    """The first day of the week, month, quarter or year that the day is in."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return day.replace(month=1, day=1) if unit == "year" else day


def add_units(day: date, count: int, unit: Unit) -> date:
    """The day so many days, weeks, months, quarters or years later; the last of a month that is shorter.

    Raises OverflowError or ValueError beyond the years 1 to 9999.
    """
    if unit in ("day", "week"):
        return day + timedelta(days=count * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + count * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"{count} {unit}s from {day} is no year of this calendar")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def shifted(moment: datetime, count: int, unit: Unit) -> datetime:
    """The moment so many units later: seconds to weeks as spans of time, longer units by the calendar."""
    if unit in ("second", "minute", "hour", "day", "week"):
        return moment + timedelta(**{f"{unit}s": count})
    day = add_units(moment.date(), count, unit)
    return moment.replace(year=day.year, month=day.month, day=day.day)
