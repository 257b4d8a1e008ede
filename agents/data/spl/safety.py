"""Does a search only read, and only this group's data? Judged on the parsed commands, so no spelling hides one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from agents.data.names import nearest_name
from agents.data.spl.ast import (
    Aggregate,
    Call,
    Combine,
    Command,
    Comparison,
    FieldRef,
    From,
    Generic,
    InputLookup,
    Lookup,
    MacroCall,
    Pipeline,
    Search,
    SearchExpression,
    Value,
)
from agents.data.spl.bounds import exceeded
from agents.data.spl.catalogue import COMMANDS, DENIED
from agents.data.spl.source import SplError
from agents.data.spl.sources import (
    base_tables,
    commands,
    find_datasets,
    find_lookup,
    has_time_bound,
    index_values,
    indexes,
    lookups,
    matching_indexes,
    shallow,
    walk,
)
from shared.catalog import Catalog

# Splunk's own that runs a script for each value.
_EXTERNAL_LOOKUPS = frozenset(("dnslookup",))
# Fields of a base search that pull in another search's terms.
_SEARCHES = frozenset(("savedsearch", "savedsplunk"))
_OUTSIDE = (
    "metadata",
    "dbinspect",
    "eventcount",
    "walklex",
    "mcatalog",
    "mpreview",
    "msearch",
    "searchtxn",
    "datamodel",
    "datamodelsimple",
    "pivot",
    "summary",
    "metasearch",
    "inputintelligence",
)


def check_safety(pipeline: Pipeline, catalog: Catalog | None, hidden: Sequence[MacroCall] = ()) -> list[SplError]:
    """Every reason not to run it. catalog: None judges only side effects and bounds, not what is read; hidden: macros
    that are not known."""
    problems: list[SplError] = []
    problems += exceeded(pipeline)
    for command in commands(pipeline):
        problems += _side_effects(command)
        if catalog is not None:
            problems += _reads(command, catalog)
    if catalog is not None:
        problems += [_unknown_macro(macro) for macro in hidden]
        problems += _unbounded(pipeline, catalog)
        problems += [problem for node in walk(pipeline) if isinstance(node, Call) for problem in _call(node, catalog)]
    return sorted(problems, key=lambda problem: problem.at)


def _unknown_macro(macro: MacroCall) -> SplError:
    message = f"macro '{macro.name}' is unknown, so what it does can't be checked"
    return SplError("unknown_macro", message, macro.at)


def _side_effects(command: Command) -> list[SplError]:
    if command.name in DENIED:
        message = f"'{command.name}' is not allowed: it {DENIED[command.name]}"
        return [SplError("denied_command", message, command.at, "remove it")]
    if isinstance(command, From) and command.kind not in ("datamodel", "lookup"):
        message = f"'from {command.kind}' is not allowed: what it runs can't be checked here"
        return [SplError("denied_command", message, command.at, "search the index or lookup itself")]
    entry = COMMANDS.get(command.name)
    if entry and entry.kind in ("writing", "running"):
        return [SplError("denied_command", f"'{command.name}' is not allowed: it does more than read", command.at)]
    if isinstance(command, Lookup) and command.table.name.lower() in _EXTERNAL_LOOKUPS:
        message = f"the lookup '{command.table.name}' is not allowed: it sends each value to another server"
        return [SplError("denied_command", message, command.at, "use a lookup of this group")]
    if isinstance(command, Combine) and command.name == "union":
        return [_denied_dataset(field) for field in command.fields if field.name.lower().startswith("savedsearch")]
    return []


def _denied_dataset(field: FieldRef) -> SplError:
    return SplError("denied_command", f"'{field.name}' is not allowed: it {DENIED['savedsearch']}", field.at)


def _reads(command: Command, catalog: Catalog) -> list[SplError]:
    if isinstance(command, InputLookup | Lookup):
        return _lookup(command.table.name, command.table.at, catalog)
    if isinstance(command, From):
        known = find_datasets(command.source.name, catalog) or find_lookup(command.source.name, catalog)
        return [] if known else [_outside(f"{command.kind} '{command.source.name}'", command.source.at)]
    if isinstance(command, Generic) and command.name in _OUTSIDE:
        return [SplError("outside_catalog", f"'{command.name}' reads outside this group's catalog", command.at)]
    if isinstance(command, Aggregate) and command.dataset is not None:
        if find_datasets(command.dataset.text, catalog):
            return []
        return [SplError("outside_catalog", f"data model '{command.dataset.text}' is not in the catalog", command.at)]
    if isinstance(command, Combine) and command.name == "union" and command.fields:
        return [SplError("outside_catalog", "union of named datasets reads outside the catalog", command.at)]
    problems = [problem for value in _index_values(command) for problem in _index(value, catalog)]
    if isinstance(command, Search):
        problems += [_named_search(node) for node in shallow(command.expression) if _is_named_search(node)]
    return problems


def _is_named_search(node: object) -> TypeGuard[Comparison]:
    return isinstance(node, Comparison) and node.field.name.lower() in _SEARCHES


def _named_search(node: Comparison) -> SplError:
    message = f"'{node.field.name}' is not allowed: it {DENIED['savedsearch']}"
    return SplError("denied_command", message, node.at, "write its terms here")


def _outside(what: str, at: int) -> SplError:
    return SplError("outside_catalog", f"{what} is not in this group", at)


def _index_values(command: Command) -> list[Value]:
    expressions: list[SearchExpression | None] = []
    if isinstance(command, Search):
        expressions.append(command.expression)
    elif isinstance(command, Aggregate):
        expressions.append(command.where)
    return [value for expression in expressions for value in index_values(expression)]


def _index(value: Value, catalog: Catalog) -> list[SplError]:
    if matching_indexes(value.text, catalog):
        return []
    names = [table.name for table in indexes(catalog)]
    suggestion = nearest_name(value.text, names)
    return [SplError("outside_catalog", f"index '{value.text}' is not in this group", value.at, suggestion)]


def _lookup(name: str, at: int, catalog: Catalog) -> list[SplError]:
    if find_lookup(name, catalog):
        return []
    suggestion = nearest_name(name, [table.name for table in lookups(catalog)])
    return [SplError("outside_catalog", f"lookup '{name}' is not in this group", at, suggestion)]


def _unbounded(pipeline: Pipeline, catalog: Catalog) -> list[SplError]:
    """A search of every index for all time, and a base search that can't be said to stay in the group."""
    problems = []
    for expression, at in _base_searches(pipeline):
        everything = any(value.text.strip("*_") == "" for value in index_values(expression))
        if everything and len(indexes(catalog)) > 1 and not has_time_bound(expression):
            names = ", ".join(f"index={table.name}" for table in indexes(catalog)[:6])
            message = "index=* reads every index for all time"
            problems.append(SplError("unbounded", message, at, f"name one ({names}) or add earliest="))
        elif not base_tables(expression, catalog):
            problems.append(SplError("outside_catalog", "the search is not limited to this group's indexes", at))
    return problems


def _base_searches(pipeline: Pipeline) -> list[tuple[SearchExpression | None, int]]:
    found: list[tuple[SearchExpression | None, int]] = []
    for node in walk(pipeline):
        if isinstance(node, Pipeline) and node.commands:
            first = node.commands[0]
            if isinstance(first, Search) and not _template(pipeline, node):
                found.append((first.expression, first.at))
        if isinstance(node, Aggregate) and node.name in ("tstats", "mstats") and node.dataset is None:
            found.append((node.where, node.at))
    return found


def _template(pipeline: Pipeline, inner: Pipeline) -> bool:
    """Subsearches of appendpipe and foreach work on the rows at hand; they read nothing."""
    return any(
        item.pipeline is inner
        for command in commands(pipeline)
        if isinstance(command, Combine) and command.name in ("appendpipe", "foreach")
        for item in command.subsearches
    )


def _call(node: Call, catalog: Catalog) -> list[SplError]:
    """eval's lookup() reads a lookup too."""
    if node.name != "lookup" or not node.args:
        return []
    name = getattr(node.args[0], "value", None)
    if not isinstance(name, str):
        return [SplError("outside_catalog", "lookup() must name its lookup in quotes", node.at)]
    return _lookup(name, node.at, catalog)
