"""SQL as a typed plan, by sqlglot's grammar."""

from __future__ import annotations

import sqlglot
from pydantic import ValidationError
from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.plan.model import QueryPlan, Unsayable
from agents.data.plan.read_sql.complete import refuse_unread
from agents.data.plan.read_sql.queries import Queries
from agents.data.plan.simplify import simplified
from shared.catalog import Catalog
from shared.errors import InvalidInput


def read_sql(sql: str, catalog: Catalog | None = None, dialect: str = "duckdb") -> QueryPlan:
    """The plan of one SELECT. catalog: gives columns their spelling, their tables and types; without it every column
    of a join needs its table. Names that the catalog lacks stay as they are: the rendered query's binder says so.

    Raises InvalidInput if it is not one SELECT of that dialect, Unsayable for what a plan has no words for.
    """
    try:
        statements = [one for one in sqlglot.parse(sql, read=dialect) if one is not None]
        if dialect != "duckdb":
            text = [one.sql(dialect="duckdb", comments=False) for one in statements]
            statements = [one for part in text for one in sqlglot.parse(part, read="duckdb") if one is not None]
    except (SqlglotError, RecursionError) as error:
        raise InvalidInput(f"not {dialect} SQL: {str(error).splitlines()[0]}") from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise InvalidInput("expected one SELECT")
    refuse_unread(statements[0])
    try:
        return simplified(Queries(catalog).read(statements[0], {}), catalog)
    except RecursionError as error:
        raise Unsayable("a query that is nested so deeply", "a plan") from error
    except ValidationError as error:
        raise Unsayable(f"this query, in which {error.errors()[0]['msg']}", "a plan") from error
