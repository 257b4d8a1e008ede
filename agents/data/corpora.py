"""The public data sets that proofs are measured on, as catalogs and queries. Where they lie: LEXIQUERY_PUBLIC_DATA."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from agents.data.ddl import read_ddl
from agents.data.platform import Platform
from shared.catalog import Catalog
from shared.errors import NotFound

ROOT = Path(os.environ.get("LEXIQUERY_PUBLIC_DATA", "../shared/data"))
_KQL, _SQL = ("sentinel", "defender"), ("questions_gen", "instruct_basic", "instruct_advanced")

Gold = tuple[Catalog, str]


def public(*parts: str) -> Path:
    """A file or folder of the public data. Raises NotFound."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        raise NotFound(f"no public data at {path}", suggestion="set LEXIQUERY_PUBLIC_DATA")
    return path


def items(*parts: str) -> list[dict[str, Any]]:
    """The lines of a jsonl file."""
    return [json.loads(line) for line in public(*parts).read_text(encoding="utf-8").splitlines()]


@lru_cache
def kql_catalog(name: str) -> Catalog:
    """`sentinel` or `defender`, from the schema that NL2KQL comes with."""
    databases = json.loads(public("nl2kql", "schema", f"{name.title()}_Schema.json").read_text(encoding="utf-8-sig"))
    tables = [
        {
            "name": table["Table"],
            "columns": [{"name": column["Name"], "type": column["Type"]} for column in table["Columns"]],
        }
        for database in databases
        for table in database["Tables"]
        if table["Columns"]
    ]
    return Catalog.model_validate({"schema_group": name, "platform": "kql", "tables": tables})


@lru_cache
def sql_catalog(name: str) -> Catalog:
    """One of Defog's databases, from its DDL."""
    return read_ddl(public("defog", "databases", f"{name}.sql"), name)


def kql_gold() -> Iterator[Gold]:
    """NL2KQL's queries."""
    for name in _KQL:
        for item in items("nl2kql", f"{name}_dev.jsonl"):
            yield kql_catalog(name), item["gold"]


def sql_gold() -> Iterator[Gold]:
    """Defog's queries, each of those that a question accepts."""
    for name in _SQL:
        for item in items("defog", f"{name}_dev.jsonl"):
            for query in accepted_sql(item["gold"]):
                yield sql_catalog(item["schema_group"]), query


def hunting_files() -> list[str]:
    """The texts of both hunting corpora; some hold several queries."""
    return [
        item["query"] for name in ("hunting", "sentinel") for item in items("kql_corpus", f"{name}_queries_dev.jsonl")
    ]


def accepted_sql(gold: str) -> list[str]:
    """The queries that a Defog gold accepts: several by `;`, braces around optional columns taken whole, and an empty
    GROUP BY {} standing for the columns in braces before it."""
    queries = [query.strip() for query in gold.split(";") if query.strip()]
    return [_whole(query) for query in queries]


def _whole(query: str) -> str:
    optional = re.findall(r"\{([^{}]+)\}", query)
    return re.sub(r"\{([^{}]*)\}", lambda found: found[1] or (optional[0] if optional else ""), query)


def misspelt(name: str, dice: random.Random) -> str:
    """The name with one letter, never its first, dropped, doubled or swapped with the next."""
    place = dice.randrange(1, len(name) - 1)
    before, letter, after = name[:place], name[place], name[place + 1 :]
    return dice.choice([before + after, before + letter + letter + after, before + after[:1] + letter + after[1:]])


def faults(
    platform: Platform, gold: Iterable[Gold], kind: str, functions: Iterable[str] = ()
) -> Iterator[tuple[Catalog, str, str, str]]:
    """(catalog, broken query, wrong name, right name): one table, column or function of each query misspelt."""
    dice = random.Random(7)  # noqa: S311 - the same faults every time
    known = {name.lower() for name in functions}
    for catalog, query in gold:
        tables = platform.tables_of(query, catalog)
        columns = [column.name for table in tables for column in table.columns]
        names = {"table": [table.name for table in tables], "column": columns, "function": _called(query, known)}[kind]
        there = [name for name in dict.fromkeys(names) if len(name) > 3 and _words(query).count(name) >= 1]
        if not there:
            continue
        right = dice.choice(there)
        wrong = misspelt(right, dice)
        taken = {name.lower() for name in [*columns, *(table.name for table in catalog.tables)]} | known
        if wrong.lower() not in taken:
            yield catalog, _replaced(query, right, wrong), wrong, right


def _called(query: str, known: set[str]) -> list[str]:
    return [name for name in re.findall(r"\b([A-Za-z_]\w*)\s*\(", query) if name.lower() in known]


def _words(query: str) -> list[str]:
    return "".join(c if c.isalnum() or c == "_" else " " for c in query).split()


def _replaced(query: str, right: str, wrong: str) -> str:
    """Every whole-word use, so that the query is wrong in one way only."""
    return re.sub(rf"(?<![A-Za-z0-9_]){re.escape(right)}(?![A-Za-z0-9_])", wrong, query)
