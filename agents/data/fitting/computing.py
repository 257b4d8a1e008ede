"""What SQL computes of the rows, made to be what the question asks for: counts, shares, and nothing of no rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from typing import TypeAlias

from sqlglot import exp

from agents.data.accounting import numbers_in
from agents.data.fitting.conditions import conditions, drop, parts, sources
from agents.data.fitting.steps import Step
from agents.data.shape import forms

_HOW_MANY = re.compile(
    r"^\W*(?:please\s+)?(?:(?:can|could) you\s+)?(?:tell me\s+)?(?:in\s+)?"
    r"(?:how many(?!\s+(?:seconds|minutes|hours|days|weeks|months|years)\b)|count\b(?!er)|(?:what is )?the number of)",
    re.IGNORECASE,
)
IsNumber: TypeAlias = Callable[[exp.Column], bool]
_MORE = re.compile(r"\b(?:and|,)\s+(?:which|who|what|when|where|show|list|their)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"(?<!\w)(?:more than|at least|over|above|below|under|fewer|less|exceed\w*|several|multiple|repeated\w*|again|both|"
    r"duplicat\w*|different|without|never|shared?|common|another|up to|no|all|only|every|any|single|or more|or less)"
    r"(?!\w)",
    re.IGNORECASE,
)


def count_rows(select: exp.Query, question: str, step: Step | None, is_number: IsNumber) -> Iterator[str]:
    """`SELECT a, b FROM t` counts the rows of t where the question asks how many, and for nothing else.

    step: the step of time that is asked for, which is grouped by elsewhere; is_number: whether a column holds numbers,
    which may be the very count that is asked for. Changes the select.
    """
    if not isinstance(select, exp.Select) or len(sources(select)) != 1 or select.find(exp.AggFunc, exp.Window):
        return
    asked = question.replace(step.words, " ") if step else question
    if not _HOW_MANY.search(question) or _MORE.search(question) or "group" in forms(asked):
        return
    shown = select.expressions
    only = shown[0] if len(shown) == 1 and isinstance(shown[0], exp.Column) else None
    without_repetition = select.args.get("distinct") or (select.args.get("group") and not step)
    if not all(isinstance(one, exp.Column | exp.Star) for one in shown) or (without_repetition and only is None):
        return
    if only is not None and is_number(only):
        return
    counted = exp.Count(this=exp.Distinct(expressions=[only.copy()]) if only and without_repetition else exp.Star())
    for part in ("distinct", "group", "having", "order", "limit", "offset", "qualify"):
        select.set(part, None)
    select.set("expressions", [exp.alias_(counted, "count")])
    yield f"counted the rows by `{counted.sql(dialect='duckdb')}`: the question asks how many"


def split_shares(select: exp.Select) -> Iterator[str]:
    """`WHERE p` is left out where it makes `count(*) FILTER (WHERE p) / count(*)` the whole. Changes the select."""
    shares = [one for one in select.find_all(exp.Div) if one.find_ancestor(exp.Select) is select]
    within = [one for share in shares for one in share.this.find_all(exp.Filter) if isinstance(one.this, exp.Count)]
    whole = [one for share in shares for one in share.expression.find_all(exp.Count)]
    if not within or not whole or any(isinstance(one.parent, exp.Filter) for one in whole):
        return
    filtered = {_bare(part) for one in within for part in parts(one.expression.this)}
    own = {_bare(one) for one in conditions(select)}
    if len(filtered & own) != 1 or len(filtered - own) > 1:
        return
    for condition in conditions(select):
        if _bare(condition) in filtered and not filtered - own:
            drop(select, condition)
            yield f"left out `{condition.sql(dialect='duckdb')}` of all rows: the share is of those with and without"


def drop_having(select: exp.Select, question: str, unsaid: Set[str]) -> Iterator[str]:
    """A condition on the size of groups goes where nothing says its number, or that groups are of several.

    unsaid: literals of the query that come from nowhere; `> 1`, for no number, is taken for one of them. Changes the
    select.
    """
    having = select.args.get("having")
    if not having or not having.find(exp.Count) or having.find(exp.Filter, exp.Subquery) or _SEVERAL.search(question):
        return
    numbers = {one.this for one in having.find_all(exp.Literal) if not one.is_string}
    if numbers and numbers <= {*unsaid, "1"} and not {float(one) for one in numbers} & set(numbers_in(question)):
        select.set("having", None)
        yield f"left out `{having.this.sql(dialect='duckdb')}`, which nothing in the question says"


def _bare(condition: exp.Expr) -> str:
    """The condition without the tables of its columns, to compare it by."""
    bare = condition.copy().unnest()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
    return bare.sql().lower()
