"""Names shown beside numbers: without them nobody can tell which mountain is the highest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import full_name, sources
from agents.data.fitting.scopes import tables_read
from agents.data.words import content_words, pieces
from shared.catalog import Table

_THINGS = re.compile(
    r"(?:^\W*(?:which|what(?:\s+(?:are|is))?)\s+(?:the\s+)?(?:(?:top\s+)?\d+\s+)?(?:(?:most|least|highest|lowest|largest|smallest|"
    r"longest|shortest|biggest|newest|oldest|top|\w+est)\s+)?|\b(?:in|of|for|per|at|by)\s+(?:each|every)\s+)(?P<thing>[\w-]+)",
    re.IGNORECASE,
)
_NAMES = ("name", "title", "label")
_COMPUTED = ("group", "distinct", "having", "qualify")


def show_names(select: exp.Query, question: str, tables: Sequence[Table]) -> Iterator[str]:
    """The name of the things that the question asks for, and of each of which it asks, where the select shows none of
    them: the one column called after the thing, or the name in its table. Changes the select."""
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in _COMPUTED):
        return
    if select.find(exp.AggFunc, exp.Window) or any(one.is_star for one in select.expressions):
        return
    read = {one.alias_or_name: full_name(one) for one in tables_read(select)}
    owned = [(alias, table) for alias, name in read.items() for table in tables if table.name.lower() == name]
    if len(owned) != len(sources(select)) or not owned:
        return
    shown = {word for one in select.expressions for word in [*pieces(one.alias), *pieces(one.unalias().name)]}
    for said in _THINGS.finditer(question):
        thing = set(content_words(said["thing"]))
        named = [(alias, name) for alias, table in owned if (name := _name_of(table, thing))]
        if not thing or thing & shown or not named:
            continue
        alias, name = named[0]
        column = exp.column(name, table=alias if len(owned) > 1 else None)
        if column.name not in {one.unalias().name for one in select.expressions}:
            select.append("expressions", column)
            yield f"shows {column.sql()}, the name of what the question asks for"


def _name_of(table: Table, thing: set[str]) -> str | None:
    """`state_name` or `state` in any table, `name` in that of states."""
    for column in table.columns:
        words = pieces(column.name)
        if set(words) == thing or (set(words[:-1]) == thing and words[-1] in _NAMES):
            return column.name
    if set(content_words(table.name)) == thing:
        return next((one.name for one in table.columns if one.name.lower() in _NAMES), None)
    return None
