"""Splunk's data models as JSON (CIM's, or one's own), as tables that tstats reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from agents.data.importers.read import dicts, text_of
from agents.data.spl.sources import DATASET_FIELDS
from shared.catalog import Column, Table

# Counts of events that Pivot shows; no search names them.
_COUNTS = frozenset(("objectCount", "childCount"))
_TYPES = {"timestamp": "time", "ipv4": "string", "boolean": "bool"}
_OF_EVENTS = ("_time", "host", "source", "sourcetype")


def models_in(content: Any) -> list[dict[str, Any]]:
    """The model that a file is, or those in an answer of the REST API, which has each as the text of `eai:data`."""
    if not isinstance(content, dict):
        return []
    if content.get("modelName") and isinstance(content.get("objects"), list):
        return [content]
    found: list[dict[str, Any]] = []
    for entry in dicts(content.get("entry")):
        held = entry.get("content")
        text = held.get("eai:data") if isinstance(held, dict) else None
        try:
            found += models_in(json.loads(text)) if isinstance(text, str) else []
        except json.JSONDecodeError:
            continue
    return found


def tables_of(model: dict[str, Any]) -> Iterator[Table]:
    """A dataset a table, MODEL.DATASET, with the fields of those that it inherits from: its own by their names, theirs
    as tstats names them, `Web.url`."""
    objects = {text_of(one.get("objectName")): one for one in dicts(model["objects"])}
    for name, dataset in objects.items():
        lineage = _lineage(dataset, objects)
        columns: dict[str, Column] = {}
        if _is_of_events(lineage[0], objects):
            kinds = {one: Column(name=one, type="time" if one == "_time" else "string") for one in _OF_EVENTS}
            columns.update(kinds)
        for length, owner in enumerate(lineage, start=1):
            prefix = "" if owner == name and length == 1 else ".".join(lineage[:length]) + "."
            for field in _fields(objects[owner]):
                column = _column(field, prefix)
                columns.setdefault(column.name, column)
        if name and columns:
            about = text_of(dataset.get("description")) or text_of(dataset.get("comment"))
            table = f"{model['modelName']}.{name}"
            yield Table(name=table, kind="datamodel", description=about, columns=list(columns.values()))


def _lineage(dataset: dict[str, Any], objects: dict[str, dict[str, Any]]) -> list[str]:
    """From the root to the dataset itself."""
    names = [text_of(dataset.get("objectName"))]
    while (parent := text_of(objects[names[0]].get("parentName"))) in objects and parent not in names:
        names.insert(0, parent)
    return names


def _is_of_events(root: str, objects: dict[str, dict[str, Any]]) -> bool:
    return text_of(objects[root].get("parentName")) == "BaseEvent"


def _fields(dataset: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Its fields, and what its calculations put out."""
    calculated = [field for one in dicts(dataset.get("calculations")) for field in dicts(one.get("outputFields"))]
    for field in (*dicts(dataset.get("fields")), *calculated):
        if text_of(field.get("fieldName")) and text_of(field.get("type")) not in _COUNTS:
            yield field


def _column(field: dict[str, Any], prefix: str) -> Column:
    name = text_of(field["fieldName"])
    about = field.get("comment")
    if isinstance(about, str) and about.lstrip().startswith("{"):
        try:
            about = json.loads(about)
        except json.JSONDecodeError:
            about = {"description": about}
    said = about if isinstance(about, dict) else {"description": about}
    values = said.get("expected_values")
    kind = "mv" if field.get("multivalue") is True else text_of(field.get("type")) or "string"
    return Column(
        name=name if name in DATASET_FIELDS else f"{prefix}{name}",
        type=_TYPES.get(kind, kind),
        description=text_of(said.get("description")) or _shown(field, name),
        values=[str(one) for one in values] if isinstance(values, list) else [],
    )


def _shown(field: dict[str, Any], name: str) -> str:
    """What people see in its place, if that says more than its name."""
    shown = text_of(field.get("displayName"))
    return "" if shown.lower().replace(" ", "_") == name.lower() else shown
