"""NL2KQL as a suite: questions over Sentinel's and Defender's tables, on rows invented for its gold queries.

Each group's examples are the set's own dev items; the one that is asked is held out (setting `hold_out`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from agents.data.corpora import items, public
from core_engine.evaluation.bringing import Group, Suite, write_catalog
from core_engine.evaluation.invented_rows import invent, write_rows
from core_engine.evaluation.public_sets import NL2KQL, read_nl2kql
from core_engine.evaluation.suite import Item
from shared.catalog import Catalog

# What `now` means to the groups: after the last date that a gold query names.
CLOCK = datetime(2024, 4, 1, tzinfo=UTC)


def nl2kql() -> Suite:
    """Raises NotFound where the public data is not there."""
    asked = [_item(line, group) for group in NL2KQL for line in items("nl2kql", f"{group}_dev.jsonl")]
    return Suite("nl2kql", asked, [_group(group) for group in NL2KQL])


def _item(line: dict[str, str], group: str) -> Item:
    return Item(
        id=line["id"],
        platform="kql",
        schema_group=f"nl2kql_{group}",
        question=line["question"],
        gold=line["gold"],
        category=group,
    )


def _group(group: str) -> Group:
    folder = public("nl2kql")
    sources = [folder / f"{group}_dev.jsonl", *sorted((folder / "schema").glob(f"{group.title()}_*"))]

    def write(target: Path) -> None:
        catalog = made(group)
        golds = [line["gold"] for line in items("nl2kql", f"{group}_dev.jsonl")]
        write_catalog(write_rows(catalog, invent(catalog, golds, CLOCK), target), target)

    return Group(f"nl2kql_{group}", write, sources)


def made(group: str) -> Catalog:
    """The group's catalog, without rows."""
    catalog, _ = read_nl2kql(public("nl2kql"), group)
    changes = {"schema_group": f"nl2kql_{group}", "clock": CLOCK}
    return Catalog.model_validate(catalog.model_dump(by_alias=True) | changes)
