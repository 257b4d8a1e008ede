"""Rows of several sources: joins by lookup, join or subsearch; unions by append; single values of another search."""

from __future__ import annotations

from collections.abc import Iterable

from agents.data.plan.model import (
    Aggregate,
    Column,
    Expr,
    Filter,
    Join,
    Key,
    Project,
    QueryPlan,
    Rename,
    Scalar,
    Step,
    Table,
    Top,
    Union,
    Unsayable,
)
from agents.data.plan.needs import Needs
from agents.data.plan.read_spl.state import required
from agents.data.plan.schema import Columns, call_type, columns_of
from agents.data.plan.to_spl.aggregating import call
from agents.data.plan.to_spl.expressions import Evaluator
from agents.data.plan.to_spl.names import eval_name, field
from agents.data.plan.to_spl.terms import conjuncts
from agents.data.plan.to_spl.writer import Writer
from agents.data.plan.uniqueness import is_unique
from agents.data.plan.walk import columns_in
from shared.catalog import Catalog


def _written(plan: QueryPlan, catalog: Catalog) -> Writer:
    from agents.data.plan.to_spl.steps import written  # steps combine with this

    return written(plan, catalog)


# --- values of another search -------------------------------------------------------------------------------------


def values_of(w: Writer, plan: QueryPlan, name: str) -> str:
    """The subsearch that stands for `name` being one of its values."""
    inner = _written(plan, w.catalog)
    own = inner.fields[next(iter(inner.columns))]
    if own == "_time" or name == "_time":
        raise Unsayable("a time among those of another search", "SPL")
    if own != name:
        inner.add(f"rename {field(own)} AS {field(name)}")
    _only(inner, [name])
    return inner.subsearch()


def _only(w: Writer, names: list[str]) -> None:
    """Only these fields; the table before, which has them, says less."""
    if w.commands and w.commands[-1].startswith("table ") and set(names) <= set(w.shown):
        w.commands.pop()
    elif w.shows(names):
        return
    w.add("fields " + " ".join(field(name) for name in names))


def scalar_value(w: Writer, scalar: Scalar) -> str:
    """The single value as an expression: of a field made by eventstats if it is of these rows, else one joined to
    all of them."""
    return _of_these_rows(w, scalar.plan) or _of_other_rows(w, scalar.plan)


def _of_these_rows(w: Writer, plan: QueryPlan) -> str | None:
    """`avg(x)` or `avg(x) * 2` of the rows that the search has so far."""
    steps = list(plan.steps)
    result = steps.pop() if steps and isinstance(steps[-1], Project) else None
    aggregate = steps.pop() if steps else None
    if not isinstance(aggregate, Aggregate) or aggregate.groups:
        return None
    while steps and isinstance(steps[-1], Project) and _is_plain(steps[-1]):
        steps.pop()
    if plan.source != w.so_far.source or _filtered(steps) != _filtered(w.so_far.steps):
        return None
    fields = {one.name: w.new_name(one.name) for one in aggregate.measures}
    calls = [f"{call(w, one, None)} as {field(fields[one.name])}" for one in aggregate.measures]
    w.add(f"eventstats {' '.join(calls)}")
    w.scalars += fields.values()
    columns: Columns = {one.name: call_type(one, w.columns) for one in aggregate.measures}
    if not isinstance(result, Project):
        return eval_name(fields[aggregate.measures[0].name])
    text = Evaluator(columns, fields, w.scalar).value(result.columns[0].value)
    return text if text in fields.values() else f"({text})"


def _is_plain(step: Project) -> bool:
    return all(one.value == Column(name=one.name) for one in step.columns)


def _filtered(steps: Iterable[Step]) -> list[object]:
    """The steps, the conditions of their filters in any order."""
    return [frozenset(conjuncts(step.condition)) if isinstance(step, Filter) else step for step in steps]


def _of_other_rows(w: Writer, plan: QueryPlan) -> str:
    inner = _written(plan, w.catalog)
    name, joint = w.new_name("value"), w.new_name("joint")
    own = inner.fields[next(iter(inner.columns))]
    inner.add(f"eval {joint}=1, {name}={eval_name(own)}")
    inner.add(f"fields {joint} {name}")
    w.add(f"eval {joint}=1")
    w.add(f"join type=left {joint} {inner.subsearch()}")
    w.scalars += [name, joint]
    return name


# --- joins --------------------------------------------------------------------------------------------------------


def join(w: Writer, step: Join, needs: Needs, following: Step | None) -> None:
    if step.how in ("semi", "anti"):
        _among(w, step)
        return
    if step.how == "full":
        raise Unsayable("a full outer join", "SPL")
    if step.condition is not None and step.how == "left":
        raise Unsayable("a left join with a condition beside its keys", "SPL")
    wanted = needs.plus(columns_in(step.condition)) if step.condition is not None else needs
    right = columns_of(step.right, w.catalog)
    if right is None:
        raise Unsayable("a join with a table that the catalog lacks", "SPL")
    outputs = [name for name in right if name not in w.columns and wanted.has(name)]
    if not _by_lookup(w, step, outputs, following):
        _by_join(w, step, outputs)
    w.newest, w.order, w.few = False, (), False
    w.shown = []
    w.fields |= {name: w.fields.get(name, name) for name in right}
    if step.condition is not None:
        w.columns = {**right, **w.columns}
        w.add(f"where {w.condition(step.condition)}")


def _among(w: Writer, step: Join) -> None:
    """Rows with, or without, a partner: the partners' keys as search terms."""
    if step.condition is not None or not step.keys:
        raise Unsayable(f"a {step.how} join with a condition", "SPL")
    inner = _written(step.right, w.catalog)
    names = [_key(w, inner, key) for key in step.keys]
    _only(inner, names)
    text = inner.subsearch() if step.how == "semi" else f"NOT {inner.subsearch()}"
    if w.searching and w.terms is not None:
        w.terms.append(text)
    else:
        w.add(f"search {text}")


def _by_lookup(w: Writer, step: Join, outputs: list[str], following: Step | None) -> bool:
    """A lookup with one row for each value of its key is what `lookup` is for."""
    plain = _lookup_table(w.catalog, step.right)
    if plain is None or len(step.keys) != 1 or not outputs:
        return False
    table, names, first_of = plain
    key = step.keys[0]
    if not isinstance(key.left, Column) or not isinstance(key.right, Column) or key.right.name not in names:
        return False
    column = names[key.right.name]
    if column != first_of and not is_unique(QueryPlan(source=Table(name=table)), [column], w.catalog):
        return False
    own = field(w.fields[key.left.name])
    matched = own if own == column else f"{field(column)} AS {own}"
    # The key under its own name is a second copy of the event's.
    found = [f"{field(names[name])} AS {field(name)}" if names[name] != name else field(name) for name in outputs]
    w.add(f"lookup {field(table)} {matched} OUTPUT {' '.join(found)}")
    if step.how == "inner" and not _requires(following, outputs):
        w.add(f"where isnotnull({eval_name(outputs[0])})")
    return True


def _lookup_table(catalog: Catalog, plan: QueryPlan) -> tuple[str, dict[str, str], str | None] | None:
    """The lookup that a plan reads as it is, its columns by the names they get, and the one whose first rows it takes,
    as the command lookup does."""
    if not isinstance(plan.source, Table) or (table := catalog.find(plan.source.name)) is None:
        return None
    names = {column.name: column.name for column in table.columns}
    first_of = None
    for step in plan.steps:
        if isinstance(step, Project) and all(isinstance(one.value, Column) for one in step.columns):
            names = {one.name: names[one.value.name] for one in step.columns if isinstance(one.value, Column)}
        elif isinstance(step, Rename):
            new = {one.was: one.name for one in step.columns}
            names = {new.get(name, name): column for name, column in names.items()}
        elif isinstance(step, Top) and len(step.groups) == 1 and step.count == 1 and not step.order:
            first_of = names[step.groups[0].name] if isinstance(step.groups[0], Column) else None
        else:
            return None
    return (table.name, names, first_of) if table.kind == "lookup" else None


def _requires(following: Step | None, outputs: list[str]) -> bool:
    """Whether what comes next leaves out the rows that found nothing."""
    if isinstance(following, Filter):
        return bool(required(following.condition) & set(outputs))
    if isinstance(following, Aggregate):
        return any(isinstance(one.value, Column) and one.value.name in outputs for one in following.groups)
    return False


def _by_join(w: Writer, step: Join, outputs: list[str]) -> None:
    """The right side under the left's names of the keys, with only what is wanted of it."""
    inner = _written(step.right, w.catalog)
    keys = [_key(w, inner, key) for key in step.keys]
    if not keys:
        joint = w.new_name("joint")
        w.add(f"eval {joint}=1")
        inner.add(f"eval {joint}=1")
        keys = [joint]
    if any(inner.fields[name] == "_time" for name in outputs):
        raise Unsayable("a join that takes the time of the other side", "SPL")
    names = list(dict.fromkeys([*keys, *(inner.fields[name] for name in outputs)]))
    _only(inner, names)
    how = "left" if step.how == "left" else "inner"
    right = [key.right.name for key in step.keys if isinstance(key.right, Column)]
    every = "" if is_unique(step.right, right, w.catalog) else " max=0"
    w.add(f"join type={how}{every} {' '.join(field(key) for key in keys)} {inner.subsearch()}")
    if not step.keys:
        w.add(f"fields - {keys[0]}")


def _key(w: Writer, inner: Writer, key: Key) -> str:
    """The field that both sides have; made where a side computes it or calls it otherwise."""
    name = _side(w, key.left)
    if not isinstance(key.right, Column) or inner.fields[key.right.name] != name:
        inner.add(f"eval {eval_name(name)}={inner.value(key.right)}")
    return name


def _side(w: Writer, value: Expr) -> str:
    if isinstance(value, Column):
        return w.fields[value.name]
    name = w.new_name("key")
    w.add(f"eval {name}={w.value(value)}")
    return name


# --- unions -------------------------------------------------------------------------------------------------------


def union(source: Union, catalog: Catalog) -> Writer:
    """One base search where all parts are the same search of several indexes, else one appended to the other."""
    parts = [_written(plan, catalog) for plan in source.plans]
    plan = QueryPlan(source=source)
    columns = columns_of(plan, catalog)
    if columns is None:
        raise Unsayable("a union with a table that the catalog lacks", "SPL")
    if source.origin is not None and not all(one.searching and source.origin == "index" for one in parts):
        for one, part in zip(parts, source.plans, strict=True):
            name = part.source.name if isinstance(part.source, Table) else ""
            one.add(f'eval {eval_name(source.origin)}="{name}"')
            one.fields[source.origin] = source.origin
    rest = [part.terms[1:] if part.searching and part.terms else None for part in parts]
    if None not in rest and all(one == rest[0] for one in rest):
        names = [(part.terms or [""])[0].removeprefix("index=") for part in parts]
        return Writer(catalog, columns, plan, [f"index IN ({', '.join(names)})", *(rest[0] or [])])
    return _appended(parts, catalog, columns, plan)


def _appended(parts: list[Writer], catalog: Catalog, columns: Columns, plan: QueryPlan) -> Writer:
    first, *others = parts
    for part in others:
        if any(part.fields.get(name, own) != own for name, own in first.fields.items()):
            raise Unsayable("a union of columns that are called differently", "SPL")
        first.add(f"append {part.subsearch()}")
        first.fields |= part.fields
    first.columns, first.so_far = columns, plan
    first.newest, first.order, first.shown = False, (), []
    return first
