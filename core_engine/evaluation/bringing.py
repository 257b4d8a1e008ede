"""What a suite is: its questions, and the schema groups that it brings along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from core_engine.evaluation.suite import Item
from shared.catalog import Catalog


@dataclass(frozen=True)
class Group:
    """A schema group that can be made. write: puts its catalog.yaml and rows into a folder; sources: the files that it
    is made from."""

    name: str
    write: Callable[[Path], None]
    sources: Sequence[Path]


@dataclass(frozen=True)
class Suite:
    """examples: whether its questions are answered with the groups' solved examples (never with that of the very
    question), unless the call says otherwise."""

    name: str
    items: list[Item]
    groups: Sequence[Group] = ()
    examples: bool = True


def write_catalog(catalog: Catalog, folder: Path) -> None:
    """The catalog's file, as `lexiquery catalog import` reads it."""
    shown = catalog.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = yaml.dump(shown, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
    (folder / "catalog.yaml").write_text(text, encoding="utf-8")
