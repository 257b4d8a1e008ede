"""Lengths of time and moments as other languages write them: `ago('7 days')`, `TimeGenerated > '2026-03-07'`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from agents.data.dates import nearest_real
from agents.data.kql.borrowed import NOW, TODAY
from agents.data.kql.marks import Change, Reading

_UNITS = {
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_SPAN = re.compile(r"(\d{1,6})\s*([A-Za-z]+)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,7})?)?Z?)?")


def times(read: Reading) -> Iterator[Change]:
    """Lengths of time in words or quotes, and moments that are texts."""
    for at, one in enumerate(read.pieces):
        if one.kind in ("string", "number"):
            yield from _length(read, at)
        if one.kind == "string":
            yield from _moment(read, at)


def _length(read: Reading, at: int) -> Iterator[Change]:
    """`ago('7d')`, `ago(7 days)`, `ago(1w)`, `now() - 7 days`, `interval '7 days'`."""
    one, after = read[at], read[at + 1]
    first = at - 1 if read[at - 1].lower == "interval" else at
    in_ago = read[first - 1].text == "(" and read[first - 2].lower == "ago"
    from_moment = read[first - 1].text in ("-", "+") and _ends_moment(read, first - 2)
    if not (in_ago or from_moment):
        return
    written = one.text.strip("'\"") if one.kind == "string" else one.text
    last = at
    if written.isdigit() and after.kind == "word" and after.lower in _UNITS:
        written, last = f"{written} {after.text}", at + 1
    found = _SPAN.fullmatch(written)
    unit = _UNITS.get(found[2].lower()) if found else None
    if found is None or unit is None or found[2] == "M":  # month or minute
        return
    if first == last and one.kind == "number" and unit != "w":
        return
    text = f"{int(found[1]) * 7}d" if unit == "w" else f"{int(found[1])}{unit}"
    if in_ago and read[last + 1].text != ")":
        return
    yield Change([(read[first].start, read[last].end, text)], f"used {text} for {read.text(first, last)}")


def _ends_moment(read: Reading, at: int) -> bool:
    """`now()`, or a column of moments."""
    if read[at].text == ")":
        return read[at - 1].text == "(" and read[at - 2].lower in ("now", *NOW, *TODAY)
    name = read[at]
    return name.lower in ("current_date", "current_timestamp") or read.types.get(name.text) == "datetime"


def _moment(read: Reading, at: int) -> Iterator[Change]:
    """A text that a column of moments is said to lie before or after. Which moments `==` a day means is not sure."""
    one = read[at]
    text = one.text[1:-1]
    if one.text[0] not in "'\"" or not _MOMENT.fullmatch(text) or nearest_real(text):
        return
    if _compared(read, at) or _is_bound(read, at):
        said = f"datetime({text})"
        yield Change([(one.start, one.end, said)], f"used {said} for {one.text}, compared with a moment")


def _compared(read: Reading, at: int) -> bool:
    mark = at - 1
    if read[mark].text == "=" and read[mark - 1].text in ("<", ">") and read[mark - 1].end == read[mark].start:
        mark -= 1
    elif read[mark].text not in ("<", ">"):
        return False
    return _is_moment(read, mark - 1) and (read.is_boundary(at + 1) or read[at + 1].kind == "word")


def _is_bound(read: Reading, at: int) -> bool:
    """Either end of `T between ('a' .. 'b')`."""
    bracket = read.around[at]
    return bracket >= 0 and read[bracket - 1].lower == "between" and _is_moment(read, bracket - 2)


def _is_moment(read: Reading, at: int) -> bool:
    at = at - 1 if read[at].text == "!" else at
    return read.types.get(read[at].text) == "datetime" and read[at - 1].text != "."
