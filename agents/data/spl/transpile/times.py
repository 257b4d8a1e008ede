"""Time in SPL: relative times (`-24h@h`), spans (`5m`), clocks, and strftime's formats. All times are UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from agents.data.platform import NotExecutable
from agents.data.spl.transpile.values import string, whole
from shared.catalog import Catalog

_ZERO = timedelta(0)
_LAST_SECOND = 253_402_300_799.0  # of the year 9999
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "second"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "minute"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "hour"),
    **dict.fromkeys(("d", "day", "days"), "day"),
    **dict.fromkeys(("w", "week", "weeks"), "week"),
    **dict.fromkeys(("mon", "month", "months"), "month"),
    **dict.fromkeys(("q", "qtr", "qtrs", "quarter", "quarters"), "quarter"),
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), "year"),
}
_STEP = re.compile(r"([+-])(\d*)([a-z]+)|@([a-z]+)([0-7])?", re.IGNORECASE)
_SPAN = re.compile(r"(\d*)([a-z]+)(@[a-z]+\d?)?", re.IGNORECASE)
_ABSOLUTE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?::(\d{1,2}):(\d{2}):(\d{2}))?")
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?Z?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_SUBSECONDS = {"us": 1e-6, "ms": 1e-3, "cs": 1e-2, "ds": 1e-1}

_DIRECTIVE = re.compile(r"%(?:(\d)?([NQ])|(-?[A-Za-z+%]))")
_FORMATS = {
    "e": "%-d", "F": "%Y-%m-%d", "T": "%H:%M:%S", "D": "%m/%d/%y", "R": "%H:%M", "z": "+0000", "Z": "UTC",
    "k": "%-H", "l": "%-I", "x": "%m/%d/%y", "X": "%H:%M:%S", "c": "%a %b %d %H:%M:%S %Y", "n": "\n", "t": "\t",
    "h": "%b", "%": "%%",
}  # fmt: skip
_SAME = frozenset(
    ["Y", "y", "m", "d", "H", "I", "M", "S", "p", "b", "B", "a", "A", "j", "w", "u", "f", "U", "W", "V", "G"]
) | {"-d", "-m", "-H", "-I"}


def clock(catalog: Catalog) -> str:
    """`now` as a TIMESTAMP: the recording's end where the catalog has a clock, else DuckDB's now."""
    if catalog.clock is None:
        return "CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP)"
    moment = catalog.clock if catalog.clock.tzinfo is None else (catalog.clock - (catalog.clock.utcoffset() or _ZERO))
    return f"TIMESTAMP '{moment.replace(tzinfo=None).isoformat(sep=' ')}'"


def relative_time(base: str, modifier: str) -> str | None:
    """`-1d@d+8h` from a TIMESTAMP; None if it is no relative time."""
    text = modifier.strip()
    if text.lower().startswith("now"):
        text = text[3:].strip("()")
    result, position = base, 0
    while position < len(text):
        match = _STEP.match(text, position)
        if not match:
            return None
        unit = UNITS.get((match.group(3) or match.group(4)).lower())
        if match.group(4) and match.group(4).lower() == "w" and match.group(5):
            result = _weekday(result, int(match.group(5)))
        elif unit is None:
            return None
        elif match.group(4):
            result = _weekday(result, 0) if unit == "week" else f"date_trunc('{unit}', {result})"
        else:
            sign, amount = match.group(1), match.group(2) or "1"
            result = f"({result} {sign} INTERVAL '{_interval(whole(amount), unit)}')"
        position = match.end()
    return result


def _weekday(moment: str, weekday: int) -> str:
    """The latest day of that number (0 and 7: Sunday) at or before the moment, at midnight."""
    day = f"date_trunc('day', {moment})"
    return f"({day} - to_days(CAST((dayofweek({day}) - {weekday % 7} + 7) % 7 AS INTEGER)))"


def _interval(amount: int, unit: str) -> str:
    return f"{amount * 3} month" if unit == "quarter" else f"{amount} {unit}"


def moment(text: str, now: str) -> str:
    """earliest's and latest's value as a TIMESTAMP: epoch, `now`, relative, `MM/DD/YYYY:HH:MM:SS` or ISO 8601."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return f"make_timestamp({round(min(float(text), _LAST_SECOND) * 1_000_000)})"
    if match := _ABSOLUTE.fullmatch(text):
        month, day, year, hour, minute, second = match.groups()
        time = f" {int(hour):02d}:{minute}:{second}" if hour else ""
        return f"TIMESTAMP '{year}-{int(month):02d}-{int(day):02d}{time}'"
    if match := _ISO.fullmatch(text):
        return f"TIMESTAMP '{match.group(1)} {match.group(2) or '00:00'}'"
    if (relative := relative_time(now, text)) is None:
        raise NotExecutable(f"the time '{text}' is not understood")
    return relative


@dataclass(frozen=True)
class Span:
    """A bucket's size: a DuckDB interval; seconds: None for months and longer."""

    interval: str
    seconds: float | None
    origin: str = "1970-01-01"

    def bucket(self, moment: str) -> str:
        """The start of the moment's bucket; weeks and longer hours count from the epoch, as Splunk's do."""
        return f"time_bucket({self.interval}, {moment}, TIMESTAMP '{self.origin}')"


def span(text: str) -> Span:
    """`5m`, `1h`, `1mon`, `30`, `1w@w1`. Raises NotExecutable for what is none."""
    match = _SPAN.fullmatch(text.strip())
    if text.strip().isdecimal():
        return Span(f"INTERVAL '{whole(text.strip())} second'", float(text))
    if not match:
        raise NotExecutable(f"the span '{text}' is not understood")
    amount = whole(match.group(1) or "1")
    if match.group(2).lower() in _SUBSECONDS:
        seconds = amount * _SUBSECONDS[match.group(2).lower()]
        return Span(f"INTERVAL '{round(seconds * 1e6)} microsecond'", seconds)
    unit = UNITS.get(match.group(2).lower())
    if unit is None or amount == 0:
        raise NotExecutable(f"the span '{text}' is not understood")
    length = amount * _SECONDS[unit] if unit in _SECONDS else None
    return Span(f"INTERVAL '{_interval(amount, unit)}'", length, _origin(match.group(3) or "", unit))


def _origin(snap: str, unit: str) -> str:
    """A day on which a bucket starts: 1970 began on a Thursday, its first Sunday (w0) was the 4th."""
    if unit == "week" and re.fullmatch("@w[0-7]", snap):
        return f"1970-01-{4 + int(snap[-1]) % 7:02d}"
    if snap and UNITS.get(snap[1:].lower()) != unit:
        raise NotExecutable(f"a span that snaps to {snap} is translated for weeks")
    return "1970-01-01"


# The sizes Splunk chooses from when no span is given: the smallest that makes at most `bins` buckets.
_STEPS = ("1 second", "5 second", "10 second", "30 second", "1 minute", "5 minute", "10 minute", "30 minute", "1 hour",
          "1 day")  # fmt: skip
_STEP_SECONDS = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 86400)


def automatic_span(low: str, high: str, bins: int) -> Span:
    """The span for a range only the data knows."""
    seconds = f"(epoch({high}) - epoch({low}))"
    cases = "".join(
        f" WHEN {seconds} <= {size * bins} THEN INTERVAL '{step}'"
        for step, size in zip(_STEPS, _STEP_SECONDS, strict=True)
    )
    return Span(f"(CASE{cases} ELSE INTERVAL '1 month' END)", None)


def duckdb_format(text: str) -> str:
    """strftime's format in DuckDB's words, as a SQL string. Raises NotExecutable for a directive it lacks."""

    def one(match: re.Match[str]) -> str:
        digits, subsecond, directive = match.groups()
        if subsecond:
            return {"3": "%g", "6": "%f", None: "%g"}.get(digits) or _unknown(match.group())
        if directive in _FORMATS:
            return _FORMATS[directive]
        return f"%{directive}" if directive in _SAME else _unknown(match.group())

    if stray := re.search(r"%(?:[^%A-Za-z0-9-]|$)", text.replace("%%", "")):
        return _unknown(stray.group())
    return string(_DIRECTIVE.sub(one, text))


def _unknown(directive: str) -> str:
    raise NotExecutable(f"the time format {directive} is not translated")
