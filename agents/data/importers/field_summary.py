"""What Splunk's `fieldsummary` says of an index's fields, exported as JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from agents.data.importers.read import dicts
from shared.catalog import Column

_FEW = 20
"""Different values of a field that are kept, if values are wanted."""
_HEADER = frozenset(("field", "count", "distinct_count"))
_TIMES = frozenset(("_time", "_indextime"))


def is_field_summary(rows: Any) -> bool:
    """Whether the rows have the columns that `fieldsummary` gives."""
    is_list = isinstance(rows, list) and bool(rows)
    return is_list and all(isinstance(row, dict) and row.keys() >= _HEADER for row in rows)


def rows_of_json(content: Any) -> Any:
    """The rows in `{"results": [...]}`, in lines of `{"result": {...}}`, or in a plain list."""
    rows = content.get("results") if isinstance(content, dict) else content
    if not isinstance(rows, list):
        return rows
    return [row.get("result", row) if isinstance(row, dict) else row for row in rows]


def rows_of_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def fields_of(rows: Iterable[dict[str, Any]], *, sample_values: bool) -> tuple[str | None, dict[str, Column]]:
    """The index, where its events say just one, and the fields by name.

    The values of `sourcetype` are kept where all of them are listed, since a search names them; of other fields only
    few, and only if `sample_values`.
    """
    fields: dict[str, Column] = {}
    index: str | None = None
    for row in rows:
        name = str(row.get("field") or "")
        if not name:
            continue
        values = _values(row)
        if name == "index" and len(values) == 1:
            index = values[0]
        kept = values if name == "sourcetype" or (sample_values and len(values) <= _FEW) else []
        kind = _type(name, row)
        fields[name] = Column(name=name, type=kind, values=kept if kind == "string" else [])
    return index, fields


def _type(name: str, row: dict[str, Any]) -> str:
    """A number where every event's value is one."""
    if name in _TIMES:
        return "time" if name == "_time" else "number"
    count, numbers = _number(row.get("count")), _number(row.get("numeric_count"))
    return "number" if count and count == numbers else "string"


def _values(row: dict[str, Any]) -> list[str]:
    """All that occur, the most frequent first; none where the list is not whole."""
    listed = row.get("values")
    try:
        found = json.loads(listed) if isinstance(listed, str) else listed
    except json.JSONDecodeError:
        return []
    values = [str(one["value"]) for one in dicts(found) if "value" in one]
    return values if len(values) == _number(row.get("distinct_count")) else []


def _number(value: Any) -> int | None:
    try:
        return int(float(value))
    except (TypeError, ValueError):
        return None
