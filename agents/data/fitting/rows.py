"""Rows of logs as a whole: a search shows all columns where the question does not say which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.words import content_words
from shared.catalog import Table

_SAID = 0.6  # share of the shown columns that the question must say for it to be a choice of columns
_WHEN = frozenset(("when", "time", "date", "day"))
_COMPUTED = ("group", "having", "distinct", "joins", "qualify")


def show_whole_rows(select: exp.Query, question: str, tables: Sequence[Table]) -> Iterator[str]:
    """`SELECT a, b FROM t WHERE ...` shows every column of t where the question does not speak of a and b.

    As people search logs: a column too many is no harm there, one too few is another search. Changes the select.
    """
    if not isinstance(select, exp.Select) or any(select.args.get(part) for part in _COMPUTED) or len(tables) != 1:
        return
    source = select.args.get("from_")
    shown = select.expressions
    if (
        source is None
        or not isinstance(source.this, exp.Table)
        or not all(isinstance(one, exp.Column) for one in shown)
    ):
        return
    said = set(content_words(question)) | {word for word in question.lower().split() if word in _WHEN}
    spoken_of = [one for one in shown if _is_said(one.name, said, tables[0])]
    if len(shown) and len(spoken_of) < _SAID * len(shown):
        select.set("expressions", [exp.Star()])
        yield "shows all columns: the question does not say which"


def _is_said(name: str, said: set[str], table: Table) -> bool:
    column = table.by_name.get(name)
    is_time = column is not None and column.type.lower().startswith(("datetime", "timestamp", "date"))
    return bool(set(content_words(name)) & said) or (is_time and bool(said & _WHEN))
