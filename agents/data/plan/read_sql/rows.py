"""VALUES: rows that the query itself writes out."""

from __future__ import annotations

from sqlglot import exp

from agents.data.plan.expressions import Constant, Expr
from agents.data.plan.model import QueryPlan, Values
from agents.data.plan.read_sql.expressions import Scalars
from agents.data.plan.read_sql.scope import Scope, unsayable


def values_of(node: exp.Values) -> QueryPlan:
    rows = []
    for row in node.expressions:
        cells = [_constant(cell) for cell in (row.expressions if isinstance(row, exp.Tuple) else [row])]
        rows.append(tuple(cells))
    columns = tuple(f"col{number}" for number in range(len(rows[0]))) if rows else ()
    return QueryPlan(source=Values(columns=columns, rows=tuple(rows)))


def _constant(node: exp.Expr) -> Constant:
    found = Scalars(Scope(), _NoSubqueries()).read(node)
    if not isinstance(found, Constant):
        raise unsayable("VALUES of anything but constants", node)
    return found


class _NoSubqueries:
    def scalar(self, query: exp.Query, scope: Scope) -> Expr:
        raise unsayable("a query here", query)

    def among(self, operand: Expr, query: exp.Query, scope: Scope) -> Expr:
        raise unsayable("a query here", query)

    def exists(self, query: exp.Query, scope: Scope) -> Expr:
        raise unsayable("a query here", query)
