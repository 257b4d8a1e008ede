"""One SELECT as a plan, clause by clause."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from agents.data.plan.expressions import Column, Compare, Constant, Expr, InPlan, Scalar
from agents.data.plan.model import (
    Aggregate,
    Distinct,
    Drop,
    Expand,
    Extend,
    Filter,
    Measure,
    Named,
    Project,
    QueryPlan,
    Rename,
    Renaming,
    Sort,
    SortKey,
    Step,
    Top,
)
from agents.data.plan.read_sql.calls import Calls, has_aggregate, sort_key
from agents.data.plan.read_sql.expressions import Scalars, all_of
from agents.data.plan.read_sql.joins import From, Side, Uses, conjuncts
from agents.data.plan.read_sql.limits import limited
from agents.data.plan.read_sql.naming import output_name
from agents.data.plan.read_sql.scope import Correlated, Scope, clauses, unique, unsayable
from agents.data.plan.read_sql.subqueries import joined_value, semi_join

if TYPE_CHECKING:
    from agents.data.plan.read_sql.queries import Queries

Tables = dict[str, QueryPlan]


@dataclass
class Item:
    """One output column: its name and value; a star has no value, and the names that it leaves out or replaces."""

    name: str
    value: Expr | None
    node: exp.Expr


@dataclass
class Selecting:
    """Reads one SELECT; is asked by its expressions for the queries inside them."""

    node: exp.Select
    queries: Queries
    tables: Tables
    outer: Scope | None = None
    side: Side = field(init=False)
    scope: Scope = field(init=False)
    calls: Calls = field(init=False)
    items: list[Item] = field(init=False, default_factory=list)
    _reading: set[str] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        self.scope = Scope(outer=self.outer)

    def plan(self) -> QueryPlan:
        node = self.node
        if not node.expressions:
            raise unsayable("a SELECT without columns", node)
        where = conjuncts(node.args["where"].this) if node.args.get("where") else []
        self.enter(self.reading_from(Uses(node)).read(node, where))
        self._where(where)
        self._read_items()
        having = [self.over(one) for one in conjuncts(_condition(node, "having"))]
        qualify = [self.over(one) for one in conjuncts(_condition(node, "qualify"))]
        order = self._order()
        self._check_groups(having, qualify, order)
        self._name_columns()
        plan = self.side.plan
        if self.calls.aggregated:
            plan = plan.then(self.calls.aggregate())
        if having:
            plan = plan.then(Filter(condition=all_of([self.calls.final(one) for one in having])))
        plan = plan.then(*self.calls.window_steps())
        if qualify:
            plan = plan.then(Filter(condition=all_of([self.calls.final(one) for one in qualify])))
        return self._finish(plan, order)

    def reading_from(self, uses: Uses) -> From:
        return From(self.queries.catalog, self.tables, uses, self, lambda query: self.queries.read(query, self.tables))

    def inside(self, query: exp.Select) -> Selecting:
        """A SELECT inside this one, that may look at its rows."""
        return Selecting(query, self.queries, self.queries.named(query, self.tables), self.scope)

    def enter(self, side: Side) -> None:
        """From here on names mean what they mean over this side."""
        self.side = side
        self.scope = side.scope(self.outer)
        windows = {one.this.name.lower(): one for one in self.node.args.get("windows") or []}
        aggregated = self.node.args.get("group") is not None or any(
            has_aggregate(part) for part in [*self.node.expressions, *clauses(self.node, "having", "order", "qualify")]
        )
        self.calls = Calls(Scalars(self.scope, self, self._alias), windows, aggregated)

    # --- WHERE

    def _where(self, conditions: list[exp.Expr]) -> None:
        """EXISTS becomes a semi join after the other conditions."""
        later: list[tuple[exp.Expr, bool]] = []
        plain = []
        for node in conditions:
            inner = node.this.unnest() if isinstance(node, exp.Not) else node
            if isinstance(inner, exp.Exists) or (
                isinstance(inner, exp.In) and inner.args.get("query") and isinstance(inner.this, exp.Tuple)
            ):
                later.append((inner, isinstance(node, exp.Not)))
            else:
                plain.append(self._condition(node, later))
        found = [one for one in plain if one is not None]
        if found:
            self.side = self.side.then(Filter(condition=all_of(found)))
        for node, negated in later:
            semi_join(self, node, negated)

    def _condition(self, node: exp.Expr, later: list[tuple[exp.Expr, bool]]) -> Expr | None:
        """A correlated `x IN (SELECT …)` is a semi join too."""
        try:
            return self.calls.plain.read(node)
        except Correlated:
            if not isinstance(node, exp.In) or not node.args.get("query"):
                raise
            later.append((node, False))
            return None

    # --- queries inside expressions

    def scalar(self, query: exp.Query, scope: Scope) -> Expr:
        try:
            return Scalar(plan=self.queries.read(query, self.tables, scope))
        except Correlated:
            if scope is not self.scope or not isinstance(query, exp.Select):
                raise
            return joined_value(self, query)

    def among(self, operand: Expr, query: exp.Query, scope: Scope) -> Expr:
        return InPlan(operand=operand, plan=self.queries.read(query, self.tables, scope))

    def exists(self, query: exp.Query, scope: Scope) -> Expr:
        plan = self.queries.read(query, self.tables, scope)
        counted = plan.then(Aggregate(measures=(Measure(name="count_", function="count"),)))
        return Compare(op=">", left=Scalar(plan=counted), right=Constant(type="int", value=0))

    # --- the list of columns, groups and order

    def over(self, node: exp.Expr) -> Expr:
        """Read where aggregates and windows may be: over the groups' columns."""
        reading = Scalars(self.scope, self, self._instead)
        return self.calls.over_groups(reading.read(node))

    def _instead(self, node: exp.Expr) -> Expr | None:
        return self.calls.instead(node, self.over) or self._alias(node)

    def _alias(self, node: exp.Expr) -> Expr | None:
        """A name that no table has is another column's alias."""
        if not isinstance(node, exp.Column) or node.table or isinstance(node.this, exp.Star):
            return None
        name = node.name.lower()
        if name in self._reading or self.scope.knows(node.name):
            return None
        item = next((one for one in self.node.expressions if one.alias.lower() == name), None)
        if item is None or (self.scope.find(node) is not None and _same_column(item, name)):
            return None
        self._reading.add(name)
        found = Scalars(self.scope, self, self._instead).read(item.this)
        self._reading.discard(name)
        return found

    def _read_items(self) -> None:
        self.calls.groups = list(dict.fromkeys(self._groups()))
        for number, node in enumerate(self.node.expressions, 1):
            if node.is_star:
                self.items.append(Item("*", None, node))
                continue
            inner = node.unalias()
            name = self._item_name(node, number)
            if isinstance(inner, exp.Explode | exp.Unnest):
                self.items.append(Item(name, self._expanded(inner, name), node))
            else:
                self.items.append(Item(name, self.over(inner), node))

    def _item_name(self, node: exp.Expr, number: int) -> str:
        """As the table spells it; a second column of a name has its table's before it."""
        name = output_name(node, number)
        taken = [one.name for one in self.items]
        if isinstance(node, exp.Column):
            found = self.scope.find(node)
            if isinstance(found, Column) and found.name.lower() == name.lower():
                name = found.name
            if node.table and name.lower() in {one.lower() for one in taken}:
                name = f"{node.table}_{name}"
        return unique(name, taken)

    def _expanded(self, node: exp.Expr, name: str) -> Expr:
        """`SELECT unnest(tags) AS tag`: one row for each."""
        lists = node.expressions or [node.this]
        if self.calls.aggregated or len(lists) != 1:
            raise unsayable("this unnest", node)
        stands = unique(name, self.side.columns)
        self.side = self.side.then(Expand(name=stands, value=self.calls.plain.read(lists[0])))
        self.scope.types[stands] = "dynamic"
        return Column(name=stands)

    def _groups(self) -> list[Expr]:
        group = self.node.args.get("group")
        if group is None:
            return []
        if any(group.args.get(key) for key in ("rollup", "cube", "grouping_sets", "totals")):
            raise unsayable("GROUP BY with ROLLUP, CUBE or GROUPING SETS", group)
        items = self.node.expressions
        if group.args.get("all"):
            return [self.calls.plain.read(item.unalias()) for item in items if not has_aggregate(item)]
        return [self._group(one, items) for one in group.expressions]

    def _group(self, node: exp.Expr, items: list[exp.Expr]) -> Expr:
        if isinstance(node, exp.Rollup | exp.Cube | exp.GroupingSets):
            raise unsayable("GROUP BY with ROLLUP, CUBE or GROUPING SETS", node)
        if isinstance(node, exp.Literal) and node.name.isdigit() and 0 < int(node.name) <= len(items):
            return self.calls.plain.read(items[int(node.name) - 1].unalias())
        return self.calls.plain.read(node)

    def _order(self) -> list[SortKey]:
        order = self.node.args.get("order")
        keys = order.expressions if order is not None else []
        if any(isinstance(key.this, exp.Var) for key in keys):
            raise unsayable("ORDER BY ALL", keys[0])
        return [sort_key(key, self._order_value) for key in keys]

    def _order_value(self, node: exp.Expr) -> Expr:
        """A number is a column's place; an alias wins over a table's column."""
        if isinstance(node, exp.Literal) and not node.is_string:
            place = int(node.name) if node.name.isdigit() else 0
            item = self.items[place - 1] if 0 < place <= len(self.items) else None
            if item is None or item.value is None:
                raise unsayable("an order by this place", node)
            return item.value
        if isinstance(node, exp.Column) and not node.table:
            item_of = next((one for one in self.items if one.name.lower() == node.name.lower() and one.value), None)
            if item_of is not None and item_of.value is not None:
                return item_of.value
        return self.over(node)

    def _check_groups(self, having: list[Expr], qualify: list[Expr], order: list[SortKey]) -> None:
        """Every column that is shown must be grouped or aggregated."""
        if not self.calls.aggregated:
            return
        windows = [column for _, _, column in self.calls.windows]
        for value in [*(one.value for one in self.items), *having, *qualify, *order, *windows]:
            if value is None:
                raise unsayable("a star beside aggregates", self.node)
            if name := self.calls.stray(value):
                raise unsayable(f"the column '{name}', which is neither grouped nor aggregated", self.node)

    def _name_columns(self) -> None:
        """Groups, aggregates and windows that are output columns have those names; others are named after them."""
        taken = set() if self.calls.aggregated else set(self.side.columns)
        outputs = {item.name for item in self.items}
        for item in self.items:
            if isinstance(item.value, Column) and item.value.name.startswith("\0"):
                is_free = item.name not in taken or not any(one.value is None for one in self.items)
                self.calls.name(item.value.name, item.name, set() if is_free else taken)
        for number, value in enumerate(self.calls.groups):
            wanted = value.name if isinstance(value, Column) else f"group_{number + 1}"
            self.calls.name(f"\0g{number}", wanted, taken | outputs)
        for measure in self.calls.measures:
            args = [arg.name for arg in measure.args if isinstance(arg, Column)]
            self.calls.name(measure.name, "_".join([measure.function, *(args or [""])]), taken | outputs)
        for _, _, column in self.calls.windows:
            self.calls.name(column.name, column.function, taken | outputs)

    # --- the end: columns, DISTINCT, ORDER BY, LIMIT

    def _finish(self, plan: QueryPlan, order: list[SortKey]) -> QueryPlan:
        keys = [self.calls.final(key) for key in order]
        distinct = self.node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            on = distinct.args["on"].expressions
            groups = tuple(self.calls.final(self._order_value(one)) for one in on)
            rest = tuple(key for key in keys if key.value not in groups)
            plan, distinct = plan.then(Top(groups=groups, order=rest)), None
        shown = self._shown()
        hidden = self._hidden_windows()
        after = [self._by_output(key) for key in keys]
        if all(key is not None for key in after):
            plan = plan.then(*shown, *([Distinct()] if distinct else []))
            plan = plan.then(Sort(keys=tuple(key for key in after if key is not None))) if after else plan
            return limited(plan, self.node).then(*hidden)
        if distinct:
            raise unsayable("DISTINCT with an order by what is not selected", self.node)
        plan = limited(plan.then(Sort(keys=tuple(keys))), self.node)
        return plan.then(*shown)

    def _hidden_windows(self) -> list[Step]:
        """A star does not show the windows that only QUALIFY or ORDER BY read."""
        if not any(item.value is None for item in self.items):
            return []
        shown = {item.value.name for item in self.items if isinstance(item.value, Column)}
        gone = [column.name for _, _, column in self.calls.windows if column.name not in shown]
        return [Drop(names=tuple(self.calls.names[one] for one in gone))] if gone else []

    def _by_output(self, key: SortKey) -> SortKey | None:
        """The key over the output's columns, None if it is not one of them."""
        if any(item.value is None for item in self.items):
            return key
        for item in self.items:
            if item.value is not None and self.calls.final(item.value) == key.value:
                return key.model_copy(update={"value": Column(name=item.name)})
        return None

    def _shown(self) -> list[Step]:
        stars = [item for item in self.items if item.value is None]
        if not stars:
            return [Project(columns=tuple(self._named(item) for item in self.items))]
        if len(stars) == 1 and (isinstance(stars[0].node, exp.Star) or len(self.scope.relations) == 1):
            return self._starred(stars[0].node)
        return [Project(columns=tuple(one for item in self.items for one in self._all_of(item)))]

    def _named(self, item: Item) -> Named:
        assert item.value is not None
        return Named(name=item.name, value=self.calls.final(item.value))

    def _starred(self, star: exp.Expr) -> list[Step]:
        """Everything, with more columns after it, some left out, replaced or renamed."""
        star = star.this if isinstance(star, exp.Column) else star
        steps: list[Step] = []
        added = [self._named(item) for item in self.items if item.value is not None]
        new = tuple(one for one in added if one.value != Column(name=one.name))
        replaced = tuple(
            Named(name=one.alias, value=self.calls.plain.read(one.this)) for one in star.args.get("replace") or []
        )
        if new or replaced:
            steps.append(Extend(columns=(*replaced, *new)))
        dropped = [self._flat(one) for one in star.args.get("except_") or []]
        if dropped:
            steps.append(Drop(names=tuple(dropped)))
        renamed = tuple(Renaming(name=one.alias, was=self._flat(one.this)) for one in star.args.get("rename") or [])
        return [*steps, *([Rename(columns=renamed)] if renamed else [])]

    def _flat(self, node: exp.Expr) -> str:
        found = self.scope.find(node) if isinstance(node, exp.Column) else Column(name=node.name)
        return found.name if isinstance(found, Column) else node.name

    def _all_of(self, item: Item) -> list[Named]:
        """The columns of `t.*`."""
        if item.value is not None:
            return [self._named(item)]
        relation = self.scope.relation(item.node.args["table"].name) if item.node.args.get("table") else None
        chosen = [relation] if relation else self.scope.relations
        inner: Any = item.node.this if isinstance(item.node, exp.Column) else item.node
        if not all(one.complete for one in chosen) or any(inner.args.get(key) for key in ("replace", "rename")):
            raise unsayable("a star of columns that are not known", item.node)
        gone = {one.name.lower() for one in inner.args.get("except_") or []}
        flat = [name for one in chosen for lower, name in one.columns.items() if lower not in gone]
        return [Named(name=name, value=Column(name=name)) for name in dict.fromkeys(flat)]


def _condition(node: exp.Expr, key: str) -> exp.Expr | None:
    found = node.args.get(key)
    return found.this if found is not None else None


def _same_column(item: exp.Expr, name: str) -> bool:
    return isinstance(item.this, exp.Column) and item.this.name.lower() == name
