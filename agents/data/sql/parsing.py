"""SQL text to one syntax tree, kept for the next check."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError, TokenError

from shared.models import Problem

# It warns on stderr about statements that it keeps as text; the safety check refuses those by name.
logging.getLogger("sqlglot").setLevel(logging.ERROR)
_KEPT = 256


@dataclass(frozen=True)
class Parsed:
    """statements: what the text holds, none if it has problems; comments: the text of every comment."""

    statements: list[exp.Expr] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def select(self) -> exp.Query | None:
        """The statement, if it is the only one and a query."""
        only = self.statements[0] if len(self.statements) == 1 else None
        return only if isinstance(only, exp.Query) else None


class Parser:
    """Parses and keeps the last results; thread-safe. The trees are shared: copy one before changing it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Parsed] = OrderedDict()
        self._lock = threading.Lock()

    def parse(self, query: str, dialect: str) -> Parsed:
        key = (dialect, query)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        parsed = _parse(query, dialect)
        with self._lock:
            self._kept[key] = parsed
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return parsed


PARSER = Parser()
"""The one of the process: proving a query and mending it read the same trees."""


def _parse(query: str, dialect: str) -> Parsed:
    try:
        language = Dialect.get_or_raise(dialect)
        tokens = language.tokenize(query)
        parsed = language.parser().parse(tokens, query)
        statements = [one for one in parsed if one and not isinstance(one, exp.Semicolon)]
    except ParseError as error:
        return Parsed(problems=_problems(error))
    except (TokenError, SqlglotError) as error:
        return Parsed(problems=[Problem(code="syntax", message=str(error).split("\n", 1)[0])])
    except RecursionError:
        return Parsed(problems=[Problem(code="too_deep", message="the query is nested too deeply")])
    if not statements:
        return Parsed(problems=[Problem(code="empty_query", message="the text holds no statement")])
    return Parsed(statements, [], [comment for token in tokens for comment in token.comments])


def _problems(error: ParseError) -> list[Problem]:
    return [
        Problem(
            code="syntax",
            message=f"{_plain(one.get('description') or 'syntax error')} near '{one.get('highlight') or ''}'",
            line=one.get("line"),
            column=one.get("col"),
        )
        for one in error.errors
    ]


def _plain(description: str) -> str:
    """sqlglot names its own class where an operand or clause is missing."""
    return "something is missing" if description.startswith("Required keyword") else description
