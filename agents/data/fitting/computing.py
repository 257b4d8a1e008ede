"""What SQL computes of the rows, made to be what the question asks for: counts, shares, and nothing of no rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from typing import TypeAlias

from sqlglot import exp

from agents.data.accounting import numbers_in
from agents.data.fitting.conditions import conditions, drop, parts, sources
from agents.data.fitting.steps import Step
from agents.data.repair import listed
from agents.data.shape import forms
from agents.data.words import content_words, pieces, subjects

_HOW_MANY = re.compile(
    r"^\W*(?:please\s+)?(?:(?:can|could) you\s+)?(?:tell me\s+)?(?:in\s+)?"
    r"(?:how many(?!\s+(?:seconds|minutes|hours|days|weeks|months|years)\b)|count\b(?!er)|(?:what is )?the number of)",
    re.IGNORECASE,
)
# What asks for a number of each of several things, beyond `per` and `each`.
_PARTED = re.compile(
    r"\b(?:which|who|whose|respective\w*|versus|vs|against|compared?|or|hourly|daily|weekly|monthly|types?|kinds?|"
    r"statuse?s?|categor(?:y|ies)|most|least|top|highest|lowest|and|across|broken|breakdown|different|all|everyone|wise|"
    r"with|into|over)\b(?!\s+(?:measurements?|samples?|readings?|records?))",
    re.IGNORECASE,
)
IsNumber: TypeAlias = Callable[[exp.Column], bool]
# The words that say what a share is of: up to a verb or a preposition, at most four.
_SHARE_OF = re.compile(
    r"\b(?:percentage|percent|share|proportion|fraction|rate)\s+of\s+(?:all\s+|the\s+|our\s+|its\s+|their\s+)*"
    r"(?P<whole>(?:(?!(?:to|of|in|on|by|at|from|for|per|with|that|which|is|are|was|were|have|has|had|did|do|each|every)\b)"
    r"[\w-]+\s*){1,4})",
    re.IGNORECASE,
)
_TOTAL = re.compile(r"\b(?:how many|total|sum|number of)\b", re.IGNORECASE)
_COUNTS = (["count"], ["quantity"], ["qty"])
_RATIO = re.compile(r"\bratio of\b(?=.*\bto\b)", re.IGNORECASE)
_MORE = re.compile(r"\b(?:and|,)\s+(?:which|who|what|when|where|how|show|list|their)\b", re.IGNORECASE)
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


def count_as_one(select: exp.Query, question: str, step: Step | None) -> Iterator[str]:
    """`How many requests did they make?` asks for one number, not for one of each address and path. Changes the
    select."""
    if step or not isinstance(select, exp.Select) or select.args.get("having") or select.find(exp.Window, exp.Distinct):
        return
    group = select.args.get("group")
    if not group or not _HOW_MANY.search(question) or _MORE.search(question) or _PARTED.search(question):
        return
    numbers = [one for one in select.expressions if one.find(exp.AggFunc)]
    if len(numbers) != 1 or not isinstance(numbers[0].unalias(), exp.Count) or "group" in forms(question):
        return
    if any(one.find(exp.Case, exp.If) for one in [*select.expressions, *group.expressions]):
        return
    held = [one.this for one in conditions(select) if isinstance(one, exp.EQ | exp.In)]
    if "," in question or any(key in held or isinstance(key, exp.Literal) for key in group.expressions):
        return
    named = {word for key in group.expressions for one in key.find_all(exp.Column) for word in subjects(one.name)}
    if named & {*subjects(question), *pieces(question)}:
        return
    for part in ("group", "order", "limit", "offset"):
        select.set(part, None)
    select.set("expressions", numbers)
    keys = listed([key.sql(dialect="duckdb") for key in group.expressions])
    yield f"counted all as one, not by {keys}: the question asks how many"


def add_ratio(select: exp.Query, question: str) -> Iterator[str]:
    """`The ratio of a to b` is their quotient, beside the two numbers. Changes the select."""
    if not isinstance(select, exp.Select) or not _RATIO.search(question) or select.find(exp.Div, exp.Window):
        return
    numbers = [one for one in select.expressions if one.find(exp.AggFunc)]
    if len(numbers) != 2 or not all(isinstance(one.unalias(), exp.Count | exp.Sum | exp.Filter) for one in numbers):
        return
    said = re.split(r"\bto\b", _RATIO.split(question, maxsplit=1)[-1], maxsplit=1)
    ranked = [_named_in(number, text) for number, text in zip([*numbers, *numbers[::-1]], [*said, *said], strict=True)]
    if sum(ranked[:2]) == sum(ranked[2:]):
        return
    ordered = numbers if sum(ranked[:2]) > sum(ranked[2:]) else numbers[::-1]
    one, other = (number.unalias().copy() for number in ordered)
    divided = exp.Div(
        this=exp.Mul(this=exp.Literal.number("1.0"), expression=one),
        expression=exp.Nullif(this=other, expression=exp.Literal.number(0)),
    )
    select.append("expressions", exp.alias_(divided, "ratio"))
    yield "shows the ratio of the two numbers, as the question asks"


def _named_in(number: exp.Expr, text: str) -> int:
    """How many words of the text its name, columns and values say."""
    own = {word for one in [*number.find_all(exp.Column, exp.Literal)] for word in content_words(one.name)}
    return len({*own, *content_words(number.alias)} & set(content_words(text)))


def sum_counts(select: exp.Query, question: str, is_number: IsNumber) -> Iterator[str]:
    """`count(visits.count)` counts rows; the number asked for is the sum of what they count. Changes the select."""
    if not _TOTAL.search(question):
        return
    for count in list(select.find_all(exp.Count)):
        column = count.this
        if isinstance(column, exp.Column) and is_number(column) and pieces(column.name) in _COUNTS:
            count.replace(exp.Sum(this=column.copy()))
            yield f"summed {column.sql()}, which holds counts"


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


def share_of(select: exp.Select, question: str) -> Iterator[str]:
    """`count(*) FILTER (WHERE a AND b) / count(*)` counts rows with b alone, of both, where the question says so: `what
    share of interactive sign-ins failed` is of the interactive ones. Changes the select."""
    named = _SHARE_OF.search(question)
    shares = [one for one in select.find_all(exp.Div) if one.find_ancestor(exp.Select) is select]
    if not named or not shares or any(one.expression.find(exp.Filter) for one in shares):
        return
    filters = [one for one in select.find_all(exp.Filter) if one.find_ancestor(exp.Select) is select]
    both = {frozenset(part.sql() for part in parts(one.expression.this)) for one in filters}
    if len(both) != 1 or len(next(iter(both))) != 2:
        return
    whole = set(content_words(named["whole"]))
    of_whole = [part for part in parts(filters[0].expression.this) if _words_of(part) & whole]
    if len(of_whole) != 1 or of_whole[0] in conditions(select):
        return
    condition = of_whole[0].copy()
    for one in filters:
        one.expression.set("this", next(part for part in parts(one.expression.this) if part != condition))
    select.where(condition, copy=False)
    yield f"took the share of the rows with `{condition.sql(dialect='duckdb')}`, as the question says"


def _words_of(condition: exp.Expr) -> set[str]:
    """Those of its columns and values."""
    return {word for one in condition.find_all(exp.Column, exp.Literal) for word in content_words(one.name)}


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
