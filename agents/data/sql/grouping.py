"""Conditions on groups, and the groups themselves, where a query leaves them to be understood."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import exp

# Each is a place of its own, whose aggregates and columns are not those of the expression around it.
_INNER = (exp.Query, exp.Subquery, exp.Window)
_WHOLE = (exp.AggFunc, exp.Filter, exp.WithinGroup)


class Known(NamedTuple):
    """measured: the names of columns of times and fractions, by which nobody groups, in lower case, as what a subquery
    shows has no type; strangers: by the ids of their nodes, the columns whose name no table there has."""

    measured: set[str]
    strangers: set[int]


def having_for_where(select: exp.Query, known: Known) -> Iterator[str]:
    """`WHERE count(*) > 1` is a condition on groups. Changes the select; only where there are groups, or all else that
    it shows can be one: a single column where nothing that is computed stands beside it."""
    for one in list(select.find_all(exp.Select)):
        where = one.args.get("where")
        if where is None:
            continue
        _spell_out(one, where, known)
        conditions = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
        moved = [condition for condition in conditions if _aggregates(condition)]
        keys = [] if one.args.get("group") else _keys(one, known)
        if not moved or any(map(_outside, moved)) or keys is None:
            continue
        if len(keys) > 1 and not any(map(_aggregates, one.expressions)):
            continue
        rest = [condition for condition in conditions if not _aggregates(condition)]
        one.set("where", exp.Where(this=exp.and_(*rest, copy=False)) if rest else None)
        before = one.args.get("having")
        one.set("having", exp.Having(this=exp.and_(*([before.this] if before else []), *moved, copy=False)))
        yield "put the condition on an aggregate into HAVING, as WHERE is about single rows"
        if keys:
            yield _group(one, keys)


def group_rest(select: exp.Query, known: Known) -> Iterator[str]:
    """`SELECT a, count(*)` is by a. Changes the select. Not where all it computes is the greatest or least: that may
    be asked for the row that has it."""
    for one in list(select.find_all(exp.Select)):
        where = one.args.get("where")
        if one.args.get("group") or one.args.get("distinct") or (where is not None and _aggregates(where)):
            continue
        found = [aggregate for item in one.expressions for aggregate in _aggregates(item)]
        keys = _keys(one, known)
        if keys and any(not isinstance(aggregate, exp.Max | exp.Min) for aggregate in found):
            yield _group(one, keys)


def _group(select: exp.Select, keys: list[exp.Expr]) -> str:
    select.group_by(*(key.copy() for key in keys), copy=False)
    return f"grouped by {' and '.join(key.name for key in keys)}, which stands beside what is computed of many rows"


def _spell_out(select: exp.Select, where: exp.Expr, known: Known) -> None:
    """`WHERE n > 1` where n is what the select calls its count: `WHERE count(*) > 1`."""
    computed = {item.alias.lower(): item.unalias() for item in select.expressions if item.alias and _aggregates(item)}
    for node in [one for one in where.find_all(exp.Column) if id(one) in known.strangers] if computed else []:
        if meant := computed.get(node.name.lower()):
            node.replace(exp.paren(meant) if isinstance(meant, exp.Binary) else meant.copy())


def _keys(select: exp.Select, known: Known) -> list[exp.Expr] | None:
    """The plain columns that it shows, where all the rest is computed of many rows, and of other columns unless their
    rows are counted; else None. None too where the select stands for one value, which many groups are not."""
    around = select.parent.parent if isinstance(select.parent, exp.Subquery) else None
    if around is not None and not isinstance(around, exp.From | exp.Join | exp.In):
        return None
    others = [one for one in _wholes(select) if not (isinstance(one, exp.Count) and isinstance(one.this, exp.Column))]
    computed = {column.name.lower() for whole in others for column in whole.find_all(exp.Column)}
    keys: list[exp.Expr] = []
    for item in select.expressions:
        bare = item.unalias()
        if isinstance(bare, exp.Column) and not bare.is_star:
            if bare.name.lower() in known.measured or bare.name.lower() in computed:
                return None
            keys.append(bare)
        elif not _aggregates(bare) or _outside(bare):
            return None
    return keys


def _aggregates(node: exp.Expr) -> list[exp.Expr]:
    inside = node.walk(prune=lambda one: isinstance(one, (*_INNER, exp.AggFunc)))
    return [one for one in inside if isinstance(one, exp.AggFunc)]


def _wholes(select: exp.Select) -> Iterator[exp.Expr]:
    """All that is computed of many rows, wherever it stands in the select."""
    for part in select.iter_expressions():
        inside = part.walk(prune=lambda one: isinstance(one, (*_INNER, *_WHOLE)))
        yield from (one for one in inside if isinstance(one, _WHOLE))


def _outside(node: exp.Expr) -> bool:
    """Whether something of it is of one row, or of another place."""
    inside = node.walk(prune=lambda one: isinstance(one, (*_INNER, *_WHOLE)))
    return any(isinstance(one, (exp.Column, exp.Star, *_INNER)) for one in inside)
