"""A table joined with itself for nothing: `FROM alerts a JOIN alerts b ON a.id = b.id`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from agents.data.fitting.conditions import full_name, parts
from agents.data.fitting.scopes import tables_read


def leave_self_joins(select: exp.Select) -> Iterator[str]:
    """A table joined with itself by columns that are the same in both goes, where nothing is compared between the two,
    and no condition is of the second alone: what is shown of that is the first's too. Changes the select."""
    for join in list(select.args.get("joins") or []):
        first = _itself(select, join)
        if first is None or any(one.is_star for one in select.expressions):
            continue
        mine, its = first.alias_or_name, join.this.alias_or_name
        if not (keys := _keys(join, {mine, its})):
            continue
        used = [one for one in select.find_all(exp.Column) if one.find_ancestor(exp.Join) is not join]
        second = [one for one in used if one.table == its]
        if {one.name for one in second} & {one.name for one in used if one.table == mine} - keys:
            continue
        if any(one.find_ancestor(exp.Where, exp.Join) for one in second):
            continue
        for column in second:
            column.set("table", exp.to_identifier(mine))
        select.set("joins", [one for one in select.args["joins"] if one is not join])
        yield f"did not join '{first.name}' with itself, which brings nothing"


def _itself(select: exp.Select, join: exp.Join) -> exp.Table | None:
    """The table that is read before and joined again, every row of it."""
    again = join.this
    if not isinstance(again, exp.Table) or join.side:
        return None
    return next((one for one in tables_read(select) if one is not again and full_name(one) == full_name(again)), None)


def _keys(join: exp.Join, both: set[str]) -> set[str]:
    """The columns by which it is joined, where they are the same of both; none where they are not."""
    pairs = parts(join.args["on"]) if join.args.get("on") else []
    named = [(one.this, one.expression) for one in pairs if isinstance(one, exp.EQ)]
    alike = [
        one.name
        for one, other in named
        if isinstance(one, exp.Column) and isinstance(other, exp.Column)
        if one.name == other.name and {one.table, other.table} == both
    ]
    return set(alike) if len(alike) == len(pairs) else set()
