"""The public question sets as catalogs and questions with the tables that answer them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from agents.data.ddl import read_ddl
from agents.data.platform import load_platform
from agents.data.rows import load_rows
from agents.data.sandbox import Sandbox
from data.seed.generate import GROUPS, generate
from shared.catalog import Catalog, Column, Example, Table, read_catalog
from shared.settings import Settings

NL2KQL = ("sentinel", "defender")
_DEFOG = ("instruct_advanced_dev.jsonl", "instruct_basic_dev.jsonl", "questions_gen_dev.jsonl")


@dataclass(frozen=True)
class Asked:
    """A question about a group, its gold query, and the tables that this reads, in the order it names them."""

    group: str
    question: str
    gold: str
    tables: list[str]


def read_nl2kql(folder: Path, group: str) -> tuple[Catalog, list[Asked]]:
    """`sentinel` or `defender`: the schema with its descriptions and known values; the dev items as examples too."""
    items = _lines(folder / f"{group}_dev.jsonl")
    text = (folder / "schema" / f"{group.title()}_Schema.json").read_text(encoding="utf-8-sig")
    about = (folder / "schema" / f"{group.title()}_DataCatalog.yml").read_text(encoding="utf-8")
    known = {table["Name"]: table for table in yaml.load(about, Loader=yaml.CSafeLoader)}
    tables = [
        _table(table, known.get(table["Table"], {}))
        for database in json.loads(text)
        for table in database["Tables"]
        if table["Columns"]
    ]
    examples = [Example(question=item["question"], query=item["gold"]) for item in items]
    catalog = Catalog(schema_group=group, platform="kql", tables=tables, examples=examples)
    return catalog, list(_asked(items, catalog))


def read_defog(folder: Path) -> Iterator[tuple[Catalog, list[Asked]]]:
    """Each database whose DDL comes with the set, and its dev items; the first of several accepted queries is gold."""
    items = [item for name in _DEFOG for item in _lines(folder / name)]
    for path in sorted((folder / "databases").glob("*.sql")):
        catalog = read_ddl(path, path.stem)
        own = [{**item, "gold": _first(item["gold"])} for item in items if item["schema_group"] == path.stem]
        yield catalog, list(_asked(own, catalog))


def read_seed(folder: Path) -> Iterator[tuple[Catalog, list[Asked], list[Asked]]]:
    """Each group of the seed data, its suite's questions, and the questions of its own examples."""
    items = _lines(folder / "questions.jsonl")
    for group in GROUPS:
        catalog = read_catalog(folder / group / "catalog.yaml")
        own = [item for item in items if item["schema_group"] == group]
        examples = [{"question": one.question, "gold": one.query} for one in catalog.examples]
        yield catalog, list(_asked(own, catalog)), list(_asked(examples, catalog))


def seed_sandbox(folder: Path) -> Sandbox:
    """A sandbox with the rows of the seed data, written to the folder on the first call."""
    sandbox = Sandbox(Settings(data_dir=folder))
    generate(folder / "seed")
    for group in GROUPS:
        catalog = read_catalog(folder / "seed" / group / "catalog.yaml")
        if not sandbox.has_rows(catalog):
            load_rows(catalog, folder / "seed" / group, sandbox.path(group))
    return sandbox


def _asked(items: list[dict[str, Any]], catalog: Catalog) -> Iterator[Asked]:
    """Items whose gold, of several the first, reads a table that the catalog has."""
    platform = load_platform(catalog.platform)
    for item in items:
        gold = item["gold"] if isinstance(item["gold"], str) else item["gold"][0]
        if platform.parse(gold, catalog).status != "passed":
            continue
        tables = sorted(
            (table.name for table in platform.tables_of(gold, catalog)),
            key=lambda name: gold.lower().find(name.lower()),
        )
        if tables:
            yield Asked(catalog.schema_group, item["question"], gold, tables)


def _table(table: dict[str, Any], known: dict[str, Any]) -> Table:
    columns = {column["Name"]: column for column in known.get("Columns") or []}
    return Table(
        name=table["Table"],
        description=known.get("Description") or "",
        columns=[_column(column, columns.get(column["Name"], {})) for column in table["Columns"]],
    )


def _column(column: dict[str, str], known: dict[str, Any]) -> Column:
    values = [str(value["Value"]) for value in known.get("Values") or [] if "Value" in value]
    return Column(
        name=column["Name"],
        type=column["Type"],
        description=str(known.get("Description") or ""),
        values=list(dict.fromkeys(values)),
    )


def _first(gold: str | list[str]) -> str:
    text = gold if isinstance(gold, str) else gold[0]
    return text.split(";")[0].replace("{", "").replace("}", "")


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
