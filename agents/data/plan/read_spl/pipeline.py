"""A search's commands in turn: where rows come from, and what each command makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.data.plan.model import (
    Column,
    Expr,
    Filter,
    Limit,
    Named,
    Project,
    QueryPlan,
    SortKey,
    Table,
    Union,
    Unsayable,
    Values,
)
from agents.data.plan.read_spl import aggregating, combining, extracting, shaping
from agents.data.plan.read_spl.searching import FALSE, TRUE, condition
from agents.data.plan.read_spl.state import Rows, Search
from agents.data.plan.read_spl.times import now
from agents.data.plan.schema import columns_of, source_columns
from agents.data.spl.ast import All as SearchAll
from agents.data.spl.ast import Any as SearchAny
from agents.data.spl.ast import Command, Comparison, InputLookup, Pipeline, SearchExpression, Subsearch, Within
from agents.data.spl.ast import Search as SearchCommand
from agents.data.spl.sources import base_tables, find_lookup
from shared.catalog import Table as CatalogTable

# What Splunk gives to every event.
_EVERY_EVENT = frozenset(("_time", "_raw", "host", "source", "sourcetype", "index"))
_NEWEST = (SortKey(value=Column(name="_time"), descending=True),)


def read_pipeline(search: Search, pipeline: Pipeline, rows: Rows | None = None) -> Rows:
    """rows: those it starts from; None where it reads its own. Raises Unsayable."""
    for command in pipeline.commands:
        if rows is None or command.name in ("union", "multisearch"):
            rows = _source(search, rows, command)
        else:
            rule = _COMMANDS.get(command.name)
            if rule is None:
                raise Unsayable(f"the command {command.name}", "a plan")
            rows = rule(rows, command)
    assert rows is not None, "a pipeline has at least one command"
    return rows


def read_subsearch(search: Search, node: Subsearch) -> Rows:
    return read_pipeline(search, node.pipeline)


# --- sources ------------------------------------------------------------------------------------------------------


def _source(search: Search, rows: Rows | None, command: Command) -> Rows:
    if isinstance(command, SearchCommand):
        return base_search(search, command.expression)
    if isinstance(command, InputLookup):
        return _input_lookup(search, rows, command)
    if command.name == "makeresults":
        return _make_results(search, command)
    if command.name == "tstats":
        return aggregating.tstats(search, command, base_search)
    if command.name in ("union", "multisearch"):
        return combining.union(search, rows, command)
    raise Unsayable(f"the command {command.name}", "a plan")


def base_search(search: Search, expression: SearchExpression | None) -> Rows:
    """The events of the chosen indexes that match, newest first."""
    tables = base_tables(expression, search.catalog)
    if not tables:
        raise Unsayable("a search that names no index of this group", "a plan")
    parts = [_events(search, table, expression) for table in tables]
    if len(parts) == 1:
        return parts[0]
    origin = None if any("index" in part.columns for part in parts) else "index"
    plan = QueryPlan(source=Union(plans=tuple(part.plan for part in parts), origin=origin))
    present = frozenset.intersection(*(part.present for part in parts)) | ({origin} if origin else frozenset())
    columns = columns_of(plan, search.catalog) or {}
    return Rows(search, plan, columns, present, _order_of(columns))


def _order_of(columns: Any) -> tuple[SortKey, ...]:
    return _NEWEST if "_time" in columns else ()


def _events(search: Search, table: CatalogTable, expression: SearchExpression | None) -> Rows:
    plan = QueryPlan(source=Table(name=table.name))
    columns = source_columns(plan.source, search.catalog) or {}
    values = {column.name: column.values for column in table.columns if column.values}
    every = frozenset(name for name in columns if name in _EVERY_EVENT)
    rows = Rows(search, plan, columns, every, _order_of(columns), values=values)
    kept = condition(rows, _without_index(expression, table.name))
    return rows if kept == TRUE else rows.then(Filter(condition=kept))


def _without_index(node: SearchExpression | None, index: str) -> SearchExpression | None:
    """What chose the index is said by the plan's table; deeper in brackets it stays a comparison with the field."""
    if isinstance(node, SearchAll):
        items = [item for item in node.items if not _chooses(item)]
        return SearchAll(items, node.at) if items else None
    return None if node is not None and _chooses(node) else node


def _chooses(node: SearchExpression) -> bool:
    if isinstance(node, SearchAny):
        return all(_chooses(item) for item in node.items)
    return isinstance(node, Comparison | Within) and node.field.name.lower() == "index"


def _input_lookup(search: Search, rows: Rows | None, command: InputLookup) -> Rows:
    table = find_lookup(command.table.name, search.catalog)
    if table is None or rows is not None or command.options.keys() - {"max"}:
        raise Unsayable("inputlookup with append or start", "a plan")
    plan = QueryPlan(source=Table(name=table.name))
    columns = source_columns(plan.source, search.catalog) or {}
    values = {column.name: column.values for column in table.columns if column.values}
    found = Rows(search, plan, columns, values=values)
    kept = condition(found, command.where)
    found = found if kept == TRUE else found.then(Filter(condition=kept))
    return found.then(Limit(count=int(command.option("max")))) if command.option("max") else found


def _make_results(search: Search, command: Command) -> Rows:
    if command.options:
        raise Unsayable("makeresults with options", "a plan")
    plan = QueryPlan(source=Values(), steps=(Project(columns=(Named(name="_time", value=now()),)),))
    return Rows(search, plan, {"_time": "datetime"}, frozenset(["_time"]))


def _searched(rows: Rows, command: SearchCommand) -> Rows:
    kept: Expr = condition(rows, command.expression)
    if kept == FALSE:
        raise Unsayable("a search that finds nothing", "a plan")
    return rows if kept == TRUE else rows.then(Filter(condition=kept))


def _reversed(rows: Rows, command: Command) -> Rows:
    """The other way round, which the plan says as a sort."""
    if not rows.order:
        raise Unsayable("reverse of rows in no order", "a plan")
    keys = tuple(key.model_copy(update={"descending": not key.descending}) for key in rows.order)
    return replace(rows, order=keys, ordered=False).in_order()


_COMMANDS: dict[str, Callable[[Rows, Any], Rows]] = {
    "search": _searched,
    "where": shaping.where,
    "eval": shaping.evaluate,
    "fields": shaping.fields,
    "table": shaping.fields,
    "rename": shaping.rename,
    "sort": shaping.sort,
    "head": shaping.head,
    "tail": shaping.tail,
    "dedup": shaping.dedup,
    "fillnull": shaping.fill_null,
    "bin": shaping.binned,
    "bucket": shaping.binned,
    "reverse": _reversed,
    "stats": aggregating.stats,
    "chart": aggregating.chart,
    "timechart": aggregating.timechart,
    "eventstats": aggregating.eventstats,
    "streamstats": aggregating.streamstats,
    "top": aggregating.top,
    "rare": aggregating.top,
    "rex": extracting.rex,
    "regex": extracting.regex,
    "spath": extracting.spath,
    "makemv": extracting.make_multivalue,
    "mvexpand": extracting.expand,
    "convert": extracting.convert,
    "lookup": combining.lookup,
    "join": combining.join,
    "append": combining.append,
}
