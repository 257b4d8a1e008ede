"""Zones that follow a time: `+02:00`, `(UTC+2)`, `CET`, `Europe/Lisbon`, `New York time`, `2 pm ET`, `2 pm Eastern`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

# Hours east of UTC of the abbreviations that people write; others are not guessed.
_OFFSETS = {
    **{"z": 0, "utc": 0, "gmt": 0, "cet": 1, "cest": 2, "bst": 1, "jst": 9},
    **{"est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7},
}
_UNCLEAR = "IST|AST|SST|GST|AMT|ECT"
_AMERICAN = {
    **{"eastern": "America/New_York", "central": "America/Chicago"},
    **{"mountain": "America/Denver", "pacific": "America/Los_Angeles"},
}
_AREAS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
# Words of other meanings (`wake time`), and names that another place is better known by.
_NO_CITIES = {
    "act",
    "center",
    "christmas",
    "easter",
    "lhi",
    "north",
    "nsw",
    "oral",
    "san juan",
    "south",
    "victoria",
    "wake",
    "west",
}
_FARTHEST = timedelta(hours=14)
_OFFSET = re.compile(
    r"\s?(?P<utc>(?:UTC|GMT)\s?)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?(?![\d:]|\s*(?:UTC|GMT|Z)\b)",
    re.IGNORECASE,
)
_ZONE = re.compile(
    rf"\s?(?:(?P<short>{'|'.join(_OFFSETS)})\b(?:\s+UTC\b)?|(?P<path>[A-Z][A-Za-z]+(?:/[A-Z](?:[\w+-]*\w)?)+)"
    rf"|(?P<american>(?-i:[ECMP]T))\b|(?P<unclear>(?-i:{_UNCLEAR}))\b)",
    re.IGNORECASE,
)
_STANDARD = re.compile(
    rf",?\s+(?:in\s+)?(?:US\s+)?({'|'.join(_AMERICAN)})\s+(standard|daylight)\s+time\b", re.IGNORECASE
)
_BARE = re.compile(
    rf"\s(?P<name>{'|'.join(name.capitalize() for name in _AMERICAN)})"
    r"(?=\s*(?:$|[?.,;)-]|(?:on|yesterday|today|last|this)\b|(?:and|to|until|till)\s+(?:\d|noon|midnight)))"
)
_LETTER = re.compile(r"[A-Za-z]")
_BRACKETS = re.compile(r"\s?\(([^()]{1,40})\)")
_SUMMER, _WINTER = datetime(2026, 7, 1), datetime(2026, 1, 1)


def read_zone(text: str, start: int) -> tuple[tzinfo | None, int, str]:
    """The zone that follows a time of day, where its words end, and how an abbreviation was read."""
    if brackets := _BRACKETS.match(text, start):
        inner = f" {brackets[1].strip()}"
        within, end, reading = read_zone(inner, 0) if _LETTER.search(inner) or ":" in inner else (None, 0, "")
        return (within, brackets.end(), reading) if end == len(inner) else (None, start, "")
    if offset := _offset(text, start):
        return *offset, ""
    if bare := _BARE.match(text, start):
        return ZoneInfo(_AMERICAN[bare["name"].lower()]), bare.end(), ""
    if named := read_named_zone(text, start):
        return *named, ""
    match = _ZONE.match(text, start)
    if not match:
        return None, start, ""
    if path := match["path"]:
        return (ZoneInfo(path), match.end(), "") if path in available_timezones() else (None, start, "")
    if name := match["unclear"]:
        return None, match.end(), f"{name} is the time of more than one place, and was left out"
    if name := match["american"]:
        zone = next(zone for spoken, zone in _AMERICAN.items() if spoken.startswith(name[0].lower()))
        return ZoneInfo(zone), match.end(), f"{name} is {zone}"
    hours = _OFFSETS[match["short"].lower()]
    reading = f"{match['short']} is UTC{hours:+03d}:00" if hours else ""
    return timezone(timedelta(hours=hours)), match.end(), reading


def read_named_zone(text: str, start: int) -> tuple[tzinfo, int] | None:
    """`New York time`, `in Eastern time`, `Pacific Standard Time`: the zone, and where its words end."""
    if fixed := _STANDARD.match(text, start):
        hours = _OFFSETS[f"{fixed[1][0]}{fixed[2][0]}t".lower()]
        return timezone(timedelta(hours=hours)), fixed.end()
    match = _spoken().match(text, start)
    if not match:
        return None
    return ZoneInfo(_names()[re.sub(r"\s+", " ", match[1].lower())]), match.end()


def _offset(text: str, start: int) -> tuple[tzinfo, int] | None:
    match = _OFFSET.match(text, start)
    if not match or not (match["utc"] or len(match["hours"]) == 2):
        return None
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    if offset > _FARTHEST:
        return None
    return timezone(offset if match["sign"] == "+" else -offset), match.end()


@cache
def _names() -> dict[str, str]:
    """The IANA zone of each name before `time`, in lower case; a city that two zones are named after is left out."""
    zones: dict[str, list[str]] = {}
    for zone in sorted(available_timezones()):
        area, _, rest = zone.partition("/")
        city = rest.rpartition("/")[2].replace("_", " ").lower()
        if area in _AREAS and city and city not in _NO_CITIES:
            zones.setdefault(city, []).append(zone)
    cities = {city: found[-1] for city, found in zones.items() if len(found) == 1 or len(set(_clocks(found))) == 1}
    return {**cities, **_AMERICAN}


def _clocks(zones: list[str]) -> Iterator[tuple[timedelta | None, ...]]:
    for zone in map(ZoneInfo, zones):
        yield _WINTER.replace(tzinfo=zone).utcoffset(), _SUMMER.replace(tzinfo=zone).utcoffset()


@cache
def _spoken() -> re.Pattern[str]:
    names = "|".join(re.escape(name).replace(r"\ ", r"\s+") for name in sorted(_names(), key=len, reverse=True))
    return re.compile(rf",?\s+(?:in\s+)?(?:US\s+)?({names})\s+(?:local\s+)?time\b(?!\s+zone)", re.IGNORECASE)
