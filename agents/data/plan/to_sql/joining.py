"""Joins as JOIN, IN and EXISTS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.data.plan.expressions import Column
from agents.data.plan.model import Drop, Filter, Join, Named, Project, Rename, Table
from agents.data.plan.to_sql.expressions import Scalars
from agents.data.plan.to_sql.select import Select, word_for
from agents.data.plan.to_sql.text import AND, COMPARE, Sql

if TYPE_CHECKING:
    from agents.data.plan.to_sql.render import Renderer


def join(renderer: Renderer, select: Select, step: Join) -> None:
    """Semi and anti joins are conditions, others tables beside."""
    if step.how in ("semi", "anti"):
        select.where.append(_exists(renderer, select, step))
        return
    right = _right(renderer, step)
    taken = {column.lower() for column in select.known}
    shown = {column: found for column, found in right.known.items() if column.lower() not in taken}
    on = [*_keys(renderer, select, right, step), *(right.where if step.how != "full" else [])]
    both = Scalars(
        lambda column: select.known.get(column) or shown.get(column) or select.column(column),
        renderer.nested,
        right.types | select.types,
        select.lists | right.lists,
        renderer.familiar,
    )
    if step.condition is not None:
        on.append(both.sql(step.condition))
    word = {"inner": "JOIN", "left": "LEFT JOIN", "full": "FULL JOIN", "cross": "CROSS JOIN"}[step.how]
    if step.how in ("inner", "cross"):
        word = "JOIN" if on else "CROSS JOIN"
    joined = " AND ".join(one.at(AND) if len(on) > 1 else one.text for one in on)
    select.joins.append(f"{word} {right.source}" + (f" ON {joined}" if on else ""))
    _columns_of_both(select, right, shown)


def _columns_of_both(select: Select, right: Select, shown: dict[str, Sql]) -> None:
    """`*` says the columns of both, unless one is hidden or has another name."""
    whole = right.star is not None and {column: found.text for column, found in shown.items()} == right.star
    select.star = select.star | right.star if whole and select.star is not None and right.star is not None else None
    select.known |= shown
    select.tables = [*select.tables, *right.tables]
    select.lists |= right.lists
    select.names = select.names | right.names if select.names is not None and right.names is not None else None
    select.complete = select.complete and right.complete


def _keys(renderer: Renderer, select: Select, right: Select, step: Join) -> list[Sql]:
    left_scalars, right_scalars = renderer.scalars(select), renderer.scalars(right)
    return [
        Sql(f"{left_scalars.text(key.left, COMPARE + 1)} = {right_scalars.text(key.right, COMPARE + 1)}", COMPARE)
        for key in step.keys
    ]


def _right(renderer: Renderer, step: Join) -> Select:
    """The joined plan as a table with conditions, or as a CTE."""
    if _is_bare(step):
        return renderer.select(step.right, joined=True)
    inner = renderer.select(step.right)
    cte = renderer.cte(word_for(inner), inner.text())
    new = renderer.from_(cte, inner.types if inner.complete else None, joined=True)
    if not inner.complete:
        new.known = {column: Sql(new.own(column)) for column in inner.known}
    new.lists = set(inner.lists)
    return new


def _exists(renderer: Renderer, select: Select, step: Join) -> Sql:
    """One key is among the right side's; more are looked for."""
    if is_membership(step):
        key = step.keys[0]
        named = Named(name=key.right.name if isinstance(key.right, Column) else "key", value=key.right)
        right = renderer.nested(step.right.then(Project(columns=(named,))))
        return Sql(f"{renderer.scalars(select).text(key.left, COMPARE + 1)} IN ({right})", COMPARE)
    right_select = _right(renderer, step)
    both = Scalars(
        lambda column: select.known.get(column) or right_select.known.get(column) or select.column(column),
        renderer.nested,
        right_select.types | select.types,
        select.lists,
        renderer.familiar,
    )
    conditions = [*_keys(renderer, select, right_select, step), *right_select.where]
    if step.condition is not None:
        conditions.append(both.sql(step.condition))
    where = " AND ".join(one.at(AND) if len(conditions) > 1 else one.text for one in conditions)
    word = "EXISTS" if step.how == "semi" else "NOT EXISTS"
    query = f"SELECT 1 FROM {right_select.source}" + (f" WHERE {where}" if where else "")  # noqa: S608 - a plan
    return Sql(f"{word} ({query})")


def is_membership(step: Join) -> bool:
    """Whether it says `key IN (SELECT …)`."""
    return step.how == "semi" and len(step.keys) == 1 and step.condition is None


def _is_bare(step: Join) -> bool:
    """Whether the joined plan is a table with conditions and other names for its columns, no more."""
    plain = all(
        isinstance(one, Filter | Rename | Drop)
        or (isinstance(one, Project) and all(isinstance(column.value, Column) for column in one.columns))
        for one in step.right.steps
    )
    has_filter = any(isinstance(one, Filter) for one in step.right.steps)
    return plain and isinstance(step.right.source, Table) and not (has_filter and step.how == "full")
