"""Commands that change fields or choose rows."""

from __future__ import annotations

from dataclasses import replace

from agents.data.plan.model import (
    Column,
    Constant,
    Drop,
    Expr,
    Extend,
    Filter,
    IsNull,
    Limit,
    Named,
    Not,
    Project,
    Rename,
    Renaming,
    SortKey,
    Top,
    Unsayable,
)
from agents.data.plan.nulls import all_of, may_be_null
from agents.data.plan.read_spl.expressions import Eval, call
from agents.data.plan.read_spl.searching import number
from agents.data.plan.read_spl.state import Rows
from agents.data.plan.read_spl.times import bucket, duration
from agents.data.plan.walk import columns_in
from agents.data.spl.ast import Bin, Dedup, FieldRef, Fields, Head, Where
from agents.data.spl.ast import Eval as EvalCommand
from agents.data.spl.ast import Rename as RenameCommand
from agents.data.spl.ast import Sort as SortCommand
from agents.data.spl.binder.scope import rename_by_wildcard, wildcard


def matching(rows: Rows, ref: FieldRef) -> list[str]:
    """The fields that a name, maybe with `*`, stands for."""
    if "*" in ref.name:
        return [name for name in rows.columns if wildcard(name, ref.name)]
    return [ref.name] if ref.name in rows.columns else []


def where(rows: Rows, command: Where) -> Rows:
    return rows.then(Filter(condition=Eval(rows).read(command.expression)))


def extended(rows: Rows, *columns: Named) -> Rows:
    """With these fields set, all at once."""
    names = [one.name for one in columns]
    present = [one.name for one in columns if not may_be_null(one.value, rows.present)]
    return rows.without(*names).then(Extend(columns=columns), present=present)


def evaluate(rows: Rows, command: EvalCommand) -> Rows:
    """Each assignment sees those before it, so one that reads them is a step of its own."""
    batch: list[Named] = []
    for target, expression in command.assignments:
        if "{" in target.name:
            raise Unsayable("a field named by another field's value", "a plan")
        if batch and _reads(rows, batch, target.name, expression):
            rows, batch = extended(rows, *batch), []
        evaluated = Eval(rows)
        value = evaluated.read(expression)
        batch.append(Named(name=target.name, value=evaluated.time(value) if target.name == "_time" else value))
    return extended(rows, *batch) if batch else rows


def _reads(rows: Rows, batch: list[Named], target: str, expression: object) -> bool:
    set_before = {one.name for one in batch}
    after = extended(rows, *batch)
    return target in set_before or bool(columns_in(Eval(after).read(expression)) & set_before)  # type: ignore[arg-type]


def project(rows: Rows, names: list[str]) -> Rows:
    """Only these fields. An order by fields that are no longer there is put into the plan before."""
    if list(rows.columns) == names:
        return rows
    if not names:
        raise Unsayable("rows without fields", "a plan")
    found = rows.then(Project(columns=tuple(Named(name=name, value=Column(name=name)) for name in names)))
    kept = all(not isinstance(key.value, Column) or key.value.name in names for key in rows.order)
    return found if kept else replace(found, order=())


def fields(rows: Rows, command: Fields) -> Rows:
    names = list(dict.fromkeys(name for ref in command.fields for name in matching(rows, ref)))
    if command.remove:
        gone = tuple(name for name in names if name in rows.columns)
        return rows.without(*gone).then(Drop(names=gone)) if gone else rows
    if command.name == "table":
        return project(rows, names)
    head = [name for name in ("_time",) if name in rows.columns and name not in names]
    tail = [name for name in ("_raw",) if name in rows.columns and name not in names]
    return project(rows, [*head, *names, *tail])


def rename(rows: Rows, command: RenameCommand) -> Rows:
    for old, new in command.pairs:
        for name in matching(rows, old):
            target = rename_by_wildcard(name, old.name, new.name) if "*" in old.name else new.name
            if target != name:
                rows = _renamed(rows, name, target)
    return rows


def _renamed(rows: Rows, old: str, new: str) -> Rows:
    """A field that already has the new name goes."""
    if new in rows.columns:
        rows = rows.without(new).then(Drop(names=(new,)))
    was_there, values = old in rows.present, rows.values.get(old)
    order = tuple(
        key.model_copy(update={"value": Column(name=new)}) if key.value == Column(name=old) else key
        for key in rows.order
    )
    ordered = rows.ordered
    rows = rows.without(old).then(Rename(columns=(Renaming(name=new, was=old),)), present=[new] if was_there else [])
    known = {**rows.values, new: values} if values else rows.values
    return replace(rows, order=order, ordered=ordered, values=known)


def sort(rows: Rows, command: SortCommand) -> Rows:
    """limit 10,000 is what sort has where none is written, and is not taken for one."""
    keys = tuple(_sort_key(rows, key.field.name, key.descending, key.cast) for key in command.keys)
    rows = replace(rows, order=keys, ordered=False).in_order()
    return rows.then(Limit(count=command.limit)) if command.limit not in (0, 10_000) else rows


def _sort_key(rows: Rows, name: str, descending: bool, cast: str) -> SortKey:
    column = rows.column(name)
    if cast == "ip":
        raise Unsayable("a sort of addresses", "a plan")
    value: Expr = Eval(rows).number(column) if cast == "num" else column
    return SortKey(value=value, descending=descending)


def head(rows: Rows, command: Head) -> Rows:
    if command.condition is not None:
        raise Unsayable("head while a condition holds", "a plan")
    return (rows.in_order() if rows.order else rows).then(Limit(count=command.count))


def tail(rows: Rows, command: Head) -> Rows:
    """The last rows, the last one first."""
    if not rows.order:
        raise Unsayable("the last of rows in no order", "a plan")
    keys = tuple(key.model_copy(update={"descending": not key.descending}) for key in rows.order)
    return replace(rows, order=keys, ordered=False).in_order().then(Limit(count=command.count))


def dedup(rows: Rows, command: Dedup) -> Rows:
    """The first rows of each combination of values, of the rows that have all of them."""
    if command.flag("consecutive") or command.flag("keepevents") or command.flag("keepempty"):
        raise Unsayable("dedup with consecutive, keepevents or keepempty", "a plan")
    keys = tuple(_sort_key(rows, key.field.name, key.descending, key.cast) for key in command.keys)
    names = [ref.name for ref in command.fields]
    rows = there(rows, names)
    order = (*keys, *rows.order)
    groups = tuple(rows.column(name) for name in names)
    found = rows.then(Top(groups=groups, order=order, count=command.count))
    return replace(found, order=order, ordered=False)


def there(rows: Rows, names: list[str]) -> Rows:
    """Only the rows that have these fields."""
    missing: list[Expr] = [Not(operand=IsNull(operand=rows.column(name))) for name in names if name not in rows.present]
    return rows.then(Filter(condition=all_of(missing))) if missing else rows


def fill_null(rows: Rows, command: Fields) -> Rows:
    text = command.option("value", "0")
    names = [name for ref in command.fields for name in matching(rows, ref)] or list(rows.columns)
    changes = [_filled(rows, name, text) for name in names if name not in rows.present and name != "_time"]
    return extended(rows, *changes) if changes else rows


def _filled(rows: Rows, name: str, text: str) -> Named:
    column = Column(name=name)
    if rows.columns[name] in ("int", "real") and text.lstrip("-").replace(".", "", 1).isdigit():
        return Named(name=name, value=call("coalesce", column, number(text)))
    if rows.columns[name] not in ("string", "int", "real"):
        raise Unsayable(f"fillnull of the field '{name}'", "a plan")
    return Named(name=name, value=call("coalesce", Eval(rows).text(column), Constant(type="string", value=text)))


def binned(rows: Rows, command: Bin) -> Rows:
    """bin and bucket of a time; ranges of numbers are text in SPL (`0-100`)."""
    if command.options.keys() - {"span"} or not command.option("span"):
        raise Unsayable("bin without a span, or with start, end or aligntime", "a plan")
    column = rows.column(command.field.name)
    if rows.columns[column.name] not in ("datetime", "date"):
        raise Unsayable("bin of numbers into ranges", "a plan")
    target = command.alias.name if command.alias else column.name
    value = bucket(column, duration(command.option("span")))
    order, ordered = rows.order, rows.ordered
    found = extended(rows, Named(name=target, value=value))
    kept = ordered or all(key.value != Column(name=target) for key in order)
    return replace(found, order=order if kept else (), ordered=ordered)
