"""Whole queries: WITH, set operations, and SELECT."""

from __future__ import annotations

from sqlglot import exp

from agents.data.plan.expressions import Column, Expr
from agents.data.plan.model import Distinct, QueryPlan, Rename, Renaming, Sort, Union
from agents.data.plan.read_sql.calls import sort_key
from agents.data.plan.read_sql.expressions import query_in
from agents.data.plan.read_sql.limits import limited
from agents.data.plan.read_sql.scope import Scope, unsayable
from agents.data.plan.read_sql.selects import Selecting, Tables
from agents.data.plan.schema import columns_of
from shared.catalog import Catalog


class Queries:
    """Reads queries and those inside them, with what the catalog knows."""

    def __init__(self, catalog: Catalog | None) -> None:
        self.catalog = catalog

    def read(self, node: exp.Expr, tables: Tables, outer: Scope | None = None) -> QueryPlan:
        """tables: what the queries around it named in WITH; outer: the scope that a nested query may look into."""
        inner = query_in(node)
        tables = self.named(node, tables)
        if inner is not node:
            tables = self.named(inner, tables)
        if isinstance(inner, exp.Select):
            plan = Selecting(inner, self, tables, outer).plan()
        elif isinstance(inner, exp.Union):
            plan = limited(_ordered(self._union(inner, tables), inner), inner)
        else:
            raise unsayable(type(inner).__name__.upper(), inner)
        return plan if inner is node else limited(_ordered(plan, node), node)

    def named(self, node: exp.Expr, tables: Tables) -> Tables:
        """Those tables and the ones that the query itself names in WITH."""
        found = node.args.get("with_")
        if found is None:
            return tables
        named = dict(tables)
        for cte in found.expressions:
            reads = {one.name.lower() for one in cte.find_all(exp.Table)}
            if found.args.get("recursive") and cte.alias.lower() in reads:
                raise unsayable("a recursive CTE", cte)
            names = [column.name for column in cte.args["alias"].columns]
            plan = self.read(cte.this, named)
            named[cte.alias.lower()] = _with_names(plan, names, self.catalog, cte) if names else plan
        return named

    def _union(self, node: exp.Union, tables: Tables) -> QueryPlan:
        plans = [self.read(side, tables) for side in (node.left, node.right)]
        if not node.args.get("by_name"):
            columns = columns_of(plans[0], self.catalog)
            known = columns is not None
            plans[1] = _with_names(plans[1], list(columns or ()), self.catalog, node) if known else _alike(plans, node)
        distinct = bool(node.args.get("distinct"))
        inner = plans[0].source
        if isinstance(inner, Union) and not plans[0].steps and not distinct:
            plans = [*inner.plans, plans[1]]
        plan = QueryPlan(source=Union(plans=tuple(plans)))
        return plan.then(Distinct()) if distinct else plan


def _with_names(plan: QueryPlan, names: list[str], catalog: Catalog | None, node: exp.Expr) -> QueryPlan:
    """The plan with its columns called so, by position."""
    columns = columns_of(plan, catalog)
    if columns is None or len(columns) < len(names):
        raise unsayable("new names for columns that are not known", node)
    changed = tuple(Renaming(name=new, was=old) for old, new in zip(columns, names, strict=False) if old != new)
    return plan.then(Rename(columns=changed)) if changed else plan


def _alike(plans: list[QueryPlan], node: exp.Expr) -> QueryPlan:
    """Of tables whose columns are not known only those go together by position that are the same anyway."""
    if plans[0].source != plans[1].source:
        raise unsayable("a UNION of columns that are not known", node)
    return plans[1]


def _ordered(plan: QueryPlan, node: exp.Expr) -> QueryPlan:
    """ORDER BY of a union, or around brackets: by its columns' names or numbers."""
    order = node.args.get("order")
    if order is None:
        return plan
    columns = list(columns_of(plan, None) or {})

    def read(key: exp.Expr) -> Expr:
        if isinstance(key, exp.Literal) and key.name.isdigit() and 0 < int(key.name) <= len(columns):
            return Column(name=columns[int(key.name) - 1])
        if isinstance(key, exp.Column):
            return Column(name=next((one for one in columns if one.lower() == key.name.lower()), key.name))
        raise unsayable("an order by an expression here", key)

    return plan.then(Sort(keys=tuple(sort_key(key, read) for key in order.expressions)))
