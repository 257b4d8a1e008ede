"""What a platform must say of itself, and the registry of platforms.

A platform is one class: how its language is parsed, bound to a catalog, judged safe, and turned into DuckDB SQL for
the sandbox. Proof (proof.py), running (sandbox.py), derivation (agent.py), cards, tools and tests are the same code
for all and derive from the class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import ClassVar

from agents.data.plan.model import QueryPlan, Unsayable
from shared.catalog import Catalog, Table
from shared.errors import InvalidInput, NotFound
from shared.models import Check, Problem, Proof

# Runs a SELECT where the query will run; the values of its first column, as text.
Ask = Callable[[str], list[str]]


class NotExecutable(Exception):
    """The query is fine, but can't be run in the sandbox (a construct the translation lacks): the check is skipped."""


@dataclass(frozen=True)
class Stage:
    """A query cut short after a step of it. text: the step as it is written; about: columns that the step is about and
    does not name."""

    text: str
    query: str
    about: tuple[str, ...] = ()


class Platform(ABC):
    """name: `kql`; language: what people call it; dialect_notes: what a model must be told to write it well.

    bind_is_final: `bind` is the language's own compiler, so a name or type that the sandbox's DuckDB then stumbles
    over is a gap of the translation: the dry run is skipped, saying why, and the query is not rejected for it.
    text_is_never_null: an empty field of a file is the empty text, not null (as in Kusto).
    collection: columns of every table that say how its rows were collected; a question means them where it names them.
    """

    name: ClassVar[str]
    language: ClassVar[str]
    description: ClassVar[str]
    dialect_notes: ClassVar[str]
    bind_is_final: bool = False
    text_is_never_null: ClassVar[bool] = False
    collection: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def parse(self, query: str, catalog: Catalog) -> Check:
        """Is it well-formed? Problems carry line and column. Never raises on any text."""

    @abstractmethod
    def bind(self, query: str, catalog: Catalog) -> Check:
        """Does every table, column and function exist? Problems carry the nearest real name. Needs parse passed."""

    @abstractmethod
    def safety(self, query: str, catalog: Catalog) -> Check:
        """Does it only read, within this group? Called only if parse passed."""

    @abstractmethod
    def to_duckdb(self, query: str, catalog: Catalog) -> str:
        """One DuckDB SELECT that computes the same rows. Raises NotExecutable. Needs the checks above passed."""

    def to_duckdb_over_rows(self, query: str, catalog: Catalog, ask: Ask) -> str:
        """Like `to_duckdb`, for a language whose result's columns may depend on the rows (SPL's `timechart by`)."""
        return self.to_duckdb(query, catalog)

    def columns_of(self, query: str, catalog: Catalog) -> list[str] | None:
        """The result's columns as the language's own compiler names them; None where it doesn't say."""
        return None

    def stages(self, query: str, catalog: Catalog) -> list[Stage]:
        """A well-formed query after each step that may take rows away, in order; the last is as good as the query.
        Nothing where its steps can't be told apart."""
        return []

    def is_gap(self, problem: Problem, catalog: Catalog) -> bool:
        """Whether what DuckDB found wrong with the translation says nothing of the query itself."""
        return self.bind_is_final and problem.code in ("unknown_name", "syntax", "query_rejected", "unreadable_value")

    def idioms(self, query: str, proof: Proof, catalog: Catalog) -> tuple[str, list[str]]:
        """The query with what it borrows from other languages said in this one, and each change in words: `len(x)` is
        KQL's `strlen(x)`. Only what is sure to be meant; the same query and no notes where there is nothing. The caller
        proves the result. proof: of the query, whatever its verdict."""
        return query, []

    @abstractmethod
    def duckdb_type(self, type_name: str) -> str:
        """The DuckDB type that holds a catalog column of this type: `long` → `BIGINT`."""

    @abstractmethod
    def tables_of(self, query: str, catalog: Catalog) -> list[Table]:
        """The catalog's tables that a well-formed query reads."""

    def as_sent(self, query: str, catalog: Catalog) -> str:
        """The query as the platform itself takes it: what only the catalog knows (workbook parameters) filled in."""
        return query

    def declaration_problems(self, catalog: Catalog) -> Iterator[str]:
        """What the catalog declares beside its tables that can't be used, in words: the catalog is refused."""
        for part in ("functions", "parameters"):
            if getattr(catalog, part):
                yield f"{self.language} has no use for `{part}`"
        if found := next((table for table in catalog.tables if table.kind == "watchlist"), None):
            yield f"{self.language} has no watchlists: table '{found.name}'"

    def declaration_notes(self, catalog: Catalog) -> Iterator[str]:
        """What can't be used of it though the rest can, in words: the import says so."""
        yield from ()

    @abstractmethod
    def read_plan(self, query: str, catalog: Catalog) -> QueryPlan:
        """A well-formed query as a plan. Raises Unsayable."""

    @abstractmethod
    def write_plan(self, plan: QueryPlan, catalog: Catalog) -> str:
        """A query that does what the plan says. Raises Unsayable."""

    def normalise(self, query: str, catalog: Catalog) -> str:
        """The query as its plan is written: the same for queries that differ in form alone. Where no plan says it, its
        text with one space for each gap."""
        if self.parse(query, catalog).status == "passed":
            with suppress(Unsayable, InvalidInput):
                return self.write_plan(self.read_plan(query, catalog), catalog)
        return " ".join(query.split())


_MODULES = {"kql": "agents.data.kql:Kql", "spl": "agents.data.spl:Spl", "sql": "agents.data.sql:Sql"}


def platform_names() -> list[str]:
    return list(_MODULES)


@cache
def load_platform(name: str) -> Platform:
    """The platform of that name, one a process; its provers are imported only now. Raises NotFound."""
    if name not in _MODULES:
        raise NotFound.named("platform", name, _MODULES)
    module, _, cls = _MODULES[name].partition(":")
    platform = getattr(import_module(module), cls)()
    assert isinstance(platform, Platform)
    return platform
