"""Parameters of workbooks: `{TimeRange}` in a query stands for a text, which the catalog declares with a default.

The query that is proven and run is the one with the defaults in place; problems are placed in the one that was written.
Formats as of Azure Workbooks' time parameters: `{TimeRange}`, `:value` and `:query` are a condition, `:start` and
`:end` moments, `:grain` a step that makes some dozens of points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from agents.data.kql.tokens import tokens
from agents.data.kql.types import kusto_type
from agents.data.names import nearest_name
from agents.data.proof import position
from shared.catalog import Catalog, QueryParameter
from shared.errors import InvalidInput
from shared.models import Check, Problem

TEXT, TIME_RANGE = "text", "timerange"
_PLACE = re.compile(r"\{([A-Za-z_]\w*)(?::([A-Za-z]\w*))?\}")
_SPAN = re.compile(r"(\d+)(d|h|m|s)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_GRAINS = ("1s", "10s", "1m", "5m", "15m", "30m", "1h", "6h", "1d", "7d")
_NUMBERS = frozenset(("int", "long", "real", "decimal"))
_MOST_POINTS = 100
_LAST_GRAIN = "30d"


@dataclass(frozen=True)
class Filled:
    """text: `written` with the parameters' defaults; starts, origins: where each piece of it begins, in either."""

    written: str
    text: str
    starts: list[int] = field(default_factory=list)
    origins: list[tuple[int, bool]] = field(default_factory=list)

    def placed(self, check: Check) -> Check:
        """The check with its problems where they are in what was written."""
        if self.text is self.written or not check.problems:
            return check
        return check.model_copy(update={"problems": [self._problem(one) for one in check.problems]})

    def _problem(self, problem: Problem) -> Problem:
        if problem.line is None or problem.column is None:
            return problem
        lines = self.text.split("\n")
        at = sum(len(line) + 1 for line in lines[: problem.line - 1]) + problem.column - 1
        piece = bisect_right(self.starts, at) - 1
        origin, is_default = self.origins[piece]
        line, column = position(self.written, origin if is_default else origin + at - self.starts[piece])
        return problem.model_copy(update={"line": line, "column": column})


def filled(query: str, catalog: Catalog) -> Filled:
    """Wherever `{Name}` stands, in a string too, as workbooks do it. What is not declared stays as it is."""
    declared = {parameter.name: parameter for parameter in catalog.parameters}
    if not declared:
        return Filled(query, query)
    parts: list[str] = []
    starts, origins, length = [0], [(0, False)], 0

    def add(text: str, origin: int, *, is_default: bool) -> None:
        nonlocal length
        parts.append(text)
        starts.append(length)
        origins.append((origin, is_default))
        length += len(text)

    last = 0
    for found in _PLACE.finditer(query):
        parameter = declared.get(found[1])
        value = _value(parameter, found[2] or "") if parameter else None
        if value is not None:
            add(query[last : found.start()], last, is_default=False)
            add(value, found.start(), is_default=True)
            last = found.end()
    add(query[last:], last, is_default=False)
    return Filled(query, "".join(parts), starts, origins) if last else Filled(query, query)


def undeclared(query: str, catalog: Catalog) -> Iterator[Problem]:
    """`{Name}` and `{Name:format}` outside of strings that no parameter fills; `(){Name}` is the body of a function."""
    found = tokens(query)
    names = {table.name for table in catalog.tables}
    names |= {name for (_, word, _), (_, name, _) in pairwise(found) if word == "let"}
    for _, text, offset in found:
        place = _PLACE.match(query, offset) if text == "{" else None
        if place and place[1] not in names:
            yield from _unfilled(place, query, catalog)


def undeclared_texts(query: str, catalog: Catalog) -> Iterator[Problem]:
    """Strings that are nothing but `{Name}`, where the group declares parameters and this is none of them."""
    for kind, text, offset in tokens(query) if catalog.parameters else ():
        place = _PLACE.match(query, offset + 1) if kind == "string" else None
        if place and text[1:-1] == place[0]:
            yield from _unfilled(place, query, catalog)


def _unfilled(place: re.Match[str], query: str, catalog: Catalog) -> Iterator[Problem]:
    named = {parameter.name: parameter for parameter in catalog.parameters}
    if place[1] not in named or _value(named[place[1]], place[2] or "") is None:
        yield _unknown(place, named, *position(query, place.start()))


def _unknown(place: re.Match[str], named: dict[str, QueryParameter], line: int, column: int) -> Problem:
    if place[1] in named:
        known = [f"{place[1]}:{one}" for one in _formats(named[place[1]])]
        message = f"parameter '{place[1]}' has no format '{place[2]}'"
        near = nearest_name(f"{place[1]}:{place[2]}", known)
    else:
        message = f"parameter '{place[1]}' is not declared in the catalog"
        near = nearest_name(place[1], named)
    suggestion = f"did you mean {{{near}}}?" if near else "declare it under `parameters`, with a type and a default"
    return Problem(code="unknown_parameter", message=message, line=line, column=column, suggestion=suggestion)


def default_problem(parameter: QueryParameter, type_of: Callable[[str], str | None]) -> str | None:
    """What is wrong with the parameter's default, in words. type_of: Kusto's type of an expression; None if unknown."""
    name, default = parameter.name, parameter.default
    if parameter.type == TEXT:
        return None
    if parameter.type == TIME_RANGE:
        known = _span(default) or _between(default)
        return None if known else f"parameter '{name}': '{default}' is no time range; expected 24h, 7d or START/END"
    try:
        wanted = kusto_type(parameter.type)
    except InvalidInput as error:
        return f"parameter '{name}': {error}; besides Kusto's types there are {TEXT} and {TIME_RANGE}"
    found = type_of(default)
    if found is None or found == wanted or (wanted in _NUMBERS and found in _NUMBERS):
        return None
    what = f"of type {found}" if found else "no KQL of constants"
    return f"parameter '{name}': its default {default} is {what}, not of type {wanted}"


def _value(parameter: QueryParameter, format_: str) -> str | None:
    """The text that stands for the parameter in this format; None where it has no such format."""
    if parameter.type != TIME_RANGE:
        return parameter.default
    return _formats(parameter).get(format_)


def _formats(parameter: QueryParameter) -> dict[str, str]:
    if parameter.type != TIME_RANGE:
        return {}
    if between := _between(parameter.default):
        start, end = (f"datetime({moment.isoformat()})" for moment in between)
        condition, span = f"between ({start} .. {end})", between[1] - between[0]
    else:
        start, end = f"ago({parameter.default})", "now()"
        condition, span = f"> {start}", _span(parameter.default) or timedelta()
    grain = next((one for one in _GRAINS if span <= _MOST_POINTS * (_span(one) or span)), _LAST_GRAIN)
    return {
        **dict.fromkeys(("", "value", "query"), condition),
        "start": start,
        "end": end,
        "grain": grain,
        "label": parameter.default,
    }


def _span(text: str) -> timedelta | None:
    found = _SPAN.fullmatch(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _between(text: str) -> tuple[datetime, datetime] | None:
    start, _, end = text.partition("/")
    try:
        first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
        return (first, last) if first < last else None
    except (ValueError, TypeError):  # the latter where only one of them names a time zone
        return None
