"""The steps of a plan as clauses of one SELECT, and of the next where the order of clauses ends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.data.names import name_tokens
from agents.data.plan.expressions import Cast, Column, Expr, Path
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
    Step,
    Table,
    Top,
    Union,
    Unsayable,
    Values,
    Window,
    WindowColumn,
)
from agents.data.plan.schema import Columns, after, columns_of, source_columns
from agents.data.plan.to_sql import functions
from agents.data.plan.to_sql.expressions import Scalars
from agents.data.plan.to_sql.joining import is_membership, join
from agents.data.plan.to_sql.select import Select, word_for
from agents.data.plan.to_sql.text import COMPARE, Sql, is_reserved, listed, name, string
from agents.data.plan.walk import columns_in
from shared.catalog import Catalog

# A computed column that is read again is written out again, unless that would be longer than this.
_LONGEST_INLINE = 400


@dataclass
class Renderer:
    """One statement: its CTEs in order and the names that are taken."""

    catalog: Catalog | None
    familiar: bool
    ctes: list[tuple[str, str]] = field(default_factory=list)
    aliases: set[str] = field(default_factory=set)

    def statement(self, plan: QueryPlan) -> str:
        if isinstance(plan.source, Union) and not plan.steps:
            query = self._union(plan.source)
        else:
            select = self.select(plan)
            if self.familiar:
                select.show_all_as_star()
            query = select.text()
        if not self.ctes:
            return query
        named = ",\n".join(f"{name(cte)} AS (\n{_indented(text)}\n)" for cte, text in self.ctes)
        return f"WITH {named}\n{query}"

    def query(self, plan: QueryPlan) -> str:
        """The SELECT of a plan; what it needs before it becomes CTEs."""
        if isinstance(plan.source, Union) and not plan.steps:
            return self._union(plan.source)
        return self.select(plan).text()

    def nested(self, plan: QueryPlan) -> str:
        """The SELECT of a plan inside an expression, on one line."""
        if isinstance(plan.source, Union) and not plan.steps:
            return self._union(plan.source)
        return self.select(plan).text(" ")

    def select(self, plan: QueryPlan, *, joined: bool = False) -> Select:
        """joined: its tables need an alias."""
        select = self._start(plan, joined or _is_joined(plan.steps))
        for number, step in enumerate(plan.steps):
            select = self._ready(select, step, plan.steps[number:])
            types = after(step, select.types if select.complete else None, self.catalog)
            _STEPS[type(step)](self, select, step)
            select.types = types if types is not None else select.types
        return select

    # --- where rows come from

    def _start(self, plan: QueryPlan, joined: bool) -> Select:
        source = plan.source
        columns = source_columns(source, self.catalog)
        if isinstance(source, Values) and not source.columns:
            return Select("", {}, {}, complete=True, star=None)
        if isinstance(source, Table):
            return self.from_(source.name, columns, joined=joined)
        text = self._union(source) if isinstance(source, Union) else self._values(source)
        cte = self.cte("combined" if isinstance(source, Union) else "given", text)
        return self.from_(cte, columns, joined=joined)

    def from_(self, table: str, columns: Columns | None, *, joined: bool) -> Select:
        """A SELECT from a table or a CTE, under an alias if it is going to be joined."""
        alias = self._alias(table) if joined else ""
        schema, dot, own = table.partition(".")
        written = f"{name(schema)}.{name(own)}" if dot else name(table)
        select = Select(
            source=f"{written} AS {name(alias)}" if alias else written,
            known={},
            types=dict(columns or {}),
            complete=columns is not None,
            star=None,
            alias=alias,
            names={column.lower() for column in columns} if columns is not None else None,
        )
        select.known = {column: Sql(select.own(column)) for column in columns or {}}
        select.tables = [found.text for found in select.known.values()]
        select.star = dict(zip(select.known, select.tables, strict=True)) if columns is not None else None
        return select

    def _alias(self, table: str) -> str:
        letters = "".join(token[0] for token in name_tokens(table.rpartition(".")[2])) or "t"
        found = letters
        number = 1
        while found in self.aliases or is_reserved(found):
            number += 1
            found = f"{letters}{number}"
        self.aliases.add(found)
        return found

    def cte(self, wanted: str, text: str) -> str:
        known = next((cte for cte, other in self.ctes if other == text), None)
        if known:
            return known
        taken = {cte for cte, _ in self.ctes} | {
            table.name.lower() for table in (self.catalog.tables if self.catalog else [])
        }
        found, number = wanted, 1
        while found in taken:
            number += 1
            found = f"{wanted}_{number}"
        self.ctes.append((found, text))
        return found

    def _union(self, union: Union) -> str:
        columns = [columns_of(plan, self.catalog) for plan in union.plans]
        same = columns[0] is not None and all(one is not None and list(one) == list(columns[0]) for one in columns)
        texts = [self._branch(plan, union.origin) for plan in union.plans]
        return f"\nUNION ALL{'' if same else ' BY NAME'}\n".join(texts)

    def _branch(self, plan: QueryPlan, origin: str | None) -> str:
        if origin is None:
            needs_brackets = any(isinstance(step, Sort | Limit) for step in plan.steps[-2:])
            text = self.query(plan)
            return f"({text})" if needs_brackets or isinstance(plan.source, Union) else text
        if not isinstance(plan.source, Table):
            raise Unsayable("the origin of rows that are not a table's", "SQL")
        inner = self.select(plan)
        label = f"{string(plan.source.name)} AS {name(origin)}"
        if inner.distinct or inner.order or inner.is_limited:
            return f"SELECT {label}, *\nFROM ({inner.text()})"
        return inner.text().replace("SELECT ", f"SELECT {label}, ", 1)

    def _values(self, values: Values) -> str:
        scalars = Scalars(lambda column: Sql(name(column)), self.query, {}, set())
        rows = listed([f"({listed([scalars.arg(cell) for cell in row])})" for row in values.rows])
        return f"SELECT * FROM (VALUES {rows}) AS given({listed([name(column) for column in values.columns])})"  # noqa: S608 - rendered constants

    # --- one SELECT ends, the next begins

    def _ready(self, select: Select, step: Step, steps: tuple[Step, ...]) -> Select:
        return self._wrapped(select, steps) if self._must_end(select, step) else select

    def _must_end(self, select: Select, step: Step) -> bool:
        if _is_long(select, step):
            return True
        if isinstance(step, Limit):
            return select.is_limited
        if isinstance(step, Project | Rename | Drop):
            return select.distinct and not _keeps_rows(step)
        if isinstance(step, Extend):
            return select.distinct
        if isinstance(step, Filter):
            return select.distinct or select.is_limited
        if isinstance(step, Sort):
            return select.is_limited or (
                select.distinct and not all(isinstance(key.value, Column) for key in step.keys)
            )
        if isinstance(step, Window | Top):
            return (
                select.distinct or select.is_limited or bool(select.qualify) or bool(columns_in(step) & select.windowed)
            )
        if isinstance(step, Distinct):
            return select.is_limited or select.distinct
        if isinstance(step, Join) and step.how == "full" and (select.where or select.is_computed):
            return True
        return not select.is_plain

    def _wrapped(self, select: Select, steps: tuple[Step, ...]) -> Select:
        """What there is so far as a CTE. An order by its columns goes on."""
        cte = self.cte(word_for(select), select.text())
        new = self.from_(cte, select.types if select.complete else None, joined=_is_joined(steps))
        new.types, new.lists = dict(select.types), set(select.lists)
        if not select.complete:
            new.known = {column: Sql(new.own(column)) for column in select.known}
        by_text = {found.text: column for column, found in select.known.items()}
        if select.is_limited and all(value in by_text for value, _ in select.order):
            new.order = [(new.own(by_text[value]), words) for value, words in select.order]
        return new

    def scalars(self, select: Select) -> Scalars:
        return Scalars(select.column, self.nested, select.types, select.lists, self.familiar)

    # --- steps

    def filter(self, select: Select, step: Filter) -> None:
        found = self.scalars(select).sql(step.condition)
        reads = columns_in(step)
        if reads & select.windowed or select.qualify or select.windowed:
            select.qualify.append(found)
        elif select.groups is not None:
            select.having.append(found)
        else:
            select.where.append(found)

    def extend(self, select: Select, step: Extend) -> None:
        self._add(select, step.columns)

    def _add(self, select: Select, columns: tuple[Named, ...]) -> None:
        scalars = self.scalars(select)
        new = {one.name: scalars.sql(one.value) for one in columns}
        for one in columns:
            if not select.complete and one.name not in select.known and _may_be_own(one):
                select.hidden.append(one.name)
            _mark(select, one.name, one.value, select.windowed & columns_in(one.value))
        select.known |= new

    def project(self, select: Select, step: Project) -> None:
        scalars = self.scalars(select)
        new = {one.name: scalars.sql(one.value) for one in step.columns}
        windowed = {one.name for one in step.columns if columns_in(one.value) & select.windowed}
        lists = {one.name for one in step.columns if scalars.is_list(one.value)}
        select.replace(new, {})
        select.windowed, select.lists = windowed, lists

    def rename(self, select: Select, step: Rename) -> None:
        new = {one.was: one.name for one in step.columns}
        missing = [one.was for one in step.columns if one.was not in select.known]
        select.known |= {column: Sql(select.own(column)) for column in missing}
        if not select.complete:
            select.hidden += [one for one in new if select.known[one].text == select.own(one)]
        select.known = {new.get(column, column): found for column, found in select.known.items()}
        select.windowed = {new.get(column, column) for column in select.windowed}
        select.lists = {new.get(column, column) for column in select.lists}

    def drop(self, select: Select, step: Drop) -> None:
        if not select.complete:
            select.hidden += [one for one in step.names if select.column(one).text == select.own(one)]
        select.known = {column: found for column, found in select.known.items() if column not in step.names}
        select.windowed -= set(step.names)

    def distinct(self, select: Select, step: Distinct) -> None:
        select.distinct, select.order = True, []

    def aggregate(self, select: Select, step: Aggregate) -> None:
        scalars = self.scalars(select)
        groups = {one.name: scalars.sql(one.value) for one in step.groups}
        measures = {one.name: functions.measure(scalars, one) for one in step.measures}
        select.groups = [self._group(one, groups[one.name], select.names) for one in step.groups]
        lists = {one.name for one in step.measures if one.function in ("list", "set")}
        select.replace(groups | measures, {})
        select.order, select.lists = [], lists
        if not step.measures:
            select.distinct, select.groups = True, None

    def _group(self, group: Named, found: Sql, own: set[str] | None) -> str:
        """A computed group by its alias, where no column of the table is called so."""
        computed = "(" in found.text or " " in found.text
        free = own is not None and group.name.lower() not in own
        return name(group.name) if computed and free else found.text

    def window(self, select: Select, step: Window) -> None:
        scalars = self.scalars(select)
        new = {one.name: functions.window(scalars, one, step.partition, step.order) for one in step.columns}
        if not select.complete:
            select.hidden += [one for one in new if one in select.known]
        select.known |= new
        select.windowed |= set(new)

    def top(self, select: Select, step: Top) -> None:
        number = WindowColumn(name="n", function="row_number")
        found = functions.window(self.scalars(select), number, step.groups, step.order)
        select.qualify.append(Sql(f"{found.text} {'=' if step.count == 1 else '<='} {step.count}", COMPARE))

    def sort(self, select: Select, step: Sort) -> None:
        scalars = self.scalars(select)
        select.order = [(scalars.arg(key.value), functions.order_words(key)) for key in step.keys]

    def limit(self, select: Select, step: Limit) -> None:
        select.limit, select.offset = step.count, step.offset

    def expand(self, select: Select, step: Expand) -> None:
        scalars = self.scalars(select)
        value = (
            step.value.operand if isinstance(step.value, Cast) and isinstance(step.value.operand, Path) else step.value
        )
        found = scalars.arg(value)
        listed_values = found if scalars.is_list(value) else f"TRY_CAST({found} AS JSON[])"
        alias = self._alias(step.name)
        kind = "LEFT JOIN" if step.keep_empty else "CROSS JOIN"
        condition = " ON TRUE" if step.keep_empty else ""
        select.joins.append(f"{kind} unnest({listed_values}) AS {name(alias)}({name(step.name)}){condition}")
        if not select.complete and step.name not in select.known:
            select.hidden.append(step.name)
        if select.star is not None and step.name not in select.star:
            select.star |= {step.name: f"{name(alias)}.{name(step.name)}"}
        else:
            select.star = None
        select.known[step.name] = Sql(f"{name(alias)}.{name(step.name)}")


def _is_joined(steps: Iterable[Step]) -> bool:
    """Whether a join comes before the SELECT ends."""
    for step in steps:
        if isinstance(step, Expand) or (isinstance(step, Join) and not is_membership(step)):
            return True
        if isinstance(step, Aggregate | Distinct | Limit | Window | Top):
            return False
    return False


def _keeps_rows(step: Project | Rename | Drop) -> bool:
    """Whether DISTINCT before it is DISTINCT after it."""
    return isinstance(step, Rename)


def _is_long(select: Select, step: Step) -> bool:
    """Whether a computed column would be written out more than once at length."""
    reads = columns_in(step)
    return any(len(found.text) > _LONGEST_INLINE for column, found in select.known.items() if column in reads)


def _may_be_own(column: Named) -> bool:
    """Whether an unknown table may have it already: then the new one replaces it."""
    return column.name in columns_in(column.value)


def _mark(select: Select, column: str, value: Expr, windowed: set[str]) -> None:
    select.windowed.discard(column)
    select.lists.discard(column)
    if windowed:
        select.windowed.add(column)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))


_STEPS: dict[type[Any], Any] = {
    Filter: Renderer.filter,
    Extend: Renderer.extend,
    Project: Renderer.project,
    Rename: Renderer.rename,
    Drop: Renderer.drop,
    Distinct: Renderer.distinct,
    Aggregate: Renderer.aggregate,
    Window: Renderer.window,
    Top: Renderer.top,
    Sort: Renderer.sort,
    Limit: Renderer.limit,
    Expand: Renderer.expand,
    Join: join,
}
