"""The public data sets as catalogs and gold queries; each function skips the test, with the reason, without them."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from agents.data.ddl import read_ddl
from shared.catalog import Catalog

ROOT = Path(os.environ.get("LEXIQUERY_PUBLIC_DATA", "../shared/data"))


def public(*parts: str) -> Path:
    """A file or folder of the public data."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no public data at {path}: set LEXIQUERY_PUBLIC_DATA")
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


def accepted_sql(gold: str) -> list[str]:
    """The queries that a Defog gold accepts: several by `;`, braces around optional columns taken whole, and an empty
    GROUP BY {} standing for the columns in braces before it."""
    queries = [query.strip() for query in gold.split(";") if query.strip()]
    return [_whole(query) for query in queries]


def _whole(query: str) -> str:
    optional = re.findall(r"\{([^{}]+)\}", query)
    return re.sub(r"\{([^{}]*)\}", lambda found: found[1] or (optional[0] if optional else ""), query)
