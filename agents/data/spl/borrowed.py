"""What a search's text borrows from other languages, stage by stage: `| select a, b`, `bin span=1d`, `now() - 7d`.

Works on text that need not parse. Quoted texts, comments and macros are masked first and never touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agents.data.spl.source import PIECE
from agents.data.spl.transpile.times import UNITS

_TEXT, _NAME = "\0", "\1"  # stand for the characters of "texts" and of 'names'
_SINGLE = re.compile(r"'[^'|\n\[\]\"]*'")
_CUT = re.compile(r"[|\[\]]")
_FIRST_WORD = re.compile(r"\s*([A-Za-z_]\w*)")
_SHOWN = 60
_SHORT = {
    "second": "s",
    "minute": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
    "month": "mon",
    "quarter": "q",
    "year": "y",
}
_UNIT = f"(?P<unit>{'|'.join(sorted(UNITS, key=len, reverse=True))})"
_AMOUNT = r"(?P<amount>\d{1,9})"
_SPAN = re.compile(rf"\bspan\s*=\s*{_AMOUNT}\s+{_UNIT}\b(?!\s*[=(])", re.IGNORECASE)
_OPTIONS = re.compile(rf"(?:\s*\b\w+\s*=\s*(?:\d+\s+{_UNIT}\b|[^\s=]+))+\s*", re.IGNORECASE)
_TIME_SPAN = re.compile(rf"\bspan\s*=\s*\d+\s*{_UNIT}\b", re.IGNORECASE)
_AGO = re.compile(rf"\bnow\s*\(\s*\)\s*(?P<sign>[-+])\s*{_AMOUNT}\s*{_UNIT}\b(?!\s*\()", re.IGNORECASE)
_RELATED = rf"{_AMOUNT}\s*{_UNIT}\b(?:\s+(?P<ago>ago)\b)?+"
_SAID = rf"(?:(?:now\s*(?:\(\s*\)\s*)?)?(?P<sign>[-+])\s*)?{_RELATED}"
_ENDS = r"(?!\s*[-+=<>!]|[*/(.])"  # neither a sum nor a field's name
_NOW_LESS = r"now\s*\(\s*\)\s*(?P<sign>-)\s*"
_COMPARED_TIME = re.compile(rf"(?<![\w.])_time\s*(?P<side>[<>])=?\s*{_NOW_LESS}{_RELATED}{_ENDS}", re.IGNORECASE)
_OF_EVENT_TIME = re.compile(r"(?<![\w.])_time\b", re.IGNORECASE)
_BOOLEAN = re.compile(r"\b(?:NOT|OR)\b", re.IGNORECASE)
_BOUND = r"(?<![\w.])(?P<bound>earliest|latest)\s*=\s*"
_ANY_BOUND = re.compile(_BOUND, re.IGNORECASE)
_SPACED = re.compile(rf"{_BOUND}{_SAID}{_ENDS}", re.IGNORECASE)
_QUOTED_BOUND = re.compile(rf'{_BOUND}"(?P<text>{_TEXT}+)"', re.IGNORECASE)
_SAID_TEXT = re.compile(_SAID, re.IGNORECASE)
_RELATIVE = re.compile(rf'{_BOUND}relative_time\s*\(\s*now\s*\(\s*\)\s*,\s*"(?P<text>{_TEXT}+)"\s*\)', re.IGNORECASE)
_MODIFIER = re.compile(r"(?:[-+]\d*[a-z]+)?(?:@[a-z]+[0-7]?)?")
_LIKE = re.compile(
    rf"(?<![\w.])(?P<field>[A-Za-z_][\w.]*)\s+(?P<negated>not\s+)?like\s+'(?P<text>{_NAME}+)'", re.IGNORECASE
)
_LIKE_IN_SEARCH = re.compile(
    rf"(?<![\w.])(?P<field>[A-Za-z_][\w.]*)\s+like\s+(?:'(?P<name>{_NAME}+)'|\"(?P<text>{_TEXT}+)\")", re.IGNORECASE
)
_PATTERN = re.compile(r"%?[A-Za-z0-9./:@-]+(?: [A-Za-z0-9./:@-]+)*%?")
_ROWS = re.compile(r"\s+(\d{1,9})\s*")
_COLUMNS = re.compile(r"\s+[\w.*]+(?:\s*,\s*[\w.*]+)*\s*")
_KEY = re.compile(r"\s*([\w.]+)\s+(asc|desc)\s*", re.IGNORECASE)
_BY = re.compile(r"\s*by\s+", re.IGNORECASE)
_HAS_BY = re.compile(r"\b(?:by|span)\b", re.IGNORECASE)
_GROUP_BY = re.compile(r"\bgroup\s+by\b", re.IGNORECASE)
_ASSIGNED = re.compile(r"\b(\w+)\s*=(?!=)|\bas\s+(\w+)", re.IGNORECASE)
_BUCKETS = frozenset(("bin", "bucket", "timechart", "chart", "stats", "tstats", "mstats"))
_SEARCHES = frozenset(("search", "tstats", "mstats"))
_EVALUATES = frozenset(("where", "eval", "filter", "having", "extend", "stats"))


@dataclass(frozen=True)
class Change:
    """start, end: what is replaced, as offsets into the query; note: the change in words."""

    start: int
    end: int
    text: str
    note: str


@dataclass(frozen=True)
class _Stage:
    """A command's masked text. word: the command; body: what follows it; at: where that begins; is_base: reads data."""

    word: str
    word_at: int
    body: str
    at: int
    is_base: bool = False


def changed(query: str, start: int, end: int, text: str) -> Change:
    """That change of the query, with its note."""
    old, new = " ".join(query[start:end].split()), " ".join(text.split())
    return Change(start, end, text, f"used '{_cut(new)}' for '{_cut(old)}', as SPL says it")


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def applied(query: str, changes: Iterable[Change]) -> tuple[str, list[str]]:
    """The query with the changes made, and their notes. Of two that overlap the first is made."""
    parts, notes, last = [], [], 0
    for change in sorted(changes, key=lambda one: (one.start, one.end)):
        if change.start >= last:
            parts += [query[last : change.start], change.text]
            notes.append(change.note)
            last = change.end
    return "".join([*parts, query[last:]]), list(dict.fromkeys(notes))


def masked(query: str) -> str | None:
    """The query with its quoted texts, comments and macros blanked, each character kept in place; None where one of
    them is never closed."""
    if any(found.group() in ('"', "`", "```") for found in PIECE.finditer(query)):
        return None
    return _SINGLE.sub(_hidden_name, PIECE.sub(_hidden, query))


def has_macro(query: str) -> bool:
    return any(found.group().startswith("`") and not found.group().startswith("```") for found in PIECE.finditer(query))


def _hidden(found: re.Match[str]) -> str:
    text = found.group()
    if text.startswith("```"):
        return " " * len(text)
    return f'"{_TEXT * (len(text) - 2)}"' if text.startswith('"') else _TEXT * len(text)


def _hidden_name(found: re.Match[str]) -> str:
    return f"'{_NAME * (len(found.group()) - 2)}'"


def borrowed(query: str, columns: Iterable[str], *, rejected: bool) -> Iterator[Change]:
    """Every change of the query's text that is sure. columns: of the tables at hand; rejected: whether the query can't
    be proven as it is. Of one that can, only what no search means is changed: `earliest=-7 days`."""
    mask = masked(query)
    if mask is None:
        return
    known = set(columns)
    stages = list(_stages(mask))
    for stage in stages:
        if stage.is_base or stage.word in _SEARCHES:
            yield from _bounds(query, stage)
        if stage.is_base:
            yield from _time_range(query, stage)
            yield from _like_in_search(query, stage, known)
    if not rejected:
        return
    names = {one.lower() for one in known}
    names |= {word.lower() for pair in _ASSIGNED.findall(mask) for word in pair if word}
    for number, stage in enumerate(stages):
        for rule in (_spans, _ago, _like, _in_other_words):
            yield from rule(query, stage, names)
        yield from _grouped(query, stages, number)


def _stages(mask: str) -> Iterator[_Stage]:
    start, before = 0, ""
    for cut in [*_CUT.finditer(mask), None]:
        end = cut.start() if cut else len(mask)
        found = _FIRST_WORD.match(mask, start, end) if before != "]" else None
        word = found[1].lower() if found else ""
        if not before and word != "search":
            yield _Stage("search", start, mask[start:end], start, is_base=True)
        elif found:
            is_base = word == "search" and before != "|"
            yield _Stage(word, found.start(1), mask[found.end() : end], found.end(), is_base=is_base)
        start, before = end + 1, cut.group() if cut else ""


def _short(found: re.Match[str]) -> str | None:
    """`7d` for 7 days; None for a capital letter: `M` is a month for some, a minute for others."""
    unit = found["unit"]
    if len(unit) == 1 and unit.isupper():
        return None
    return f"{int(found['amount'])}{_SHORT[UNITS[unit.lower()]]}"


def _spans(query: str, stage: _Stage, names: set[str]) -> Iterator[Change]:
    """`span=1 day` is `span=1d`, where no field is called day; `bin span=1d` is about the time, as only times have such
    spans."""
    found = list(_SPAN.finditer(stage.body)) if stage.word in _BUCKETS else []
    if any(one["unit"].lower() in names for one in found):
        return
    for one in found:
        if short := _short(one):
            yield changed(query, stage.at + one.start(), stage.at + one.end(), f"span={short}")
    if stage.word in ("bin", "bucket") and _OPTIONS.fullmatch(stage.body) and _TIME_SPAN.search(stage.body):
        yield changed(query, stage.word_at, stage.at, f"{stage.word} _time")


def _ago(query: str, stage: _Stage, names: set[str]) -> Iterator[Change]:
    if stage.word in _EVALUATES:
        for found in _AGO.finditer(stage.body):
            if short := _short(found):
                text = f'relative_time(now(), "{found["sign"]}{short}")'
                yield changed(query, stage.at + found.start(), stage.at + found.end(), text)


def _bounds(query: str, stage: _Stage) -> Iterator[Change]:
    """earliest and latest as they are said: `-7 days`, `7 days ago`, `now() - 7d`, quoted or not."""
    body, at = stage.body, stage.at
    for found in _SPACED.finditer(body):
        is_spaced = any(char.isspace() for char in found.group().partition("=")[2].strip())
        if is_spaced and (text := _related(found)):
            yield changed(query, at + found.start(), at + found.end(), f"{found['bound']}={text}")
    for found in _QUOTED_BOUND.finditer(body):
        written = query[at + found.start("text") : at + found.end("text")].strip()
        said = _SAID_TEXT.fullmatch(written)
        if said and any(char.isspace() for char in written) and (text := _related(said)):
            yield changed(query, at + found.start(), at + found.end(), f"{found['bound']}={text}")
    for found in _RELATIVE.finditer(body):
        written = query[at + found.start("text") : at + found.end("text")].strip()
        if _MODIFIER.fullmatch(written):
            yield changed(query, at + found.start(), at + found.end(), f"{found['bound']}={written}")


def _related(found: re.Match[str]) -> str | None:
    """`-7d` for `-7 days` and `7 days ago`; None where it is not said whether before or after now."""
    sign, ago, short = found["sign"], found["ago"], _short(found)
    if not short or not (sign or ago) or (sign == "+" and ago):
        return None
    return f"{sign or '-'}{short}"


def _time_range(query: str, stage: _Stage) -> Iterator[Change]:
    """`_time > now() - 7d` is `earliest=-7d`, and with `<` it is latest: the range of the whole search, so only where
    no NOT, OR or bracket is about it, and all or none of what is said of the time."""
    body, at = stage.body, stage.at
    if _BOOLEAN.search(body) or query.startswith("[", at + len(body)):
        return
    found = list(_COMPARED_TIME.finditer(body))
    if len(found) < len(_OF_EVENT_TIME.findall(body)):
        return
    bounds = ["earliest" if one["side"] == ">" else "latest" for one in found]
    said = [*bounds, *(one["bound"].lower() for one in _ANY_BOUND.finditer(body))]
    if len(set(said)) < len(said):
        return
    texts = [_related(one) for one in found]
    befores = [body[: one.start()] for one in found]
    if all(texts) and all(before.count("(") <= before.count(")") for before in befores):
        for one, bound, text in zip(found, bounds, texts, strict=True):
            yield changed(query, at + one.start(), at + one.end(), f"{bound}={text}")


def _like(query: str, stage: _Stage, names: set[str]) -> Iterator[Change]:
    """`x LIKE '%y%'`: to SPL single quotes name a field."""
    if stage.word not in _EVALUATES:
        return
    for found in _LIKE.finditer(stage.body):
        text = query[stage.at + found.start("text") : stage.at + found.end("text")]
        if "%" in text and "\\" not in text:
            negated = "NOT " if found["negated"] else ""
            like = f'{negated}like({found["field"]}, "{text}")'
            yield changed(query, stage.at + found.start(), stage.at + found.end(), like)


def _like_in_search(query: str, stage: _Stage, columns: set[str]) -> Iterator[Change]:
    """Search has no LIKE: it would look for that word."""
    for found in _LIKE_IN_SEARCH.finditer(stage.body):
        start, end = found.span("name" if found["name"] else "text")
        text = query[stage.at + start : stage.at + end]
        if found["field"] in columns and "%" in text and _PATTERN.fullmatch(text):
            wild = f'{found["field"]}="{text.replace("%", "*")}"'
            yield changed(query, stage.at + found.start(), stage.at + found.end(), wild)


def _in_other_words(query: str, stage: _Stage, names: set[str]) -> Iterator[Change]:
    """The commands of SQL and KQL that do what one of SPL's does."""
    rule = _COMMANDS.get(stage.word)
    new = rule(stage.body) if rule and not (stage.word == "sort" and "by" in names) else None
    if new is not None:
        end = stage.at + len(stage.body.rstrip())
        # A command that keeps its arguments keeps them as they are written.
        if new.endswith(" "):
            yield changed(query, stage.word_at, stage.at, new.rstrip())
        else:
            yield changed(query, stage.word_at, end, new)


def _ordered(body: str) -> str | None:
    """Every key must say its direction: without one SQL's rises and KQL's falls."""
    by = _BY.match(body)
    keys = [_KEY.fullmatch(key) for key in body[by.end() :].split(",")] if by else []
    found = [key for key in keys if key]
    if not keys or len(found) < len(keys):
        return None
    return "sort " + ", ".join(f"- {key[1]}" if key[2].lower() == "desc" else f"+ {key[1]}" for key in found)


def _limited(body: str) -> str | None:
    found = _ROWS.fullmatch(body)
    return f"head {int(found[1])}" if found else None


def _as(command: str, wanted: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda body: f"{command} " if wanted.fullmatch(body) else None


_ANY = re.compile(r"\s*[^\s-].*", re.DOTALL)
_ASSIGNS = re.compile(r"\s+\w+\s*=(?!=).*", re.DOTALL)
_COMMANDS: dict[str, Callable[[str], str | None]] = {
    **dict.fromkeys(("select", "project"), _as("table", _COLUMNS)),
    **dict.fromkeys(("filter", "having"), _as("where", _ANY)),
    **dict.fromkeys(("limit", "take"), _limited),
    **dict.fromkeys(("order", "sort"), _ordered),
    "extend": _as("eval", _ASSIGNS),
}


def _grouped(query: str, stages: Sequence[_Stage], number: int) -> Iterator[Change]:
    """`stats count | group by x` and `stats count group by x` are `stats count by x`."""
    stage = stages[number]
    if stage.word == "stats" and (found := _GROUP_BY.search(stage.body)):
        yield changed(query, stage.at + found.start(), stage.at + found.end(), "by")
    if stage.word != "group" or not (by := _BY.match(stage.body)) or not number:
        return
    before = stages[number - 1]
    end = before.at + len(before.body)
    between = query[end : stage.word_at]
    if before.word == "stats" and between.strip() == "|" and not _HAS_BY.search(before.body):
        yield changed(query, end, stage.at + by.end(), "by " if before.body[-1:].isspace() else " by ")
