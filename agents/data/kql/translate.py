"""KQL as DuckDB SQL, by duckdb-kql; what it lacks is refused, never guessed."""

from __future__ import annotations

import duckdb_kql

from agents.data.kql.declared import plain_tables, watchlists
from agents.data.kql.duckdb_functions import register
from agents.data.kql.rewriting.edits import named
from agents.data.platform import NotExecutable
from shared.catalog import Catalog

register()


def to_duckdb(query: str, catalog: Catalog) -> str:
    """One DuckDB SELECT with the query's rows. Raises NotExecutable with the construct that has no translation."""
    # What `union *` reads; a watchlist only where its call was rewritten into its name.
    tables = [*plain_tables(catalog), *(one for one in watchlists(catalog) if named(one.name) in query)]
    schema = {table.name: [column.name for column in table.columns] for table in tables}
    try:
        result = duckdb_kql.to_sql(query, schema=schema, allow_write=False)
    except duckdb_kql.KqlError as error:
        raise NotExecutable(str(error)) from error
    except RecursionError as error:
        raise NotExecutable("it is nested too deeply to translate") from error
    if result.parameters or result.unbound:
        raise NotExecutable("it declares parameters")
    return str(result)
