"""A day, a time of day, or both, read at one place of a text, and what it covers on the clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import TypeAlias

from agents.data.times.calendar import HALVES, NUMBER, SHORT_UNIT, UNIT, add_units, counted, shifted
from agents.data.times.clocks import PART, Clock, part_of_day, read_clock, wall
from agents.data.times.days import Days, read_days
from agents.data.times.zones import read_named_zone

_AT = re.compile(r"T|,?\s+(?:at\s+|around\s+|about\s+)?", re.IGNORECASE)
OF_DAY = re.compile(r",?\s+(?:on\s+|of\s+)?", re.IGNORECASE)
_PART_AFTER = re.compile(rf",?\s+(?:in\s+the\s+|at\s+)?({PART})\b", re.IGNORECASE)
_PART_OF = re.compile(rf"(?:the\s+)?({PART})\s+of\s+", re.IGNORECASE)
_THIS_PART = re.compile(rf"(?P<which>last|yesterday|this)\s+(?P<part>{PART})\b|tonight\b", re.IGNORECASE)
_AGO = re.compile(
    rf"(?:{HALVES}|(?P<count>{NUMBER})[\s-]*(?P<unit>{UNIT})|(?P<short>\d+)(?P<letter>{SHORT_UNIT}))\s+ago\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Span:
    """From start to before end, both aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Moment:
    """What was read: days, a time of day, both, or an exact span (`three hours ago`)."""

    days: Days | None = None
    clock: Clock | None = None
    exact: Span | None = None
    reading: str = ""

    @property
    def readings(self) -> list[str]:
        parts = (self.days and self.days.reading, self.clock and self.clock.reading, self.reading)
        return [part for part in parts if part]

    @property
    def relative(self) -> bool:
        return self.exact is not None or bool(self.days and self.days.relative)


@dataclass(frozen=True)
class Now:
    """The moment that phrases are relative to, and the zone of the clocks and calendars that people mean."""

    instant: datetime
    zone: tzinfo

    @property
    def today(self) -> date:
        return self.instant.astimezone(self.zone).date()

    def at(self, day: date, second: int, zone: tzinfo | None = None) -> datetime:
        return wall(day, second, zone or self.zone)

    def span(self, moment: Moment) -> Span:
        """What the moment covers; a time of day without a day is on the latest day on which it has come."""
        if moment.exact:
            return moment.exact
        if moment.clock is None:
            assert moment.days is not None
            zone = moment.days.zone
            return Span(self.at(moment.days.first, 0, zone), self.at(moment.days.after, 0, zone))
        clock = moment.clock
        day = moment.days.first if moment.days else self.latest_day(clock)
        zone = clock.zone or (moment.days.zone if moment.days else None)
        return Span(self.at(day, clock.second, zone), self.at(day, clock.end, zone))

    def latest_day(self, clock: Clock) -> date:
        today = replace(self, zone=clock.zone or self.zone).today
        come = self.at(today, clock.second, clock.zone) <= self.instant
        return today if come else today - timedelta(days=1)


Found: TypeAlias = tuple[Moment, int]


def read_moment(text: str, start: int, now: Now, *, led: bool) -> Found | None:
    """The moment that begins exactly at `start`, and where its words end. led: a preposition comes before."""
    return (
        _ago(text, start, now)
        or _this_part(text, start, now)
        or _part_of(text, start, now)
        or _days_first(text, start, now, led=led)
        or _clock_first(text, start, now)
    )


def read_days_of(text: str, start: int, now: Now, *, led: bool) -> tuple[Days, int] | None:
    """As read_days, with the zone that follows them: `yesterday, London time`."""
    found = read_days(text, start, now.today, led=led)
    named = found and read_named_zone(text, found[1])
    if not named:
        return found
    zone, end = named
    there = read_days(text, start, replace(now, zone=zone).today, led=led)
    return (replace(there[0], zone=zone), end) if there else None


def _days_first(text: str, start: int, now: Now, *, led: bool) -> Found | None:
    if not (found := read_days_of(text, start, now, led=led)):
        return None
    days, end = found
    if days.single:
        if (joint := _AT.match(text, end)) and (clock := read_clock(text, joint.end())):
            return Moment(days, clock[0]), clock[1]
        if part := _PART_AFTER.match(text, end):
            return Moment(days, part_of_day(part[1])), part.end()
    return Moment(days), end


def _clock_first(text: str, start: int, now: Now) -> Found | None:
    if not (found := read_clock(text, start)):
        return None
    clock, end = found
    joint = OF_DAY.match(text, end)
    if joint and (day := read_days_of(text, joint.end(), now, led=False)) and day[0].single:
        return Moment(day[0], clock), day[1]
    return Moment(clock=clock), end


def _ago(text: str, start: int, now: Now) -> Found | None:
    """`three hours ago` is the hour from then on; `5 days ago` that day, `two weeks ago` the day two weeks before."""
    if not (match := _AGO.match(text, start)):
        return None
    count, unit = counted(match)
    try:
        if unit in ("second", "minute", "hour"):
            began = shifted(now.instant, -count, unit)
            exact = Span(began, shifted(began, 1, unit))
            return Moment(exact=exact, reading=f"'{match[0]}' is the {unit} from then on"), match.end()
        day = add_units(now.today, -count, unit)
    except (OverflowError, ValueError):
        return None
    reading = "" if unit == "day" else f"'{match[0]}' is the day {day}, not the whole {unit}"
    return Moment(Days.day(day, reading, relative=True)), match.end()


def _this_part(text: str, start: int, now: Now) -> Found | None:
    """`last night`, `this morning`, `yesterday evening`, `tonight`."""
    if not (match := _THIS_PART.match(text, start)):
        return None
    before = (match["which"] or "").lower() in ("last", "yesterday")
    day = Days.day(now.today - timedelta(days=before), relative=True)
    return Moment(day, part_of_day(match["part"] or "night")), match.end()


def _part_of(text: str, start: int, now: Now) -> Found | None:
    """`the evening of 12 March`."""
    match = _PART_OF.match(text, start)
    if not match or not (day := read_days_of(text, match.end(), now, led=False)) or not day[0].single:
        return None
    return Moment(day[0], part_of_day(match[1])), day[1]
