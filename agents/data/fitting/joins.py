"""Joins of SQL mended by relationships: a table that is missing, one that does not exist, a wrong condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from sqlglot import exp

from agents.data.fitting.conditions import full_name, named_queries, sources, written
from agents.data.keys import is_key_name
from agents.data.linking import Linked
from agents.data.repair import Mended, listed
from agents.data.sql.parsing import PARSER
from agents.data.words import content_words, pieces
from shared.catalog import Table

_THERE = 0.5  # what a table that is already read has over one that would have to be joined
_CALLED, _ASKED = 2.0, 1.0  # the column's new name says the table's; the question does


class Keys:
    """Which columns hold the same keys: those that relationships connect, also by way of a third."""

    def __init__(self, linked: Linked) -> None:
        self._same: dict[str, str] = {}
        for one in linked.relationships:
            self._same[self._root(one.from_)] = self._root(one.to)

    def same(self, one: str, other: str) -> bool:
        """Both as `table.column`."""
        return self._root(one) == self._root(other)

    def knows(self, table: Table, column: str) -> bool:
        """Whether a relationship names the column, or it is the first of its table, as keys are.

        Of `receiver_id`, which refers to what a type says, nothing is known.
        """
        return column in self._keyed(table) or column == table.columns[0].name

    def pairs(self, one: Table, other: Table) -> list[tuple[str, str]]:
        """Columns of the two tables by which they can be joined; where no relationship tells, keys of the same name,
        called after one of the two (`machine_id` of machines)."""
        mine, its = self._keyed(one), self._keyed(other)
        related = [(a, b) for a, b in product(mine, its) if self.same(f"{one.name}.{a}", f"{other.name}.{b}")]
        return related or [
            (name, name) for name in one.by_name if name in other.by_name and _is_key_of(name, one, other)
        ]

    def _keyed(self, table: Table) -> list[str]:
        return [column.name for column in table.columns if self._root(f"{table.name}.{column.name}") in self._roots]

    @property
    def _roots(self) -> set[str]:
        return set(self._same.values())

    def _root(self, name: str) -> str:
        while (above := self._same.get(name, name)) != name:
            name = above
        return name


@dataclass(frozen=True)
class _Scope:
    """A SELECT with the tables that it reads by alias; None for what is no table of the catalog.

    derived: aliases of what WITH names; whole: whether it reads tables of the catalog and nothing else.
    """

    select: exp.Select
    sources: Mapping[str, Table | None]
    derived: frozenset[str]
    whole: bool

    def owner(self, column: exp.Column) -> Table | None:
        if column.table:
            return self.sources.get(column.table)
        owners = [table for table in self.sources.values() if table and _column_of(table, column.name)]
        return owners[0] if len(owners) == 1 else None

    def columns(self) -> list[exp.Column]:
        return [one for one in self.select.find_all(exp.Column) if one.find_ancestor(exp.Select) is self.select]


class Joins:
    """Mends the joins of SQL queries about one question."""

    def __init__(self, linked: Linked, question: str) -> None:
        self._linked = linked
        self._tables = linked.catalog.tables
        self._keys = Keys(linked)
        self._by_name = {table.name.lower(): table for table in self._tables}
        self._asked = set(content_words(question))

    def complete(self, query: str) -> Mended:
        """A query that does not bind: columns of a table that it does not read get that table, joined by its key."""
        parsed = PARSER.parse(query, self._linked.catalog.dialect).select
        if parsed is None:
            return Mended(query)
        changed = parsed.copy()
        notes: list[str] = []
        for select in list(changed.find_all(exp.Select)):
            notes += _told_apart(select, self._by_name)
            notes += self._replaced(self._scope(select))
            notes += self.conditions(select)
            notes += self._joined(self._scope(select))
        return written(query, changed, self._linked.catalog.dialect, notes)

    def conditions(self, select: exp.Select) -> Iterator[str]:
        """Where two tables are joined by columns of different keys, or that they don't have: join them by the one pair
        of columns that hold the same key, or by way of the one table that shares a key with both. Changes the select.
        """
        scope = self._scope(select)
        for join in select.args.get("joins") or []:
            on = join.args.get("on")
            if not isinstance(on, exp.EQ) or not all(isinstance(side, exp.Column) for side in (on.this, on.expression)):
                continue
            one, other = scope.owner(on.this), scope.owner(on.expression)
            if one is None or other is None or one is other:
                continue
            mine, its = _column_of(one, on.this.name), _column_of(other, on.expression.name)
            if mine and its and (mine == its or not (self._keys.knows(one, mine) and self._keys.knows(other, its))):
                continue
            if self._keys.same(f"{one.name}.{mine}", f"{other.name}.{its}"):
                continue
            before, pairs = on.sql(), self._keys.pairs(one, other)
            if len(pairs) == 1:
                on.this.set("this", exp.to_identifier(pairs[0][0]))
                on.expression.set("this", exp.to_identifier(pairs[0][1]))
                yield f"joined by `{on.sql()}`, not by `{before}`, which are different keys"
            elif not pairs and (step := self._between(one, other, scope)):
                joined, (own, step_key), (theirs, other_key) = step
                alias = _alias(joined)
                between = exp.column(own, table=on.this.table).eq(exp.column(step_key, table=alias))
                reached = exp.column(theirs, table=alias).eq(exp.column(other_key, table=on.expression.table))
                _qualify(scope)
                _insert(select, join, joined, between, reached, starts=on.this.table)
                yield f"joined '{one.name}' and '{other.name}' by way of '{joined.name}', not by `{before}`"

    def _replaced(self, scope: _Scope) -> Iterator[str]:
        """A table that does not exist is the one that has the columns wanted of it."""
        for alias, table in scope.sources.items():
            if table is not None or alias in scope.derived:
                continue
            places = [one for one in scope.columns() if one.table == alias and not _in_join(one)]
            wanted = {one.name for one in places}
            owners = [one for one in self._tables if wanted and wanted <= set(one.by_name)]
            source = _source(scope.select, alias)
            if len(owners) == 1 and owners[0] not in scope.sources.values() and source is not None:
                missing = source.name
                named = exp.to_table(owners[0].name, alias=alias)
                source.replace(named)
                self._join_again(scope, alias, owners[0])
                yield f"used table '{owners[0].name}', which has {listed(wanted)}, for '{missing}'"

    def _join_again(self, scope: _Scope, alias: str, table: Table) -> None:
        join = next((one for one in scope.select.args.get("joins") or [] if one.this.alias_or_name == alias), None)
        if join is not None and (on := self._on(scope, alias, table)) is not None:
            join.set("on", on)

    def _joined(self, scope: _Scope) -> Iterator[str]:
        """Columns that their table lacks are of another table that is read, or of one that can be joined."""
        lost: dict[str, list[exp.Column]] = {}
        for column in scope.columns():
            if _in_join(column):
                continue
            table = scope.sources.get(column.table) if column.table else None
            known = not scope.whole or self._is_of_outer(column, scope)
            known = known or any(one and _column_of(one, column.name) for one in scope.sources.values())
            is_lost = not _column_of(table, column.name) if table else not column.table and not known
            if is_lost and not self._is_alias(column, scope):
                lost.setdefault(column.table, []).append(column)
        for places in lost.values():
            wanted = {one.name for one in places}
            found = self._best(wanted, places, scope)
            if found is None:
                continue
            table, alias = found
            if alias is None:
                alias = _alias(table)
                if alias in scope.sources:
                    continue
                _qualify(scope)
                for join in self._way(scope, table):
                    scope.select.append("joins", join)
            for column in places:
                column.set("table", exp.to_identifier(alias))
            yield f"read {listed(wanted)} from '{table.name}'"

    def _best(self, wanted: set[str], places: Sequence[exp.Column], scope: _Scope) -> tuple[Table, str | None] | None:
        """The one table that has the columns, as it is called, and how it is read now (None where it is not)."""
        called = {
            word for one in places if isinstance(one.parent, exp.Alias) for word in content_words(one.parent.alias)
        }
        ranked: list[tuple[float, Table, str | None]] = []
        for table in self._tables:
            if not wanted <= set(table.by_name):
                continue
            alias = next((name for name, one in scope.sources.items() if one is table), None)
            if alias is None and not self._way(scope, table):
                continue
            words = set(content_words(table.name))
            score = _CALLED * bool(words & called) + _ASKED * bool(words & self._asked) + _THERE * (alias is not None)
            ranked.append((score, table, alias))
        ranked.sort(key=lambda one: -one[0])
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return ranked[0][1], ranked[0][2]

    def _way(self, scope: _Scope, table: Table) -> list[exp.Join]:
        """The joins that bring a table in: by one key, or by way of a third table; none where there is no one way."""
        if on := self._on(scope, _alias(table), table):
            return [_join(table, on)]
        ways = [
            [_join(between, first), _join(table, exp.column(mine, table=_alias(between)).eq(_column(its, table)))]
            for between in self._tables
            if between is not table
            and between not in scope.sources.values()
            and _alias(between) not in scope.sources
            and (first := self._on(scope, _alias(between), between)) is not None
            for mine, its in self._keys.pairs(between, table)
        ]
        return ways[0] if len(ways) == 1 else []

    def _on(self, scope: _Scope, alias: str, table: Table) -> exp.Expr | None:
        """The condition that joins the table to the first that is read and shares a key; None if that shares more."""
        for name, one in scope.sources.items():
            if one is None or one is table or name == alias:
                continue
            if pairs := self._keys.pairs(one, table):
                own, its = pairs[0]
                joined = exp.column(own, table=name).eq(exp.column(its, table=alias))
                return joined if len(pairs) == 1 else None
        return None

    def _between(
        self, one: Table, other: Table, scope: _Scope
    ) -> tuple[Table, tuple[str, str], tuple[str, str]] | None:
        """The one table that shares a key with both."""
        found = [
            (table, first[0], second[0])
            for table in self._tables
            if table not in scope.sources.values()
            and len(first := self._keys.pairs(one, table)) == 1
            and len(second := self._keys.pairs(table, other)) == 1
        ]
        return found[0] if len(found) == 1 else None

    def _is_of_outer(self, column: exp.Column, scope: _Scope) -> bool:
        """Whether a query around this one may have it, of which a subquery can speak."""
        outer = scope.select.find_ancestor(exp.Select)
        if outer is None:
            return False
        around = self._scope(outer)
        known = any(one and _column_of(one, column.name) for one in around.sources.values())
        return known or not around.whole or self._is_of_outer(column, around)

    def _is_alias(self, column: exp.Column, scope: _Scope) -> bool:
        return not column.table and any(one.alias == column.name for one in scope.select.expressions)

    def _scope(self, select: exp.Select) -> _Scope:
        read, derived = _read(select), named_queries(select)
        named = {
            one.alias_or_name: None if one.name.lower() in derived else self._by_name.get(full_name(one))
            for one in read
        }
        own = frozenset(one.alias_or_name for one in read if one.name.lower() in derived)
        return _Scope(select, named, own, whole=len(read) == len(sources(select)) and None not in named.values())


def _is_key_of(name: str, one: Table, other: Table) -> bool:
    return is_key_name(name) and bool(set(pieces(name)) & set(pieces(f"{one.name} {other.name}")))


def _alias(table: Table) -> str:
    return table.name.rpartition(".")[2]


def _column(name: str, table: Table) -> exp.Column:
    return exp.column(name, table=_alias(table))


def _join(table: Table, on: exp.Expr, *, side: str = "") -> exp.Join:
    """side: LEFT and the like, as of the join that it leads to."""
    return exp.Join(this=exp.to_table(table.name, alias=_alias(table)), on=on, side=side or None)


def _insert(
    select: exp.Select, join: exp.Join, between: Table, first: exp.Expr, second: exp.Expr, *, starts: str
) -> None:
    """Join `between` before `join`. starts: what is read already; the condition that does not name it comes second."""
    new = join.this.alias_or_name
    one, other = (second, first) if starts == new else (first, second)
    joins = list(select.args["joins"])
    joins.insert(joins.index(join), _join(between, one, side=join.side))
    join.set("on", other)
    select.set("joins", joins)


def _told_apart(select: exp.Select, by_name: Mapping[str, Table]) -> Iterator[str]:
    """Two tables by one alias, `tickets t JOIN teams t`: the second gets its own name, and its columns."""
    first: dict[str, Table | None] = {}
    for read in _read(select):
        alias, table = read.alias_or_name, by_name.get(full_name(read))
        if alias not in first:
            first[alias] = table
            continue
        own, other = (_alias(table) if table else ""), first[alias]
        if table is None or other is None or table is other or own in first:
            continue
        read.set("alias", exp.TableAlias(this=exp.to_identifier(own)))
        first[own] = table
        for column in select.find_all(exp.Column):
            if column.table == alias and column.name in table.by_name and column.name not in other.by_name:
                column.set("table", exp.to_identifier(own))
        yield f"called '{table.name}' '{own}': '{alias}' is '{other.name}'"


def _read(select: exp.Select) -> list[exp.Table]:
    return [one for one in sources(select) if isinstance(one, exp.Table)]


def _column_of(table: Table, name: str) -> str | None:
    """The column as the catalog spells it: SQL does not mind the case."""
    return next((one.name for one in table.columns if one.name.lower() == name.lower()), None)


def _source(select: exp.Select, alias: str) -> exp.Table | None:
    return next((one for one in select.find_all(exp.Table) if one.alias_or_name == alias), None)


def _in_join(column: exp.Column) -> bool:
    return column.find_ancestor(exp.Join, exp.Select).__class__ is exp.Join


def _qualify(scope: _Scope) -> None:
    """Say of which table each bare column is, where one is plainly meant, before another table may have it too."""
    for column in scope.columns():
        if column.table:
            continue
        names = [name for name, table in scope.sources.items() if table and column.name in table.by_name]
        if len(names) == 1:
            column.set("table", exp.to_identifier(names[0]))
