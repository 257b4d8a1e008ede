"""Commands that change fields or choose rows."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Command, Dedup, Eval, Fields, Head, Rename, Sort, SortKey, Where
from agents.data.spl.binder.scope import rename_by_wildcard
from agents.data.spl.transpile.relation import ORDER, Relation, Translation
from agents.data.spl.transpile.steps import compiler, ensured, field, matching, number_of, settled
from agents.data.spl.transpile.values import Kind, Sql, as_num, as_str, convert, duckdb_type, is_number, quote, string

_NUMBERS = ("num", "int")


def where(t: Translation, relation: Relation, command: Where) -> Relation:
    condition = compiler(t, relation).condition(command.expression)
    return t.step(relation, f"SELECT * FROM {relation.name} AS r WHERE {condition}")


def evaluate(t: Translation, relation: Relation, command: Eval) -> Relation:
    """Each assignment sees those before it."""
    for target, expression in command.assignments:
        if "{" in target.name.replace("{}", ""):
            raise NotExecutable("a field named by another field's value is not translated")
        value = compiler(t, relation).compile(expression)
        if target.name == "_time":
            value = Sql(convert(value, "time"), "time")
        elif value.kind == "null":
            value = Sql("CAST(NULL AS VARCHAR)", "str")
        relation = t.with_columns(relation, {target.name: settled(target.name, value)})
    return relation


def fields(t: Translation, relation: Relation, command: Fields) -> Relation:
    names = [name for ref in command.fields for name in matching(relation, ref)]
    if command.remove:
        return t.project(relation, [name for name in relation.columns if name not in names])
    if command.name == "table":
        relation = ensured(t, relation, names)
    kept = [name for name in names if name in relation.columns]
    if command.name == "table":
        return t.project(relation, kept)
    internal = [name for name in ("_time", "_raw") if name in relation.columns and name not in kept]
    head = [name for name in internal if name == "_time"]
    return t.project(relation, [*head, *kept, *(name for name in internal if name == "_raw")])


def rename(t: Translation, relation: Relation, command: Rename) -> Relation:
    for old, new in command.pairs:
        for name in matching(relation, old):
            target = rename_by_wildcard(name, old.name, new.name) if "*" in old.name else new.name
            if name in relation.columns and target != name:
                relation = _renamed(t, relation, name, target)
    return relation


def _renamed(t: Translation, relation: Relation, old: str, new: str) -> Relation:
    """The field keeps its place; one that already has the new name goes."""
    if any(f'"{name}"' in (relation.order or "") for name in (old, new)):
        relation = t.pin(relation)
    columns: dict[str, Kind] = {}
    items = []
    for name, kind in relation.columns.items():
        if name == new:
            continue
        value = settled(new, Sql(quote(name), kind)) if name == old else Sql(quote(name), kind)
        target = new if name == old else name
        columns[target] = value.kind
        items.append(f"{value.text} AS {quote(target)}")
    if relation.pinned:
        items.append(quote(ORDER))
    return t.step(relation, f"SELECT {', '.join(items)} FROM {relation.name}", columns)


def sort(t: Translation, relation: Relation, command: Sort) -> Relation:
    return ordered(t, relation, command.keys, command.limit)


def ordered(t: Translation, relation: Relation, keys: list[SortKey], limit: int = 0) -> Relation:
    """Rows renumbered in the order of the keys; rows without a key's field come last. limit: 0 is all."""
    terms = [term for key in keys if relation.get(key.field.name) for term in _terms(relation, key)]
    if relation.order:
        terms.append(relation.order)
    star = f"* EXCLUDE ({quote(ORDER)})" if relation.pinned else "*"
    number = f"row_number() OVER ({'ORDER BY ' + ', '.join(terms) if terms else ''})"
    kept = f" QUALIFY {number} <= {limit}" if limit else ""
    result = t.step(relation, f"SELECT {star}, {number} AS {quote(ORDER)} FROM {relation.name}{kept}")
    return replace(result, order=quote(ORDER), pinned=True)


def _terms(relation: Relation, key: SortKey) -> list[str]:
    """Numbers by value, text by character; in a text field numbers come before words, upwards."""
    value = field(relation, key.field)
    direction = "DESC" if key.descending else "ASC"
    if key.cast == "ip":
        parts = [f"TRY_CAST(split_part({as_str(value)}, '.', {n}) AS INTEGER)" for n in range(1, 5)]
        return [f"{part} {direction} NULLS LAST" for part in parts]
    if key.cast == "num":
        return [f"{as_num(value)} {direction} NULLS LAST"]
    if key.cast == "str":
        return [f"{as_str(value)} {direction} NULLS LAST"]
    if value.kind == "str":
        number = as_num(value)
        order = [f"({value.text} IS NULL)", f"({number} IS NULL) {direction}", f"{number} {direction}"]
        return [*order, f"{value.text} {direction}"]
    return [f"{value.text} {direction} NULLS LAST"]


def head(t: Translation, relation: Relation, command: Head) -> Relation:
    if command.condition is not None:
        return _while(t, relation, command)
    if command.name == "tail":
        return _tail(t, relation, command.count)
    order = f" ORDER BY {relation.order}" if relation.order else ""
    return t.step(relation, f"SELECT * FROM {relation.name}{order} LIMIT {command.count}")


def _tail(t: Translation, relation: Relation, count: int) -> Relation:
    """The last rows, the last one first."""
    backward = reverse(t, relation)
    return t.step(backward, f"SELECT * FROM {backward.name} ORDER BY {backward.order} LIMIT {count}")


def _while(t: Translation, relation: Relation, command: Head) -> Relation:
    """Rows up to the first for which the condition does not hold."""
    assert command.condition is not None
    if relation.order == f"{quote(ORDER)} DESC" or not relation.pinned:
        relation = ordered(t, relation, [])
    condition = compiler(t, relation).condition(command.condition)
    unknown = "true" if command.flag("null") else "false"
    stop = f"(SELECT min({quote(ORDER)}) FROM {relation.name} WHERE NOT coalesce({condition}, {unknown}))"
    before = "<=" if command.flag("keeplast") else "<"
    return t.step(relation, f"SELECT * FROM {relation.name} WHERE coalesce({quote(ORDER)} {before} {stop}, true)")


def reverse(t: Translation, relation: Relation, command: Command | None = None) -> Relation:
    relation = t.pin(relation)
    backward = relation.order == f"{quote(ORDER)} DESC"
    return replace(relation, order=quote(ORDER) if backward else f"{quote(ORDER)} DESC")


def dedup(t: Translation, relation: Relation, command: Dedup) -> Relation:
    """The first rows of each combination of values."""
    if command.flag("keepevents") or (command.flag("consecutive") and command.count > 1):
        raise NotExecutable("dedup is translated without keepevents, and consecutive for one of each")
    if command.keys:
        relation = ordered(t, relation, command.keys)
    relation = ensured(t, relation, [ref.name for ref in command.fields])
    names = [quote(ref.name) for ref in command.fields if field(relation, ref)]
    order = f" ORDER BY {relation.order}" if relation.order else ""
    first = f"row_number() OVER (PARTITION BY {', '.join(names)}{order}) <= {command.count}"
    there = " AND ".join(f"{name} IS NOT NULL" for name in names)
    if command.flag("consecutive"):
        over = f"OVER ({order.strip()})"
        same = " AND ".join(f"{name} IS NOT DISTINCT FROM lag({name}) {over}" for name in names)
        first = f"(row_number() {over} = 1 OR NOT ({same}))"
    if command.flag("keepempty"):
        kept = f"({first} OR NOT ({there}))"
        return t.step(relation, f"SELECT * FROM {relation.name} QUALIFY {kept}")
    return t.step(relation, f"SELECT * FROM {relation.name} WHERE {there} QUALIFY {first}")


def fill_null(t: Translation, relation: Relation, command: Fields) -> Relation:
    value = command.option("value", "0")
    names = [name for ref in command.fields for name in matching(relation, ref)] or list(relation.columns)
    changes = {name: _filled(relation, name, value) for name in names if relation.columns.get(name) != "time"}
    return t.with_columns(relation, changes) if changes else relation


def _filled(relation: Relation, name: str, value: str) -> Sql:
    found = relation.get(name)
    if found is None:
        return Sql(value, "num") if is_number(value) else Sql(string(value), "str")
    if found.kind in _NUMBERS and is_number(value):
        kind: Kind = "int" if found.kind == "int" and value.lstrip("-").isdigit() else "num"
        return Sql(f"coalesce({found.text}, {value})", kind)
    if found.kind == "mv":
        return Sql(f"coalesce({found.text}, [{string(value)}])", "mv")
    return Sql(f"coalesce({as_str(found)}, {string(value)})", "str")


def fill_down(t: Translation, relation: Relation, command: Fields) -> Relation:
    relation = t.pin(relation)
    names = [name for ref in command.fields for name in matching(relation, ref)] or list(relation.columns)
    over = f"OVER (ORDER BY {relation.order} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    changes = {
        name: Sql(f"last_value({quote(name)} IGNORE NULLS) {over}", kind)
        for name, kind in relation.columns.items()
        if name in names
    }
    return t.with_columns(relation, changes)


def add_totals(t: Translation, relation: Relation, command: Fields) -> Relation:
    names = [name for ref in command.fields for name in matching(relation, ref)]
    numeric = names or [name for name, kind in relation.columns.items() if kind in _NUMBERS]
    if command.name == "addtotals" and command.flag("row", True):
        total = " + ".join(f"coalesce({number_of(relation, name)}, 0)" for name in numeric) or "0"
        fieldname = command.option("fieldname", "Total")
        relation = t.with_columns(relation, {fieldname: Sql(f"({total})", "num")})
        numeric = [*numeric, fieldname]
    if command.name == "addcoltotals" or command.flag("col"):
        relation = _column_totals(t, relation, numeric, command)
    return relation


def _column_totals(t: Translation, relation: Relation, numeric: list[str], command: Fields) -> Relation:
    """One more row at the end, with each number's sum."""
    relation = t.pin(relation)
    labelled = command.option("labelfield")
    label = Sql(string(command.option("label", "Total")), "str")
    if labelled and labelled not in relation.columns:
        relation = t.with_columns(relation, {labelled: Sql("CAST(NULL AS VARCHAR)", "str")})
    sums = []
    for name, kind in relation.columns.items():
        value = "NULL"
        if name in numeric:
            value = f"sum({number_of(relation, name)})"
        elif name == labelled:
            value = label.text
        sums.append(f"CAST({value} AS {duckdb_type(kind)}) AS {quote(name)}")
    items = ", ".join([*map(quote, relation.columns), quote(ORDER)])
    last = f"SELECT {', '.join(sums)}, coalesce(max({quote(ORDER)}), 0) + 1 FROM {relation.name}"
    return t.step(relation, f"SELECT {items} FROM {relation.name} UNION ALL {last}")
