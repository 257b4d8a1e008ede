"""The steps of a plan as commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.data.plan.model import (
    Aggregate,
    Column,
    Distinct,
    Drop,
    Expand,
    Expr,
    Extend,
    Filter,
    InPlan,
    IsNull,
    Join,
    Limit,
    Named,
    Not,
    Project,
    QueryPlan,
    Rename,
    Renaming,
    Sort,
    SortKey,
    Step,
    Table,
    Top,
    Union,
    Unsayable,
    Values,
    Window,
)
from agents.data.plan.needs import Needs, after_each
from agents.data.plan.nulls import all_of
from agents.data.plan.schema import after, source_columns
from agents.data.plan.to_spl import aggregating, combining, extracting, moments, windows
from agents.data.plan.to_spl.arranging import arranged
from agents.data.plan.to_spl.names import eval_name, field
from agents.data.plan.to_spl.terms import conjuncts, term, time_terms
from agents.data.plan.to_spl.writer import Writer
from agents.data.plan.walk import columns_in, walk
from shared.catalog import Catalog


def written(plan: QueryPlan, catalog: Catalog) -> Writer:
    """The search of a plan. Raises Unsayable."""
    w = source(plan, catalog)
    steps = arranged(plan, catalog)
    needs = after_each(steps)
    at = 0
    while at < len(steps):
        at += _write(w, steps, at, needs)
    return w


def _write(w: Writer, steps: list[Step], at: int, needs: list[Needs]) -> int:
    """Write a step, and the next one if both are one command; how many these were."""
    step, following = steps[at], steps[at + 1] if at + 1 < len(steps) else None
    if isinstance(step, Sort) and isinstance(following, Limit) and following.count and not following.offset:
        sort(w, step.keys, following.count)
        _after(w, step, following)
        return 2
    if isinstance(step, Filter):
        filter_rows(w, step, steps[at + 1 :])
    elif isinstance(step, Join):
        combining.join(w, step, needs[at], following)
    else:
        _RULES[type(step)](w, step)
    if w.scalars and needs[at].all_but and not isinstance(step, Aggregate | Project):
        w.add("fields - " + " ".join(w.scalars))
    w.scalars.clear()
    _after(w, step)
    return 1


def _after(w: Writer, *steps: Step) -> None:
    for step in steps:
        columns = after(step, w.columns, w.catalog)
        if columns is None:
            raise Unsayable("a join with a table that the catalog lacks", "SPL")
        w.columns = columns
        w.fields = {name: w.fields.get(name, name) for name in columns}
        if isinstance(step, Extend | Project | Rename):
            # Columns of the same names may be others now.
            w.order = ()
            w.newest = w.newest and not any(one.name == "_time" and _is_new(one) for one in step.columns)
        w.so_far = w.so_far.then(step)


def _is_new(one: Named | Renaming) -> bool:
    """Whether a time is another than before; its bucket keeps the order."""
    if isinstance(one, Renaming):
        return True
    return one.value != Column(name="_time") and moments.snap(one.value) is None


# --- sources ------------------------------------------------------------------------------------------------------


def source(plan: QueryPlan, catalog: Catalog) -> Writer:
    start = QueryPlan(source=plan.source)
    if isinstance(plan.source, Union):
        return combining.union(plan.source, catalog)
    if isinstance(plan.source, Values):
        if plan.source.columns or len(plan.source.rows) != 1:
            raise Unsayable("rows written out", "SPL")
        w = Writer(catalog, {}, start, None)
        w.commands.append("makeresults")
        return w
    return _table(plan.source, catalog, start)


def _table(table: Table, catalog: Catalog, start: QueryPlan) -> Writer:
    found, columns = catalog.find(table.name), source_columns(table, catalog)
    if found is None or columns is None:
        raise Unsayable(f"the table {table.name}, which the catalog lacks", "SPL")
    if found.kind not in ("table", "index"):
        if found.kind != "lookup":
            raise Unsayable(f"the {found.kind} {found.name}", "SPL")
        w = Writer(catalog, columns, start, None)
        w.commands.append(f"inputlookup {field(found.name)}")
        return w
    return Writer(catalog, columns, start, [f"index={field(found.name)}"])


# --- rows ---------------------------------------------------------------------------------------------------------


def filter_rows(w: Writer, step: Filter, later: Sequence[Step]) -> None:
    """As terms of the base search while there is only that, else as where; subsearches are search's in any place."""
    conditions = [one for one in conjuncts(step.condition) if not _said_by_stats(one, later)]
    rest = conditions
    if w.searching and w.terms is not None:
        rest, times = [], []
        for condition in conditions:
            found = time_terms(w, condition)
            written_term = None if found else term(w, condition)
            if found:
                times += found
            elif written_term is not None:
                w.terms.append(written_term)
            else:
                rest.append(condition)
        w.terms += _ranged(times)
    for condition in [one for one in rest if _has_subsearch(one)]:
        text = term(w, condition)
        if text is None:
            raise Unsayable("a computed value among those of another search", "SPL")
        w.add(f"search {text}")
    plain = [one for one in rest if not _has_subsearch(one)]
    if plain:
        w.add(f"where {w.condition(all_of(plain))}")


def _ranged(times: list[str]) -> list[str]:
    """Two bounds of one kind would not both hold: SPL takes the last."""
    names = [one.partition("=")[0] for one in times]
    if len(names) > len(set(names)):
        raise Unsayable("several starts or ends of a time range", "SPL")
    return times


def _said_by_stats(condition: Expr, later: Sequence[Step]) -> bool:
    """`x is not null` before a group by x is what stats and dedup do."""
    if not (isinstance(condition, Not) and isinstance(condition.operand, IsNull)) or not later:
        return False
    step = later[0]
    groups = step.groups if isinstance(step, Aggregate | Top) else ()
    return condition.operand.operand in [one.value if isinstance(one, Named) else one for one in groups]


def _has_subsearch(condition: Expr) -> bool:
    return any(isinstance(part, InPlan) for part in walk(condition))


def sort(w: Writer, keys: Sequence[SortKey], count: int | None = None) -> None:
    """Rows come newest first by themselves."""
    if w.newest and len(keys) == 1 and keys[0].descending and _is_time(w, keys[0].value):
        if count is not None:
            w.add(f"head {count}")
        return
    written_keys, made = [], []
    for key in keys:
        if key.nulls == "first":
            flag = w.new_name("missing")
            w.add(f"eval {flag}=if(isnull({w.value(key.value)}), 0, 1)")
            written_keys.append(flag)
            made.append(flag)
        name = w.field_of(key.value)
        if not isinstance(key.value, Column):
            made.append(name)
        written_keys.append(f"{'-' if key.descending else ''}{name}")
    limit = f"{count} " if count is not None else "" if w.few else "0 "
    w.add(f"sort {limit}{' '.join(written_keys)}")
    if made:
        w.add("fields - " + " ".join(made))
    w.newest, w.order = False, tuple(keys)


def _is_time(w: Writer, value: Expr) -> bool:
    return isinstance(value, Column) and w.fields[value.name] == "_time"


def _sort(w: Writer, step: Sort) -> None:
    sort(w, step.keys)


def _limit(w: Writer, step: Limit) -> None:
    if not step.offset:
        if step.count is not None:
            w.add(f"head {step.count}")
        return
    place = w.new_name("place")
    w.add(f"streamstats count as {place}")
    most = "" if step.count is None else f" AND {place}<={step.offset + step.count}"
    w.add(f"where {place}>{step.offset}{most}")
    w.add(f"fields - {place}")


def _distinct(w: Writer, step: Distinct) -> None:
    w.add("dedup " + " ".join(dict.fromkeys(field(w.fields[name]) for name in w.columns)))


def _top(w: Writer, step: Top) -> None:
    """The first of each group, once rows are sorted."""
    groups = [w.field_of(group) for group in step.groups]
    if step.order and step.order != w.order:
        sort(w, step.order)
    w.add(f"dedup {f'{step.count} ' if step.count > 1 else ''}{' '.join(groups)}")


# --- columns ------------------------------------------------------------------------------------------------------


def _extend(w: Writer, step: Extend) -> None:
    plain = extracting.extracted(w, [one for one in step.columns if not _binned(w, one, step.columns)])
    w.assign(plain)
    for one in step.columns:
        w.fields[one.name] = "_time" if _binned(w, one, step.columns) and one.name == "_time" else one.name
    for one in step.columns:
        if _binned(w, one, step.columns):
            w.add(aggregating.bin_command(one.value, alias=one.name))


def _binned(w: Writer, one: Named, columns: Sequence[Named]) -> bool:
    """A bucket of `_time` that bin says, and that no other column of the step has to come before."""
    if not aggregating.is_bucket(w, one.value):
        return False
    return one.name == "_time" or "_time" not in [other.name for other in columns]


def _project(w: Writer, step: Project) -> None:
    """Computed columns by eval, others under their new names, then the table."""
    fields: dict[str, str] = {}
    computed: list[Named] = []
    renamed: list[tuple[str, str]] = []
    read = [w.fields[name] for one in step.columns for name in columns_in(one.value) if name in w.fields]
    for one in step.columns:
        own = w.fields.get(one.value.name) if isinstance(one.value, Column) else None
        if own is not None and own not in fields.values() and (own == "_time" or own == one.name):
            fields[one.name] = own
        elif own is not None and read.count(own) == 1 and one.name not in read:
            renamed.append((own, one.name))
            fields[one.name] = one.name
        else:
            computed.append(one)
            fields[one.name] = one.name
    _computed(w, computed, fields, renamed, read)
    if renamed:
        w.add("rename " + ", ".join(f"{field(old)} AS {field(new)}" for old, new in renamed))
    table = " ".join(field(fields[one.name]) for one in step.columns)
    if not w.shows(fields.values()):
        w.add(f"table {table}")
    w.fields, w.shown = fields, [fields[one.name] for one in step.columns]
    w.newest = w.newest and "_time" in fields.values()


def _computed(
    w: Writer, columns: list[Named], fields: dict[str, str], renamed: list[tuple[str, str]], read: list[str]
) -> None:
    """A value under the name of a field that is kept as it is waits under another name."""
    kept = [name for name, own in fields.items() if own in read and name not in {one.name for one in columns}]
    waiting = [one for one in columns if one.name in {fields[name] for name in kept}]
    direct = [one for one in columns if one not in waiting]
    names = {one.name: w.new_name(one.name) for one in waiting}
    w.assign(extracting.extracted(w, [*direct, *(Named(name=names[one.name], value=one.value) for one in waiting)]))
    renamed += [(names[one.name], one.name) for one in waiting]


def _rename(w: Writer, step: Rename) -> None:
    """A time stays `_time`."""
    pairs = [(w.fields[one.was], one.name) for one in step.columns if w.fields[one.was] != "_time"]
    taken = {w.fields[name] for name in w.columns} - {old for old, _ in pairs}
    if any(new in taken or new in {old for old, _ in pairs} for _, new in pairs):
        raise Unsayable("columns that exchange their names", "SPL")
    if pairs:
        w.add("rename " + ", ".join(f"{field(old)} AS {field(new)}" for old, new in pairs))
    for one in step.columns:
        own = w.fields.pop(one.was)
        w.fields[one.name] = "_time" if own == "_time" else one.name


def _drop(w: Writer, step: Drop) -> None:
    w.require(step.names)
    w.add("fields - " + " ".join(field(w.fields[name]) for name in step.names))


def _expand(w: Writer, step: Expand) -> None:
    """Only where the row without a value stays, as mvexpand has it."""
    w.assign([Named(name=step.name, value=step.value)] if step.value != Column(name=step.name) else [])
    w.fields[step.name] = step.name
    w.add(f"mvexpand {field(step.name)}")
    if not step.keep_empty:
        w.add(f"where isnotnull({eval_name(step.name)})")


_RULES: dict[type[Any], Callable[[Writer, Any], None]] = {
    Extend: _extend,
    Project: _project,
    Rename: _rename,
    Drop: _drop,
    Distinct: _distinct,
    Aggregate: aggregating.aggregate,
    Window: windows.window,
    Top: _top,
    Sort: _sort,
    Limit: _limit,
    Expand: _expand,
}
