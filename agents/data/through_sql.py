"""Route `sql`: the model writes small SQL over a group's tables, which is read as a plan and said in the platform's
language.

Small models write fair SQL, poor KQL and hardly any SPL. So they are shown the group as if it were a DuckDB database:
its tables with DuckDB's types, and its examples as SQL. What they write is proven and mended as SQL, where an unknown
name leads to the right one, and only then becomes KQL or SPL, deterministically.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from agents.data.derive import Brief
from agents.data.examples import Scored, choose
from agents.data.plan.model import Unsayable
from agents.data.plan.to_sql import to_sql
from agents.data.platform import Platform
from agents.data.sql import Sql
from shared.catalog import Catalog, Table

_KEPT = 16
_SQL = re.compile(r"[\s(]*(?:select|with)\b", re.IGNORECASE)


def looks_like_sql(draft: str) -> bool:
    """False where a model that was asked for SQL answered in the platform's language all the same."""
    return _SQL.match(draft) is not None


class ThroughSql:
    """A platform's groups as SQL databases, and SQL as the platform's queries."""

    def __init__(self, platform: Platform) -> None:
        self.sql = Sql(as_written=False)
        self._platform = platform
        self._catalogs: OrderedDict[str, Catalog] = OrderedDict()

    async def brief(self, brief: Brief) -> Brief:
        """The same question over the same tables as SQL. Examples that SQL can't say are left out."""
        catalog = await asyncio.to_thread(self.catalog, brief.linked.catalog)
        tables = {table.name: table for table in catalog.tables}
        solved = {example.question: example for example in catalog.examples}

        def in_sql(examples: list[Scored]) -> list[Scored]:
            known = [one for one in examples if one.example.question in solved]
            return [replace(one, example=solved[one.example.question]) for one in known]

        links = [replace(link, table=tables[link.table.name]) for link in brief.linked.links]
        examples = in_sql(brief.linked.examples)
        linked = replace(brief.linked, catalog=catalog, links=links, examples=examples, as_database=True)
        offered = [tables[table.name] for table in brief.tables]
        chosen = choose(examples, brief.question, {table.name for table in offered}, len(brief.examples))
        return replace(brief, linked=linked, tables=offered, examples=chosen, rejected=[])

    def query(self, sql: str, brief: Brief) -> str:
        """The SQL in the platform's language. brief: the platform's own. Raises Unsayable."""
        catalog = brief.linked.catalog
        return self._platform.write_plan(self.sql.read_plan(sql, self.catalog(catalog)), catalog)

    def catalog(self, catalog: Catalog) -> Catalog:
        """The group as a DuckDB database, its examples as SQL."""
        if catalog.version not in self._catalogs:
            self._catalogs[catalog.version] = self._made(catalog)
            if len(self._catalogs) > _KEPT:
                self._catalogs.popitem(last=False)
        return self._catalogs[catalog.version]

    def _made(self, catalog: Catalog) -> Catalog:
        tables = [self._table(table) for table in catalog.tables]
        described = catalog.model_dump(by_alias=True)
        shaped = described | {"platform": "sql", "dialect": "duckdb", "tables": tables, "examples": []}
        return Catalog.model_validate(shaped | {"examples": self._examples(catalog, Catalog.model_validate(shaped))})

    def _examples(self, catalog: Catalog, shaped: Catalog) -> list[dict[str, Any]]:
        examples = []
        for example in catalog.examples:
            try:
                query = to_sql(self._platform.read_plan(example.query, catalog), shaped, familiar=True)
            except Unsayable:
                continue
            examples.append(example.model_dump() | {"query": query})
        return examples

    def _table(self, table: Table) -> dict[str, Any]:
        columns = [column.model_dump() | {"type": self._platform.duckdb_type(column.type)} for column in table.columns]
        return table.model_dump() | {"columns": columns, "kind": "table"}
