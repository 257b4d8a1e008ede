"""What SQL orders and groups by, shown where it has to be."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from agents.data.fitting.conditions import written
from agents.data.fitting.scopes import meaning
from agents.data.fitting.times import TimesOf
from agents.data.repair import Mended, listed
from agents.data.sql.parsing import PARSER
from agents.data.times import without_times

_LEAST = re.compile(r"(?<!at )\b(?:fewest|least|lowest|smallest|rarest|shortest|cheapest)\b", re.IGNORECASE)
_MOST = re.compile(r"(?<!at )\b(?:most(?!\s+recent)|highest|largest|greatest|biggest|longest)\b", re.IGNORECASE)
# Words by which the order may be of something else than the number's size.
_ELSE = re.compile(r"\b(?:fast|quick|slow|worst|best|first|last|after|since)(?:e?st)?\b", re.IGNORECASE)
_EARLY = re.compile(r"\b(?:oldest|earliest)\b", re.IGNORECASE)
_BACKWARDS = re.compile(r"\b(?:newest|latest|most recent|last|descending|reverse|backwards?)\b", re.IGNORECASE)
_LATE = re.compile(r"\b(?:newest|latest|most recent(?:ly)?)\b", re.IGNORECASE)


def show_order(query: str, dialect: str) -> Mended:
    """`SELECT DISTINCT a ... ORDER BY b` shows b too, as databases want it; where b is computed of many rows, `a` is
    what they are grouped by, with or without DISTINCT. One row of numbers has no order."""
    parsed = PARSER.parse(query, dialect).select
    if parsed is None:
        return Mended(query)
    changed, notes = parsed.copy(), list[str]()
    for select in changed.find_all(exp.Select):
        order = select.args.get("order")
        if not order or any(isinstance(one, exp.Star) for one in select.expressions):
            continue
        if not select.args.get("group") and all(one.find(exp.AggFunc) for one in select.expressions):
            select.set("order", None)
            notes.append("left out the order: its one row needs none")
            continue
        keys = [one.unalias().copy() for one in select.expressions if not one.find(exp.AggFunc, exp.Window)]
        if keys and not select.args.get("group") and any(_is_computed(key.this) for key in order.expressions):
            select.set("distinct", None)
            select.set("group", exp.Group(expressions=keys))
            notes.append(
                f"grouped by {listed([one.sql(dialect='duckdb') for one in keys])}, of which it orders by a number"
            )
        if not _is_distinct(select):
            continue
        notes += _shown_too(select, _unshown_columns(select), "orders")
    return written(query, changed, dialect, notes)


def turn_order(select: exp.Query, question: str, times: TimesOf) -> list[str]:
    """The first of an order is the least where the question asks for `the fewest`, the newest where it asks for `the
    latest`, where a limit cuts it; a course over time that is not cut runs forwards. Gives the note; changes the
    select."""
    order = select.args.get("order")
    if not isinstance(select, exp.Select) or not order:
        return []
    if not select.args.get("limit"):
        return _forwards(order, question, times)
    key = order.expressions[0]
    meant = meaning(key.this, select)
    least, most = (_EARLY, _LATE) if times.is_time(meant) else (_LEAST, _MOST) if _is_computed(meant) else (None, None)
    if meant.find(exp.Div, exp.Min, exp.Max) or _ELSE.search(question):
        return []
    if least is None or most is None or bool(least.search(question)) == bool(most.search(question)):
        return []
    descending = bool(most.search(question))
    if bool(key.args.get("desc")) == descending:
        return []
    key.set("desc", descending)
    said = (most if descending else least).search(question)
    return [f"ordered by {key.this.sql(dialect='duckdb')} the other way round: '{said[0] if said else ''}'"]


def _forwards(order: exp.Expr, question: str, times: TimesOf) -> list[str]:
    """A course over time runs forwards, where the question does not ask for the newest first."""
    key = order.expressions[0]
    select = order.parent
    group = select.args.get("group") if select else None
    cut = meaning(key.this, select) if isinstance(select, exp.Select) else key.this
    is_course = isinstance(cut, exp.TimestampTrunc | exp.DateBin) and any(map(times.is_time, cut.find_all(exp.Column)))
    if not group or not is_course or not key.args.get("desc") or _BACKWARDS.search(without_times(question)):
        return []
    key.set("desc", False)
    return ["ordered by time forwards: the question does not ask for the newest first"]


def show_rank(select: exp.Select) -> list[str]:
    """What rows are ordered by is shown: `SELECT a ... ORDER BY count(*) DESC LIMIT 5` shows the count too, without
    which nobody can tell by how much the first leads. Gives the note; changes the select."""
    order = select.args.get("order")
    if not order or _is_distinct(select) or any(one.is_star for one in select.expressions):
        return []
    shown = [one.unalias() for one in select.expressions]
    computed = [key.this for key in order.expressions if _is_computed(key.this)]
    keys = computed if select.args.get("group") else _unshown_columns(select)
    return _shown_too(select, [key for key in keys if key not in shown], "orders")


def show_groups(select: exp.Select) -> list[str]:
    """What it groups by is shown, last: numbers alone say nothing of which group. Gives the note; changes it."""
    group = select.args.get("group")
    if not group or any(one.is_star for one in select.expressions):
        return []
    shown = [one.unalias() for one in select.expressions]
    named = _names_shown(select)
    hidden = [
        key
        for key in group.expressions
        if not isinstance(key, exp.Literal) and key not in shown and key.sql().lower() not in named
        and not (isinstance(key, exp.Column) and key.name.lower() in named)
    ]  # fmt: skip
    return _shown_too(select, hidden, "groups")


def _unshown_columns(select: exp.Select) -> list[exp.Expr]:
    """Columns that it orders by and does not show."""
    named = _names_shown(select)
    keys = [key.this for key in select.args["order"].expressions]
    return [key for key in keys if isinstance(key, exp.Column) and key.name.lower() not in named]


def _names_shown(select: exp.Select) -> set[str]:
    return {one.alias_or_name.lower() for one in select.expressions}


def _shown_too(select: exp.Select, hidden: Sequence[exp.Expr], does: str) -> list[str]:
    """Show these as well, and say what the select does by them."""
    for one in hidden:
        select.append("expressions", one.copy())
    said = [one.sql(dialect="duckdb") for one in hidden]
    return [f"shows {listed(said)}, by which it {does}"] if said else []


def _is_computed(key: exp.Expr) -> bool:
    """Whether it is a number of the rows of a group: an aggregate, neither of a window nor of another query."""
    return key.find(exp.AggFunc) is not None and key.find(exp.Window, exp.Query) is None


def _is_distinct(select: exp.Select) -> bool:
    distinct = select.args.get("distinct")
    return distinct is not None and not distinct.args.get("on")
