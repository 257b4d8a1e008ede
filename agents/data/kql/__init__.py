"""Kusto Query Language: proven by Microsoft's own parser and binder, run on DuckDB through duckdb-kql."""

from __future__ import annotations

from typing import Protocol

from agents.data.kql.kusto import Kusto, KustoUnavailable
from agents.data.kql.size import too_large
from agents.data.kql.splitting import split_queries
from agents.data.kql.translate import to_duckdb
from agents.data.kql.types import duckdb_type
from agents.data.plan.model import QueryPlan
from agents.data.platform import Ask, NotExecutable, Platform, Stage
from shared.catalog import Catalog, Table
from shared.models import Check, CheckStatus


class KqlProver(Protocol):
    """Who parses and binds KQL: Kusto.Language, or duckdb-kql where there is no .NET."""

    def parse(self, query: str, catalog: Catalog) -> Check: ...

    def bind(self, query: str, catalog: Catalog) -> Check: ...

    def safety(self, query: str, catalog: Catalog) -> Check: ...

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]: ...

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None: ...

    def parses(self, text: str) -> bool: ...

    def stages(self, query: str, catalog: Catalog) -> list[Stage]: ...

    def translatable(self, query: str, catalog: Catalog, ask: Ask) -> str: ...


def best_prover() -> KqlProver:
    """Kusto.Language where .NET can be had, else duckdb-kql; a proof names the one that made it."""
    try:
        return Kusto()
    except KustoUnavailable:
        from agents.data.kql.fallback import DuckdbKql

        return DuckdbKql()


class Kql(Platform):
    name = "kql"
    language = "KQL"
    text_is_never_null = True
    description = "Kusto: Azure Data Explorer, Log Analytics, Microsoft Sentinel and Defender"
    dialect_notes = (
        "A query is a table, then operators after |: where, extend, project, summarize ... by, join, top, order by. "
        "Compare with ==, !=, =~ (ignoring case), has, contains, startswith, in (...). "
        "Time: TimeGenerated > ago(1d), bin(TimeGenerated, 1h), datetime(2024-01-31). "
        "Aggregates: count(), countif(x), dcount(x), sum(x), avg(x), max(x), percentile(x, 95), arg_max(t, *). "
        "Strings are quoted with ' or double quotes; a dynamic column is read as Column.field, cast with tostring()."
    )

    def __init__(self, prover: KqlProver | None = None) -> None:
        self.prover = prover or best_prover()
        self.bind_is_final = isinstance(self.prover, Kusto)

    def parse(self, query: str, catalog: Catalog) -> Check:
        if problem := too_large(query):
            return Check(name="parse", status="failed", prover="lexiquery", problems=[problem])
        return self.prover.parse(query, catalog)

    def bind(self, query: str, catalog: Catalog) -> Check:
        return self.prover.bind(query, catalog)

    def safety(self, query: str, catalog: Catalog) -> Check:
        return self.prover.safety(query, catalog)

    def to_duckdb(self, query: str, catalog: Catalog) -> str:
        return self.to_duckdb_over_rows(query, catalog, _unknown)

    def to_duckdb_over_rows(self, query: str, catalog: Catalog, ask: Ask) -> str:
        return to_duckdb(
            self.prover.translatable(query, catalog, lambda kql: ask(self.to_duckdb(kql, catalog))), catalog
        )

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None:
        return self.prover.columns_of(query, catalog)

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        return self.prover.stages(query, catalog)

    def duckdb_type(self, type_name: str) -> str:
        return duckdb_type(type_name)

    def split(self, text: str) -> list[str]:
        """The queries of a file that holds several (splitting.py)."""
        return split_queries(text, self.prover.parses)

    def official_verdict(self, query: str, catalog: Catalog) -> tuple[CheckStatus, CheckStatus] | None:
        """Parse and bind by Kusto.Language alone, without anything of ours; None where there is no .NET."""
        return self.prover.official_verdict(query, catalog) if isinstance(self.prover, Kusto) else None

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        return self.prover.tables_of(query, catalog)

    def read_plan(self, query: str, catalog: Catalog) -> QueryPlan:
        from agents.data.plan.read_kql import read_kql

        return read_kql(query, catalog)

    def write_plan(self, plan: QueryPlan, catalog: Catalog) -> str:
        from agents.data.plan.to_kql import to_kql

        return to_kql(plan, catalog)


def _unknown(select: str) -> list[str]:
    raise NotExecutable("its columns depend on the rows")
