"""A plan as SQL: one SELECT where its steps fit into one, with CTEs before it where they don't."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.to_sql.render import Renderer
from shared.catalog import Catalog


def to_sql(plan: QueryPlan, catalog: Catalog | None = None, dialect: str = "duckdb", *, familiar: bool = False) -> str:
    """The statement, a clause a line. catalog: needed to join tables whose columns have the same names.

    familiar: for a model to read: `ILIKE '%x%'` where the plan says that the word x occurs, `IS NULL` where it says
    that text is empty; a few rows more or less. Raises Unsayable for what that dialect has no words for.
    """
    try:
        text = Renderer(catalog, familiar).statement(plan)
        if dialect == "duckdb":
            return text
        parsed = sqlglot.parse_one(text, read="duckdb").transform(_standard)
        return parsed.sql(dialect=dialect, pretty=True)
    except (SqlglotError, RecursionError) as error:
        raise Unsayable(str(error).splitlines()[0], dialect) from error


def _standard(node: exp.Expr) -> exp.Expr:
    """DuckDB's own functions under the names that every dialect has its word for."""
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    if name == "now":
        return exp.CurrentTimestamp()
    if name == "try_strptime":
        return exp.StrToTime(this=node.expressions[0], format=node.expressions[1])
    return node
