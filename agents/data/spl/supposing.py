"""The schema a search supposes: the least catalog in which all it names exists, to run it where no schema is known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from agents.data.spl.ast import (
    Aggregate,
    Aggregation,
    Binary,
    FieldRef,
    From,
    InputLookup,
    Literal,
    Lookup,
    Name,
    Pipeline,
    Search,
)
from agents.data.spl.check import search_macros
from agents.data.spl.source import Macro
from agents.data.spl.sources import DATASET_FIELDS, index_values, walk
from shared.catalog import Catalog, Column, Table

# What every event has.
_EVENT_FIELDS = ("_time", "_raw", "host", "source", "sourcetype")
_MAIN = "main"
# What no event's field has in its name: a macro's, a template's, or another field's value in it.
_NO_NAME = re.compile(r"[`<>'\"$()|]|\{[^}]|^\W*$")
_NUMERIC = frozenset(("sum", "avg", "mean", "stdev", "stdevp", "var", "varp", "range", "sumsq", "median"))
_ORDER = frozenset(("<", ">", "<=", ">="))


def supposed_catalog(pipeline: Pipeline | None, macros: Mapping[str, Macro]) -> Catalog:
    """A group whose indexes, lookups and data models have every field that the search names, wherever it does.

    pipeline: None, of a search that does not parse, supposes one index. Fields that are added up or compared by size
    with a number are numbers, `_time` is a time, the rest is text. Of tables with the same name there is the first.
    """
    fields = dict.fromkeys(_EVENT_FIELDS, "string") | dict.fromkeys(_names(pipeline), "string")
    fields |= dict.fromkeys(_numbers(pipeline), "number")
    catalog = Catalog(
        schema_group="supposed",
        platform="spl",
        tables=[Table(name=name, kind="index", columns=_columns(fields)) for name in _indexes(pipeline)],
        macros=search_macros(macros),
    )
    for table in _others(pipeline, fields):
        if table.name and not catalog.find(table.name):
            catalog = catalog.model_copy(update={"tables": [*catalog.tables, table]})
    return catalog


def _others(pipeline: Pipeline | None, fields: dict[str, str]) -> Iterator[Table]:
    for node in walk(pipeline):
        if isinstance(node, Aggregate) and node.dataset:
            yield _dataset(node.dataset.text, fields)
        elif isinstance(node, From) and node.kind == "datamodel":
            yield Table(name=node.source.name, kind="datamodel", columns=_columns(fields))
        elif isinstance(node, From) and node.kind == "lookup":
            yield Table(name=node.source.name, kind="lookup", columns=_columns(fields))
        elif isinstance(node, Lookup | InputLookup):
            yield _lookup(node, fields)


def _names(pipeline: Pipeline | None) -> list[str]:
    names = {node.name for node in walk(pipeline) if isinstance(node, FieldRef | Name)}
    return sorted(name.replace("*", "any") for name in names if not _NO_NAME.search(name))


def _numbers(pipeline: Pipeline | None) -> set[str]:
    found: set[str] = set()
    for node in walk(pipeline):
        if isinstance(node, Aggregation) and node.function in _NUMERIC and isinstance(node.argument, FieldRef):
            found.add(node.argument.name)
        elif isinstance(node, Binary) and node.op in _ORDER:
            sides = (node.left, node.right)
            if any(isinstance(side, Literal) and not isinstance(side.value, str) for side in sides):
                found |= {side.name for side in sides if isinstance(side, Name)}
    return {name for name in found if not _NO_NAME.search(name) and "*" not in name}


def _indexes(pipeline: Pipeline | None) -> list[str]:
    """The indexes named, or one for searches that name none; a wildcard is one index."""
    searched = [node.expression for node in walk(pipeline) if isinstance(node, Search)]
    searched += [node.where for node in walk(pipeline) if isinstance(node, Aggregate)]
    named = {value.text.lower().replace("*", "any") for expression in searched for value in index_values(expression)}
    return sorted(name for name in named if name) or [_MAIN]


def _columns(fields: dict[str, str]) -> list[Column]:
    """One column for names that differ only in case, as the sandbox's tables have it."""
    spelt = {name.lower(): name for name in fields}
    return [Column(name=name, type="time" if name == "_time" else fields[name]) for name in spelt.values()]


def _dataset(name: str, fields: dict[str, str]) -> Table:
    own = {field: type_ for field, type_ in fields.items() if "." in field or field in DATASET_FIELDS}
    return Table(name=name if "." in name else f"{name}.{name}", kind="datamodel", columns=_columns(own))


def _lookup(node: Lookup | InputLookup, fields: dict[str, str]) -> Table:
    """The fields matched and put out; of a lookup that is read whole, all."""
    own = fields
    if isinstance(node, Lookup) and node.outputs:
        own = {column.name: "string" for column, _ in [*node.pairs, *node.outputs]}
    columns = [column for column in _columns(own) if not column.name.startswith("_")] or _columns(own)
    return Table(name=node.table.name, kind="lookup", columns=columns)
