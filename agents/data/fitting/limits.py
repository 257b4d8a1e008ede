"""How many rows a question asks for: `the top 10 senders`, `100 entries`, `the 5 latest`, `which host ... the most`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.scopes import meaning
from agents.data.fitting.times import TimesOf
from agents.data.times import without_times
from agents.data.words import subjects
from shared.catalog import Table

_NUMBER = r"(?<![\w.-])(\d{1,5})"
_NO_UNIT = (
    r"(?![\w.%-])(?!\s*(?:%|percent|ms|s|h|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|weeks?|months?|quarters?|years?|"
    r"business|working|calendar)\b)"
)
_TOP = re.compile(rf"\b(?:top|highest|most (?:common|frequent|active))\s+{_NUMBER}{_NO_UNIT}", re.IGNORECASE)
_ENTRIES = re.compile(
    r"\b(?:show|give|list|find|get|return|display|see|limit(?:ed)? to|first|any)\s+(?:me\s+)?(?:only\s+|the\s+)?"
    rf"{_NUMBER}\s+(?:entries|rows|records|results|examples)\b",
    re.IGNORECASE,
)
_ONE_EXAMPLE = re.compile(
    r"\b(?:show|give|get|find|list|return|display|see)\s+(?:me\s+)?(?:just\s+|only\s+)?(?:one|a single)\s+"
    r"(?:(?!for\b)[\w-]+\s+){0,4}(?:example|sample)\b",
    re.IGNORECASE,
)
_ENDS = "latest|newest|oldest|earliest|most recent"
_ORDERED = re.compile(
    rf"\b(?:the|show|show me|list)\s+{_NUMBER}\s+(?:{_ENDS})\b|\b(?:{_ENDS}|first|last)\s+{_NUMBER}{_NO_UNIT}",
    re.IGNORECASE,
)
# `which single address was used with the most accounts`: one thing, the first in an order.
_WHICH = re.compile(
    r"\b(?:which|what)\s+(?:(?P<one>single|one)\s+)?(?P<noun>(?:(?!is\b|was\b|has\b|had\b|does\b|did\b)[\w-]+\s+){1,3}?)"
    r"(?:is|was|has|had|does|did|got|gets|made|makes|sent|sends|used|uses|saw|sees|received|receives|caused|causes|[a-z]{3,}ed)\s",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:the\s+(?:most|fewest|least|highest|lowest|largest|smallest|biggest|longest|shortest|best|worst|busiest)|"
    r"most\s+(?:often|frequently)|least\s+(?:often|frequently))\b(?!\s+\d)",
    re.IGNORECASE,
)
_MORE_THAN_ONE = re.compile(
    r"\b(?:all|others?|rank\w*|second|compar\w+|list|which|how|rest)\b|\bmost\b.*\b(?:fewest|least)\b|\b(?:fewest|least)\b.*\bmost\b",
    re.IGNORECASE,
)
_ONE_OF_MANY = re.compile(r"(?:ss|us|is)$", re.IGNORECASE)  # `address`, `status`: not the plural
_EACH_FIRST = re.compile(
    r"\b(?:of|for|in|on|by|from|at)\s+(?:each|every)\s+(?P<each>[\w-]+)|"
    r"\b(?:latest|last|newest|most recent|first|oldest|earliest)\s+[\w-]+\s+per\s+(?P<per>[\w-]+)",
    re.IGNORECASE,
)
_ROW_OF_EACH = re.compile(
    r"\b(?:(?P<last>latest|last|newest|most recent)|first|oldest|earliest)\s+(?:[\w-]+\s+){0,3}?"
    r"(?:records?|rows?|entry|entries|events?|messages?)\s+"
    r"(?:(?:for|of|from|in)\s+(?:all|each|every)|per|by|grouped\s+by)\s+(?P<things>(?:[\w-]+\s*){1,4})",
    re.IGNORECASE,
)
_TIMES_ASKED = re.compile(r"\b(?:when|times?|dates?|timestamps?|how long|ago)\b", re.IGNORECASE)
_QUALIFYING = ("duckdb", "snowflake", "bigquery", "databricks")  # dialects

_OF_EACH = re.compile(r"\b(?:per|each|every)\b", re.IGNORECASE)


def set_limit(select: exp.Query, question: str) -> Iterator[str]:
    """No more rows than the question says; of groups that are counted or summed, those with the most. Changes the
    select.

    Nothing where so many of each are meant, or another part of the query picks them.
    """
    if not isinstance(select, exp.Select) or select.args.get("limit") or _OF_EACH.search(question):
        return
    if select.args.get("qualify") or select.find(exp.Window) or len(list(select.find_all(exp.Select))) > 1:
        return
    text = without_times(question)
    order = select.args.get("order")
    if (top := _TOP.search(text)) and select.args.get("group"):
        counted = [one for one in select.expressions if one.find(exp.AggFunc)]
        if not order and len(counted) == 1 and isinstance(counted[0].unalias(), exp.Count | exp.Sum):
            select.order_by(exp.Ordered(this=counted[0].unalias().copy(), desc=True), copy=False)
            order = select.args.get("order")
        if order:
            yield from _limited(select, top[1])
    elif ordered := _ORDERED.search(text):
        if order:
            yield from _limited(select, ordered[1] or ordered[2])
    elif entries := _ENTRIES.search(text):
        yield from _limited(select, entries[1])
    elif _ONE_EXAMPLE.search(text) and not select.args.get("group") and not select.find(exp.AggFunc):
        yield from _limited(select, "1")
    elif order and select.args.get("group") and _asks_for_one(text) and _ranks(order.expressions[0].this, select):
        select.limit(1, copy=False)
        yield "shows 1 row: the question asks for the one with the most or the least"


def _asks_for_one(question: str) -> bool:
    """`Which address was used with the most accounts`, not `which addresses were`."""
    which = _WHICH.search(question)
    if not which or not _MOST.search(question, which.end("noun")) or _MORE_THAN_ONE.search(question, which.end("noun")):
        return False
    plural = any(word.endswith("s") and not _ONE_OF_MANY.search(word) for word in which["noun"].split())
    return bool(which["one"]) or not plural


def _ranks(key: exp.Expr, select: exp.Select) -> bool:
    """Whether it is a number that is computed of the rows of each group."""
    return meaning(key, select).find(exp.AggFunc) is not None


def first_of_each(select: exp.Query, question: str, dialect: str) -> Iterator[str]:
    """`ORDER BY at DESC LIMIT 1` gives the first row of each group where the question asks for the latest of each.
    Changes the select."""
    said = _EACH_FIRST.search(question) if dialect in _QUALIFYING else None
    if not said or not isinstance(select, exp.Select) or len(list(select.find_all(exp.Select))) > 1:
        return
    order, limit = select.args.get("order"), select.args.get("limit")
    if not order or not limit or limit.expression.name != "1" or select.find(exp.AggFunc, exp.Window):
        return
    if any(select.args.get(part) for part in ("group", "distinct", "offset")):
        return
    thing = set(subjects(said["each"] or said["per"]))
    shown = [one.unalias() for one in select.expressions]
    keys = [one for one in shown if isinstance(one, exp.Column) and thing & set(subjects(one.name))]
    if len(keys) != 1:
        return
    _take_first(select, keys, order.copy())
    select.set("limit", None)
    yield f"shows the first row of each {keys[0].name}, as the question says: '{said[0]}'"


def row_of_each(
    select: exp.Query, question: str, tables: Sequence[Table], times: TimesOf, dialect: str
) -> Iterator[str]:
    """The whole rows where the question asks for the latest record of each, not their times alone (`max(at)` of each
    host), and not every row of them. For one table; changes the select."""
    said = _ROW_OF_EACH.search(question) if dialect in _QUALIFYING else None
    if not said or not isinstance(select, exp.Select) or len(tables) != 1 or select.find(exp.Window, exp.Join):
        return
    cut = any(select.args.get(one) for one in ("limit", "offset", "having", "distinct"))
    if cut or len(list(select.find_all(exp.Select))) > 1 or _TIMES_ASKED.search(question):
        return
    is_last = bool(said["last"])
    found = _newest_of(select, exp.Max if is_last else exp.Min) or _every_row(select, said["things"], tables[0], times)
    if found is None or not times.is_time(found[1]):
        return
    keys, moment = found
    order = exp.Order(expressions=[exp.Ordered(this=moment.copy(), desc=is_last, nulls_first=False)])
    for part in ("group", "order"):
        select.set(part, None)
    select.set("expressions", [exp.Star()])
    _take_first(select, keys, order)
    which, each = "last" if is_last else "first", " and ".join(one.name for one in keys)
    yield f"shows the {which} row of each {each}, as the question says: '{said[0].strip()}'"


def _take_first(select: exp.Select, keys: Sequence[exp.Column], order: exp.Order) -> None:
    """Of the rows of each combination of keys the first in the order."""
    numbered = exp.Window(this=exp.RowNumber(), partition_by=[one.copy() for one in keys], order=order)
    select.set("qualify", exp.Qualify(this=exp.EQ(this=numbered, expression=exp.Literal.number(1))))


def _newest_of(select: exp.Select, kind: type[exp.Max | exp.Min]) -> tuple[list[exp.Column], exp.Column] | None:
    """The plain columns that it groups by, and the one whose greatest or least it shows beside them."""
    group = select.args.get("group")
    keys = [one for one in group.expressions if isinstance(one, exp.Column)] if group else []
    shown = [one.unalias() for one in select.expressions]
    best = [one.this for one in shown if isinstance(one, kind) and isinstance(one.this, exp.Column)]
    if not keys or not group or len(keys) < len(group.expressions) or len(best) != 1:
        return None
    return (keys, best[0]) if all(one in keys or isinstance(one, kind) for one in shown) else None


def _every_row(
    select: exp.Select, things: str, table: Table, times: TimesOf
) -> tuple[list[exp.Column], exp.Column] | None:
    """The one column that is called as what there is a row of each of, and the time by which all rows are in order."""
    if select.args.get("group") or not select.is_star or not (order := select.args.get("order")):
        return None
    words = set(subjects(things))
    keys = [one.name for one in table.columns if (own := set(subjects(one.name))) and own <= words]
    ordered = order.expressions[0].this
    return ([exp.column(keys[0])], ordered) if len(keys) == 1 and times.is_time(ordered) else None


def _limited(select: exp.Select, number: str) -> Iterator[str]:
    """A number that the query compares with is no number of rows."""
    most = int(number)
    if most and number not in {one.this for one in select.find_all(exp.Literal)}:
        select.limit(most, copy=False)
        yield f"shows {most} row{'s' * (most > 1)}, as the question says"
