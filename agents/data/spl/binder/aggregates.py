"""Binding of stats and its kin."""

from __future__ import annotations

from agents.data.names import nearest_name
from agents.data.spl.ast import Aggregate, Aggregation, FieldRef, Subsearch
from agents.data.spl.binder.context import Binding, function_suggestion
from agents.data.spl.binder.scope import Scope, rename_by_wildcard
from agents.data.spl.binder.searching import base_scope, bind_search
from agents.data.spl.functions import EVAL_FUNCTIONS, STATS_FUNCTIONS, TIME_CHART_ONLY, is_stats_function
from agents.data.spl.sources import DATASET_FIELDS, data_models, dataset_fields, find_datasets

_ADDING = ("eventstats", "streamstats")


def aggregate(binding: Binding, scope: Scope, node: Aggregate) -> tuple[Scope, list[Subsearch]]:
    """The scope after it, and the subsearches (of tstats' where) still to bind."""
    found: list[Subsearch] = []
    if node.name in ("tstats", "mstats"):
        scope, found = _source(binding, node)
    for item in node.aggregations:
        _aggregation(binding, scope, node, item)
    _time_for(binding, scope, node)
    keys = [*([node.over] if node.over else []), *node.by]
    binding.use_all(scope, keys)
    outputs = [name for item in node.aggregations for name in _outputs(scope, item)]
    if node.name in _ADDING:
        scope.add(*outputs)
        return scope, found
    return _result(scope, node, keys, outputs), found


def _source(binding: Binding, node: Aggregate) -> tuple[Scope, list[Subsearch]]:
    if node.dataset is None:
        scope = base_scope(binding, node.where, node.at)
    else:
        scope = dataset_scope(binding, node.dataset.text, node.dataset.at)
    return scope, bind_search(binding, scope, node.where)


def dataset_scope(binding: Binding, name: str, at: int) -> Scope:
    """The fields of a data model's dataset."""
    if binding.catalog is None or "`" in name:
        return Scope(DATASET_FIELDS, open=True)
    tables = find_datasets(name, binding.catalog)
    if not tables:
        known = [table.name for table in data_models(binding.catalog)]
        suggestion = nearest_name(name, known) if known else "use | tstats ... where index=NAME"
        binding.problem("unknown_datamodel", f"unknown data model '{name}'", at, suggestion)
    fields = [field for table in tables for field in dataset_fields(table)]
    return Scope([*DATASET_FIELDS, *fields], open=not tables)


def _time_for(binding: Binding, scope: Scope, node: Aggregate) -> None:
    if node.name == "timechart":
        binding.use(scope, FieldRef("_time", node.at))


def _aggregation(binding: Binding, scope: Scope, node: Aggregate, item: Aggregation) -> None:
    if item.macro:
        if (not node.options.get("prestats") and node.name not in ("tstats", "mstats")) or binding.catalog is not None:
            binding.macro(item.text, item.at)
        return
    if not is_stats_function(item.function):
        _unknown(binding, item)
    elif item.function in TIME_CHART_ONLY and "timechart" not in node.name:
        binding.problem("unknown_function", f"{item.function} works in timechart only", item.at)
    if isinstance(item.argument, FieldRef):
        binding.use(scope, item.argument)
    elif item.argument is not None:
        binding.expression(scope, item.argument)


def _unknown(binding: Binding, item: Aggregation) -> None:
    if item.function in EVAL_FUNCTIONS:
        message = f"'{item.function}' is a function of eval, not of stats"
        binding.problem("unknown_function", message, item.at, f"use it inside: max(eval({item.function}(...)))")
    else:
        near = function_suggestion(item.function, STATS_FUNCTIONS)
        binding.problem("unknown_function", f"unknown stats function '{item.function}'", item.at, near)


def _outputs(scope: Scope, item: Aggregation) -> list[str]:
    """`values(*) as *` has one output for every field."""
    if item.macro:
        return ["`"]
    argument = item.argument.name if isinstance(item.argument, FieldRef) else ""
    if "*" not in argument:
        return [item.output]
    names = scope.matching(argument)
    if item.alias:
        outputs = [rename_by_wildcard(name, argument, item.alias.name) for name in names]
    else:
        outputs = [f"{item.function}({name})" for name in names]
    return [*outputs, *(["`"] if scope.open else [])]


def _result(scope: Scope, node: Aggregate, keys: list[FieldRef], outputs: list[str]) -> Scope:
    names = [key.name for key in keys]
    if node.name in ("timechart", "sitimechart"):
        names = ["_time"]
    timed = "span" in node.options or "_time" in node.spans
    if node.name in ("tstats", "mstats") and timed and "_time" not in names:
        names.append("_time")
    series = (node.by and "timechart" in node.name) or (len(keys) > 1 and "chart" in node.name)
    if series and "timechart" not in node.name:
        names = names[:1]
    opened = bool(series) or node.flag("prestats") or node.name.startswith("si")
    return scope.replaced([*names, *([] if series else outputs)], node.name, open=opened)
