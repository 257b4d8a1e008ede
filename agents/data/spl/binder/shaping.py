"""Binding of the commands that change fields or choose rows: what each uses, and what is there after it."""

from __future__ import annotations

from collections.abc import Callable

from agents.data.spl.ast import (
    Bin,
    Convert,
    Dedup,
    Eval,
    FieldRef,
    Fields,
    Head,
    Rename,
    Replace,
    Rex,
    Sort,
    Top,
    Transaction,
    Where,
)
from agents.data.spl.binder.context import Binding, is_condition
from agents.data.spl.binder.scope import Scope, rename_by_wildcard
from agents.data.spl.parser.reading import NAMED_GROUP

_SUMMARY = (
    "field",
    "count",
    "distinct_count",
    "is_exact",
    "max",
    "mean",
    "min",
    "numeric_count",
    "stdev",
    "values",
)


def where(binding: Binding, scope: Scope, command: Where) -> Scope:
    binding.expression(scope, command.expression)
    return scope


def evaluate(binding: Binding, scope: Scope, command: Eval) -> Scope:
    for target, expression in command.assignments:
        binding.expression(scope, expression)
        if is_condition(expression):
            message = f"'{target.name}' can't hold a condition: eval fields are numbers or text"
            binding.problem("boolean_result", message, target.at, "wrap it: if(condition, 1, 0)")
        if command.name == "fieldformat":
            binding.use(scope, target)
        scope.add(target.name)
    return scope


def rename(binding: Binding, scope: Scope, command: Rename) -> Scope:
    for old, new in command.pairs:
        if not (scope.open or "*" in old.name):
            binding.use(scope, old)
        renamed: dict[str, None] = {}
        for name in scope.matching(old.name):
            del scope.fields[name]
            scope.lost[name] = "rename"
            renamed[rename_by_wildcard(name, old.name, new.name) if "*" in old.name else new.name] = None
        scope.add(*(renamed or ({new.name: None} if "*" not in new.name else {})))
    return scope


def fields(binding: Binding, scope: Scope, command: Fields) -> Scope:
    rule = _FIELD_RULES.get(command.name)
    if rule:
        return rule(binding, scope, command)
    binding.use_all(scope, command.fields)
    return scope


def _keep(binding: Binding, scope: Scope, command: Fields) -> Scope:
    if command.remove:
        removed = {name for field in command.fields for name in scope.matching(field.name)}
        kept = scope.replaced((name for name in scope.fields if name not in removed), "fields", open=scope.open)
        kept.lost = {**scope.lost, **dict.fromkeys(removed, "fields -")}
        return kept
    for field in command.fields:
        if "*" not in field.name:
            binding.use(scope, field)
    names = [name for field in command.fields for name in scope.matching(field.name)]
    names += [field.name for field in command.fields if scope.open and "*" not in field.name]
    if command.name == "fields":
        names += [name for name in ("_time", "_raw") if name in scope.fields]
    wild = scope.open and any("*" in field.name for field in command.fields)
    return scope.replaced(names, command.name, open=wild)


def _fill(binding: Binding, scope: Scope, command: Fields) -> Scope:
    scope.add(*(field.name for field in command.fields if "*" not in field.name))
    return scope


def _totals(binding: Binding, scope: Scope, command: Fields) -> Scope:
    for field in command.fields:
        binding.use(scope, field)
    if command.name == "addtotals" and command.option("row", "true").lower() not in ("f", "false", "0"):
        scope.add(command.option("fieldname", "Total"))
    if command.option("labelfield"):
        scope.add(command.option("labelfield"))
    return scope


def _spath(binding: Binding, scope: Scope, command: Fields) -> Scope:
    if "input" in command.options:
        binding.use(scope, FieldRef(command.option("input"), command.options["input"].at))
    path = command.option("path")
    if path:
        scope.add(command.option("output") or path)
    else:
        scope.open = True
    return scope


def _summary(binding: Binding, scope: Scope, command: Fields) -> Scope:
    return scope.replaced(_SUMMARY, "fieldsummary")


_FIELD_RULES: dict[str, Callable[[Binding, Scope, Fields], Scope]] = {
    "fields": _keep,
    "table": _keep,
    "fillnull": _fill,
    "filldown": _fill,
    "addtotals": _totals,
    "addcoltotals": _totals,
    "spath": _spath,
    "fieldsummary": _summary,
}


def top(binding: Binding, scope: Scope, command: Top) -> Scope:
    binding.use_all(scope, [*command.fields, *command.by])
    names = [field.name for field in [*command.by, *command.fields]]
    if command.flag("showcount", True):
        names.append(command.option("countfield", "count"))
    if command.flag("showperc", True):
        names.append(command.option("percentfield", "percent"))
    return scope.replaced(names, command.name)


def sort(binding: Binding, scope: Scope, command: Sort | Dedup) -> Scope:
    if isinstance(command, Dedup):
        binding.use_all(scope, command.fields)
    binding.use_all(scope, [key.field for key in command.keys])
    return scope


def head(binding: Binding, scope: Scope, command: Head) -> Scope:
    if command.condition is not None:
        binding.expression(scope, command.condition)
    return scope


def binning(binding: Binding, scope: Scope, command: Bin) -> Scope:
    binding.use(scope, command.field)
    if command.alias:
        scope.add(command.alias.name)
    return scope


def rex(binding: Binding, scope: Scope, command: Rex) -> Scope:
    binding.use(scope, command.field)
    if command.name == "rex" and command.option("mode") != "sed":
        scope.add(*NAMED_GROUP.findall(command.pattern.text))
        if "offset_field" in command.options:
            scope.add(command.option("offset_field"))
    return scope


def transaction(binding: Binding, scope: Scope, command: Transaction) -> Scope:
    binding.use_all(scope, command.fields)
    scope.add("duration", "eventcount", "closed_txn", "linecount", "field_match_sum")
    return scope


def convert(binding: Binding, scope: Scope, command: Convert) -> Scope:
    """A field that is missing is left alone by convert, so it is not wrong."""
    for _, field, alias in command.conversions:
        if "*" not in alias.name and (scope.has(field.name) or alias.name != field.name):
            scope.add(alias.name)
    return scope


def replace(binding: Binding, scope: Scope, command: Replace) -> Scope:
    binding.use_all(scope, command.fields)
    return scope
