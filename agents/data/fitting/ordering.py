"""What SQL orders by, shown where it has to be."""

from __future__ import annotations

from sqlglot import exp

from agents.data.fitting.conditions import written
from agents.data.repair import Mended, listed
from agents.data.sql.parsing import PARSER


def show_order(query: str, dialect: str) -> Mended:
    """`SELECT DISTINCT a ... ORDER BY b` shows b too, as databases want it."""
    parsed = PARSER.parse(query, dialect).select
    if parsed is None:
        return Mended(query)
    changed, added = parsed.copy(), []
    for select in changed.find_all(exp.Select):
        order = select.args.get("order")
        if not order or not _is_distinct(select) or any(isinstance(one, exp.Star) for one in select.expressions):
            continue
        shown = {one.alias_or_name.lower() for one in select.expressions}
        for key in order.expressions:
            if isinstance(key.this, exp.Column) and key.this.name.lower() not in shown:
                select.append("expressions", key.this.copy())
                added.append(key.this.name)
    return written(query, changed, dialect, [f"shows {listed(added)}, by which it orders"] if added else [])


def _is_distinct(select: exp.Select) -> bool:
    distinct = select.args.get("distinct")
    return distinct is not None and not distinct.args.get("on")
