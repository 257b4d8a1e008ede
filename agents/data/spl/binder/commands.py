"""Binding command by command: what each uses, and the fields that are there after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any as Anything

from agents.data.names import nearest_name
from agents.data.spl.ast import (
    Aggregate,
    Bin,
    Combine,
    Command,
    Convert,
    Dedup,
    Eval,
    FieldRef,
    Fields,
    From,
    Generic,
    Head,
    InputLookup,
    Lookup,
    MacroCommand,
    Name,
    Pipeline,
    Rename,
    Replace,
    Rex,
    Search,
    SearchExpression,
    Sort,
    Subsearch,
    Top,
    Transaction,
    Where,
)
from agents.data.spl.binder import shaping
from agents.data.spl.binder.aggregates import aggregate, dataset_scope
from agents.data.spl.binder.context import Binding
from agents.data.spl.binder.scope import Scope
from agents.data.spl.binder.searching import base_scope, bind_search
from agents.data.spl.catalogue import COMMANDS
from agents.data.spl.sources import DATASET_FIELDS, find_lookup, lookups, plain_fields

# Commands known by their words: the fields they add (`=name`: exactly these remain). Others may add any.
_ADDS = {
    "iplocation": ("City", "Country", "Region", "lat", "lon"),
    "addinfo": ("info_min_time", "info_max_time", "info_sid", "info_search_time"),
    "rangemap": ("range",),
    "reltime": ("reltime",),
    "concurrency": ("concurrency",),
    "uniq": (),
    "highlight": (),
    "makecontinuous": (),
    "outlier": (),
    "reverse": (),
    "require": (),
    "localop": (),
    "delete": (),
}
_EXACTLY = {
    "metadata": ("firstTime", "lastTime", "recentTime", "totalCount", "type", "host", "source", "sourcetype"),
    "eventcount": ("count", "index", "server", "size_bytes"),
}


def bind_commands(binding: Binding, pipeline: Pipeline, scope: Scope | None) -> Scope:
    """Bind each command in turn. scope: None where the pipeline must start by reading data."""
    for position, command in enumerate(pipeline.commands):
        if scope is None:
            scope = _first(binding, command)
            if scope is not None:
                continue
            scope = Scope()
            _needs_data(binding, command)
        elif COMMANDS.get(command.name) and COMMANDS[command.name].kind == "generating" and position:
            _only_first(binding, command)
        scope = _bind(binding, scope, command)
    return scope if scope is not None else Scope(open=True)


def _first(binding: Binding, command: Command) -> Scope | None:
    """The scope of a command that reads data itself; None for one that works on what came before."""
    if isinstance(command, Search):
        scope = base_scope(binding, command.expression, command.at)
        _search(binding, scope, command)
        return scope
    if isinstance(command, MacroCommand):
        binding.macro(command.name, command.at)
        return Scope(open=True)
    entry = COMMANDS[command.name]
    if entry.kind in ("generating", "running"):
        return _bind(binding, Scope(), command)
    return None


def _needs_data(binding: Binding, command: Command) -> None:
    if command.name not in ("append", "appendcols", "union", "multisearch", "set", "return", "format"):
        binding.problem(
            "no_data",
            f"'{command.name}' has nothing to work on: a search starts by reading data",
            command.at,
            "start with index=NAME or | inputlookup NAME",
        )


def _only_first(binding: Binding, command: Command) -> None:
    if not command.flag("append") and command.name not in ("multisearch", "union", "from", "summary", "gentimes"):
        binding.problem(
            "not_first",
            f"'{command.name}' reads data, so it must be the first command",
            command.at,
            "use it in append [ | ... ], or add append=t",
        )


def _bind(binding: Binding, scope: Scope, command: Command) -> Scope:
    if command.name == "makeresults":
        return Scope(["_time"], open="data" in command.options)
    for cls, rule in _RULES.items():
        if isinstance(command, cls):
            return rule(binding, scope, command)
    return scope


def _search(binding: Binding, scope: Scope, command: Search) -> Scope:
    _subsearches(binding, bind_search(binding, scope, command.expression))
    return scope


def _subsearches(binding: Binding, found: list[Subsearch], scope: Scope | None = None) -> list[Scope]:
    return [bind_commands(binding, item.pipeline, scope.copy() if scope else None) for item in found]


def _lookup(binding: Binding, scope: Scope, command: Lookup) -> Scope:
    binding.use_all(scope, [event for _, event in command.pairs])
    if binding.catalog is None:
        scope.add(*(event.name for _, event in command.outputs))
        scope.open = scope.open or not command.outputs
        return scope
    table = find_lookup(command.table.name, binding.catalog)
    if table is None:
        _unknown_lookup(binding, command.table)
        scope.open = True
        return scope
    for column, _ in [*command.pairs, *command.outputs]:
        if column.name not in table.by_name:
            message = f"unknown field '{column.name}' of lookup '{table.name}'"
            binding.problem("unknown_field", message, column.at, nearest_name(column.name, table.by_name))
    scope.add(*([event.name for _, event in command.outputs] or table.by_name))
    return scope


def _unknown_lookup(binding: Binding, table: FieldRef) -> None:
    if binding.catalog is not None and "`" not in table.name:
        names = [item.name for item in lookups(binding.catalog)]
        suggestion = nearest_name(table.name.removesuffix(".csv"), names)
        binding.problem("unknown_lookup", f"unknown lookup '{table.name}'", table.at, suggestion)


def _input_lookup(binding: Binding, scope: Scope, command: InputLookup) -> Scope:
    read = Scope(open=True)
    if binding.catalog is not None:
        table = find_lookup(command.table.name, binding.catalog)
        if table is None:
            _unknown_lookup(binding, command.table)
        else:
            read = Scope(table.by_name)
    _search_in(binding, read, command.where)
    if command.flag("append"):
        read.merge(scope)
    return read


def _from(binding: Binding, scope: Scope, command: From) -> Scope:
    if binding.catalog is None or command.kind not in ("datamodel", "lookup"):
        return Scope(open=True)
    if command.kind == "lookup":
        return _input_lookup(binding, scope, InputLookup(name=command.name, at=command.at, table=command.source))
    prefixed = dataset_scope(binding, command.source.name, command.source.at)
    if command.prefixed or prefixed.open:
        return prefixed
    return Scope([*plain_fields(command.source.name, binding.catalog), *DATASET_FIELDS])


def _search_in(binding: Binding, scope: Scope, expression: SearchExpression | None) -> None:
    _subsearches(binding, bind_search(binding, scope, expression))


def _combine(binding: Binding, scope: Scope, command: Combine) -> Scope:
    if command.name == "foreach":
        return _foreach(binding, scope, command)
    binding.use_all(scope, command.fields if command.name == "join" else [])
    results = _subsearches(binding, command.subsearches, scope if command.name == "appendpipe" else None)
    if command.name == "join":
        for result in results:
            binding.use_all(result, command.fields)
    for result in results:
        scope.merge(result)
    return scope


def _foreach(binding: Binding, scope: Scope, command: Combine) -> Scope:
    """The template's `<<FIELD>>` may be any field; only what it names outright can be wrong."""
    inside = scope.copy()
    inside.open = True
    for result in _subsearches(binding, command.subsearches, inside):
        scope.merge(result)
    return scope


def _generic(binding: Binding, scope: Scope, command: Generic) -> Scope:
    results = _subsearches(binding, command.subsearches)
    if command.name in _EXACTLY:
        return Scope(_EXACTLY[command.name])
    if command.name == "strcat" and command.words:
        scope.add(command.words[-1].text)
        return scope
    if command.name in ("accum", "delta") and len(command.words) in (1, 3):
        binding.use(scope, _word_field(command, 0))
        scope.add(command.words[-1].text if len(command.words) == 3 else f"delta({command.words[0].text})")
        return scope
    if command.name in _ADDS:
        prefix = command.option("prefix") if command.name == "iplocation" else ""
        if command.name == "iplocation" and command.words:
            binding.use(scope, _word_field(command, -1))
        scope.add(*(prefix + name for name in _ADDS[command.name]))
        return scope
    scope = scope.copy()
    scope.open = True
    for result in results:
        scope.merge(result)
    return scope


def _word_field(command: Generic, index: int) -> Name:
    return Name(command.words[index].text, command.words[index].at)


def _macro_command(binding: Binding, scope: Scope, command: MacroCommand) -> Scope:
    binding.macro(command.name, command.at)
    return Scope(scope.fields, open=True, lost=scope.lost)


def _aggregate(binding: Binding, scope: Scope, command: Aggregate) -> Scope:
    result, found = aggregate(binding, scope, command)
    _subsearches(binding, found)
    return result


_RULES: dict[type[Command], Callable[[Binding, Scope, Anything], Scope]] = {
    Search: _search,
    Where: shaping.where,
    Eval: shaping.evaluate,
    Aggregate: _aggregate,
    Rename: shaping.rename,
    Fields: shaping.fields,
    Top: shaping.top,
    Sort: shaping.sort,
    Dedup: shaping.sort,
    Head: shaping.head,
    Bin: shaping.binning,
    Rex: shaping.rex,
    Lookup: _lookup,
    InputLookup: _input_lookup,
    From: _from,
    Combine: _combine,
    Transaction: shaping.transaction,
    Convert: shaping.convert,
    Replace: shaping.replace,
    Generic: _generic,
    MacroCommand: _macro_command,
}
