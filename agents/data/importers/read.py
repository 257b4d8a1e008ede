"""What every importer gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.catalog import Catalog
from shared.errors import InvalidInput

_SHOWN = 5


@dataclass(frozen=True)
class Read:
    """A catalog, and in words what is not as it is where it comes from. rows: the folder that its tables' files of rows
    were written to, where they are not those that it names beside itself."""

    catalog: Catalog
    notes: list[str] = field(default_factory=list)
    rows: Path | None = None


def group_of(what: str, group: str | None) -> str:
    """The group asked for. Raises InvalidInput where none is."""
    if group is None:
        raise InvalidInput(f"{what} names no schema group", suggestion="say which with --group")
    return group


def left_out(what: str, names: list[str]) -> list[str]:
    """A note on things of one kind: the first few by name."""
    if not names:
        return []
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return [f"{what} left out: {', '.join(names[:_SHOWN])}{more}"]


def text_of(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a JSON list, or the values of a JSON object that are objects."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
