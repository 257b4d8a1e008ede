"""A table joined with itself for nothing: `FROM alerts a JOIN alerts b ON a.id = b.id`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import full_name, parts
from agents.data.fitting.scopes import tables_read
from shared.catalog import Table


def leave_self_joins(select: exp.Select, tables: Sequence[Table]) -> Iterator[str]:
    """A table joined with itself by its own key goes, where nothing is counted or compared between the two, and no
    condition is of the second alone: what is shown of that is the first's too. Changes the select."""
    if select.find(exp.AggFunc, exp.Window):
        return
    for join in list(select.args.get("joins") or []):
        first = _itself(select, join)
        if first is None or any(one.is_star for one in select.expressions):
            continue
        mine, its = first.alias_or_name, join.this.alias_or_name
        keys = _keys(join, {mine.lower(), its.lower()})
        if not any(_is_own_key(keys, table) for table in tables if table.name.lower() == full_name(first)):
            continue
        used = [one for one in select.find_all(exp.Column) if one.find_ancestor(exp.Join) is not join]
        second = [one for one in used if one.table.lower() == its.lower()]
        if {one.name for one in second} & {one.name for one in used if one.table.lower() == mine.lower()} - keys:
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
    if not isinstance(again, exp.Table) or join.side or join.kind not in ("", "INNER") or join.args.get("method"):
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
        if one.name == other.name and {one.table.lower(), other.table.lower()} == both
    ]
    return set(alike) if len(alike) == len(pairs) else set()


def _is_own_key(keys: set[str], table: Table) -> bool:
    """Whether one of them tells the table's rows apart: its first column, or its id."""
    own = table.columns[0].name if table.columns[0].name.lower().endswith("id") else ""
    return any(key == own or key.lower() == "id" for key in keys)
