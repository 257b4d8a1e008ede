"""How large a KQL query becomes once its lets are written out, and what text its numbers ask for.

Judged on tokens before any parser sees the query: `let b = union a, a; let c = union b, b; ...` is short to write and
doubles with every line, for the translation and for DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from agents.data.kql.tokens import Token, tokens
from agents.data.proof import position
from agents.data.sql.safety import LONGEST_TEXT
from shared.models import Problem

# Names of lets, written out.
_MOST_NAMES = 500
_CONVERTING = frozenset(("int", "long", "real", "double", "decimal", "toint", "tolong", "toreal", "todouble"))
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def too_large(query: str) -> Problem | None:
    """Why the query is not worth reading any further, if it is not."""
    found = tokens(query)
    return _too_complex(found) or next(_too_long(found, query), None)


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
    """An open bracket. number: the product of the numbers of its last argument; most: the largest of
    those before it; inner: what strrep()s in it ask for."""

    before: str
    offset: int
    most: float = 1.0
    number: float = 1.0
    inner: float = 1.0

    @property
    def is_plain(self) -> bool:
        """Whether it only groups or converts what stands in it."""
        return not self.before or self.before in _CONVERTING


def _too_long(found: list[Token], query: str) -> Iterator[Problem]:
    """strrep() whose numbers, times those of the strrep() in it, ask for more text than anyone reads."""
    around = [_Bracket("", 0)]
    for (kind_before, before, _), (kind, text, offset) in pairwise([("", "", 0), *found]):
        if text in _OPENING:
            around.append(_Bracket(before if kind_before == "word" else "", offset))
        elif text in _CLOSING and len(around) > 1:
            closed = around.pop()
            if closed.before == "strrep":
                closed.inner *= max(closed.most, closed.number)
                if closed.inner > LONGEST_TEXT:
                    yield _growing(query, closed.offset)
            around[-1].inner = max(around[-1].inner, closed.inner)
            around[-1].number *= closed.number if closed.is_plain else 1.0
        elif text == ",":
            around[-1].most = max(around[-1].most, around[-1].number)
            around[-1].number = 1.0
        elif kind == "number":
            around[-1].number *= max(1.0, _value(text))


def _growing(query: str, offset: int) -> Problem:
    line, column = position(query, offset)
    message = f"strrep() asks for more than {LONGEST_TEXT:,} characters"
    return Problem(code="too_large", message=message, line=line, column=column)


def _value(number: str) -> float:
    """0 for a timespan."""
    try:
        return float(number)
    except ValueError:
        return 0.0
