"""Things asked for once each: `which servers run agent 1.29?` wants every server once, however many rows it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.scopes import tables_read
from agents.data.fitting.times import TimesOf
from agents.data.words import content_words, subjects
from shared.catalog import Table

_ASKED = re.compile(
    r"^\W*(?:(?:on|from|by|in|to|for|of)\s+)?(?:which|what)\s+"
    r"(?:(?:different|distinct|unique|other)\s+)?(?P<things>[\w-]+(?:\s+[\w-]+)?)",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"^\W*(?:please\s+)?(?:can you\s+)?(?:show|list|give|get|find|display|return)\s+(?:me\s+)?"
    r"(?:all\s+(?:of\s+)?(?:the\s+)?|(?:the\s+)?(?:different|distinct|unique)\s+)(?P<things>[\w-]+(?:\s+[\w-]+)?)",
    re.IGNORECASE,
)
_WHO = re.compile(r"^\W*who(?:se)?\b", re.IGNORECASE)
_ROWS_MEANT = re.compile(
    r"\b(?:each time|every|all rows|one after|in order|sequence|when|at what time|latest|newest|oldest|earliest|"
    r"most recent|(?:first|last)\s+\d+)\b",
    re.IGNORECASE,
)
_COMPUTED = ("group", "having", "distinct", "limit", "qualify")
_TEXT = ("varchar", "string", "text", "char", "nvarchar")
_SAID_OFTEN = frozenset(content_words("message log line command query text"))
_PEOPLE = frozenset(subjects("users accounts"))


def show_once(query: exp.Query, question: str, tables: Sequence[Table], times: TimesOf) -> Iterator[str]:
    """`SELECT Computer, Version FROM Heartbeat` gives each once where the question asks which computers, and nothing is
    asked of a time; so do `all descriptions`, shown alone, and a UNION ALL of such. Changes the query."""
    parts = _parts(query)
    selects = [one for one in parts if isinstance(one, exp.Select) and _shows_rows(one, times)]
    if len(selects) < len(parts) or _ROWS_MEANT.search(question):
        return
    shown = selects[0].expressions
    asked = _things(question, alone=len(shown) == 1 and _is_a_name(shown[0], tables))
    asked = asked.difference(*(_rows_are_called(one, tables) for one in selects))
    if not any(asked & set(subjects(one.unalias().name)) for one in selects[0].expressions):
        return
    if query is selects[0]:
        selects[0].distinct(copy=False)
    for union in query.find_all(exp.Union):
        union.set("distinct", True)
    yield "shows each once: the question asks which, not for every row"


def _parts(query: exp.Query) -> list[exp.Query]:
    """The query, or what it is a UNION of."""
    return [*_parts(query.left), *_parts(query.right)] if isinstance(query, exp.Union) and _is_bare(query) else [query]


def _shows_rows(select: exp.Select, times: TimesOf) -> bool:
    """Columns of rows as they are, none of them a time."""
    if not _is_bare(select) or select.find(exp.AggFunc, exp.Window) or len(list(select.find_all(exp.Select))) > 1:
        return False
    shown = [one.unalias() for one in select.expressions]
    return bool(shown) and not any(not isinstance(one, exp.Column) or times.is_time(one) for one in shown)


def _is_bare(query: exp.Query) -> bool:
    """Without what computes or counts rows, and not a plain UNION, which gives each once."""
    return not any(query.args.get(part) for part in _COMPUTED)


def _is_a_name(shown: exp.Expr, tables: Sequence[Table]) -> bool:
    """Whether it is a text that names or describes things: no number, and no message, each of which may count."""
    name = shown.unalias().name
    types = [table.by_name[name].type.lower() for table in tables if name in table.by_name]
    is_text = bool(types) and all(one.startswith(_TEXT) for one in types)
    return is_text and _SAID_OFTEN.isdisjoint(content_words(name))


def _things(question: str, alone: bool) -> set[str]:
    """What the question asks for, where it asks for several: the words after `which`, as subjects; alone: of what is
    shown by itself, the words after `list all` too."""
    if _WHO.match(question):
        return set(_PEOPLE)
    asked = _ASKED.match(question) or (_ALL.match(question) if alone else None)
    if not asked:
        return set()
    words = asked["things"].split()
    plural = [word for word in words if word.lower().endswith("s") and not word.lower().endswith(("ss", "us", "is"))]
    return {one for word in plural[:1] for one in subjects(word)} if plural and words.index(plural[0]) < 2 else set()


def _rows_are_called(select: exp.Select, tables: Sequence[Table]) -> set[str]:
    """The words for a row of what it reads: the last of the table's name, `Alert` of SecurityAlert."""
    names = {one.name for one in tables_read(select)}
    last = [(subjects(table.name) or [""])[-1] for table in tables if table.name in names]
    return {word for word in last if word}
