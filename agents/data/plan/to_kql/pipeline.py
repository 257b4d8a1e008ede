"""The steps of a plan as Kusto's operators, a line each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.data.kql.declared import call_of
from agents.data.plan.expressions import EXPRESSIONS, Between, Column, Compare, Constant, Expr, Logic
from agents.data.plan.model import (
    Aggregate,
    Distinct,
    Drop,
    Expand,
    Extend,
    Filter,
    Join,
    Limit,
    Named,
    Project,
    QueryPlan,
    Rename,
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
from agents.data.plan.nulls import all_of
from agents.data.plan.schema import Columns, after, source_columns
from agents.data.plan.to_kql import windows
from agents.data.plan.to_kql.expressions import Scalars
from agents.data.plan.to_kql.joining import join
from agents.data.plan.to_kql.summarizing import summarize
from agents.data.plan.to_kql.text import LONGEST_LINE, NULLS, WHERE, constant, listed, name
from agents.data.plan.walk import parts, tables_in
from shared.catalog import Catalog

_KUSTO_TYPES = {
    "string": "string", "int": "long", "real": "real", "bool": "bool", "date": "datetime", "datetime": "datetime",
    "dynamic": "dynamic", "duration": "timespan",
}  # fmt: skip


@dataclass
class Pipeline:
    """Renders one plan. columns: those that there are at this point, None if not known; lets: what goes before;
    unique: columns in which no two rows are alike, if any are known."""

    catalog: Catalog | None
    lets: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    columns: Columns | None = None
    unique: frozenset[str] | None = None
    hidden: int = 0

    def render(self, plan: QueryPlan) -> list[str]:
        """The lines of the query, its source first."""
        self.columns = source_columns(plan.source, self.catalog)
        steps = list(plan.steps)
        self.lines = [self._source(plan, steps)]
        number = 0
        while number < len(steps):
            taken = self._pair(steps, number) or self._one(steps[number], steps[number + 1 :])
            for step in steps[number : number + taken]:
                self.columns = after(step, self.columns, self.catalog)
                self.unique = _unique_after(step, self.unique)
            number += taken
        return self.lines

    def scalars(self, columns: Columns | None = None) -> Scalars:
        return Scalars(columns if columns is not None else self.columns or {}, self.inline)

    def inline(self, plan: QueryPlan) -> str:
        """A nested plan on one line."""
        return " ".join(self.nested(plan))

    def nested(self, plan: QueryPlan) -> list[str]:
        return Pipeline(self.catalog, self.lets).render(plan)

    def add(self, line: str) -> None:
        self.lines.append(f"| {line}")

    def new_name(self, wanted: str) -> str:
        """A column that only the rendering needs."""
        self.hidden += 1
        return f"{wanted}_{self.hidden}"

    # --- where rows come from

    def _source(self, plan: QueryPlan, steps: list[Step]) -> str:
        source = plan.source
        if isinstance(source, Table):
            found = self.catalog.by_name.get(source.name) if self.catalog else None
            return call_of(found) if found is not None and found.kind == "watchlist" else name(source.name)
        if isinstance(source, Union):
            return self._union(source)
        if not source.columns and source.rows == ((),):
            if steps and isinstance(steps[0], Project):
                first = steps.pop(0)
                assert isinstance(first, Project)
                text = f"print {self._named(first.columns)}"
                self.columns = after(first, {}, self.catalog)
                return text
            raise Unsayable("a row without columns", WHERE)
        return self._values(source)

    def _union(self, union: Union) -> str:
        origin = f" withsource={name(union.origin)}" if union.origin else ""
        parts = [self._part(plan, named=bool(origin)) for plan in union.plans]
        return f"union{origin} {', '.join(parts)}" if all("\n" not in part for part in parts) else (
            f"union{origin}\n    " + ",\n    ".join(parts)
        )  # fmt: skip

    def _part(self, plan: QueryPlan, *, named: bool) -> str:
        if named and (not isinstance(plan.source, Table) or len(tables_in(plan)) > 1):
            raise Unsayable("the origin of rows that are not a table's", WHERE)
        text = self.inline(plan)
        return text if isinstance(plan.source, Table) and not plan.steps else f"({text})"

    def _values(self, values: Values) -> str:
        columns = source_columns(values, None) or {}
        types = [f"{name(column)}:{_KUSTO_TYPES[kind or 'string']}" for column, kind in columns.items()]
        kinds = list(columns.values())
        cells = [
            NULLS[kind or "string"] if cell.value is None else constant(cell).text
            for row in values.rows
            for cell, kind in zip(row, kinds, strict=True)
        ]
        return f"datatable({listed(types)})[{listed(cells)}]"

    # --- steps that are said together

    def _pair(self, steps: list[Step], number: int) -> int:
        """How many steps were said in one operator; 0 if none."""
        step, following = steps[number], steps[number + 1] if number + 1 < len(steps) else None
        if isinstance(step, Sort) and isinstance(following, Limit) and len(step.keys) == 1 and _is_first(following):
            self.add(f"top {following.count} by {self.sort_key(step.keys[0], cut=True)}")
            return 2
        if isinstance(step, Sort) and isinstance(following, Limit):
            self._sort(step, cut=True)
            self._limit(following)
            return 2
        if isinstance(step, Project) and isinstance(following, Distinct) and is_plain(step.columns):
            self.add(f"distinct {self._named(step.columns)}")
            return 2
        return 0

    def _one(self, step: Step, later: list[Step]) -> int:
        if isinstance(step, Join):
            join(self, step, closed=is_closed(later))
        elif isinstance(step, Window):
            windows.window(self, step)
        elif isinstance(step, Aggregate):
            summarize(self, step, closed=is_closed(later))
        else:
            _STEPS[type(step)](self, step)
        return 1

    # --- one by one

    def _filter(self, step: Filter) -> None:
        """The time's conditions first; a condition a line where one line would be long."""
        condition = step.condition
        scalars = self.scalars()
        if not isinstance(condition, Logic) or condition.op == "or":
            self.add(f"where {scalars.true(condition).text}")
            return
        times = [one for one in condition.operands if _is_time(scalars, one)]
        for part in (times, [one for one in condition.operands if one not in times]):
            texts = [scalars.true(all_of(part)).text] if part else []
            if texts and len(texts[0]) > LONGEST_LINE:
                texts = [scalars.true(one).text for one in part]
            for text in texts:
                self.add(f"where {text}")

    def _extend(self, step: Extend) -> None:
        changed = tuple(one for one in step.columns if one.value != Column(name=one.name))
        if changed:
            self.add(f"extend {self._named(changed)}")

    def _project(self, step: Project) -> None:
        self.add(f"project {self._named(step.columns)}")

    def _named(self, columns: tuple[Named, ...]) -> str:
        scalars = self.scalars()
        return listed([self._one_named(scalars, one) for one in columns])

    def _one_named(self, scalars: Scalars, one: Named) -> str:
        if one.value == Column(name=one.name):
            return name(one.name)
        text = "dynamic(null)" if one.value == Constant() else scalars.arg(one.value)
        return f"{name(one.name)} = {text}"

    def _rename(self, step: Rename) -> None:
        self.add(f"project-rename {listed([f'{name(one.name)} = {name(one.was)}' for one in step.columns])}")

    def _drop(self, step: Drop) -> None:
        self.add(f"project-away {listed([name(one) for one in step.names])}")

    def _distinct(self, step: Distinct) -> None:
        if self.columns is None:
            self.add("distinct *")
            return
        scalars = self.scalars()
        dynamic = [one for one, kind in self.columns.items() if kind == "dynamic"]
        if dynamic:
            texts = [f"{name(one)} = {scalars.plain(Column(name=one))}" for one in dynamic]
            self.add(f"extend {listed(texts)}")
        self.add(f"distinct {listed([name(one) for one in self.columns])}")

    def _top(self, step: Top) -> None:
        """One row of each group by arg_max, several by their numbers."""
        scalars = self.scalars()
        groups = [self._group_column(one) for one in step.groups]
        key = step.order[0] if len(step.order) == 1 else None
        if step.count == 1 and not step.order:
            self.add(f"summarize take_any(*) by {listed(groups)}")
        elif step.count == 1 and key is not None and isinstance(key.value, Column):
            word = "arg_max" if key.descending else "arg_min"
            self.add(f"summarize {word}({scalars.plain(key.value)}, *) by {listed(groups)}")
        else:
            number = windows.numbered(self, step.groups, step.order)
            self.add(f"where {number} <= {step.count}")
            self.add(f"project-away {number}")

    def _group_column(self, value: Expr) -> str:
        if not isinstance(value, Column):
            raise Unsayable("the first row of a computed group", WHERE)
        return self.scalars().plain(value)

    def _sort(self, step: Sort, *, cut: bool = False) -> None:
        self.add(f"sort by {listed([self.sort_key(key, cut=cut) for key in step.keys])}")

    def sort_key(self, key: SortKey, *, cut: bool = False) -> str:
        """cut: only the first rows are kept, so it must be said that nulls go last; Kusto has them first ascending."""
        scalars = self.scalars()
        text = f"{scalars.plain(key.value)} {'desc' if key.descending else 'asc'}"
        is_text = scalars.type_of(key.value) == "string"
        if key.nulls == "first":
            return f"{text} nulls first" if key.descending and not is_text else text
        said = key.nulls == "last" or cut
        return f"{text} nulls last" if said and not key.descending and not is_text else text

    def _limit(self, step: Limit) -> None:
        if not step.offset:
            self.add(f"take {step.count}")
            return
        number = self.new_name("row")
        if not self.lines[-1].startswith("| sort"):
            self.add("serialize")
        self.add(f"extend {number} = row_number()")
        upto = f" and {number} <= {step.offset + step.count}" if step.count is not None else ""
        self.add(f"where {number} > {step.offset}{upto}")
        self.add(f"project-away {number}")

    def _expand(self, step: Expand) -> None:
        same = step.value == Column(name=step.name)
        value = name(step.name) if same else f"{name(step.name)} = {self.scalars().arg(step.value)}"
        self.add(f"mv-expand {value}")
        if not step.keep_empty:
            self.add(f"where isnotnull({name(step.name)})")


def _unique_after(step: Step, unique: frozenset[str] | None) -> frozenset[str] | None:
    if isinstance(step, Aggregate):
        return frozenset(one.name for one in step.groups)
    if unique is None or isinstance(step, Expand) or (isinstance(step, Join) and step.how not in ("semi", "anti")):
        return None
    if isinstance(step, Project):
        names = {one.value.name: one.name for one in step.columns if isinstance(one.value, Column)}
        return frozenset(names[one] for one in unique) if unique <= names.keys() else None
    if isinstance(step, Rename):
        new = {one.was: one.name for one in step.columns}
        return frozenset(new.get(one, one) for one in unique)
    if isinstance(step, Extend | Drop):
        changed = set(step.names) if isinstance(step, Drop) else {one.name for one in step.columns}
        return None if unique & changed else unique
    return unique


def _is_time(s: Scalars, condition: Expr) -> bool:
    """Whether it is about nothing but a time: Kusto's people write that first."""
    sides = [part for part in parts(condition) if isinstance(part, EXPRESSIONS)]
    return isinstance(condition, Compare | Between) and any(
        isinstance(side, Column) and s.type_of(side) in ("date", "datetime") for side in sides
    )


def is_closed(later: list[Step]) -> bool:
    """Whether a later step says all columns there are, before one that takes them as they are."""
    for step in later:
        if isinstance(step, Project | Aggregate):
            return True
        if isinstance(step, Distinct | Rename | Join | Top):
            return False
    return False


def _is_first(limit: Limit) -> bool:
    return limit.count is not None and not limit.offset


def is_plain(columns: tuple[Named, ...]) -> bool:
    return all(one.value == Column(name=one.name) for one in columns)


_STEPS: dict[type[Any], Any] = {
    Filter: Pipeline._filter,
    Extend: Pipeline._extend,
    Project: Pipeline._project,
    Rename: Pipeline._rename,
    Drop: Pipeline._drop,
    Distinct: Pipeline._distinct,
    Top: Pipeline._top,
    Sort: Pipeline._sort,
    Limit: Pipeline._limit,
    Expand: Pipeline._expand,
}
