"""Kusto Query Language: proven by Microsoft's own parser and binder, run on DuckDB through duckdb-kql."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from agents.data.kql.dates import impossible_dates
from agents.data.kql.declared import function_problems, inlined
from agents.data.kql.idioms import mended
from agents.data.kql.kusto import Kusto, KustoUnavailable
from agents.data.kql.parameters import Filled, default_problem, filled, undeclared, undeclared_texts
from agents.data.kql.size import too_large
from agents.data.kql.splitting import split_queries
from agents.data.kql.translate import to_duckdb
from agents.data.kql.types import duckdb_type
from agents.data.plan.model import QueryPlan
from agents.data.platform import Ask, NotExecutable, Platform, Stage
from shared.catalog import Catalog, Table, UserFunction
from shared.models import Check, CheckStatus, Problem, Proof

# Kusto.Language's diagnostic of `{Name}`.
_CLIENT_PARAMETER = "KS213"


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

    def type_of(self, expression: str) -> str | None: ...

    def problem_in(self, function: UserFunction, catalog: Catalog) -> str | None: ...


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
    collection = frozenset(("SourceSystem", "TenantId", "ManagementGroupName", "MG"))  # of Log Analytics
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
        text = filled(query, catalog)
        whole = inlined(text.text, catalog)
        if problem := too_large(whole.text):
            large = Check(name="parse", status="failed", prover="lexiquery", problems=[whole.problem(problem)])
            return text.placed(large)
        return _explained(self.prover.parse(text.text, catalog), text, catalog)

    def bind(self, query: str, catalog: Catalog) -> Check:
        text = filled(query, catalog)
        return _explained(_dated(self.prover.bind(text.text, catalog), text.text), text, catalog)

    def safety(self, query: str, catalog: Catalog) -> Check:
        text = filled(query, catalog)
        return text.placed(self.prover.safety(text.text, catalog))

    def to_duckdb(self, query: str, catalog: Catalog) -> str:
        return self.to_duckdb_over_rows(query, catalog, _unknown)

    def to_duckdb_over_rows(self, query: str, catalog: Catalog, ask: Ask) -> str:
        text = filled(query, catalog).text
        return to_duckdb(
            self.prover.translatable(text, catalog, lambda kql: ask(self.to_duckdb(kql, catalog))), catalog
        )

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None:
        return self.prover.columns_of(filled(query, catalog).text, catalog)

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        return self.prover.stages(filled(query, catalog).text, catalog)

    def idioms(self, query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
        return mended(query, proof, catalog)

    def duckdb_type(self, type_name: str) -> str:
        return duckdb_type(type_name)

    def split(self, text: str) -> list[str]:
        """The queries of a file that holds several (splitting.py)."""
        return split_queries(text, self.prover.parses)

    def official_verdict(self, query: str, catalog: Catalog) -> tuple[CheckStatus, CheckStatus] | None:
        """Parse and bind by Kusto.Language alone, without anything of ours; None where there is no .NET."""
        return self.prover.official_verdict(query, catalog) if isinstance(self.prover, Kusto) else None

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        return self.prover.tables_of(filled(query, catalog).text, catalog)

    def as_sent(self, query: str, catalog: Catalog) -> str:
        return filled(query, catalog).text

    def declaration_problems(self, catalog: Catalog) -> Iterator[str]:
        """Functions that can't be called, and defaults that are not of their parameter's type."""
        yield from function_problems(catalog)
        for parameter in catalog.parameters:
            if problem := default_problem(parameter, self.prover.type_of):
                yield problem

    def declaration_notes(self, catalog: Catalog) -> Iterator[str]:
        for function in catalog.functions:
            if problem := self.prover.problem_in(function, catalog):
                yield f"queries that call '{function.name}' will be refused: {problem}"

    def read_plan(self, query: str, catalog: Catalog) -> QueryPlan:
        from agents.data.plan.read_kql import read_kql

        return read_kql(filled(query, catalog).text, catalog)

    def write_plan(self, plan: QueryPlan, catalog: Catalog) -> str:
        from agents.data.plan.to_kql import to_kql

        return to_kql(plan, catalog)


def _explained(check: Check, text: Filled, catalog: Catalog) -> Check:
    """The check with its problems where they are written. Where a parameter is not declared, that is the problem: what
    the parser says is about the braces."""
    unknown: list[Problem] = []
    if check.status == "failed" and (check.name == "parse" or _CLIENT_PARAMETER in [p.code for p in check.problems]):
        unknown += undeclared(text.written, catalog)
    if check.name == "bind":
        unknown += undeclared_texts(text.written, catalog)
    return check.model_copy(update={"status": "failed", "problems": unknown}) if unknown else text.placed(check)


def _dated(check: Check, query: str) -> Check:
    if check.status == "failed" or not (problems := list(impossible_dates(query))):
        return check
    return check.model_copy(update={"status": "failed", "problems": problems})


def _unknown(select: str) -> list[str]:
    raise NotExecutable("its columns depend on the rows")
