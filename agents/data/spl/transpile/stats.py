"""stats, eventstats, streamstats, and tstats over indexes."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import dataclass, replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Aggregate, Aggregation, FieldRef
from agents.data.spl.binder.scope import rename_by_wildcard
from agents.data.spl.sources import find_datasets
from agents.data.spl.transpile.aggregates import Argument, aggregate_sql
from agents.data.spl.transpile.binning import chosen_span
from agents.data.spl.transpile.reading import base_search, datasets
from agents.data.spl.transpile.relation import Relation, Translation, known
from agents.data.spl.transpile.steps import compiler, ensured, expanded, field, matching, settled
from agents.data.spl.transpile.values import Kind, Sql, as_bool, as_str, quote, string, whole


@dataclass(frozen=True)
class Output:
    """One result column of stats."""

    name: str
    sql: Sql


def outputs(t: Translation, relation: Relation, items: list[Aggregation], over: str = "") -> list[Output]:
    """The result columns, with wildcards spelled out; a name that is also given outright is not a wildcard's."""
    found: dict[str, Output] = {}
    for item in items:
        if item.macro:
            raise NotExecutable(f"macro '{item.text}' has no definition")
        for output in _expanded(t, relation, item, over):
            if not (_is_wild(item) and any(output.name == other.output for other in items if not _is_wild(other))):
                found[output.name] = output
    return list(found.values())


def _is_wild(item: Aggregation) -> bool:
    return isinstance(item.argument, FieldRef) and "*" in item.argument.name


def _expanded(t: Translation, relation: Relation, item: Aggregation, over: str) -> list[Output]:
    if not isinstance(item.argument, FieldRef):
        value = _evaluated(t, relation, item)
        return [Output(item.output, aggregate_sql(item.function, Argument(value, relation, over)))]
    results = []
    pattern = item.argument.name
    for name in matching(relation, item.argument):
        found = relation.get(name)
        if found is None:
            raise NotExecutable(f"there is no field '{name}' here")
        sql = aggregate_sql(item.function, Argument(found, relation, over))
        output = item.output if "*" not in pattern else f"{item.function}({name})"
        if item.alias and "*" in pattern:
            output = rename_by_wildcard(name, pattern, item.alias.name)
        results.append(Output(output, sql))
    return results


def _evaluated(t: Translation, relation: Relation, item: Aggregation) -> Sql | None:
    """`count(eval(condition))` counts where it holds; other functions take the value."""
    if item.argument is None or isinstance(item.argument, FieldRef):
        return None
    value = compiler(t, relation).compile(item.argument)
    if value.kind == "bool":
        return Sql(f"(CASE WHEN {as_bool(value)} THEN 1 END)", "int")
    return value


def stats(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    keys = [key.name for key in command.by]
    return grouped(t, relation, keys, command.aggregations)


def grouped(t: Translation, relation: Relation, keys: list[str], items: list[Aggregation]) -> Relation:
    """One row for each combination of the keys' values; rows without one of them don't count."""
    relation = expanded(t, ensured(t, relation, keys), keys)
    found = outputs(t, relation, items)
    columns: dict[str, Kind] = {}
    selected = []
    for key in keys:
        value = field(relation, FieldRef(key, 0))
        shown = settled(key, value)
        columns[key] = known(shown.kind)
        selected.append(f"{shown.text} AS {quote(key)}")
    for output in found:
        columns[output.name] = known(output.sql.kind)
        selected.append(f"{output.sql.text} AS {quote(output.name)}")
    names = [quote(key) for key in keys]
    where = f" WHERE {' AND '.join(f'{name} IS NOT NULL' for name in names)}" if names else ""
    group = f" GROUP BY {', '.join(f'{relation.name}.{name}' for name in names)}" if names else ""
    sql = f"SELECT {', '.join(selected)} FROM {relation.name}{where}{group}"
    result = t.fresh(sql, columns, ", ".join(names) or None)
    return replace(result, low=relation.low, high=relation.high, span=relation.span)


def eventstats(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    """Each row with the statistics of its group."""
    keys = [key.name for key in command.by]
    relation = _single_keys(ensured(t, relation, keys), keys)
    groups = grouped(t, relation, keys, command.aggregations)
    added = [name for name in groups.columns if name not in keys]
    replaced = [quote(name) for name in added if name in relation.columns]
    star = f"r.* EXCLUDE ({', '.join(replaced)})" if replaced else "r.*"
    items = ", ".join([star, *(f"g.{quote(name)}" for name in added)])
    on = " AND ".join(f"{_joined(relation, key)} = g.{quote(key)}" for key in keys) or "true"
    kept = {name: kind for name, kind in relation.columns.items() if name not in added}
    columns = {**kept, **{name: groups.columns[name] for name in added}}
    if any(f'"{name}"' in (relation.order or "") for name in added):
        relation = t.pin(relation)
    return t.step(relation, f"SELECT {items} FROM {relation.name} AS r LEFT JOIN {groups.name} AS g ON {on}", columns)


def _single_keys(relation: Relation, keys: list[str]) -> Relation:
    if many := [key for key in keys if relation.columns.get(key) == "mv"]:
        raise NotExecutable(f"eventstats and streamstats by the multivalue field '{many[0]}' are not translated")
    return relation


def _joined(relation: Relation, key: str) -> str:
    return settled(key, Sql(f"r.{quote(key)}", relation.columns.get(key, "num"))).text


def streamstats(t: Translation, relation: Relation, command: Aggregate) -> Relation:
    """Each row with the statistics of the rows before it, in the current order."""
    if command.options.keys() & {"time_window", "reset_on_change", "reset_before", "reset_after"}:
        raise NotExecutable("streamstats is translated with window, current and global")
    names = [key.name for key in command.by]
    relation = t.pin(_single_keys(ensured(t, relation, names), names))
    keys = [quote(key.name) for key in command.by if field(relation, key)]
    partition = f"PARTITION BY {', '.join(keys)} " if keys else ""
    over = f" OVER ({partition}ORDER BY {relation.order} {_frame(command, bool(keys))})"
    changes = {}
    for output in outputs(t, relation, command.aggregations, over):
        sql = output.sql
        if keys:
            there = " AND ".join(f"{key} IS NOT NULL" for key in keys)
            sql = Sql(f"(CASE WHEN {there} THEN {sql.text} END)", sql.kind)
        changes[output.name] = sql
    return t.with_columns(relation, changes)


def _frame(command: Aggregate, grouped_by: bool) -> str:
    """A window counts rows of all groups unless global=f: then, those of its own."""
    window = whole(command.option("window", "0"))
    end = "CURRENT ROW" if command.flag("current", True) else "1 PRECEDING"
    if window == 0:
        return f"ROWS BETWEEN UNBOUNDED PRECEDING AND {end}"
    first = window - 1 if command.flag("current", True) else window
    unit = "RANGE" if grouped_by and command.flag("global", True) else "ROWS"
    return f"{unit} BETWEEN {first} PRECEDING AND {end}"


def tstats(t: Translation, relation: Relation | None, command: Aggregate) -> Relation:
    """tstats and mstats over indexes and data models: the same as stats, on the events themselves."""
    if command.flag("prestats") or command.flag("append") or command.flag("chart"):
        raise NotExecutable(f"{command.name} is translated without prestats, append and chart")
    if command.dataset is None:
        events = base_search(t, command.where)
    else:
        tables = find_datasets(command.dataset.text, t.catalog)
        if not tables:
            raise NotExecutable(f"there is no data model '{command.dataset.text}'")
        events = datasets(t, tables, command.where)
    keys = [key.name for key in command.by]
    if "fillnull_value" in command.options:
        value = string(command.option("fillnull_value"))
        texts = {key: as_str(field(events, FieldRef(key, 0))) for key in keys if key != "_time"}
        events = t.with_columns(events, {key: Sql(f"coalesce({text}, {value})", "str") for key, text in texts.items()})
    span = command.spans.get("_time") or command.options.get("span")
    if span is not None:
        size = chosen_span(events, span.text)
        events = t.with_columns(events, {"_time": Sql(size.bucket(quote("_time")), "time")})
        events = replace(events, span=size)
        keys = keys if "_time" in keys else [*keys, "_time"]
    return grouped(t, events, keys, command.aggregations)
