"""Binding of search expressions: the indexes they choose, the fields and source types they name."""

from __future__ import annotations

from agents.data.names import nearest_name
from agents.data.spl.ast import Comparison, MacroCall, SearchExpression, Subsearch, Value, Within
from agents.data.spl.binder.context import Binding
from agents.data.spl.binder.scope import Scope, wildcard
from agents.data.spl.dates import impossible_bound
from agents.data.spl.sources import (
    TIME_MODIFIERS,
    base_tables,
    chosen,
    index_values,
    indexes,
    matching_indexes,
    shallow,
)
from shared.catalog import Catalog, Table

# Fields every event has, and those Splunk adds to each at search time.
EVENT_FIELDS = ("_time", "_raw", "index")


def base_scope(binding: Binding, expression: SearchExpression | None, at: int) -> Scope:
    """The fields of the events a base search reads; problems for an index that is missing or unknown."""
    catalog = binding.catalog
    hidden = any(isinstance(node, MacroCall) for node in shallow(expression))
    if catalog is None:
        return Scope(EVENT_FIELDS, open=True)
    unknown = _unknown_indexes(binding, expression, catalog)
    tables = base_tables(expression, catalog)
    if not tables and not unknown and not hidden:
        _missing_index(binding, expression, catalog, at)
    columns = [column.name for table in tables for column in table.columns]
    return Scope([*columns, "index"], open=not tables)


def _unknown_indexes(binding: Binding, expression: SearchExpression | None, catalog: Catalog) -> bool:
    names = [table.name for table in indexes(catalog)]
    unknown = False
    for value in index_values(expression):
        if not matching_indexes(value.text, catalog) and "`" not in value.text:
            unknown = True
            suggestion = nearest_name(value.text, names)
            binding.problem("unknown_index", f"unknown index '{value.text}'", value.at, suggestion)
    return unknown


def _missing_index(binding: Binding, expression: SearchExpression | None, catalog: Catalog, at: int) -> None:
    if chosen(expression, catalog) is not None:
        binding.problem("unknown_index", "no event can be in all these indexes at once", at)
        return
    names = [table.name for table in indexes(catalog)]
    if not names:
        binding.problem("unknown_index", "this group has no index to search", at, "read a lookup with | inputlookup")
        return
    likely = _by_sourcetype(expression, catalog)
    suggestion = f"add index={likely}" if likely else f"add one of: {', '.join(f'index={name}' for name in names[:12])}"
    binding.problem("missing_index", "the search names no index", at, suggestion)


def _by_sourcetype(expression: SearchExpression | None, catalog: Catalog) -> str | None:
    """The index that holds the source type the search asks for."""
    for node in shallow(expression):
        if isinstance(node, Comparison) and node.field.name == "sourcetype" and isinstance(node.value, Value):
            for table in indexes(catalog):
                if _occurs(node.value.text, _values(table, "sourcetype")):
                    return table.name
    return None


def _values(table: Table, column: str) -> list[str]:
    found = table.by_name.get(column)
    return found.values if found else []


def _occurs(value: str, known: list[str]) -> bool:
    return any(wildcard(item.lower(), value.lower()) for item in known)


def bind_search(binding: Binding, scope: Scope, expression: SearchExpression | None) -> list[Subsearch]:
    """Check the fields and source types; returns the subsearches, which the caller binds."""
    subsearches = []
    for node in shallow(expression):
        if isinstance(node, Comparison | Within):
            _field(binding, scope, node)
            if isinstance(node, Comparison) and isinstance(node.value, Subsearch):
                subsearches.append(node.value)
            elif isinstance(node, Comparison) and isinstance(node.value, MacroCall):
                binding.macro(node.value.name, node.value.at)
        elif isinstance(node, Subsearch):
            subsearches.append(node)
        elif isinstance(node, MacroCall):
            binding.macro(node.name, node.at)
    _source_types(binding, expression)
    return subsearches


def _field(binding: Binding, scope: Scope, node: Comparison | Within) -> None:
    if error := impossible_bound(node):
        binding.problem(error.code, error.message, error.at, error.suggestion)
    if node.field.name.lower() not in TIME_MODIFIERS and node.field.name.lower() != "index":
        binding.use(scope, node.field)


def _source_types(binding: Binding, expression: SearchExpression | None) -> None:
    """A source type none of the searched indexes has finds nothing, whatever else is right."""
    if binding.catalog is None:
        return
    tables = base_tables(expression, binding.catalog)
    known = [value for table in tables for value in _values(table, "sourcetype")]
    if not known or not all(_values(table, "sourcetype") for table in tables):
        return
    for node in shallow(expression):
        values = _compared(node, "sourcetype")
        for value in values:
            if not _occurs(value.text, known):
                suggestion = nearest_name(value.text, known)
                binding.problem("unknown_sourcetype", f"unknown sourcetype '{value.text}'", value.at, suggestion)


def _compared(node: object, field: str) -> list[Value]:
    if isinstance(node, Within) and node.field.name == field:
        return node.values
    if isinstance(node, Comparison) and node.field.name == field and isinstance(node.value, Value):
        return [node.value]
    return []
