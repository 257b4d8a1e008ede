"""SELECT, set operations and WITH as plans."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from agents.data.plan.expressions import Call, Column, Compare, Constant, Expr, InPlan, Scalar
from agents.data.plan.model import (
    Aggregate,
    Distinct,
    Drop,
    Expand,
    Extend,
    Filter,
    Join,
    Key,
    Limit,
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
    Union,
)
from agents.data.plan.read_sql.calls import Calls, has_aggregate, sort_key
from agents.data.plan.read_sql.expressions import Scalars, all_of, query_in
from agents.data.plan.read_sql.joins import From, Side, Uses, conjuncts
from agents.data.plan.read_sql.naming import output_name
from agents.data.plan.read_sql.scope import Correlated, Scope, unique, unsayable
from agents.data.plan.schema import columns_of
from shared.catalog import Catalog

Tables = dict[str, QueryPlan]


def read_query(node: exp.Expr, catalog: Catalog | None, tables: Tables, outer: Scope | None = None) -> QueryPlan:
    """tables: what the queries around it named in WITH; outer: the scope that a nested query may look into."""
    inner = query_in(node)
    tables = _with(node, catalog, tables)
    if inner is not node:
        tables = _with(inner, catalog, tables)
    if isinstance(inner, exp.Select):
        plan = Selecting(inner, catalog, tables, outer).plan()
    elif isinstance(inner, exp.Union):
        plan = _limited(_ordered(_union(inner, catalog, tables), inner), inner)
    else:
        raise unsayable(type(inner).__name__.upper(), inner)
    return plan if inner is node else _limited(_ordered(plan, node), node)


def _with(node: exp.Expr, catalog: Catalog | None, tables: Tables) -> Tables:
    found = node.args.get("with_")
    if found is None:
        return tables
    named = dict(tables)
    for cte in found.expressions:
        if found.args.get("recursive") and cte.alias.lower() in {one.name.lower() for one in cte.find_all(exp.Table)}:
            raise unsayable("a recursive CTE", cte)
        named[cte.alias.lower()] = _renamed(read_query(cte.this, catalog, named), cte, catalog)
    return named


def _renamed(plan: QueryPlan, cte: exp.Expr, catalog: Catalog | None) -> QueryPlan:
    """`WITH daily(day, n) AS …`."""
    names = [column.name for column in cte.args["alias"].columns]
    return _with_names(plan, names, catalog, cte) if names else plan


def _with_names(plan: QueryPlan, names: list[str], catalog: Catalog | None, node: exp.Expr) -> QueryPlan:
    """The plan with its columns called so, by position."""
    columns = columns_of(plan, catalog)
    if columns is None or len(columns) < len(names):
        raise unsayable("new names for columns that are not known", node)
    changed = tuple(Renaming(name=new, was=old) for old, new in zip(columns, names, strict=False) if old != new)
    return plan.then(Rename(columns=changed)) if changed else plan


# --- set operations


def _union(node: exp.Union, catalog: Catalog | None, tables: Tables) -> QueryPlan:
    plans = [read_query(side, catalog, tables) for side in (node.left, node.right)]
    if not node.args.get("by_name"):
        columns = columns_of(plans[0], catalog)
        plans[1] = _with_names(plans[1], list(columns), catalog, node) if columns is not None else _alike(plans, node)
    distinct = bool(node.args.get("distinct"))
    inner = plans[0].source
    if isinstance(inner, Union) and not plans[0].steps and not distinct:
        plans = [*inner.plans, plans[1]]
    plan = QueryPlan(source=Union(plans=tuple(plans)))
    return plan.then(Distinct()) if distinct else plan


def _alike(plans: list[QueryPlan], node: exp.Expr) -> QueryPlan:
    """Of tables whose columns are not known only those go together by position that are the same anyway."""
    if plans[0].source != plans[1].source:
        raise unsayable("a UNION of columns that are not known", node)
    return plans[1]


def _ordered(plan: QueryPlan, node: exp.Expr) -> QueryPlan:
    """ORDER BY of a union, or around brackets: by its columns' names or numbers."""
    order = node.args.get("order")
    if order is None:
        return plan
    columns = list(columns_of(plan, None) or {})

    def read(key: exp.Expr) -> Expr:
        if isinstance(key, exp.Literal) and not key.is_string and 0 < int(key.name) <= len(columns):
            return Column(name=columns[int(key.name) - 1])
        if isinstance(key, exp.Column):
            return Column(name=next((one for one in columns if one.lower() == key.name.lower()), key.name))
        raise unsayable("an order by an expression here", key)

    return plan.then(Sort(keys=tuple(sort_key(key, read) for key in order.expressions)))


def _limited(plan: QueryPlan, node: exp.Expr) -> QueryPlan:
    limit, offset = node.args.get("limit"), node.args.get("offset")
    if limit is None and offset is None:
        return plan
    count = None if limit is None else limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.expression
    options = limit.args.get("limit_options") if isinstance(limit, exp.Fetch) else None
    if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
        raise unsayable("this limit", node)
    numbers = [_whole(one, node) for one in (count, offset.expression if offset else None)]
    return plan.then(Limit(count=numbers[0], offset=numbers[1] or 0))


def _whole(node: exp.Expr | None, around: exp.Expr) -> int | None:
    if node is None:
        return None
    if not isinstance(node, exp.Literal) or not node.name.isdigit():
        raise unsayable("a computed limit", around)
    return int(node.name)


# --- SELECT


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
    catalog: Catalog | None
    tables: Tables
    outer: Scope | None = None
    side: Side = field(init=False)
    scope: Scope = field(init=False)
    calls: Calls = field(init=False)
    items: list[Item] = field(init=False, default_factory=list)
    _reading: set[str] = field(init=False, default_factory=set)

    def plan(self) -> QueryPlan:
        node = self.node
        where = conjuncts(node.args["where"].this) if node.args.get("where") else []
        self._enter(self._from(Uses(node)).read(node, where))
        self._where(where)
        self._read_items()
        having = [self._over(one) for one in conjuncts(_condition(node, "having"))]
        qualify = [self._over(one) for one in conjuncts(_condition(node, "qualify"))]
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

    def _from(self, uses: Uses) -> From:
        return From(self.catalog, self.tables, uses, self, lambda query: read_query(query, self.catalog, self.tables))

    def _enter(self, side: Side) -> None:
        """From here on names mean what they mean over this side."""
        self.side = side
        self.scope = side.scope(self.outer)
        windows = {one.this.name.lower(): one for one in self.node.args.get("windows") or []}
        aggregated = self.node.args.get("group") is not None or any(
            has_aggregate(part) for part in [*self.node.expressions, *_parts(self.node, "having", "order", "qualify")]
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
            self._semi_join(node, negated)

    def _condition(self, node: exp.Expr, later: list[tuple[exp.Expr, bool]]) -> Expr | None:
        """A correlated `x IN (SELECT …)` is a semi join too."""
        try:
            return self.calls.plain.read(node)
        except Correlated:
            if not isinstance(node, exp.In) or not node.args.get("query"):
                raise
            later.append((node, False))
            return None

    def _semi_join(self, node: exp.Expr, negated: bool) -> None:
        query = query_in(node.this if isinstance(node, exp.Exists) else node.args["query"])
        if not isinstance(query, exp.Select) or _parts(query, "group", "having", "qualify", "offset", "windows"):
            raise unsayable("this subquery", node)
        uses = Uses(query, stars=False)
        where = conjuncts(query.args["where"].this) if query.args.get("where") else []
        tables = _with(query, self.catalog, self.tables)
        inner = Selecting(query, self.catalog, tables, self.scope)
        right = inner._from(uses).read(query, where)
        inner._enter(right)
        if isinstance(node, exp.In):
            if negated:
                raise unsayable("NOT IN of several columns", node)
            left = node.this.expressions if isinstance(node.this, exp.Tuple) else [node.this]
            where += [
                exp.EQ(this=a.copy(), expression=b.unalias().copy()) for a, b in zip(left, query.selects, strict=True)
            ]
        elif any(has_aggregate(item) for item in query.expressions):
            raise unsayable("EXISTS of an aggregate", node)
        self.side = self._from(uses).joined(self.side, right, "anti" if negated else "semi", where)

    # --- queries inside expressions

    def scalar(self, query: exp.Query, scope: Scope) -> Expr:
        try:
            return Scalar(plan=read_query(query, self.catalog, self.tables, scope))
        except Correlated:
            if scope is not self.scope or not isinstance(query, exp.Select):
                raise
            return self._joined_value(query)

    def among(self, operand: Expr, query: exp.Query, scope: Scope) -> Expr:
        return InPlan(operand=operand, plan=read_query(query, self.catalog, self.tables, scope))

    def exists(self, query: exp.Query, scope: Scope) -> Expr:
        plan = read_query(query, self.catalog, self.tables, scope)
        counted = plan.then(Aggregate(measures=(Measure(name="count_", function="count"),)))
        return Compare(op=">", left=Scalar(plan=counted), right=Constant(type="int", value=0))

    def _joined_value(self, query: exp.Select) -> Expr:
        """`(SELECT count(*) FROM b WHERE b.id = a.id)`: the value of each key, joined."""
        if self.calls.groups or self.calls.measures or len(query.expressions) != 1 or _parts(
            query, "group", "having", "qualify", "limit", "offset", "order", "distinct"
        ):  # fmt: skip
            raise unsayable("this correlated subquery", query)
        where = conjuncts(query.args["where"].this) if query.args.get("where") else []
        inner = Selecting(query, self.catalog, _with(query, self.catalog, self.tables), self.scope)
        inner._enter(inner._from(Uses(query)).read(query, where))
        pairs = [pair for one in where if (pair := inner._equal_to_outer(one))]
        own = [one for one in where if not inner._equal_to_outer(one)]
        if own:
            inner.side = inner.side.then(Filter(condition=all_of([inner.calls.plain.read(one) for one in own])))
        value = inner._over(query.expressions[0].unalias())
        measures = inner.calls.measures or [Measure(name="\0m0", function="any", args=(value,))]
        wanted = value if inner.calls.measures else Column(name="\0m0")
        name = unique(output_name(query.expressions[0], 1), self.side.columns)
        groups = tuple(Named(name=f"{name}_key{n or ''}", value=key) for n, (key, _) in enumerate(pairs))
        inner.calls.names = {one.name: f"{name}_{n}" for n, one in enumerate(measures)}
        step = Aggregate(groups=groups, measures=tuple(inner.calls.final(one) for one in measures))
        columns = [*(Named(name=one.name, value=Column(name=one.name)) for one in groups)]
        shown = Project(columns=(*columns, Named(name=name, value=inner.calls.final(wanted))))
        keys = tuple(
            Key(left=outer, right=Column(name=one.name)) for one, (_, outer) in zip(groups, pairs, strict=True)
        )
        self.side = self.side.then(Join(how="left", right=inner.side.plan.then(step, shown), keys=keys))
        self.side.columns[name] = None
        counted = all(one.function in ("count", "count_distinct") for one in measures)
        found = Column(name=name)
        return Call(function="coalesce", args=(found, Constant(type="int", value=0))) if counted else found

    def _equal_to_outer(self, node: exp.Expr) -> tuple[Expr, Expr] | None:
        """The inner and the outer side of `b.id = a.id`."""
        if not isinstance(node, exp.EQ) or self.outer is None:
            return None
        for one, other in ((node.this, node.expression), (node.expression, node.this)):
            if isinstance(other, exp.Column) and self.scope.find(other) is None:
                return self.calls.plain.read(one), Scalars(self.outer, self).read(other)
        return None

    # --- the list of columns, groups and order

    def _over(self, node: exp.Expr) -> Expr:
        """Read where aggregates and windows may be: over the groups' columns."""
        reading = Scalars(self.scope, self, self._instead)
        return self.calls.over_groups(reading.read(node))

    def _instead(self, node: exp.Expr) -> Expr | None:
        return self.calls.instead(node, self._over) or self._alias(node)

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
                self.items.append(Item(name, self._over(inner), node))

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
        if isinstance(node, exp.Literal) and not node.is_string and 0 < int(node.name) <= len(items):
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
            item = self.items[int(node.name) - 1]
            if item.value is None:
                raise unsayable("an order by the place of a star", node)
            return item.value
        if isinstance(node, exp.Column) and not node.table:
            item_of = next((one for one in self.items if one.name.lower() == node.name.lower() and one.value), None)
            if item_of is not None and item_of.value is not None:
                return item_of.value
        return self._over(node)

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
            return _limited(plan, self.node).then(*hidden)
        if distinct:
            raise unsayable("DISTINCT with an order by what is not selected", self.node)
        plan = _limited(plan.then(Sort(keys=tuple(keys))), self.node)
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


def _parts(node: exp.Expr, *keys: str) -> list[exp.Expr]:
    return [found for key in keys if (found := node.args.get(key))]


def _same_column(item: exp.Expr, name: str) -> bool:
    return isinstance(item.this, exp.Column) and item.this.name.lower() == name
