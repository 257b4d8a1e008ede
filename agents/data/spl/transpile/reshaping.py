"""xyseries, untable and uniq: tables turned from long to wide and back."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

from dataclasses import replace

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Eval, FieldRef, Generic
from agents.data.spl.transpile.pivoting import in_order
from agents.data.spl.transpile.relation import ORDER, Relation, Translation
from agents.data.spl.transpile.steps import ensured, field, settled
from agents.data.spl.transpile.values import Kind, Sql, as_str, common_kind, convert, quote, string


def _three(command: Generic) -> list[str]:
    if len(command.words) != 3 or command.options:
        raise NotExecutable(f"{command.name} is translated for three fields, without options")
    return [word.text for word in command.words]


def wide(t: Translation, relation: Relation, command: Generic) -> Relation:
    """xyseries: a row for each value of the first field, a column for each of the second, the third in the cells."""
    row, name, value = _three(command)
    relation = t.pin(ensured(t, relation, [row, name, value]))
    label = as_str(field(relation, FieldRef(name, 0)))
    cell = field(relation, FieldRef(value, 0))
    key = settled(row, field(relation, FieldRef(row, 0)))
    names = in_order(t.asked(f"SELECT DISTINCT {label} FROM {relation.name} WHERE {label} IS NOT NULL"))
    columns: dict[str, Kind] = {row: key.kind, **dict.fromkeys(names, cell.kind)}
    items = [f"{key.text} AS {quote(row)}"]
    items += [f"last({cell.text} ORDER BY {relation.order}) FILTER (WHERE {label} = {string(one)})" for one in names]
    named = [items[0], *(f"{item} AS {quote(one)}" for item, one in zip(items[1:], names, strict=True))]
    source = f"FROM {relation.name} WHERE {quote(row)} IS NOT NULL GROUP BY {relation.name}.{quote(row)}"
    return t.fresh(f"SELECT {', '.join(named)} {source}", columns, quote(row), open=True)


def long(t: Translation, relation: Relation, command: Generic) -> Relation:
    """untable: a row for each cell that holds something, with the first field, the column's name and the value."""
    row, name, value = _three(command)
    relation = t.pin(ensured(t, relation, [row]))
    key = field(relation, FieldRef(row, 0))
    cells = [Sql(quote(column), kind) for column, kind in relation.columns.items() if column != row]
    labels = [column for column in relation.columns if column != row]
    kind = common_kind(cells) if cells else "str"
    selects = [
        f"SELECT {quote(row)}, {string(label)} AS {quote(name)}, {convert(cell, kind)} AS {quote(value)}, "
        f"{quote(ORDER)} AS {quote('#row')}, {place} AS {quote('#place')} FROM {relation.name} "
        f"WHERE {cell.text} IS NOT NULL"
        for place, (label, cell) in enumerate(zip(labels, cells, strict=True))
    ]
    if not selects:
        nothing = f"NULL AS {quote(value)}, 0 AS {quote('#row')}, 0 AS {quote('#place')}"
        selects = [f"SELECT {quote(row)}, '' AS {quote(name)}, {nothing} FROM {relation.name} WHERE false"]
    columns: dict[str, Kind] = {row: key.kind, name: "str", value: kind}
    order = f"{quote('#row')}, {quote('#place')}"
    union = t.add(" UNION ALL ".join(selects))
    items = ", ".join([*map(quote, columns), f"row_number() OVER (ORDER BY {order}) AS {quote(ORDER)}"])
    return replace(t.fresh(f"SELECT {items} FROM {union}", columns, quote(ORDER)), pinned=True)


def without_repeats(t: Translation, relation: Relation, command: Generic) -> Relation:
    """uniq: a row just like the one before it goes."""
    relation = t.pin(relation)
    same = " AND ".join(
        f"{quote(name)} IS NOT DISTINCT FROM lag({quote(name)}) OVER (ORDER BY {relation.order})"
        for name in relation.columns
    )
    first = f"row_number() OVER (ORDER BY {relation.order}) = 1"
    return t.step(relation, f"SELECT * FROM {relation.name} QUALIFY {first} OR NOT ({same or 'false'})")


def shown_otherwise(t: Translation, relation: Relation, command: Eval) -> Relation:
    """fieldformat: how a value is shown; the value stays."""
    return relation
