"""How large a KQL query becomes once its lets are written out, and what text its numbers ask for.

Judged on tokens before any parser sees the query: `let b = union a, a; let c = union b, b; ...` is short to write and
doubles with every line, for the translation and for DuckDB.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from agents.data.kql.tokens import Token, tokens
from agents.data.proof import position
from agents.data.sql.bounds import LONGEST_TEXT
from shared.models import Problem

# Names of lets, written out.
_MOST_NAMES = 500
# Elements of a list, which is Kusto's own limit; and rows that nothing but numbers ask for.
_MOST_ELEMENTS, _MOST_ROWS = 2**20, 10_000_000
_CONVERTING = frozenset(("int", "long", "real", "double", "decimal", "toint", "tolong", "toreal", "todouble"))
# Functions that don't make a large number of nothing; what others come to can't be told from the text.
_SMALL = """abs bin case ceiling coalesce dayofmonth dayofweek dayofyear datetime_add datetime_diff datetime_part
    dynamic endofday endofmonth endofweek floor getmonth getyear hourofday iff iif max_of min_of monthofyear pack_array
    parse_json round split startofday startofmonth startofweek startofyear substring tostring week_of_year"""
_OF_ROWS = frozenset(("array_length", "bag_keys", "count", "countof", "indexof", "strlen", "toscalar"))
_KNOWN = frozenset(_SMALL.split())
_POWERS = frozenset(("pow", "exp10", "exp2"))
_MAKING = frozenset(("range", "repeat", "strrep"))
_TIMES = frozenset(("datetime", "todatetime", "make_datetime", "timespan", "totimespan", "ago", "now"))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def too_large(query: str) -> Problem | None:
    """Why the query is not worth reading any further, if it is not."""
    found = tokens(query)
    return _too_complex(found) or next(_too_long(found, query), None) or next(_too_many_rows(found, query), None)


def _too_complex(found: list[Token]) -> Problem | None:
    sizes: dict[str, int] = {}
    for statement in _statements(found):
        names = [name for token in statement for name in _names(token)]
        defined = names[1] if names[:1] == ["let"] and len(names) > 1 else ""
        size = 1 + sum(sizes.get(name, 0) for name in names[2 if defined else 0 :])
        if size > _MOST_NAMES:
            message = f"the query names more than {_MOST_NAMES} lets once they are written out"
            return Problem(code="too_complex", message=message, suggestion="use each let less often")
        if defined:
            sizes[defined] = max(size, sizes.get(defined, 0))
    return None


def _statements(found: list[Token]) -> Iterator[list[Token]]:
    """Split at every semicolon: those within a function's braces part its own lets."""
    statement: list[Token] = []
    for token in found:
        if token[1] == ";":
            yield statement
            statement = []
        else:
            statement.append(token)
    yield statement


def _names(token: Token) -> list[str]:
    """The names in a token: `a-b` may be two, and `['a']` is one."""
    kind, text, _ = token
    if kind == "word":
        return text.split("-") if "-" in text else [text]
    return [text.strip("'\"")] if kind == "string" else []


@dataclass
class _Bracket:
    """An open bracket. numbers: of each argument the product of its numbers; unsure: whether it calls what may come to
    any number; inner: what strrep()s in it ask for."""

    before: str
    offset: int
    numbers: list[float] = field(default_factory=lambda: [1.0])
    unsure: list[bool] = field(default_factory=lambda: [False])
    inner: float = 1.0

    @property
    def value(self) -> float:
        """What stands in it comes to, at most: a function may give its largest number back."""
        if not self.before or self.before in _CONVERTING:
            return self.numbers[-1]
        if self.before in _POWERS and self.numbers[-1] > 1.0:
            return float(max(10.0, self.numbers[0]) ** min(self.numbers[-1], 64.0))
        return 1.0 if self.before in _TIMES else max(self.numbers)

    @property
    def is_unsure(self) -> bool:
        """Whether it may come to any number: it calls a function of which that can't be told, or one in it does."""
        if self.before in _OF_ROWS:
            return False
        known = not self.before or self.before in _KNOWN | _MAKING | _CONVERTING | _TIMES | _POWERS
        return not known or any(self.unsure)

    @property
    def makes_any_number(self) -> bool:
        first = {"range": 0, "repeat": 1, "strrep": 1}.get(self.before)
        return first is not None and any(self.unsure[first : 2 if self.before == "strrep" else None])

    @property
    def elements(self) -> float:
        """Of the list that range() or repeat() makes; a start of nothing is as good as of one."""
        if self.before == "range" and len(self.numbers) > 1:
            start, stop, step = [*self.numbers, 1.0][:3]
            return (stop - start if start > 1.0 else stop) / step
        return max(self.numbers[1:], default=0.0) if self.before == "repeat" else 0.0


def _too_long(found: list[Token], query: str) -> Iterator[Problem]:
    """strrep() whose numbers, times those of the strrep() in it, ask for more text than anyone reads; and lists."""
    around, constants = [_Bracket("", 0)], _constants(found)
    for (kind_before, before, _), (kind, text, offset) in pairwise([("", "", 0), *found]):
        if text in _OPENING:
            around.append(_Bracket(before if kind_before == "word" else "", offset))
        elif text in _CLOSING and len(around) > 1:
            closed = around.pop()
            if closed.before == "strrep":
                closed.inner *= max(closed.numbers[1:2], default=1.0)
                if closed.inner > LONGEST_TEXT:
                    yield _growing(query, closed.offset, f"strrep() asks for more than {LONGEST_TEXT:,} characters")
            if closed.elements > _MOST_ELEMENTS:
                yield _growing(
                    query, closed.offset, f"{closed.before}() asks for more than {_MOST_ELEMENTS:,} elements"
                )
            around[-1].inner = max(around[-1].inner, closed.inner)
            if closed.makes_any_number:
                yield _growing(query, closed.offset, f"how much {closed.before}() makes can't be told")
            around[-1].numbers[-1] *= closed.value
            around[-1].unsure[-1] |= closed.is_unsure
        elif text == ",":
            around[-1].numbers.append(1.0)
            around[-1].unsure.append(False)
        elif kind == "number":
            around[-1].numbers[-1] *= _value(text)
        elif kind == "word":
            around[-1].numbers[-1] *= constants.get(text, 1.0)


def _constants(found: list[Token]) -> dict[str, float]:
    """What the numbers of each `let n = 1000 * 1000;` come to."""
    values: dict[str, float] = {}
    for statement in _statements(found):
        texts = [token[1] for token in statement]
        if texts[:1] == ["let"] and texts[2:3] == ["="] and "|" not in texts:
            numbers = [_value(text) for kind, text, _ in statement[3:] if kind == "number"]
            values[texts[1]] = math.prod([*numbers, *(values.get(text, 1.0) for text in texts[3:])])
    return values


def _too_many_rows(found: list[Token], query: str) -> Iterator[Problem]:
    """`range n from 1 to 1000000000000 step 1`."""
    for place, (kind, text, offset) in enumerate(found):
        if (kind, text) == ("word", "range") and [token[1] for token in found[place + 2 : place + 3]] == ["from"]:
            start, stop, step = _range(found[place + 3 :], _constants(found))
            if (stop - start if start > 1.0 else stop) / step > _MOST_ROWS:
                yield _growing(query, offset, f"range asks for more than {_MOST_ROWS:,} rows")


def _range(found: list[Token], constants: dict[str, float]) -> list[float]:
    """The products of the numbers before `to`, before `step` and after it."""
    products, part = [1.0, 1.0, 1.0], 0
    for kind, text, _ in found:
        if text in ("|", ";"):
            break
        products[part] *= _value(text) if kind == "number" else constants.get(text, 1.0)
        part += (kind, text) in (("word", "to"), ("word", "step")) and part < 2
    return products


def _growing(query: str, offset: int, message: str) -> Problem:
    line, column = position(query, offset)
    return Problem(code="too_large", message=message, line=line, column=column)


def _value(number: str) -> float:
    """1 for a timespan, and for nothing: what stands beside it counts."""
    try:
        return float(number) or 1.0
    except ValueError:
        return 1.0
