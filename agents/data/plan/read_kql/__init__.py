"""KQL into a plan: Microsoft's Kusto.Language parses and binds the query, and its bound tree is read.

The binder knows every column's name and type at every operator, so the names that Kusto gives (`count_`, `UserId1`)
are the plan's too. `let`s are written out where they are used; `render` and `as` change no rows and have no step.
Kusto's text is never null, its other values can be: `x != 5` is also true where x is null, and the plan says so.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from agents.data.kql.kusto import Kusto, KustoUnavailable
from agents.data.kql.size import too_large
from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.read_kql.operators import read_pipeline
from agents.data.plan.read_kql.pruning import pruned
from agents.data.plan.read_kql.syntax import Reading, items, kind, unsayable
from shared.catalog import Catalog


def read_kql(query: str, catalog: Catalog) -> QueryPlan:
    """Raises Unsayable, naming the construct that the plan has no words for, or what does not bind to the catalog."""
    if problem := too_large(query):
        raise Unsayable(problem.message, "a plan")
    try:
        analysis = _kusto().analyze(query, catalog)
    except KustoUnavailable as error:
        raise Unsayable("KQL", f"a plan without .NET: {error}") from error
    if problems := [*analysis.syntax, *analysis.semantic]:
        raise Unsayable("a query that does not bind", f"a plan: {problems[0].message}")
    if analysis.is_command or analysis.is_empty or analysis.nodes("Directive"):
        raise Unsayable("a command, a directive or an empty text", "a plan")
    try:
        return pruned(_read(analysis.code.Syntax, catalog))
    except RecursionError as error:
        raise Unsayable("a query nested this deeply", "a plan") from error


@cache
def _kusto() -> Kusto:
    return Kusto()


def _read(block: Any, catalog: Catalog) -> QueryPlan:
    reading = Reading(catalog)
    plan: QueryPlan | None = None
    for statement in items(block.Statements):
        if kind(statement) == "LetStatement":
            reading.lets[str(statement.Name.SimpleName)] = statement.Expression
        elif kind(statement) == "ExpressionStatement" and plan is None:
            plan = read_pipeline(reading, statement.Expression).plan
        else:
            raise unsayable("a second query" if plan else f"a {kind(statement)}", statement)
    if plan is None:
        raise Unsayable("a text without a query", "a plan")
    return plan
