"""What a search reads: its indexes and lookups, told from the text and the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass

from agents.data.spl.ast import (
    Aggregate,
    All,
    Any,
    Command,
    Comparison,
    FieldRef,
    From,
    InputLookup,
    Lookup,
    MacroCall,
    Pipeline,
    Search,
    SearchExpression,
    Subsearch,
    Value,
    Within,
)
from agents.data.spl.binder.scope import wildcard
from shared.catalog import Catalog, Column, Table

# What every dataset of a data model has from its events, under the same name everywhere.
DATASET_FIELDS = ("_time", "host", "source", "sourcetype", "index", "nodename", "splunk_server")
# Seconds since 1970 of the first years, and relative times of years.
_LONG_AGO = re.compile(r"\d{1,8}(?:\.\d*)?$|-\d*y|-\d{3,}(?:mon|w|q)|-\d{4,}d|-\d{6,}h|-\d{7,}m|-\d{9,}s?")
TIME_MODIFIERS = frozenset(("earliest", "latest", "_index_earliest", "_index_latest", "starttime", "endtime")) | {
    *("starttimeu", "endtimeu", "timeformat", "daysago", "hoursago", "minutesago"),
}


def indexes(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if table.kind not in ("lookup", "datamodel")]


def lookups(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if table.kind == "lookup"]


def find_lookup(name: str, catalog: Catalog) -> Table | None:
    """The lookup of that name; `.csv` is tolerated on either side, case ignored."""
    wanted = name.lower().removesuffix(".csv")
    return next((table for table in lookups(catalog) if table.name.lower().removesuffix(".csv") == wanted), None)


def data_models(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if table.kind == "datamodel"]


def find_datasets(name: str, catalog: Catalog) -> list[Table]:
    """The datasets that `datamodel=Web` or `datamodel=Endpoint.Processes` reads; a child is read as its root."""
    wanted = name.lower()
    named = [(table, table.name.lower()) for table in data_models(catalog)]
    exact = [table for table, own in named if own == wanted or wanted.startswith(own + ".")]
    return exact or [table for table, own in named if own.startswith(wanted + ".")]


def dataset_fields(table: Table) -> dict[str, Column]:
    """A dataset's columns by the names tstats knows them by: `Processes.user`, but `_time`; a name that has its dataset
    already (a child's fields may have its root's) is kept."""
    prefix = table.name.rpartition(".")[2]
    own = {column.name: "." in column.name or column.name in DATASET_FIELDS for column in table.columns}
    return {column.name if own[column.name] else f"{prefix}.{column.name}": column for column in table.columns}


def plain_fields(name: str, catalog: Catalog) -> list[str]:
    """The fields of a dataset as `from` names them, without the dataset's name."""
    return [column.name.rpartition(".")[2] for table in find_datasets(name, catalog) for column in table.columns]


def index_values(expression: SearchExpression | None) -> Iterator[Value]:
    """Every value that `index` is compared with, wherever it stands."""
    for node in walk(expression):
        if isinstance(node, Comparison) and node.field.name.lower() == "index" and isinstance(node.value, Value):
            yield node.value
        elif isinstance(node, Within) and node.field.name.lower() == "index":
            yield from node.values


def chosen(expression: SearchExpression | None, catalog: Catalog) -> set[str] | None:
    """The indexes that events of this search can come from; None if it does not say."""
    if isinstance(expression, Comparison) and expression.field.name.lower() == "index":
        return _named([expression.value], catalog) if expression.op == "=" else None
    if isinstance(expression, Within) and expression.field.name.lower() == "index":
        return _named(expression.values, catalog)
    if isinstance(expression, All):
        found = [names for item in expression.items if (names := chosen(item, catalog)) is not None]
        return set.intersection(*found) if found else None
    if isinstance(expression, Any):
        choices = [chosen(item, catalog) for item in expression.items]
        return None if None in choices else set().union(*(names for names in choices if names is not None))
    return None


def _named(values: list[Value] | list[Value | Subsearch | MacroCall], catalog: Catalog) -> set[str] | None:
    names: set[str] = set()
    for value in values:
        if not isinstance(value, Value):
            return None
        names |= matching_indexes(value.text, catalog)
    return names


def matching_indexes(pattern: str, catalog: Catalog) -> set[str]:
    return {table.name for table in indexes(catalog) if wildcard(table.name.lower(), pattern.lower())}


def base_tables(expression: SearchExpression | None, catalog: Catalog) -> list[Table]:
    """The indexes a base search reads: those chosen, or the only one there is."""
    names = chosen(expression, catalog)
    available = indexes(catalog)
    if names is None:
        return available if len(available) == 1 else []
    return [table for table in available if table.name in names]


def has_time_bound(expression: SearchExpression | None) -> bool:
    """Whether the search says from when on, other than all time (`earliest=0`) or years ago."""
    return any(
        isinstance(node, Comparison)
        and node.field.name.lower() in ("earliest", "_index_earliest", "_time")
        and not (isinstance(node.value, Value) and _LONG_AGO.match(node.value.text))
        for node in walk(expression)
    )


def walk(node: object) -> Iterator[object]:
    """A node and everything in it, subsearches too. Iterative, so depth does not matter."""
    stack = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, list | tuple):
            stack.extend(reversed(current))
        elif isinstance(current, dict):
            stack.extend(current.values())
        elif is_dataclass(current) and not isinstance(current, type):
            yield current
            if not isinstance(current, FieldRef | Value):
                stack.extend(getattr(current, item.name) for item in reversed(dataclass_fields(current)))


def shallow(expression: SearchExpression | None) -> Iterator[object]:
    """Like `walk`, without going into subsearches."""
    stack: list[object] = [expression]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, All | Any):
            stack.append(node.items)
        elif is_dataclass(node):
            yield node
            if hasattr(node, "item"):
                stack.append(node.item)


def commands(pipeline: Pipeline) -> Iterator[Command]:
    """Every command, those of subsearches too, in the order written."""
    for node in walk(pipeline):
        if isinstance(node, Command):
            yield node


def tables_read(pipeline: Pipeline, catalog: Catalog) -> list[Table]:
    """Every table of the catalog the search reads, in the catalog's order."""
    names: set[str] = set()
    for command in commands(pipeline):
        if isinstance(command, Search) or (isinstance(command, Aggregate) and command.name in ("tstats", "mstats")):
            if isinstance(command, Aggregate) and command.dataset is not None:
                names |= {table.name for table in find_datasets(command.dataset.text, catalog)}
                continue
            expression = command.expression if isinstance(command, Search) else command.where
            first = isinstance(command, Aggregate) or _starts(pipeline, command)
            names |= {table.name for table in base_tables(expression, catalog)} if first else set()
        elif isinstance(command, From) and command.kind == "datamodel":
            names |= {table.name for table in find_datasets(command.source.name, catalog)}
        elif isinstance(command, InputLookup | Lookup | From) and (
            table := find_lookup(_lookup_name(command), catalog)
        ):
            names.add(table.name)
    return [table for table in catalog.tables if table.name in names]


def _lookup_name(command: InputLookup | Lookup | From) -> str:
    return command.source.name if isinstance(command, From) else command.table.name


def _starts(pipeline: Pipeline, command: Command) -> bool:
    return any(isinstance(node, Pipeline) and node.commands and node.commands[0] is command for node in walk(pipeline))
