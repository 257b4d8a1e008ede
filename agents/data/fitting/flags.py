"""Yes and no as a column has them: `is_available = 'Yes'` of one that is true or false."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.words import content_words
from shared.catalog import Table

_TRUTH = {
    **dict.fromkeys(("yes", "y", "true", "t"), True),
    **dict.fromkeys(("no", "n", "false", "f"), False),
}
_TYPES = ("bool", "system.boolean", "system.sbyte")


def truth_of(text: str) -> bool | None:
    """What a text says, if it says yes or no."""
    return _TRUTH.get(text.strip().lower())


def is_said(column: str, value: str, question: str) -> bool:
    """Whether it is yes or no to what the question says in the words of the column: `IsExploitAvailable = 'Yes'` of
    `an available exploit`."""
    own = set(content_words(column))
    return truth_of(value) is not None and bool(own) and own <= set(content_words(question))


def hold_flags(select: exp.Select, tables: Sequence[Table]) -> Iterator[str]:
    """Compare columns that are true or false with that, not with a text that says so. Changes the select."""
    for node in select.find_all(exp.EQ, exp.NEQ):
        column, text = node.this, node.expression
        if node.find_ancestor(exp.Select) is not select or not isinstance(column, exp.Column):
            continue
        if not isinstance(text, exp.Literal) or not text.is_string or (truth := truth_of(text.this)) is None:
            continue
        known = [one.by_name[column.name] for one in tables if column.name in one.by_name]
        if known and all(one.type.lower().startswith(_TYPES) and text.this not in one.values for one in known):
            text.replace(exp.Boolean(this=truth))
            yield f"took '{text.this}' as {str(truth).lower()}: {column.name} is true or false"
