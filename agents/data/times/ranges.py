"""Time phrases of a question as ranges of time."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal, TypeAlias

from agents.data.times.calendar import (
    HALVES,
    NUMBER,
    SHORT_UNIT,
    UNIT,
    Unit,
    add_units,
    counted,
    period_start,
    shifted,
    unit_of,
)
from agents.data.times.clocks import DAY_SECONDS, Clock
from agents.data.times.days import no_day
from agents.data.times.moments import Moment, Now, read_moment
from agents.data.times.pairs import read_pair

Place: TypeAlias = tuple[int, int]

_LOOSE_MINUTES = 15
_PREPOSITION = r"(?:(?:in|on|at|during|for|of|from|within|throughout|over|around|about)\s+)?"
_WORD_START = re.compile(r"(?<![\w.@/\\:$#%+-])(?=\w)")
# What looks like a time inside quotes or a path is a name, unless it is nothing but a date.
_QUOTED = re.compile(r"\"[^\"\n]*\"|(?<!\w)'[^'\n]*'(?!\w)|\b\w+://\S+|\S+@\S+")
_BARE_DATE = re.compile(r"[\"'\s]*\d[\d:TZ ./+-]*(?:[AP]M|UTC)?[\"'\s]*", re.IGNORECASE)
_OWN = (
    "".join(rf"(?<!\b{word} )" for word in ("their", "his", "her", "its", "my", "our", "your", "whose")) + r"(?<!'s )"
)
_TRAILING = re.compile(  # `their last day` is a day of theirs
    rf"{_OWN}{_PREPOSITION}(?:each\s+of\s+|any\s+of\s+)?(?:the\s+)?(?:most\s+)?(?:last|past|previous|recent|preceding|latest)\s+"
    rf"(?:{HALVES}|(?P<fortnight>fortnight)|(?:(?P<count>{NUMBER})[\s-]*)?(?P<calendar>calendar\s+|full\s+|whole\s+)?(?P<unit>{UNIT})"
    rf"|(?P<short>\d+)\s?(?P<letter>{SHORT_UNIT}))(?![\w-])",
    re.IGNORECASE,
)
_TO_DATE = re.compile(r"(?:(?:the|this|current)\s+)?(week|month|quarter|year)[\s-]to[\s-]date\b", re.IGNORECASE)
_THE_LAST = re.compile(r"last\s+(?:week|month|quarter|year)$", re.IGNORECASE)
_WITHOUT_CURRENT = re.compile(
    rf"\s*[,(]?\s*(?:not\s+including|excluding|exclusive\s+of|without)\s+(?:the\s+)?(?:current|this)\s+{UNIT}\)?",
    re.IGNORECASE,
)
_AGE = re.compile(
    rf"(?P<how>older|newer|earlier|later|more|less)\s+than\s+(?:{HALVES}|(?P<count>{NUMBER})[\s-]*(?P<unit>{UNIT}))"
    r"(?P<ago>\s+(?:ago|old))?(?!\w)",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"(?:(?P<since>(?:ever\s+)?since|starting(?:\s+(?:from|on|at))?|from|as\s+of)"
    r"|(?P<after>after|later\s+than|newer\s+than)"
    r"|(?P<before>before|prior\s+to|earlier\s+than|older\s+than)"
    r"|(?P<until>until|till|up\s+to|through|by(?=\s+(?:the\s+)?end\s+of)))\s+",
    re.IGNORECASE,
)
_ONWARD = re.compile(r"\s+(?:on|onwards?|forward)\b(?!\s+(?:the\s+)?\w*\d)", re.IGNORECASE)
# `before and after 3 March` compares, `two months after 3 March` counts from there: neither says which rows.
_NO_RANGE = re.compile(
    rf"before\s+(?:and|or|vs\.?|versus)\s+(?:since|after)\s+|{NUMBER}\s+{UNIT}\s+(?:after|before|following)\s+",
    re.IGNORECASE,
)
_LED = re.compile(r"(?:in|on|at|during|for|of|from|within|throughout|over)\s+", re.IGNORECASE)
_LOOSE = re.compile(r"(?:at\s+)?(?:around|about)\s+", re.IGNORECASE)
_Kind: TypeAlias = Literal["relative", "absolute", "daily"]


@dataclass(frozen=True)
class Trailing:
    """`last 7 days`: so many units up to now."""

    count: int
    unit: Unit


@dataclass(frozen=True)
class TimeRange:
    """A time that a text speaks of: from `start` to before `end`, both in UTC; None where it is open.

    words: the phrase, and places: where it stands in the text, (start, end) of each piece.
    kind: `relative` moves with now (`last 7 days`, `yesterday`), `absolute` does not, `daily` is a time of every day,
    (from, to) in `daily`, without start and end. trailing: the count back from now, where it was said so.
    reading: in words, where the phrase could be read otherwise.
    """

    start: datetime | None
    end: datetime | None
    words: str
    places: tuple[Place, ...]
    kind: _Kind
    reading: str = ""
    trailing: Trailing | None = None
    daily: tuple[time, time] | None = None


@dataclass(frozen=True)
class _Phrase:
    """A range, and what it is made of: the single day it lies in, and whose day, or the times of day that lack a day.
    since: the latest such time of day begins it."""

    range: TimeRange
    day: date | None = None
    zone: tzinfo | None = None
    clocks: tuple[Clock | None, Clock | None] | None = None
    since: bool = False

    @property
    def end(self) -> int:
        return self.range.places[-1][1]


def read_ranges(text: str, now: Now) -> list[TimeRange]:
    """The time phrases in order. A time of day takes the day that the text names elsewhere, if it names just one."""
    reader = _Reader(text, now)
    phrases = reader.phrases()
    clocks = [phrase for phrase in phrases if phrase.clocks]
    days = [phrase for phrase in phrases if phrase.day]
    if len(clocks) == 1 and len(days) == 1 and len(phrases) == 2:
        return [reader.joined(days[0], clocks[0])]
    return [reader.on_its_own(phrase) if phrase.clocks else phrase.range for phrase in phrases]


def range_places(text: str, now: Now) -> list[Place]:
    """Where time phrases stand, and times that bound no range (`before and after 3 March`)."""
    reader = _Reader(text, now)
    return sorted([*(place for phrase in reader.phrases() for place in phrase.range.places), *reader.skipped])


class _Reader:
    """Reads one text. skipped: places of times that bound no range."""

    def __init__(self, text: str, now: Now) -> None:
        self._text = _without_names(text)
        self._said = text
        self._now = now
        self.skipped: list[Place] = []

    def phrases(self) -> list[_Phrase]:
        found: list[_Phrase] = []
        end = 0
        for word in _WORD_START.finditer(self._text):
            if word.start() < end:
                continue
            if other := _NO_RANGE.match(self._text, word.start()):
                moment = read_moment(self._text, other.end(), self._now, led=True)
                end = moment[1] if moment else other.end()
                self.skipped += [(word.start(), end)] if moment else []
            elif phrase := self._phrase(word.start()):
                found.append(phrase)
                end = phrase.end
            elif none := no_day(self._text, word.start()):
                end = none
                self.skipped.append((word.start(), end))
        return found

    def _phrase(self, start: int) -> _Phrase | None:
        return (
            self._to_date(start)
            or self._pair(start)
            or self._open(start)
            or self._age(start)
            or self._moment(start)
            or self._trailing(start)
        )

    def _pair(self, start: int) -> _Phrase | None:
        """`between 9 and 10 March`: both days belong to it; `from 14:00 to 16:00`: the last moment does not."""
        if not (found := read_pair(self._text, start, self._now)):
            return None
        first, last, end = found
        if not first.days and not last.days and first.clock and last.clock:
            return _Phrase(self._range(None, None, start, end, [first, last]), clocks=(first.clock, last.clock))
        begun, over = self._now.span(first), self._now.span(last)
        until = over.start if last.exact or (last.clock and last.clock.vague) else over.end
        if until <= begun.start:
            return None
        return _Phrase(self._range(begun.start, until, start, end, [first, last]))

    def _open(self, start: int) -> _Phrase | None:
        """`since Monday`, `after 10 March` (from the day after), `before 14:00`, `until Friday` (its end)."""
        led = _OPEN.match(self._text, start)
        found = led and read_moment(self._text, led.end(), self._now, led=True)
        if not led or not found:
            return None
        moment, end = found
        if led[0].lower().startswith("from"):
            if not (onward := _ONWARD.match(self._text, end)):
                return None
            end = onward.end()
        lower = bool(led["since"] or led["after"])
        if moment.clock and not moment.days:
            clocks = (moment.clock, None) if lower else (None, moment.clock)
            since = "since" in led[0].lower()
            return _Phrase(self._range(None, None, start, end, [moment]), clocks=clocks, since=since)
        span = self._now.span(moment)
        whole = moment.clock is None and moment.exact is None
        if lower:
            begins = span.end if led["after"] and whole else span.start
            return _Phrase(self._range(begins, None, start, end, [moment]))
        ends = span.end if led["until"] and whole else span.start
        reading = f"'{self._said[start:end]}' includes that time" if led["until"] and whole else ""
        return _Phrase(self._range(None, ends, start, end, [moment], reading))

    def _age(self, start: int) -> _Phrase | None:
        """`older than 30 days`, `more than two hours ago`: before then; `newer than 7 days`: since then."""
        match = _AGE.match(self._text, start)
        if not match or (match["how"].lower() in ("more", "less") and not match["ago"]):
            return None
        bound = self._back(*counted(match))
        if bound is None:
            return None
        before = match["how"].lower() in ("older", "earlier", "more")
        return _Phrase(self._range(None if before else bound, bound if before else None, *match.span(), relative=True))

    def _moment(self, start: int) -> _Phrase | None:
        loose, led = _LOOSE.match(self._text, start), _LED.match(self._text, start)
        begin = loose or led
        found = read_moment(self._text, begin.end() if begin else start, self._now, led=bool(begin))
        if not found:
            return None
        moment, end = found
        if moment.clock and moment.clock.vague and loose:
            moment = replace(
                moment, clock=_around(moment.clock), reading=f"'{self._said[start:end]}' is 15 minutes around"
            )
        if moment.clock and not moment.days:
            return _Phrase(self._range(None, None, start, end, [moment]), clocks=(moment.clock, moment.clock))
        span = self._now.span(moment)
        single = moment.days and moment.days.single and not (moment.clock and moment.clock.vague)
        day = moment.days.first if moment.days and single else None
        zone = moment.days.zone if moment.days else None
        return _Phrase(self._range(span.start, span.end, start, end, [moment]), day=day, zone=zone)

    def _trailing(self, start: int) -> _Phrase | None:
        """`the last 7 days` end now; `the last 3 calendar months`, or without the current one, end where it began."""
        if not (match := _TRAILING.match(self._text, start)):
            return None
        count, unit = counted(match)
        without = _WITHOUT_CURRENT.match(self._text, match.end())
        if (match["calendar"] or without) and unit in ("day", "week", "month", "quarter", "year"):
            return self._whole_periods(count, unit, start, without.end() if without else match.end())
        begins = self._back(count, unit)
        if begins is None:
            return None
        unclear = _THE_LAST.search(match[0]) and not match["count"]
        reading = f"'{match[0]}' is the {unit} up to now, not the calendar's" if unclear else ""
        found = self._range(begins, self._now.instant, start, match.end(), reading=reading, relative=True)
        return _Phrase(replace(found, trailing=Trailing(count, unit)))

    def _to_date(self, start: int) -> _Phrase | None:
        """`month to date`: from the first of the month up to now."""
        if not (match := _TO_DATE.match(self._text, start)):
            return None
        begins = self._now.at(period_start(self._now.today, unit_of(match[1])), 0)
        return _Phrase(self._range(begins, self._now.instant, *match.span(), relative=True))

    def _whole_periods(self, count: int, unit: Unit, start: int, end: int) -> _Phrase | None:
        after = period_start(self._now.today, unit)
        try:
            first = add_units(after, -count, unit)
        except (OverflowError, ValueError):
            return None
        reading = f"whole {unit}s, {first} to {after - timedelta(days=1)}"
        found = self._range(self._now.at(first, 0), self._now.at(after, 0), start, end, reading=reading, relative=True)
        return _Phrase(found)

    def joined(self, day: _Phrase, clock: _Phrase) -> TimeRange:
        """`on 10 March` and `between 14:00 and 16:00`, wherever they stand: the times of that day, within what was said
        of it (`in the evening`, `after 20:00`)."""
        assert day.day is not None
        assert clock.clocks is not None
        bounds = day.range
        lower, upper = clock.clocks
        start = self._now.at(day.day, lower.second, lower.zone or day.zone) if lower else bounds.start
        end = self._end(day.day, lower, upper, day.zone) or bounds.end
        if start and bounds.start and end and bounds.end and lower is not upper and start >= bounds.start:
            end = end if upper else bounds.end
        both = sorted([day, clock], key=lambda phrase: phrase.range.places)
        return replace(
            bounds,
            start=start,
            end=end,
            words=" ".join(phrase.range.words for phrase in both),
            places=tuple(place for phrase in both for place in phrase.range.places),
            reading="; ".join(filter(None, dict.fromkeys(phrase.range.reading for phrase in both))),
        )

    def on_its_own(self, phrase: _Phrase) -> TimeRange:
        """Times of day without a day: one time is the latest such, a window is every day's."""
        assert phrase.clocks is not None
        lower, upper = phrase.clocks
        if lower is not None and (lower is upper or phrase.since):
            span = self._now.span(Moment(clock=lower))
            day = self._now.latest_day(lower)
            reading = "; ".join(filter(None, [phrase.range.reading, f"'{phrase.range.words}' is on {day}, the latest"]))
            end = None if phrase.since else span.end
            return replace(phrase.range, start=span.start, end=end, kind="relative", reading=reading)
        day = self._now.today
        begins = self._local(day, lower) if lower else time.min
        ends = self._local(day, upper) if upper else time.min
        reading = "; ".join(filter(None, [phrase.range.reading, f"'{phrase.range.words}' on every day"]))
        return replace(phrase.range, kind="daily", daily=(begins, ends), reading=reading)

    def _local(self, day: date, clock: Clock) -> time:
        """What UTC clocks show then."""
        return self._now.at(day, clock.second % DAY_SECONDS, clock.zone).time()

    def _end(self, day: date, lower: Clock | None, upper: Clock | None, zone: tzinfo | None) -> datetime | None:
        if upper is None:
            return None
        zone = upper.zone or zone
        if lower is upper:
            return self._now.at(day, upper.end, zone)
        second = upper.second if upper.vague else upper.end
        over_midnight = lower is not None and second <= lower.second
        return self._now.at(day + timedelta(days=over_midnight), second, zone)

    def _back(self, count: int, unit: Unit) -> datetime | None:
        """So many units before now, by the calendar of the zone; None before the first year."""
        try:
            return shifted(self._now.instant.astimezone(self._now.zone), -count, unit).astimezone(UTC)
        except (OverflowError, ValueError):
            return None

    def _range(
        self,
        start: datetime | None,
        end: datetime | None,
        begin: int,
        stop: int,
        moments: list[Moment] | None = None,
        reading: str = "",
        *,
        relative: bool = False,
    ) -> TimeRange:
        readings = [*(one for moment in moments or [] for one in moment.readings), reading]
        relative = relative or any(moment.relative for moment in moments or [])
        return TimeRange(
            start=start,
            end=end,
            words=self._said[begin:stop].strip(),
            places=((begin, stop),),
            kind="relative" if relative else "absolute",
            reading="; ".join(filter(None, dict.fromkeys(readings))),
        )


def _around(clock: Clock) -> Clock:
    loose = _LOOSE_MINUTES * 60
    return replace(clock, second=max(0, clock.second - loose), end=clock.second + loose, vague=False)


def _without_names(text: str) -> str:
    """The text with quoted names, addresses and links blanked, each place kept."""

    def blank(match: re.Match[str]) -> str:
        if _BARE_DATE.fullmatch(match[0]):
            return match[0].replace('"', " ").replace("'", " ")
        return "\x00" * len(match[0])

    return _QUOTED.sub(blank, text)
