"""How people search logs: all columns where the question does not say which, text in any case, no rows held back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.accounting import numbers_in
from agents.data.columns import ColumnMention
from agents.data.times import without_times
from agents.data.words import content_words
from shared.catalog import Table

_SAID = 0.6  # share of the shown columns that the question must say for it to be a choice of columns
_WHEN = frozenset(("when", "time", "date", "day"))
_FEW = re.compile(
    r"\b(?:few|some|several|couple|handful|single|hundreds?|dozens?|samples?|examples?|top|first|last|latest|newest)\b",
    re.IGNORECASE,
)
_CASED = re.compile(r"\bcase[\s-]?sensitive|\bexact case\b|\bcapitals?\b|\b(?:upper|lower)[\s-]?case\b", re.IGNORECASE)
# What comes before a column that is asked for, though it is filtered on too: `which hosts start with db?`
_ASKED_FOR = re.compile(
    r"\b(?:which|what|whose|list|only|give|show|find|get|display|name)\s+(?:(?:me|us|all|the|only|are|is|of|unique|"
    r"different|distinct)\s+)*$",
    re.IGNORECASE,
)
_COMPUTED = ("group", "having", "distinct", "joins", "qualify")


def show_whole_rows(
    select: exp.Query, question: str, tables: Sequence[Table], mentions: Sequence[ColumnMention]
) -> Iterator[str]:
    """`SELECT a, b FROM t WHERE ...` shows every column of t where the question does not speak of a and b, other than
    to say which rows it is about.

    As people search logs: a column too many is no harm there, one too few is another search. mentions: columns that the
    question names. Changes the select.
    """
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in _COMPUTED) or len(tables) != 1:
        return
    source = select.args.get("from_")
    shown = select.expressions
    if source is None or not isinstance(source.this, exp.Table) or not all(map(_is_part_of_row, shown)):
        return
    said = set(content_words(question)) - set(content_words(tables[0].name))
    said |= {word for word in question.lower().split() if word in _WHEN}
    named = {name for one in mentions for _, name in one.columns}
    wanted = {name for one in mentions if _ASKED_FOR.search(question[: one.place[0]]) for _, name in one.columns}
    where = select.args.get("where")
    filtered = ({one.name for one in where.find_all(exp.Column)} if where else set()) - wanted
    chosen = [one for one in shown if one.alias_or_name not in filtered]
    spoken_of = [one for one in chosen if any(name in named or _is_said(name, said, tables[0]) for name in _names(one))]
    if shown and (not chosen or len(spoken_of) < _SAID * len(chosen)):
        renamed = [one for one in shown if isinstance(one, exp.Alias) and one.alias not in tables[0].by_name]
        _inline(select, {one.alias: one.this for one in renamed})
        select.set("expressions", [exp.Star()])
        yield "shows all columns: the question does not say which"


def search_as_usual(query: exp.Query, question: str) -> Iterator[str]:
    """Look for parts of texts in any case, and without a limit of its own that nobody asked for. Changes the query."""
    for like in list(query.find_all(exp.Like)) if not _CASED.search(question) else []:
        like.replace(exp.ILike(this=like.this, expression=like.expression))
        yield f"looks for {like.expression.sql(dialect='duckdb')} in any case"
    limit = query.args.get("limit")
    if limit is None or query.args.get("order") or not isinstance(limit.expression, exp.Literal):
        return
    if not _FEW.search(question) and not numbers_in(without_times(question)):
        query.set("limit", None)
        yield f"left out the limit of {limit.expression.this}: the question says none"


def _is_part_of_row(shown: exp.Expr) -> bool:
    """A column, or a named part of one that holds JSON."""
    return isinstance(shown, exp.Column) or (
        isinstance(shown, exp.Alias) and isinstance(shown.this, (exp.JSONExtract, exp.JSONExtractScalar))
    )


def _names(shown: exp.Expr) -> list[str]:
    """What a shown column is called, and the column that it is a part of."""
    return [shown.alias_or_name, *(one.name for one in shown.find_all(exp.Column))]


def _inline(select: exp.Select, meanings: dict[str, exp.Expr]) -> None:
    """Say what the names of shown columns stand for wherever else the select uses them."""
    for part in ("where", "order"):
        for name in list(select.args[part].find_all(exp.Column)) if select.args.get(part) else []:
            if not name.table and name.name in meanings:
                name.replace(exp.paren(meanings[name.name].copy()))


def _is_said(name: str, said: set[str], table: Table) -> bool:
    column = table.by_name.get(name)
    is_time = column is not None and column.type.lower().startswith(("datetime", "timestamp", "date"))
    return bool(set(content_words(name)) & said) or (is_time and bool(said & _WHEN))
