"""FROM and JOIN: the rows a SELECT starts from, and what its names mean there.

A plan's columns have unique names. Of the right side's columns whose names the left has, those that the SELECT reads
are renamed (`teams.name` → `t_name`), those that only repeat a key become the left's, the others stay hidden.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from sqlglot import exp

from agents.data.plan.expressions import Call, Column, Expr
from agents.data.plan.model import (
    Expand,
    Extend,
    Filter,
    Join,
    Key,
    Named,
    QueryPlan,
    Rename,
    Renaming,
    Step,
    Table,
    Values,
)
from agents.data.plan.read_sql.expressions import Scalars, Subqueries, all_of, query_in
from agents.data.plan.read_sql.rows import values_of
from agents.data.plan.read_sql.scope import Relation, Scope, columns_of_node, unique, unsayable
from agents.data.plan.schema import Columns, columns_of, table_columns
from agents.data.sql.binding import full_name, lookup
from shared.catalog import Catalog

How = Literal["inner", "left", "full", "semi", "anti", "cross"]


@dataclass(frozen=True)
class Side:
    """Rows, the names for them, and their columns with types; complete: these are all the columns there are."""

    plan: QueryPlan
    relations: list[Relation]
    columns: Columns
    complete: bool
    merged: dict[str, str] = field(default_factory=dict)

    def scope(self, outer: Scope | None = None) -> Scope:
        return Scope(self.relations, self.columns, outer, self.merged)

    def then(self, *steps: Step) -> Side:
        return replace(self, plan=self.plan.then(*steps))


class Uses:
    """Which columns of which table a SELECT reads, so that those that clash and matter can be renamed."""

    def __init__(self, select: exp.Expr, *, stars: bool = True) -> None:
        self._counts = Counter((column.table.lower(), column.name.lower()) for column in columns_of_node(select))
        items = select.expressions if isinstance(select, exp.Select) and stars else []
        self._every = any(isinstance(item, exp.Star) for item in items)
        self._stars = {item.table.lower() for item in items if isinstance(item, exp.Column) and item.is_star}

    def count(self, alias: str, name: str) -> int:
        """How often `alias.name` is read by its name."""
        return self._counts[alias.lower(), name.lower()]

    def starred(self, alias: str) -> bool:
        """Whether a star reads all of the table's columns."""
        return self._every or alias.lower() in self._stars

    def of(self, alias: str) -> list[str]:
        """The names that are read of a table, in lower case."""
        return [name for table, name in self._counts if table == alias.lower()]


class From:
    """Reads the FROM of one SELECT. tables: what WITH named; conditions: the WHERE, from which implicit joins take."""

    def __init__(
        self,
        catalog: Catalog | None,
        tables: dict[str, QueryPlan],
        uses: Uses,
        subqueries: Subqueries,
        read_query: Callable[[exp.Query], QueryPlan],
    ) -> None:
        self._catalog, self._tables, self._uses = catalog, tables, uses
        self._subqueries, self._read_query = subqueries, read_query

    def read(self, select: exp.Select, conditions: list[exp.Expr]) -> Side:
        """Conditions that an implicit join (`FROM a, b WHERE a.id = b.id`) is made by are taken out of the list."""
        first = select.args.get("from_")
        if first is None:
            return Side(QueryPlan(source=Values()), [], {}, complete=True)
        side = self._source(first.this)
        nested = first.this.args.get("joins") or []
        for node in [*nested, *(select.args.get("joins") or [])]:
            side = self._join(side, node, conditions)
        for lateral in select.args.get("laterals") or []:
            raise unsayable("LATERAL", lateral)
        return side

    # --- one table

    def _source(self, node: exp.Expr) -> Side:
        if isinstance(node, exp.Table):
            found = self._table(node)
        elif isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            raise unsayable("a join in brackets", node)
        elif isinstance(node, exp.Subquery):
            found = self._named(node.alias, self._read_query(query_in(node)))
        elif isinstance(node, exp.Values):
            found = self._named(node.alias, values_of(node))
        else:
            raise unsayable("this in FROM", node)
        return _with_alias_columns(found, node)

    def _table(self, node: exp.Table) -> Side:
        if node.args.get("sample") or node.args.get("pivots") or not isinstance(node.this, exp.Identifier):
            raise unsayable("this in FROM", node)
        if not node.db and node.name.lower() in self._tables:
            return self._named(node.alias_or_name, self._tables[node.name.lower()])
        known = lookup(node, self._catalog) if self._catalog else None
        name = known.name if known else full_name(node)
        columns = table_columns(name, self._catalog)
        alias = node.alias or node.name
        relation = Relation(alias, {one.lower(): one for one in columns or {}}, complete=columns is not None)
        return Side(QueryPlan(source=Table(name=name)), [relation], columns or {}, columns is not None)

    def _named(self, alias: str, plan: QueryPlan) -> Side:
        columns = columns_of(plan, self._catalog)
        relation = Relation(alias, {one.lower(): one for one in columns or {}}, complete=columns is not None)
        return Side(plan, [relation], columns or {}, columns is not None)

    # --- two

    def _join(self, left: Side, node: exp.Join, where: list[exp.Expr]) -> Side:
        if node.args.get("method") or node.args.get("match_condition"):
            raise unsayable("this join", node)
        if isinstance(node.this, exp.Unnest) or (
            isinstance(node.this, exp.Lateral) and isinstance(node.this.this, exp.Unnest | exp.Explode)
        ):
            return self._expand(left, node)
        right = self._source(node.this)
        for inner in node.this.args.get("joins") or []:
            right = self._join(right, inner, where)
        on = list(conjuncts(node.args.get("on")))
        using = [identifier.name for identifier in node.args.get("using") or []]
        how = _how(node, bool(on or using))
        if how == "cross":
            on = _taken(where, left.scope(), right.scope())
            how = "inner" if on else "cross"
        if node.side.upper() == "RIGHT":
            left, right = right, left
        return self.joined(left, right, how, on, using)

    def joined(self, left: Side, right: Side, how: How, on: Iterable[exp.Expr], using: Sequence[str] = ()) -> Side:
        """The sides joined where `on` holds and the `using` columns are equal; of semi and anti only the left's."""
        pairs, own, other = _sorted_out(on, left.scope(), right.scope(), how)
        if own:
            right = right.then(Filter(condition=all_of([self._read(right.scope(), one) for one in own])))
        key_uses = Counter(column.name.lower() for _, node in pairs for column in columns_of_node(node))
        named = [(exp.column(name, quoted=True), exp.column(name, quoted=True)) for name in using]
        same = _same_columns([*pairs, *named], left, right) if how in ("inner", "semi") else {}
        originals = {name: _named_column(right, name) for name in using}
        right = self._apart(left, right, key_uses, same, {name.lower() for name in using}, how)
        keys = [self._key(left, right, a, b) for a, b in pairs]
        keys += [Key(left=_named_column(left, name), right=_after(right, originals[name])) for name in using]
        right = _with_repeated(right, left, same)
        both = _both(left, right, how)
        conditions = [self._read(both.scope(), one) for one in other]
        step = Join(how=how, right=right.plan, keys=tuple(keys), condition=all_of(conditions) if conditions else None)
        if how in ("semi", "anti"):
            return left.then(step)
        return _with_using(replace(both, plan=left.plan.then(step)), left, right, using, how)

    def _read(self, scope: Scope, node: exp.Expr) -> Expr:
        return Scalars(scope, self._subqueries).read(node)

    def _key(self, left: Side, right: Side, a: exp.Expr, b: exp.Expr) -> Key:
        return Key(left=self._read(left.scope(), a), right=self._read(right.scope(), b))

    def _apart(
        self, left: Side, right: Side, key_uses: Counter[str], same: dict[str, str], merged: set[str], how: How
    ) -> Side:
        """The right side with its clashing columns renamed, or read as the left's."""
        taken = {name.lower() for name in left.columns} | {
            name for relation in left.relations if not relation.complete for name in self._uses.of(relation.alias)
        }
        renamed: dict[str, str] = {}
        relations = []
        for relation in right.relations:
            columns = dict(relation.columns)
            if not relation.complete:
                columns |= {name: name for name in self._uses.of(relation.alias) if name not in columns}
            hidden = set(relation.hidden)
            for name, flat in columns.items():
                if flat.lower() not in taken:
                    continue
                starred = self._uses.starred(relation.alias) and name not in merged
                if flat in same and not starred:
                    continue
                read = self._uses.count(relation.alias, name) > key_uses[name]
                if starred or read or (how == "full" and name in merged):
                    every = [*taken, *right.columns, *renamed.values()]
                    columns[name] = renamed[flat] = unique(f"{relation.alias}_{flat}", every)
                elif name not in merged and how not in ("semi", "anti"):
                    hidden.add(name)
            relations.append(replace(relation, columns=columns, hidden=hidden))
        if not renamed:
            return replace(right, relations=relations)
        step = Rename(columns=tuple(Renaming(name=new, was=old) for old, new in renamed.items()))
        kinds: Columns = {renamed.get(name, name): kind for name, kind in right.columns.items()}
        return replace(right.then(step), relations=relations, columns=kinds)

    def _expand(self, left: Side, node: exp.Join) -> Side:
        """`CROSS JOIN unnest(t.tags) AS u(tag)`."""
        inner = node.this.this if isinstance(node.this, exp.Lateral) else node.this
        lists = inner.expressions or [inner.this]
        alias = node.this.args.get("alias")
        names = [column.name for column in alias.columns] if alias else []
        table = alias.name if alias else ""
        if len(lists) != 1 or inner.args.get("offset"):
            raise unsayable("this unnest", node)
        name = unique(names[0] if names else table or "unnest", left.columns)
        value = self._read(left.scope(), lists[0])
        relation = Relation(table or name, {(names[0] if names else table).lower(): name}, complete=True)
        expand = Expand(name=name, value=value, keep_empty=node.side.upper() == "LEFT")
        return replace(
            left.then(expand), relations=[*left.relations, relation], columns=left.columns | {name: "dynamic"}
        )


def conjuncts(node: exp.Expr | None) -> list[exp.Expr]:
    if node is None:
        return []
    inner = node.unnest()
    if isinstance(inner, exp.And):
        return [part for one in inner.flatten() for part in conjuncts(one)]
    return [inner]


def _how(node: exp.Join, conditioned: bool) -> How:
    side, kind = node.side.upper(), node.kind.upper()
    if kind in ("SEMI", "ANTI"):
        return "semi" if kind == "SEMI" else "anti"
    if side in ("LEFT", "RIGHT", "FULL"):
        if not conditioned:
            raise unsayable("an outer join without a condition", node)
        return "full" if side == "FULL" else "left"
    if kind not in ("", "INNER", "CROSS", "OUTER"):
        raise unsayable(f"a {kind} join", node)
    return "inner" if conditioned else "cross"


def _sides(node: exp.Expr, left: Scope, right: Scope) -> str:
    """`left`, `right`, `both` or `none`: whose columns the expression reads. A name that both have is the left's."""
    found = {"left" if _in(column, left, right) else "right" for column in columns_of_node(node)}
    return "both" if len(found) > 1 else found.pop() if found else "none"


def _in(column: exp.Column, scope: Scope, other: Scope) -> bool:
    """Whether it is a column of this scope. Where it may be of both, the one that knows it for certain."""
    if scope.find(column) is None:
        return False
    return column.table != "" or other.find(column) is None or scope.knows(column.name) or not other.knows(column.name)


def _pair(node: exp.Expr, left: Scope, right: Scope) -> tuple[exp.Expr, exp.Expr] | None:
    """The left's and the right's expression that an equation makes equal."""
    if not isinstance(node, exp.EQ) or node.find(exp.Query):
        return None
    sides = _sides(node.this, left, right), _sides(node.expression, left, right)
    if sides == ("left", "right"):
        return node.this, node.expression
    return (node.expression, node.this) if sides == ("right", "left") else None


def _taken(where: list[exp.Expr], left: Scope, right: Scope) -> list[exp.Expr]:
    """The equations of the WHERE that join the two sides, taken out of it."""
    found = [one for one in where if _pair(one, left, right)]
    where[:] = [one for one in where if all(one is not other for other in found)]
    return found


def _sorted_out(
    on: Iterable[exp.Expr], left: Scope, right: Scope, how: How
) -> tuple[list[tuple[exp.Expr, exp.Expr]], list[exp.Expr], list[exp.Expr]]:
    """Pairs that are equal; conditions on the right side alone, that may be put there; the others."""
    pairs, own, other = [], [], []
    for node in on:
        if pair := _pair(node, left, right):
            pairs.append(pair)
        elif how != "full" and _sides(node, left, right) == "right":
            own.append(node)
        else:
            other.append(node)
    return pairs, own, other


def _same_columns(pairs: list[tuple[exp.Expr, exp.Expr]], left: Side, right: Side) -> dict[str, str]:
    """Right columns that an inner join makes equal to a left column of the same type: flat name → flat name."""
    found = {}
    for a, b in pairs:
        if isinstance(a, exp.Column) and isinstance(b, exp.Column):
            one, other = left.scope().find(a), right.scope().find(b)
            if isinstance(one, Column) and isinstance(other, Column):
                types = left.columns.get(one.name), right.columns.get(other.name)
                if types[0] == types[1]:
                    found[other.name] = one.name
    return found


def _with_repeated(right: Side, left: Side, same: dict[str, str]) -> Side:
    """Columns that only repeat a key, under names that the left side has, are the left's."""
    taken = {name.lower() for name in left.columns}
    repeated = {flat: own for flat, own in same.items() if flat.lower() in taken}
    columns = [{name: repeated.get(flat, flat) for name, flat in one.columns.items()} for one in right.relations]
    relations = [replace(one, columns=new) for one, new in zip(right.relations, columns, strict=True)]
    return replace(right, relations=relations)


def _after(side: Side, column: Column) -> Column:
    """The column under the name that the side's last step gave it."""
    last = side.plan.steps[-1] if side.plan.steps else None
    renamed = {one.was: one.name for one in last.columns} if isinstance(last, Rename) else {}
    return Column(name=renamed.get(column.name, column.name))


def _named_column(side: Side, name: str) -> Column:
    found = side.scope().find(exp.column(name, quoted=True))
    return found if isinstance(found, Column) else Column(name=name)


def _both(left: Side, right: Side, how: How) -> Side:
    lower = {name.lower() for name in left.columns}
    kept = {name: kind for name, kind in right.columns.items() if name.lower() not in lower}
    return Side(
        plan=left.plan,
        relations=[*left.relations, *right.relations],
        columns=left.columns | kept,
        complete=left.complete and right.complete,
        merged=left.merged | right.merged,
    )


def _with_using(side: Side, left: Side, right: Side, using: Sequence[str], how: How) -> Side:
    """The columns of USING are one; of a full join the one of the two that is not null."""
    names = {name: (_named_column(left, name).name, _named_column(right, name).name) for name in using}
    if how == "full" and names:
        one_of = [
            Named(name=a, value=Call(function="coalesce", args=(Column(name=a), Column(name=b))))
            for a, b in names.values()
        ]
        side = side.then(Extend(columns=tuple(one_of)))
    return replace(side, merged=side.merged | {name.lower(): pair[0] for name, pair in names.items()})


def _with_alias_columns(side: Side, node: exp.Expr) -> Side:
    """`hosts AS h(a, b)` renames the first columns."""
    alias = node.args.get("alias")
    names = [column.name for column in alias.columns] if isinstance(alias, exp.TableAlias) else []
    if not names:
        return side
    if not side.complete:
        raise unsayable("new names for columns that are not known", node)
    renamed = {old: new for old, new in zip(side.columns, names, strict=False) if old != new}
    columns: Columns = {renamed.get(name, name): kind for name, kind in side.columns.items()}
    relation = Relation(side.relations[0].alias, {name.lower(): name for name in columns}, complete=True)
    steps = [Rename(columns=tuple(Renaming(name=new, was=old) for old, new in renamed.items()))] if renamed else []
    return replace(side.then(*steps), relations=[relation], columns=columns)
