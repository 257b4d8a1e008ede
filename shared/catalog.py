"""What is known of the data: schema groups, tables, columns, relationships, glossary, examples.

`Catalog` is the catalog file of architecture.md, the form every importer produces; `Catalogs` keeps them in SQL.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Column as SqlColumn
from sqlalchemy import DateTime, MetaData, String, Text, delete, select
from sqlalchemy import Table as SqlTable
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import InvalidInput, NotFound, StorageFailed, first_problem
from shared.logging import get_logger
from shared.models import Model

log = get_logger(__name__)


class Column(Model):
    """type: the platform's own word (`string`, `datetime`, `long`, `VARCHAR(20)`); values: known ones, if few."""

    name: str
    type: str = "string"
    description: str = ""
    values: list[str] = []

    def render(self) -> str:
        """`status VARCHAR  where it is (open, paid, sent)`: the first eight values."""
        more = ", …" if len(self.values) > 8 else ""
        values = f" ({', '.join(self.values[:8])}{more})" if self.values else ""
        return f"{self.name} {self.type}  {self.description}{values}".rstrip()


class Table(Model):
    """rows: path to a csv, parquet or sql file with the rows, relative to the catalog file; None for schema only.

    kind: `table`; on SPL `index` (searched with index=NAME), `lookup` (read with inputlookup) or `datamodel` (a dataset
    that tstats reads, named MODEL.DATASET; its columns without the dataset's name); on KQL `watchlist` (read with
    `_GetWatchlist('NAME')`).
    """

    name: str
    description: str = ""
    kind: Literal["table", "index", "lookup", "datamodel", "watchlist"] = "table"
    rows: str | None = None
    columns: list[Column] = Field(min_length=1)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}


class Relationship(Model):
    """`from: SigninLogs.UserId`, `to: IdentityInfo.AccountObjectId`."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    from_: str = Field(alias="from")
    to: str
    kind: Literal["many_to_one", "one_to_one", "many_to_many"] = "many_to_one"


class GlossaryTerm(Model):
    """meaning: in words, or a condition in the platform's language. condition: in SQL over columns of `table`, which an
    answer about the term must hold; source: the runbook that says it, where a person accepted it from one."""

    term: str
    meaning: str
    condition: str = ""
    table: str = ""
    source: str = ""

    @property
    def told(self) -> str:
        """As a model is told: the condition where there is one."""
        return self.condition or self.meaning


class Directive(Model):
    """A standing rule of a group (`always exclude test tenants`). condition: in SQL over columns of `table`, which
    every query that reads the table must hold; without one it is only told. source: the runbook that says it."""

    text: str
    condition: str = ""
    table: str = ""
    source: str = ""


class Example(Model):
    """A solved question: retrieved for similar questions, so it must be proven when it is imported.

    source: `feedback` if a user corrected an answer to this query, `runbook` if it stands in one; cited: its place
    there.
    """

    question: str
    query: str
    explanation: str = ""
    source: Literal["catalog", "feedback", "runbook"] = "catalog"
    cited: str = ""


class SearchMacro(Model):
    """A search macro of SPL: its text, with `$name$` where an argument goes."""

    name: str
    definition: str
    arguments: list[str] = []


class FunctionParameter(Model):
    """type: the platform's own word; on KQL `(*)` or `(Name: type, ...)` for rows. default: as it is written in the
    language; None where every call must say it."""

    name: str
    type: str = "string"
    default: str | None = None


class UserFunction(Model):
    """A stored function of KQL. body: what stands in its braces; returns: the type of its value, or the columns of its
    rows, where there is no body. A function without a body is bound, and not run."""

    name: str = Field(pattern=r"^[A-Za-z_]\w*$")
    description: str = ""
    parameters: list[FunctionParameter] = []
    body: str = ""
    returns: str | list[Column] = ""

    @model_validator(mode="after")
    def _says_what_it_gives(self) -> Self:
        if not self.body.strip() and not self.returns:
            raise ValueError(f"function '{self.name}' says neither its body nor what it returns")
        return self


class QueryParameter(Model):
    """What `{Name}` stands for in a query, as workbooks have it: its text is put in the place of the name.

    type: `text` (any); `timerange` (a timespan like `24h`, or START/END in ISO 8601); or a type of the platform, whose
    value the default then has to be. default: what is proven, and run where nothing else is asked for.
    """

    name: str = Field(pattern=r"^[A-Za-z_]\w*$")
    type: str = "text"
    default: str
    description: str = ""


class Catalog(Model):
    """One schema group on one platform. clock: what `now` means to it (a recording's end); None is the real now."""

    schema_group: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")
    platform: str
    dialect: str = "duckdb"
    description: str = ""
    clock: datetime | None = None
    tables: list[Table] = Field(min_length=1)
    relationships: list[Relationship] = []
    glossary: list[GlossaryTerm] = []
    examples: list[Example] = []
    macros: list[SearchMacro] = []
    functions: list[UserFunction] = []
    parameters: list[QueryParameter] = []
    directives: list[Directive] = []

    @cached_property
    def by_name(self) -> dict[str, Table]:
        return {table.name: table for table in self.tables}

    @cached_property
    def functions_by_name(self) -> dict[str, UserFunction]:
        return {function.name: function for function in self.functions}

    @cached_property
    def version(self) -> str:
        """Content hash: what was derived from another version is stale. A part that came later than groups that are
        stored counts only where there is something in it, so that theirs stay as they are."""
        without: dict[str, Any] = {
            part: True for part in ("functions", "parameters", "directives") if not getattr(self, part)
        }
        if not any(one.condition or one.table or one.source for one in self.glossary):
            without["glossary"] = {"__all__": {"condition", "table", "source"}}
        if not any(one.cited for one in self.examples):
            without["examples"] = {"__all__": {"cited"}}
        return hashlib.sha256(self.model_dump_json(by_alias=True, exclude=without).encode()).hexdigest()[:16]

    @cached_property
    def as_imported(self) -> Catalog:
        """Without what came from runbooks: their queries as examples, accepted terms and rules."""
        return self.with_runbooks([], [], [])

    def with_runbooks(
        self, examples: list[Example], glossary: list[GlossaryTerm], directives: list[Directive]
    ) -> Catalog:
        """The group with these from runbooks, instead of those it has. A term that the catalog defines itself stays."""
        own = [one for one in self.glossary if not one.source]
        defined = {one.term.lower() for one in own}
        kept = [one for one in self.examples if one.source != "runbook"]
        terms = [*own, *(one for one in glossary if one.term.lower() not in defined)]
        rules = [*(one for one in self.directives if not one.source), *directives]
        shown = {
            "examples": [one.model_dump() for one in (*kept, *examples)],
            "glossary": [one.model_dump() for one in terms],
            "directives": [one.model_dump() for one in rules],
        }
        return Catalog.model_validate(self.model_dump(by_alias=True) | shown)

    def render(self) -> str:
        """For people: its tables with their columns, then what else queries may use."""
        lines = [f"{self.schema_group} on {self.platform}: {self.description}".rstrip(": ")]
        for table in self.tables:
            kind = f" ({table.kind})" if table.kind != "table" else ""
            lines.append(f"\n{table.name}{kind}  {table.description}".rstrip())
            lines += [f"  {column.render()}" for column in table.columns]
        for name, part in (("functions", self.functions), ("macros", self.macros), ("parameters", self.parameters)):
            if part:
                lines.append(f"\n{name}: {', '.join(one.name for one in part)}")
        if self.relationships:
            lines += ["\nrelationships:", *(f"  {one.from_} = {one.to}" for one in self.relationships)]
        if self.glossary:
            lines += ["\nglossary:", *(f"  {one.term}: {one.told}{_of(one.source)}" for one in self.glossary)]
        if self.directives:
            lines += ["\nalways:", *(f"  {one.text}{_of(one.source)}" for one in self.directives)]
        return "\n".join(lines)

    def find(self, name: str) -> Table | None:
        """The table of that name, case ignored when there is no exact one."""
        if name in self.by_name:
            return self.by_name[name]
        return next((table for table in self.tables if table.name.lower() == name.lower()), None)


def _of(source: str) -> str:
    return f" ({source})" if source else ""


def read_catalog(path: Path) -> Catalog:
    """A catalog file, YAML or JSON. Raises InvalidInput with the place and reason, or NotFound."""
    if not path.is_file():
        raise NotFound(f"no catalog file at {path}")
    try:
        return Catalog.model_validate(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is neither YAML nor JSON: {error}") from error
    except ValidationError as error:
        raise InvalidInput(f"{path}: {first_problem(error)} ({error.error_count()} problems)") from error


schema = MetaData()
_catalogs = SqlTable(
    "catalogs",
    schema,
    SqlColumn("schema_group", String(64), primary_key=True),
    SqlColumn("platform", String(64), nullable=False, index=True),
    SqlColumn("version", String(16), nullable=False),
    SqlColumn("content", Text, nullable=False),
    SqlColumn("imported_at", DateTime(timezone=True), nullable=False),
)


class Catalogs:
    """The catalogs a process can see. Reads are cached by version, so each group is parsed once."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._cache: dict[str, Catalog] = {}

    async def put(self, catalog: Catalog) -> None:
        """Add the group, or replace it whole."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(_catalogs).where(_catalogs.c.schema_group == catalog.schema_group))
            await connection.execute(
                _catalogs.insert().values(
                    schema_group=catalog.schema_group,
                    platform=catalog.platform,
                    version=catalog.version,
                    content=json.dumps(catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)),
                    imported_at=datetime.now(UTC),
                )
            )

    async def all(self, platform: str | None = None) -> list[Catalog]:
        """Every group, by name; only a platform's if one is given. One that can't be read is left out, and logged."""
        found = []
        for group, version in (await self._versions(platform)).items():
            try:
                catalog = await self._load(group, version)
            except StorageFailed as error:
                log.warning("catalog_unreadable", schema_group=group, reason=str(error))
                continue
            found += [catalog] if catalog else []
        return found

    async def get(self, group: str, platforms: Collection[str] = ()) -> Catalog:
        """Raises NotFound with the nearest known group, InvalidInput when it is on none of `platforms`, if any, and
        StorageFailed for one that can't be read."""
        known = await self._versions()
        catalog = await self._load(group, known[group]) if group in known else None
        if catalog is None:
            raise _unknown(group, known)
        if platforms and catalog.platform not in platforms:
            message = f"schema group '{group}' is on platform '{catalog.platform}', not '{', '.join(platforms)}'"
            raise InvalidInput(message, suggestion=f"use platform '{catalog.platform}'")
        return catalog

    async def _versions(self, platform: str | None = None) -> dict[str, str]:
        """The version of each group, by name."""
        query = select(_catalogs.c.schema_group, _catalogs.c.version).order_by(_catalogs.c.schema_group)
        if platform:
            query = query.where(_catalogs.c.platform == platform)
        async with self._engine.connect() as connection:
            return {row.schema_group: row.version for row in await connection.execute(query)}

    async def remove(self, group: str) -> None:
        """Raises NotFound with the nearest known group."""
        known = await self._versions()
        if group not in known:
            raise _unknown(group, known)
        async with self._engine.begin() as connection:
            await connection.execute(delete(_catalogs).where(_catalogs.c.schema_group == group))

    async def _load(self, group: str, version: str) -> Catalog | None:
        """The group as it is now, which may be newer than `version`; None where it is gone meanwhile. Raises
        StorageFailed for what is no catalog, or one of a newer LexiQuery."""
        if version not in self._cache:
            query = select(_catalogs.c.version, _catalogs.c.content).where(_catalogs.c.schema_group == group)
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).first()
            if row is None:
                return None
            version = row.version
            try:
                self._cache[version] = Catalog.model_validate_json(row.content)
            except ValidationError as error:
                raise StorageFailed(
                    f"the catalog of schema group '{group}' can't be read: {first_problem(error)}",
                    suggestion="import it again; a newer LexiQuery may have written it",
                ) from error
        return self._cache[version]


def _unknown(group: str, known: Collection[str]) -> NotFound:
    if known:
        return NotFound.named("schema group", group, known)
    first = "there is none yet; `lexiquery catalog import` adds one, `lexiquery seed` a made-up company's"
    return NotFound(f"unknown schema group '{group}'", suggestion=first)
