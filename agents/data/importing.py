"""From a source to a schema group that can be asked: catalog checked, rows loaded, examples proven, all stored."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from agents.data.importers.values import with_values_of_rows
from agents.data.platform import Platform, load_platform
from agents.data.proof import advice, prove
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from agents.data.sources import open_source
from agents.data.sql import DIALECTS
from shared.catalog import Catalog, Catalogs, Example
from shared.errors import InvalidInput, StorageFailed, did_you_mean, first_problem
from shared.models import Model, Proof


class RefusedExample(Model):
    """An example that the provers rejected: it is not stored, since models would learn from it."""

    question: str
    query: str
    proof: Proof


class ImportReport(Model):
    """What an import did. rows: of each table that came with a file; examples: how many are kept; notes: what is not as
    it was where it comes from."""

    schema_group: str
    platform: str
    version: str
    tables: int
    rows: dict[str, int] = {}
    examples: int = 0
    refused: list[RefusedExample] = []
    notes: list[str] = []

    def render(self) -> str:
        """For people, a line a fact."""
        total = sum(self.rows.values())
        lines = [
            f"{self.schema_group} on {self.platform}, version {self.version}: {self.tables} tables, "
            f"{total:,} rows, {self.examples} proven examples",
            *(f"  note: {note}" for note in self.notes),
        ]
        for refused in self.refused:
            problem = refused.proof.problems[0]
            nearest = f"; {advice(problem)}" if problem.suggestion else ""
            lines.append(f"  refused: {refused.question}: {problem.message}{nearest}")
        return "\n".join(lines)


async def import_catalog(
    source: str | Path,
    *,
    catalogs: Catalogs,
    sandbox: Sandbox,
    group: str | None = None,
    platform: str | None = None,
    sample_values: bool = False,
) -> ImportReport:
    """Read a catalog from a file, a folder, a web address or a database, load its rows, prove its examples, store it.

    source: a path or http(s)://… of a kind that importers/detecting.py tells; sqlite:///…, postgresql://… or mysql://…
    group, platform: instead of what it says; sample_values: keep the values of columns that have few different ones.
    The group is replaced whole, or on any error stays as it was.
    Raises NotFound, InvalidInput (what it says), SourceUnavailable, StorageFailed (what can't be written).
    """
    try:
        async with open_source(str(source), group, platform, sample_values=sample_values) as read:
            checked(read.catalog)
            target = sandbox.path(read.catalog.schema_group)
            counts = await asyncio.to_thread(_store_rows, read.catalog, read.folder, target)
            catalog = read.catalog
            if sample_values and counts:
                catalog = await asyncio.to_thread(with_values_of_rows, catalog, sandbox)
            report = await store_catalog(catalog, catalogs=catalogs, sandbox=sandbox)
    except ValidationError as error:
        raise InvalidInput(f"the catalog can't be used: {first_problem(error)}") from error
    return report.model_copy(update={"rows": counts, "notes": [*read.notes, *report.notes]})


async def store_catalog(catalog: Catalog, *, catalogs: Catalogs, sandbox: Sandbox) -> ImportReport:
    """Check a catalog, prove its examples and store it without the refused ones. Rows stay where they are."""
    platform = checked(catalog)
    notes = await asyncio.to_thread(lambda: list(platform.declaration_notes(catalog)))
    kept, refused = await asyncio.to_thread(_prove_examples, catalog, sandbox)
    stored = catalog.model_copy(update={"examples": kept})
    # model_copy keeps the cached hash and look-up tables of the catalog that it copies.
    stored = Catalog.model_validate(stored.model_dump(by_alias=True))
    await catalogs.put(stored)
    return ImportReport(
        schema_group=stored.schema_group,
        platform=stored.platform,
        version=stored.version,
        tables=len(stored.tables),
        examples=len(kept),
        refused=refused,
        notes=notes,
    )


def checked(catalog: Catalog) -> Platform:
    """The catalog's platform. Raises InvalidInput with everything that makes the catalog unusable, or NotFound."""
    platform = load_platform(catalog.platform)
    if problems := [
        *_dialect_problems(catalog),
        *_name_problems(catalog),
        *_type_problems(catalog, platform),
        *_relationship_problems(catalog),
        *platform.declaration_problems(catalog),
    ]:
        more = f" ({len(problems)} problems)" if len(problems) > 1 else ""
        raise InvalidInput(f"catalog '{catalog.schema_group}': {problems[0]}{more}")
    return platform


def _dialect_problems(catalog: Catalog) -> Iterator[str]:
    """Of any platform: files of INSERT statements are read in it too."""
    if catalog.dialect not in DIALECTS:
        yield f"unknown SQL dialect '{catalog.dialect}'; known: {', '.join(DIALECTS)}"


def _name_problems(catalog: Catalog) -> Iterator[str]:
    yield from _twice("table", [table.name for table in catalog.tables])
    for table in catalog.tables:
        yield from _twice(f"column of table '{table.name}'", [column.name for column in table.columns])


def _twice(kind: str, names: list[str]) -> Iterator[str]:
    """The sandbox can't tell names apart that differ in case only."""
    seen: dict[str, str] = {}
    for name in names:
        if first := seen.get(name.lower()):
            yield f"two {kind}s are named '{first}'" if first == name else f"{kind}s '{first}' and '{name}' collide"
        seen[name.lower()] = name


def _type_problems(catalog: Catalog, platform: Platform) -> Iterator[str]:
    for table in catalog.tables:
        for column in table.columns:
            try:
                platform.duckdb_type(column.type)
            except InvalidInput as error:
                yield f"{table.name}.{column.name}: {error}"


def _relationship_problems(catalog: Catalog) -> Iterator[str]:
    known = {f"{table.name}.{column.name}" for table in catalog.tables for column in table.columns}
    for relationship in catalog.relationships:
        for end in (relationship.from_, relationship.to):
            if end not in known:
                hint = did_you_mean(end, known)
                yield f"a relationship names '{end}', which does not exist" + (f"; {hint}" if hint else "")


def _prove_examples(catalog: Catalog, sandbox: Sandbox) -> tuple[list[Example], list[RefusedExample]]:
    platform = load_platform(catalog.platform)
    kept: list[Example] = []
    refused: list[RefusedExample] = []
    for example in catalog.examples:
        proof = prove(platform, example.query, catalog, sandbox)
        if proof.verdict == "rejected":
            refused.append(RefusedExample(question=example.question, query=example.query, proof=proof))
        else:
            kept.append(example)
    return kept, refused


def _store_rows(catalog: Catalog, base: Path, target: Path) -> dict[str, int]:
    """The group's file with the new rows; none, where the new catalog has no rows."""
    if any(table.rows for table in catalog.tables):
        return load_rows(catalog, base, target)
    try:
        target.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"can't remove the old rows at {target}: {error.strerror or error}") from error
    return {}
