"""SQL of several dialects: parsed by sqlglot, bound to the catalog scope by scope, run on DuckDB."""

from __future__ import annotations

import re
from importlib.metadata import version

from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.plan.model import QueryPlan
from agents.data.platform import NotExecutable, Platform, Stage
from agents.data.sql.binding import known_tables, lookup, unknown_names
from agents.data.sql.functions import misspelt_syntax, unknown_functions
from agents.data.sql.idioms import idioms
from agents.data.sql.parsing import PARSER, Parsed
from agents.data.sql.safety import problems_of
from agents.data.sql.sqlite import PROVER as SQLITE
from agents.data.sql.sqlite import Sqlite
from agents.data.sql.stages import stages
from agents.data.sql.types import duckdb_type
from shared.catalog import Catalog, Table
from shared.errors import InvalidInput, did_you_mean
from shared.models import Check, CheckName, Problem, Proof

DIALECTS = ("duckdb", "sqlite", "postgres", "mysql", "tsql", "snowflake", "bigquery")
# What DuckDB may find wrong with a translation that is right in the query's own dialect.
_GAPS = frozenset(("unknown_name", "syntax", "query_rejected", "type_mismatch", "unreadable_value"))
_REAL = re.compile(r"GROUP BY|aggregate|window function|Table with name|Catalog", re.IGNORECASE)
PROVER = f"sqlglot {version('sqlglot')}"


class Sql(Platform):
    name = "sql"
    language = "SQL"
    description = "SQL databases and warehouses: DuckDB, SQLite, PostgreSQL, MySQL, SQL Server, Snowflake, BigQuery"
    dialect_notes = (
        "One SELECT; WITH is fine. Name columns by their table's alias where several tables are joined. "
        "Time: ts >= now() - INTERVAL 1 DAY, date_trunc('hour', ts), time_bucket(INTERVAL 10 MINUTE, ts). "
        "Compare text without case with lower(x) = 'y'. "
        "Every selected column that is not aggregated stands in GROUP BY."
    )

    def __init__(self, *, as_written: bool = True) -> None:
        """as_written: the query itself is what runs; False where only what it is translated to does."""
        self._as_written = as_written
        self._parser = PARSER
        self._sqlite = Sqlite()

    def parse(self, query: str, catalog: Catalog) -> Check:
        problems = self._parse(query, catalog).problems
        return _check("parse", [*(misspelt_syntax(query) if problems else []), *problems])

    def bind(self, query: str, catalog: Catalog) -> Check:
        """Tables and columns in their scopes, and functions. What only types can tell is the dry run's to find."""
        select = self._parse(query, catalog).select
        if select is None:
            return Check(name="bind", status="skipped", prover=PROVER, detail="it is not one SELECT")
        written = query if self._as_written else ""
        found = [*unknown_names(select, catalog), *unknown_functions(select, catalog.dialect, written)]
        if catalog.dialect != "sqlite" or found:
            return _check("bind", found)
        return _check("bind", self._sqlite.problems(query, catalog), f"{PROVER}, {SQLITE}")

    def safety(self, query: str, catalog: Catalog) -> Check:
        return _check("safety", problems_of(self._parse(query, catalog), catalog))

    def to_duckdb(self, query: str, catalog: Catalog) -> str:
        select = self._parse(query, catalog).select
        if select is None:
            raise NotExecutable("it is not one SELECT")
        try:
            return _as_in_catalog(select, catalog).sql(dialect="duckdb", comments=False)
        except (SqlglotError, RecursionError) as error:
            raise NotExecutable(f"no translation to DuckDB: {error}") from error

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        select = self._parse(query, catalog).select
        return stages(select, catalog.dialect) if select is not None else []

    def is_gap(self, problem: Problem, catalog: Catalog) -> bool:
        """Another dialect's function that its translation only names, or a type that DuckDB alone is strict about; not
        what every dialect refuses: a table that is not there, a column neither grouped nor aggregated."""
        if not self._as_written and problem.code == "unreadable_value" and problem.message.endswith("is no json"):
            return True  # KQL and SPL, which it becomes, compare what a dynamic holds with a text
        if catalog.dialect == "sqlite" and problem.code == "impossible_value":
            return True  # its dates are texts, and 31 February is after the 28th
        if catalog.dialect == "duckdb" or problem.code not in _GAPS:
            return False
        if _REAL.search(problem.message):
            return False
        strict = catalog.dialect == "postgres" and problem.code not in ("syntax", "unreadable_value")
        return not strict or "does not exist" in problem.message

    def idioms(self, query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
        return idioms(query, proof, catalog)

    def duckdb_type(self, type_name: str) -> str:
        """Types are those of any supported dialect: `NUMERIC(10,2)`, `datetime2`, `serial`."""
        return duckdb_type(type_name, DIALECTS)

    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        select = self._parse(query, catalog).select
        return known_tables(select, catalog) if select is not None else []

    def read_plan(self, query: str, catalog: Catalog) -> QueryPlan:
        from agents.data.plan.read_sql import read_sql

        return read_sql(query, catalog, catalog.dialect)

    def write_plan(self, plan: QueryPlan, catalog: Catalog) -> str:
        from agents.data.plan.to_sql import to_sql

        return to_sql(plan, catalog, catalog.dialect)

    def _parse(self, query: str, catalog: Catalog) -> Parsed:
        if catalog.dialect not in DIALECTS:
            raise InvalidInput(
                f"unknown SQL dialect '{catalog.dialect}'", suggestion=did_you_mean(catalog.dialect, DIALECTS)
            )
        return self._parser.parse(query, catalog.dialect)


def _check(name: CheckName, problems: list[Problem], prover: str = PROVER) -> Check:
    return Check(name=name, status="failed" if problems else "passed", prover=prover, problems=problems)


def _as_in_catalog(select: exp.Query, catalog: Catalog) -> exp.Query:
    """A copy whose tables are the sandbox's: `sales.orders` is one name there, and keeps `orders` as its alias."""
    copy = select.copy()
    schemas = set()
    for table in list(copy.find_all(exp.Table)):
        known = lookup(table, catalog) if isinstance(table.this, exp.Identifier) else None
        if known is None or (not table.db and _is_cte(table)):
            continue
        schemas.add(table.db)
        if known.name != table.name and not table.alias:
            table.set("alias", exp.TableAlias(this=table.this.copy()))
        table.set("this", exp.to_identifier(known.name, quoted=True))
        table.set("db", None)
        table.set("catalog", None)
    for column in copy.find_all(exp.Column):
        if column.db in schemas - {""} and column.catalog.lower() in ("", catalog.schema_group.lower()):
            column.set("db", None)
            column.set("catalog", None)
    return copy


def _is_cte(table: exp.Table) -> bool:
    """Whether a WITH around it defines the name, which then hides the catalog's."""
    owner = table.find_ancestor(exp.Query)
    while owner is not None:
        if any(cte.alias.lower() == table.name.lower() for cte in owner.ctes):
            return True
        owner = owner.find_ancestor(exp.Query)
    return False
