"""Words for codes that a vendor documents: `invalid client secret` is ResultType 7000215 in Entra ID's sign-in logs.

A group that says itself what a column's codes mean is asked by its own glossary alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from shared.catalog import Catalog, GlossaryTerm

_FILE = Path(__file__).parent / "documented.json"


@cache
def _codes() -> list[dict[str, Any]]:
    """tables: a pattern for names, case ignored; column; source: where it is documented; terms: the words for each
    condition on the column."""
    found: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))
    return found


def documented_terms(catalog: Catalog) -> Iterator[tuple[GlossaryTerm, tuple[str, ...]]]:
    """Terms by a condition on a column of documented codes, with the catalog's tables that have it. They are told to
    the model, and not held by code: nobody of the house has accepted them."""
    for code in _codes() if catalog.platform == "kql" else ():
        column = code["column"]
        tables = tuple(
            table.name
            for table in catalog.tables
            if column in table.by_name and re.search(code["tables"], table.name, re.IGNORECASE)
        )
        own = any(re.search(rf"\b{column}\b", f"{one.meaning} {one.condition}") for one in catalog.glossary)
        for condition, terms in code["terms"].items() if tables and not own else ():
            yield from ((GlossaryTerm(term=term, meaning=f"{column} {condition}"), tables) for term in terms)
