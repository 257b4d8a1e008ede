"""Commands that bring rows of two sources together, and transaction."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import (
    All,
    Any,
    Combine,
    Comparison,
    Expression,
    FieldRef,
    Generic,
    Lookup,
    Not,
    SearchExpression,
    Subsearch,
    Term,
    Transaction,
    Within,
)
from agents.data.spl.sources import find_lookup
from agents.data.spl.transpile.reading import read
from agents.data.spl.transpile.relation import ORDER, Relation, Translation, known
from agents.data.spl.transpile.steps import compiler, condition, ensured, field, needs_time
from agents.data.spl.transpile.times import span
from agents.data.spl.transpile.values import Kind, Sql, as_str, common_kind, convert, duckdb_type, quote, whole
from shared.catalog import Table


def lookup(t: Translation, relation: Relation, command: Lookup) -> Relation:
    """The lookup's fields; several rows that match make them multivalue. OUTPUTNEW keeps what the event has."""
    table = find_lookup(command.table.name, t.catalog)
    if table is None:
        raise NotExecutable(f"there is no lookup '{command.table.name}'")
    relation = ensured(t, relation, [event.name for _, event in command.pairs])
    kinds, items = read(t, table)
    keys = [(column.name, event) for column, event in command.pairs]
    outputs = [(column.name, event.name) for column, event in command.outputs] or [
        (name, name) for name in kinds if name not in {column for column, _ in keys}
    ]
    if missing := {column for column, _ in [*keys, *outputs]} - kinds.keys():
        raise NotExecutable(f"the lookup '{table.name}' has no field '{sorted(missing)[0]}'")
    matched = {column: as_str(Sql(items[column], kinds[column])) for column, _ in keys}
    named = ", ".join(f"{text} AS {quote(column)}" for column, text in matched.items())
    gathered = f"list(r ORDER BY rowid) AS {quote('#rows')}"
    by = ", ".join(matched.values())
    rows = t.add(f"SELECT {named}, {gathered} FROM {quote(table.name)} AS r GROUP BY {by}")
    several = bool(t.asked(f"SELECT 'several' FROM {rows} WHERE len({quote('#rows')}) > 1 LIMIT 1"))
    on = " AND ".join(_equal(relation, event, Sql(f"l.{quote(column)}", "str")) for column, event in keys)
    changes: dict[str, Sql] = {}
    for column, event_field in outputs:
        value = _looked_up(t, table, column, several)
        old = relation.get(event_field) if event_field in relation.columns else None
        if old is not None and not command.overwrite:
            kind = common_kind([old, value])
            value = Sql(f"coalesce({convert(Sql(f'r.{old.text}', old.kind), kind)}, {convert(value, kind)})", kind)
        changes[event_field] = value
    return _joined(t, relation, f"LEFT JOIN {rows} AS l ON {on}", changes)


def _looked_up(t: Translation, table: Table, column: str, several: bool) -> Sql:
    """The column of the one row that matched, or the values of those that did."""
    kinds, items = read(t, table, "e" if several else f"l.{quote('#rows')}[1]")
    value = Sql(items[column], kinds[column])
    if not several:
        return value
    found = f"list_filter(list_transform(l.{quote('#rows')}, lambda e: {as_str(value)}), lambda f: f IS NOT NULL)"
    return Sql(f"(CASE WHEN len({found}) > 0 THEN {found} END)", "mv")


def _equal(relation: Relation, event: FieldRef, theirs: Sql) -> str:
    ours = field(relation, event)
    return f"{as_str(Sql(f'r.{ours.text}', ours.kind))} = {as_str(theirs)}"


def _joined(t: Translation, relation: Relation, join: str, changes: dict[str, Sql]) -> Relation:
    """The relation with fields set from what is joined to it."""
    if any(f'"{name}"' in (relation.order or "") for name in changes):
        relation = t.pin(relation)
    old = [f"{sql.text} AS {quote(name)}" for name, sql in changes.items() if name in relation.columns]
    new = [f"{sql.text} AS {quote(name)}" for name, sql in changes.items() if name not in relation.columns]
    star = f"r.* REPLACE ({', '.join(old)})" if old else "r.*"
    columns = {**relation.columns, **{name: known(sql.kind) for name, sql in changes.items()}}
    return t.step(relation, f"SELECT {', '.join([star, *new])} FROM {relation.name} AS r {join}", columns)


def join(t: Translation, relation: Relation, command: Combine) -> Relation:
    if command.options.keys() & {"left", "right", "usetime", "earlier"}:
        raise NotExecutable("join is translated with fields, type, max and overwrite")
    other = t.pin(t.subsearch(command.subsearches[0]))
    keys = [ref.name for ref in command.fields] or [
        name for name in relation.columns if name in other.columns and not name.startswith("_")
    ]
    if not keys:
        raise NotExecutable("join needs fields that both sides are known to have")
    relation, other = ensured(t, relation, keys), ensured(t, other, keys)
    texts = {name: as_str(Sql(f"q.{quote(name)}", other.columns[name])) for name in keys if name in other.columns}
    if len(texts) < len(keys):
        raise NotExecutable("join needs fields that both sides have")
    most = whole(command.option("max", "1"))
    partition = ", ".join(texts.values())
    kept = f" QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY {quote(ORDER)}) <= {most}" if most else ""
    right = t.add(f"SELECT * FROM {other.name} AS q{kept}")
    on = " AND ".join(
        _equal(relation, FieldRef(name, 0), Sql(f"q.{quote(name)}", other.columns[name])) for name in keys
    )
    kind = "LEFT JOIN" if command.option("type", "inner") in ("left", "outer") else "JOIN"
    changes = {
        name: _overwritten(relation, name, Sql(f"q.{quote(name)}", other.columns[name]), command)
        for name in other.columns
        if name not in keys
    }
    return _joined(t, relation, f"{kind} {right} AS q ON {on}", changes)


def _overwritten(relation: Relation, name: str, theirs: Sql, command: Combine) -> Sql:
    if name not in relation.columns:
        return theirs
    ours = Sql(f"r.{quote(name)}", relation.columns[name])
    kind = common_kind([ours, theirs])
    pair = [convert(theirs, kind), convert(ours, kind)]
    return Sql(f"coalesce({', '.join(pair if command.flag('overwrite', True) else reversed(pair))})", kind)


def stacked(t: Translation, first: Relation, *others: Relation) -> Relation:
    """The rows of one after those of the other, with the fields of all."""
    parts = [t.pin(part) for part in (first, *others)]
    columns: dict[str, Kind] = {}
    for part in parts:
        for name, kind in part.columns.items():
            columns[name] = common_kind([Sql("", columns.get(name, kind)), Sql("", kind)])
    selects = []
    for place, part in enumerate(parts):
        position = f"row_number() OVER (ORDER BY {part.order})"
        selects.append(
            f"SELECT {place} AS {quote('#part')}, {position} AS {quote(ORDER)}, {_cast(part, columns)} FROM {part.name}"
        )
    union = t.add(" UNION ALL ".join(selects))
    number = f"row_number() OVER (ORDER BY {quote('#part')}, {quote(ORDER)}) AS {quote(ORDER)}"
    items = ", ".join([*map(quote, columns), number])
    result = t.fresh(f"SELECT {items} FROM {union}", columns, quote(ORDER), open=any(part.open for part in parts))
    return replace(result, pinned=True)


def _cast(part: Relation, columns: dict[str, Kind]) -> str:
    items = []
    for name, kind in columns.items():
        value = convert(Sql(quote(name), part.columns[name]), kind) if name in part.columns else "NULL"
        items.append(f"CAST({value} AS {duckdb_type(kind)}) AS {quote(name)}")
    return ", ".join(items)


def append(t: Translation, relation: Relation, command: Combine) -> Relation:
    return stacked(t, relation, t.subsearch(command.subsearches[0]))


def append_pipe(t: Translation, relation: Relation, command: Combine) -> Relation:
    return stacked(t, relation, t.run(command.subsearches[0].pipeline, relation))


def append_columns(t: Translation, relation: Relation, command: Combine) -> Relation:
    """Row by row, in their orders."""
    other = t.subsearch(command.subsearches[0])
    rows = t.pin(other)
    mine = t.pin(relation)
    override = command.flag("override")
    changes = {
        name: _beside(mine, name, kind) for name, kind in other.columns.items() if override or name not in mine.columns
    }
    numbered = [
        t.add(f"SELECT *, row_number() OVER (ORDER BY {part.order}) AS {quote('#row')} FROM {part.name}")
        for part in (mine, rows)
    ]
    left = replace(mine, name=t.add(f"SELECT * FROM {numbered[0]}"))
    joined = _joined(t, left, f"LEFT JOIN {numbered[1]} AS q ON r.{quote('#row')} = q.{quote('#row')}", changes)
    return t.step(joined, f"SELECT * EXCLUDE ({quote('#row')}) FROM {joined.name}")


def _beside(mine: Relation, name: str, kind: Kind) -> Sql:
    """The field of the row beside this one; a row with none beside keeps its own."""
    theirs = Sql(f"q.{quote(name)}", kind)
    if name not in mine.columns:
        return theirs
    ours = Sql(f"r.{quote(name)}", mine.columns[name])
    both = common_kind([ours, theirs])
    beside = f"q.{quote('#row')} IS NOT NULL"
    return Sql(f"(CASE WHEN {beside} THEN {convert(theirs, both)} ELSE {convert(ours, both)} END)", both)


def union(t: Translation, relation: Relation | None, command: Combine) -> Relation:
    """union and multisearch: all rows, newest first where they have a time."""
    if command.fields:
        raise NotExecutable("union is translated for subsearches")
    parts = [t.subsearch(item) for item in command.subsearches]
    rows = stacked(t, *([relation] if relation else []), *parts)
    if "_time" in rows.columns:
        return replace(rows, order=f"{quote('_time')} DESC, {quote(ORDER)}")
    return rows


def returned(t: Translation, relation: Relation, command: Generic) -> Relation:
    """`return [N] field alias=field`: the first rows, these fields."""
    words = [word.text for word in command.words]
    count = whole(words.pop(0)) if words and words[0].isdecimal() else 1
    pairs = [word.partition("=")[::2] if "=" in word else (word, word) for word in words]
    if any(source.startswith("$") for _, source in pairs):
        raise NotExecutable("return $field makes search terms only its rows can tell")
    items = ", ".join(f"{field(relation, FieldRef(source, 0)).text} AS {quote(name)}" for name, source in pairs)
    columns: dict[str, Kind] = {name: field(relation, FieldRef(source, 0)).kind for name, source in pairs}
    order = f" ORDER BY {relation.order}" if relation.order else ""
    return t.fresh(f"SELECT {items} FROM {relation.name}{order} LIMIT {count}", columns)


def transaction(t: Translation, relation: Relation, command: Transaction) -> Relation:
    """Events of the same fields, near in time, as one row; times ascending within it."""
    if command.options.keys() - {"maxpause", "mvlist"} or command.flag("mvlist"):
        raise NotExecutable("transaction is translated with fields, maxpause, startswith and endswith")
    needs_time(relation, "transaction")
    relation = ensured(t, relation, [ref.name for ref in command.fields])
    keys = [quote(ref.name) for ref in command.fields if field(relation, ref)]
    marks = {"#start": _boundary(t, relation, command.starts), "#end": _boundary(t, relation, command.ends)}
    there = " AND ".join(f"{key} IS NOT NULL" for key in keys) or "true"
    items = ", ".join(f"{sql or 'false'} AS {quote(name)}" for name, sql in marks.items())
    events = t.add(f"SELECT *, {items} FROM {relation.name} AS r WHERE {there}")
    by = f"PARTITION BY {', '.join(keys)} " if keys else ""
    time, over = quote("_time"), f"OVER ({by}ORDER BY {quote('_time')})"
    breaks = [quote("#start"), f"coalesce(lag({quote('#end')}) {over}, false)"]
    if pause := command.option("maxpause"):
        breaks.append(f"coalesce({time} - lag({time}) {over} > {span(pause).interval}, false)")
    cut = t.add(f"SELECT *, CAST({' OR '.join(breaks)} AS INTEGER) AS {quote('#cut')} FROM {events}")
    groups = t.add(f"SELECT *, sum({quote('#cut')}) {over} AS {quote('#group')} FROM {cut}")
    return _transactions(t, relation, groups, command, marks)


def _boundary(t: Translation, relation: Relation, node: Expression | SearchExpression | None) -> str | None:
    if node is None:
        return None
    if isinstance(node, Term | All | Any | Comparison | Not | Within):
        return condition(t, relation, node)
    if isinstance(node, Subsearch):
        raise NotExecutable("a subsearch as a transaction's boundary is not translated")
    return f"coalesce({compiler(t, relation).condition(node)}, false)"


def _transactions(
    t: Translation, relation: Relation, groups: str, command: Transaction, marks: dict[str, str | None]
) -> Relation:
    keys = [ref.name for ref in command.fields]
    time = quote("_time")
    items = [f"min({time}) AS {time}"]
    kinds: dict[str, Kind] = {"_time": "time"}
    for name, kind in relation.columns.items():
        if name in ("_time", "duration", "eventcount"):
            continue
        value = Sql(quote(name), kind)
        if name in keys:
            items.append(quote(name))
            kinds[name] = kind
        elif name == "_raw":
            items.append(f"string_agg({quote(name)}, chr(10) ORDER BY {time}) AS {quote(name)}")
            kinds[name] = "str"
        else:
            gathered = f"list(DISTINCT {as_str(value)}) FILTER (WHERE {quote(name)} IS NOT NULL)"
            items.append(f"list_sort({gathered}) AS {quote(name)}")
            kinds[name] = "mv"
    items += [f"epoch(max({time})) - epoch(min({time})) AS duration", "count(*) AS eventcount"]
    kinds |= {"duration": "num", "eventcount": "int"}
    needed = [f"bool_or({quote(name)})" for name, sql in marks.items() if sql]
    having = f" HAVING {' AND '.join(needed)}" if needed else ""
    group = ", ".join([*map(quote, keys), quote("#group")])
    return t.fresh(f"SELECT {', '.join(items)} FROM {groups} GROUP BY {group}{having}", kinds, f"{time} DESC")
