"""Where rows come from: base searches over indexes, lookups, makeresults."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Command, From, InputLookup, Search, SearchExpression
from agents.data.spl.sources import DATASET_FIELDS, base_tables, dataset_fields, find_datasets, find_lookup
from agents.data.spl.transpile.relation import Relation, Translation
from agents.data.spl.transpile.searching import Condition, time_range
from agents.data.spl.transpile.steps import condition
from agents.data.spl.transpile.types import column_kind
from agents.data.spl.transpile.values import Kind, duckdb_type, quote, string, whole
from shared.catalog import Table


def read(t: Translation, table: Table, alias: str = "r") -> tuple[dict[str, Kind], dict[str, str]]:
    """A table's fields with their kinds, and the SQL of each. Times other than `_time` are text, as in Splunk."""
    kinds: dict[str, Kind] = {}
    items: dict[str, str] = {}
    for column in table.columns:
        kind = column_kind(column.type)
        name = f"{alias}.{quote(column.name)}"
        if kind == "time" and column.name != "_time":
            kind, name = "str", f"CAST({name} AS VARCHAR)"
        elif kind in ("num", "int"):
            name = f"CAST({name} AS {duckdb_type(kind)})"
        kinds[column.name], items[column.name] = kind, name
    return kinds, items


def search(t: Translation, relation: Relation | None, command: Search) -> Relation:
    if relation is None:
        return base_search(t, command.expression)
    where = condition(t, relation, command.expression)
    return t.step(relation, f"SELECT * FROM {relation.name} AS r WHERE {where}")


def base_search(t: Translation, expression: SearchExpression | None) -> Relation:
    """The events of the chosen indexes that match, newest first."""
    tables = base_tables(expression, t.catalog)
    if not tables:
        raise NotExecutable("the search names no index of this group")
    merged = _merged(t, [_events(t, table, expression) for table in tables])
    low, high = time_range(expression, t.now)
    order = f"{quote('_time')} DESC" if "_time" in merged.columns else None
    return replace(merged, order=order, low=low, high=high)


def _merged(t: Translation, parts: list[Relation]) -> Relation:
    """The rows of all, with the fields of all; a field of two kinds becomes text."""
    if len(parts) == 1:
        return parts[0]
    columns: dict[str, Kind] = {}
    for part in parts:
        for name, kind in part.columns.items():
            if columns.setdefault(name, kind) != kind:
                columns[name] = "str"
    return t.fresh(" UNION ALL ".join(f"SELECT {_aligned(part, columns)} FROM {part.name}" for part in parts), columns)


def from_source(t: Translation, relation: Relation | None, command: From) -> Relation:
    if command.kind == "lookup":
        return input_lookup(t, None, InputLookup(name="inputlookup", at=command.at, table=command.source))
    tables = find_datasets(command.source.name, t.catalog)
    if not tables:
        raise NotExecutable(f"there is no data model '{command.source.name}'")
    rows = datasets(t, tables, None, prefixed=command.prefixed)
    return replace(rows, order=f"{quote('_time')} DESC")


def datasets(
    t: Translation, tables: list[Table], expression: SearchExpression | None, *, prefixed: bool = True
) -> Relation:
    """The matching events of data-model datasets, their fields named as tstats names them, or without prefix."""
    parts = []
    for table in tables:
        kinds, items = read(t, table)
        own = {column.name: name for name, column in dataset_fields(table).items()}
        if not prefixed:
            own = {name: name.rpartition(".")[2] for name in own}
        for name in DATASET_FIELDS:
            if name not in kinds:
                kinds[name] = "time" if name == "_time" else "str"
                items[name] = f"CAST(NULL AS {duckdb_type(kinds[name])})"
        selected = ", ".join(f"{sql} AS {quote(own.get(name, name))}" for name, sql in items.items())
        renamed: dict[str, Kind] = {own.get(name, name): kind for name, kind in kinds.items()}
        events = t.fresh(f"SELECT {selected} FROM {quote(table.name)} AS r", renamed)
        parts.append(t.step(events, f"SELECT * FROM {events.name} AS r WHERE {condition(t, events, expression)}"))
    low, high = time_range(expression, t.now)
    return replace(_merged(t, parts), low=low, high=high)


def _events(t: Translation, table: Table, expression: SearchExpression | None) -> Relation:
    kinds, items = read(t, table)
    if "index" not in kinds:
        kinds["index"], items["index"] = "str", string(table.name)
    selected = ", ".join(f"{sql} AS {quote(name)}" for name, sql in items.items())
    events = Relation(t.add(f"SELECT {selected} FROM {quote(table.name)} AS r"), kinds)
    where = Condition(events, t.now, t.subsearch, index=table.name).compile(expression)
    return t.step(events, f"SELECT * FROM {events.name} AS r WHERE {where}")


def _aligned(part: Relation, columns: dict[str, Kind]) -> str:
    """The part's fields in the common order and type; NULL for those it lacks."""
    items = []
    for name, kind in columns.items():
        source = quote(name) if name in part.columns else "NULL"
        items.append(f"CAST({source} AS {duckdb_type(kind)}) AS {quote(name)}")
    return ", ".join(items)


def input_lookup(t: Translation, relation: Relation | None, command: InputLookup) -> Relation:
    table = find_lookup(command.table.name, t.catalog)
    if table is None:
        raise NotExecutable(f"there is no lookup '{command.table.name}'")
    kinds, items = read(t, table)
    selected = ", ".join(f"{sql} AS {quote(name)}" for name, sql in items.items())
    rows = t.fresh(f"SELECT {selected} FROM {quote(table.name)} AS r", kinds)
    if command.where is not None:
        rows = t.step(rows, f"SELECT * FROM {rows.name} AS r WHERE {condition(t, rows, command.where)}")
    bounds = [whole(command.option(name, default)) for name, default in (("max", "0"), ("start", "0"))]
    if any(bounds):
        limit = f" LIMIT {bounds[0]}" if bounds[0] else ""
        rows = t.step(rows, f"SELECT * FROM {rows.name}{limit} OFFSET {bounds[1]}")
    if command.flag("append") and relation is not None:
        from agents.data.spl.transpile.combining import stacked  # it reads subsearches, which read lookups

        return stacked(t, relation, rows)
    return rows


def make_results(t: Translation, relation: Relation | None, command: Command) -> Relation:
    if command.options.keys() & {"data", "format"}:
        raise NotExecutable("makeresults is translated with count")
    count = whole(command.option("count", "1"))
    columns: dict[str, Kind] = {"_time": "time"}
    return t.fresh(f"SELECT {t.now} AS {quote('_time')} FROM range({count})", columns)
