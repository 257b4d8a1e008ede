"""What SQL computes of the rows, made to be what the question asks for: counts, shares, and nothing of no rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

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
_MORE = re.compile(r"\b(?:and|,)\s+(?:which|who|what|when|where|show|list|their)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    r"(?<!\w)(?:more than|at least|over|above|below|under|fewer|less|exceed\w*|several|multiple|repeated\w*|again|both|"
    r"duplicat\w*|different|without|never|shared?|common|another|up to|no)(?!\w)",
    re.IGNORECASE,
)


def count_rows(select: exp.Query, question: str, step: Step | None) -> Iterator[str]:
    """`SELECT a, b FROM t` counts the rows of t where the question asks how many, and for nothing else.

    step: the step of time that is asked for, which is grouped by elsewhere. Changes the select.
    """
    if not isinstance(select, exp.Select) or len(sources(select)) != 1 or select.find(exp.AggFunc, exp.Window):
        return
    asked = question.replace(step.words, " ") if step else question
    if not _HOW_MANY.search(question) or _MORE.search(question) or "group" in forms(asked):
        return
    distinct = select.args.get("distinct")
    only = select.expressions[0] if len(select.expressions) == 1 else None
    if (distinct or select.args.get("group")) and isinstance(only, exp.Column):
        counted: exp.Expr = exp.Count(this=exp.Distinct(expressions=[only.copy()]))
    else:
        counted = exp.Count(this=exp.Star())
    for part in ("distinct", "group", "having", "order", "limit", "offset", "qualify"):
        select.set(part, None)
    select.set("expressions", [exp.alias_(counted, "count")])
    yield f"counted the rows by `{counted.sql(dialect='duckdb')}`: the question asks how many"


def count_in_steps(select: exp.Query, step: Step | None) -> Iterator[str]:
    """Groups by a time that show nothing but themselves are counted, where the question asks for a course over time."""
    if not step or not isinstance(select, exp.Select) or not select.args.get("group"):
        return
    if not select.find(exp.AggFunc) and len(sources(select)) == 1:
        select.append("expressions", exp.alias_(exp.Count(this=exp.Star()), "count"))
        yield f"counted the rows of each group: the question asks for a course, '{step.words}'"


def split_shares(select: exp.Select) -> Iterator[str]:
    """`WHERE p` is left out where it makes `count(*) FILTER (WHERE p) / count(*)` the whole. Changes the select."""
    counts = [one for one in select.find_all(exp.Count) if one.find_ancestor(exp.Select) is select]
    within = [one.parent for one in counts if isinstance(one.parent, exp.Filter)]
    whole = [one for one in counts if isinstance(one.this, exp.Star) and not isinstance(one.parent, exp.Filter)]
    if not within or not whole:
        return
    filtered = {_bare(part) for one in within for part in parts(one.expression.this)}
    for condition in conditions(select):
        if _bare(condition) in filtered:
            drop(select, condition)
            yield f"left out `{condition.sql(dialect='duckdb')}` of all rows: the share is of those with and without"


def drop_having(select: exp.Select, question: str) -> Iterator[str]:
    """A condition on the size of groups goes where the question says neither its number nor that there are several.

    Changes the select.
    """
    having = select.args.get("having")
    if not having or not having.find(exp.Count) or _SEVERAL.search(question):
        return
    numbers = [float(one.this) for one in having.find_all(exp.Literal) if not one.is_string]
    if numbers and not set(numbers) & set(numbers_in(question)):
        select.set("having", None)
        yield f"left out `{having.this.sql(dialect='duckdb')}`, which nothing in the question says"


def _bare(condition: exp.Expr) -> str:
    """The condition without the tables of its columns, to compare it by."""
    bare = condition.copy().unnest()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
    return bare.sql().lower()
