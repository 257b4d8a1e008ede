"""Joins of SQL mended by relationships: a table that is missing, one that does not exist, a wrong condition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from agents.data.fitting.conditions import CountRows, full_name, named_queries, rows_read, sources, written
from agents.data.fitting.same_keys import Keys
from agents.data.fitting.scopes import Scope, alias_of, column_of, is_in_join, qualify, source_called, tables_read
from agents.data.linking import Linked
from agents.data.repair import Mended, listed
from agents.data.sql.parsing import PARSER
from agents.data.words import content_words
from shared.catalog import Table

_THING = re.compile(
    r"\W*(?:which|whose|(?:what|who)(?:\s+(?:are|is|were))?|list|show|find|give(?:\s+me)?|get)\s+"
    r"(?:(?:all|the|a|of|each|different|names?|titles?)\s+)*(?P<thing>[\w-]+)",
    re.IGNORECASE,
)
_NUMBER_OF = re.compile(
    r"\b(?:how many|(?:number|count|ratio|total) of|\w+ to)\s+(?:(?:all|the|different|unique)\s+)*(?P<thing>[\w-]+)"
    r"(?:\s+(?P<next>[\w-]+))?",
    re.IGNORECASE,
)
_THERE = 0.5  # what a table that is already read has over one that would have to be joined
_CALLED, _ASKED = 2.0, 1.0  # the column's new name says the table's; the question does


class Joins:
    """Mends the joins of SQL queries about one question."""

    def __init__(self, linked: Linked, question: str) -> None:
        self._linked = linked
        self._tables = linked.catalog.tables
        self._keys = Keys(linked)
        self._by_name = {table.name.lower(): table for table in self._tables}
        self._asked = set(content_words(question))
        self._things = _things(question)

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
            notes += self._either(self._scope(select))
        return written(query, changed, self._linked.catalog.dialect, notes)

    def refer(self, query: str, read: Sequence[Table]) -> Mended:
        """`semester_id` of a table whose column `semester` refers to that key is that column. For a query of one
        table."""
        parsed = PARSER.parse(query, self._linked.catalog.dialect).select
        if parsed is None or len(read) != 1:
            return Mended(query)
        changed, notes = parsed.copy(), dict[str, None]()
        for column in changed.find_all(exp.Column):
            own = None if column_of(read[0], column.name) else self._reference(read[0], column.name)
            if own and not any(one.alias == column.name for one in changed.find_all(exp.Alias)):
                notes[f"used column '{own}' for '{column.name}', to which it refers"] = None
                column.set("this", exp.to_identifier(own))
        return written(query, changed, self._linked.catalog.dialect, list(notes))

    def _reference(self, table: Table, wanted: str) -> str | None:
        """The table's one column that refers to another table's key of that name, or is called so but for `_id`."""
        keys = {one.name for one in self._tables if one is not table and column_of(one, wanted)}
        found = {
            one.from_.rpartition(".")[2]
            for one in self._linked.relationships
            if one.from_.rpartition(".")[0] == table.name and one.to in {f"{name}.{wanted}" for name in keys}
        }
        if not found and keys and wanted.lower().endswith("_id"):
            found = {name for name in (column_of(table, wanted[: -len("_id")]),) if name}
        return found.pop() if len(found) == 1 else None

    def count_once(self, select: exp.Select, question: str) -> Iterator[str]:
        """`count(t.id)` counts each row of t once where the question asks for their number, though a join repeats them.
        Changes the select."""
        scope = self._scope(select)
        read = [table for table in scope.sources.values() if table]
        for count in list(select.find_all(exp.Count)):
            column = count.this
            if not isinstance(column, exp.Column) or count.find_ancestor(exp.Select) is not select:
                continue
            table = scope.owner(column)
            if (
                table is None
                or not self._is_repeated(scope, table, column.name)
                or not _is_counted(table, read, question)
            ):
                continue
            count.set("this", exp.Distinct(expressions=[column.copy()]))
            yield f"counted different `{column.sql()}`: the join repeats them"

    def _is_repeated(self, scope: Scope, table: Table, key: str) -> bool:
        """Whether a table that is read refers to this key of the table, so that a join may repeat its rows."""
        others = {one.name for one in scope.sources.values() if one is not None and one is not table}
        ends = [one for one in self._linked.relationships if one.to == f"{table.name}.{key}"]
        return any(one.from_.rpartition(".")[0] in others for one in ends)

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
            mine, its = column_of(one, on.this.name), column_of(other, on.expression.name)
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
                alias = alias_of(joined)
                between = exp.column(own, table=on.this.table).eq(exp.column(step_key, table=alias))
                reached = exp.column(theirs, table=alias).eq(exp.column(other_key, table=on.expression.table))
                qualify(scope)
                _insert(select, join, joined, between, reached, starts=on.this.table)
                yield f"joined '{one.name}' and '{other.name}' by way of '{joined.name}', not by `{before}`"

    def _replaced(self, scope: Scope) -> Iterator[str]:
        """A table that does not exist is the one that has the columns wanted of it."""
        for alias, table in scope.sources.items():
            if table is not None or alias in scope.derived:
                continue
            places = [one for one in scope.columns() if one.table == alias and not is_in_join(one)]
            wanted = {one.name for one in places}
            owners = [one for one in self._tables if wanted and wanted <= set(one.by_name)]
            source = source_called(scope.select, alias)
            if len(owners) == 1 and owners[0] not in scope.sources.values() and source is not None:
                missing = source.name
                named = exp.to_table(owners[0].name, alias=alias)
                source.replace(named)
                self._join_again(scope, alias, owners[0])
                yield f"used table '{owners[0].name}', which has {listed(wanted)}, for '{missing}'"

    def _join_again(self, scope: Scope, alias: str, table: Table) -> None:
        join = next((one for one in scope.select.args.get("joins") or [] if one.this.alias_or_name == alias), None)
        if join is not None and (on := self._on(scope, alias, table)) is not None:
            join.set("on", on)

    def _joined(self, scope: Scope) -> Iterator[str]:
        """Columns that their table lacks are of another table that is read, or of one that can be joined."""
        lost: dict[str, list[exp.Column]] = {}
        for column in scope.columns():
            if is_in_join(column):
                continue
            table = scope.sources.get(column.table) if column.table else None
            known = not scope.whole or self._is_of_outer(column, scope)
            known = known or any(one and column_of(one, column.name) for one in scope.sources.values())
            is_lost = not column_of(table, column.name) if table else not column.table and not known
            if is_lost and not self._is_alias(column, scope):
                lost.setdefault(column.table, []).append(column)
        for places in lost.values():
            wanted = {one.name for one in places}
            found = self._best(wanted, places, scope)
            if found is None:
                continue
            table, alias = found
            if alias is None:
                alias = alias_of(table)
                if alias in scope.sources:
                    continue
                qualify(scope)
                for join in self._way(scope, table):
                    scope.select.append("joins", join)
            before = places[0].table
            for column in places:
                column.set("table", exp.to_identifier(alias))
            yield f"read {listed(wanted)} from '{table.name}'"
            yield from self._left(scope, before)

    def unneeded(self, select: exp.Select, rows: CountRows) -> Iterator[str]:
        """Tables that are joined though the question does not speak of them and nothing of them is used, where the join
        repeats rows and leaves none out. rows: how many rows a query gives. Changes the select."""
        for alias in list(self._scope(select).sources)[::-1]:
            without = select.copy()
            scope = self._scope(without)
            table = scope.sources.get(alias)
            if table is None or set(content_words(f"{table.name} {table.description}")) & self._asked:
                continue
            if not list(self._left(scope, alias)):
                continue
            before, after = rows(rows_read(select)), rows(rows_read(without))
            if before is None or after is None or after >= before:
                continue
            others = {name: one for name, one in scope.sources.items() if one and name != alias}
            keys = [exp.column(one.columns[0].name, table=name) for name, one in others.items()]
            if rows(rows_read(select, keys)) == rows(rows_read(without, keys)):
                yield from self._left(self._scope(select), alias)

    def _left(self, scope: Scope, alias: str) -> Iterator[str]:
        """A table at the end of the joins of which nothing else is wanted any more goes, where its rows are no part of
        the question: it was joined for columns that another has."""
        table, joins = scope.sources.get(alias), scope.select.args.get("joins") or []
        if table is None or any(join.side for join in joins) or not scope.whole:
            return
        qualify(scope)
        on = [
            join for join in joins if join.args.get("on") and alias in {one.table for one in join.find_all(exp.Column)}
        ]
        bare = any(not one.table or (one.table == alias and not is_in_join(one)) for one in scope.columns())
        if (
            len(on) != 1
            or bare
            or not isinstance(on[0].args["on"], exp.EQ)
            or any(one.is_star for one in scope.select.expressions)
        ):
            return
        own = next((one for one in on[0].args["on"].find_all(exp.Column) if one.table == alias), None)
        is_key = own is not None and own.name == table.columns[0].name
        if not is_key and set(content_words(table.name)) & self._asked:
            return
        source = scope.select.args["from_"]
        if source.this.alias_or_name == alias:
            source.set("this", on[0].this)
        elif on[0].this.alias_or_name != alias:
            return
        scope.select.set("joins", [join for join in joins if join is not on[0]])
        yield f"did not join '{table.name}', of which nothing is wanted"

    def _either(self, scope: Scope) -> Iterator[str]:
        """A bare column that several tables have is any of theirs where the joins hold them equal."""
        joins = scope.select.args.get("joins") or []
        equal = [join.args["on"] for join in joins if isinstance(join.args.get("on"), exp.EQ) and not join.side]
        for column in scope.columns():
            for on in equal if not column.table else ():
                if on.this.name == on.expression.name == column.name and on.this.table:
                    column.set("table", exp.to_identifier(on.this.table))
                    yield f"read '{column.name}' from '{on.this.table}', which is joined by it"
                    break

    def _best(self, wanted: set[str], places: Sequence[exp.Column], scope: Scope) -> tuple[Table, str | None] | None:
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
            shown = any(one.find_ancestor(exp.Where, exp.Having, exp.Join) is None for one in places)
            things = _ASKED * bool(shown and words & self._things)
            score = (
                things
                + _CALLED * bool(words & called)
                + _ASKED * bool(words & self._asked)
                + _THERE * (alias is not None)
            )
            ranked.append((score, table, alias))
        ranked.sort(key=lambda one: -one[0])
        if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
            return None
        return ranked[0][1], ranked[0][2]

    def _way(self, scope: Scope, table: Table) -> list[exp.Join]:
        """The joins that bring a table in: by one key, or by way of a third table; none where there is no one way."""
        if on := self._on(scope, alias_of(table), table):
            return [_join(table, on)]
        ways = [
            [_join(between, first), _join(table, exp.column(mine, table=alias_of(between)).eq(_column(its, table)))]
            for between in self._tables
            if between is not table
            and between not in scope.sources.values()
            and alias_of(between) not in scope.sources
            and (first := self._on(scope, alias_of(between), between)) is not None
            for mine, its in self._keys.pairs(between, table)
        ]
        return ways[0] if len(ways) == 1 else []

    def _on(self, scope: Scope, alias: str, table: Table) -> exp.Expr | None:
        """The condition that joins the table to the first that is read and shares a key; None if that shares more."""
        for name, one in scope.sources.items():
            if one is None or one is table or name == alias:
                continue
            if pairs := self._keys.pairs(one, table):
                own, its = pairs[0]
                joined = exp.column(own, table=name).eq(exp.column(its, table=alias))
                return joined if len(pairs) == 1 else None
        return None

    def _between(self, one: Table, other: Table, scope: Scope) -> tuple[Table, tuple[str, str], tuple[str, str]] | None:
        """The one table that shares a key with both."""
        found = [
            (table, first[0], second[0])
            for table in self._tables
            if table not in scope.sources.values()
            and len(first := self._keys.pairs(one, table)) == 1
            and len(second := self._keys.pairs(table, other)) == 1
        ]
        return found[0] if len(found) == 1 else None

    def _is_of_outer(self, column: exp.Column, scope: Scope) -> bool:
        """Whether a query around this one may have it, of which a subquery can speak."""
        outer = scope.select.find_ancestor(exp.Select)
        if outer is None:
            return False
        around = self._scope(outer)
        known = any(one and column_of(one, column.name) for one in around.sources.values())
        return known or not around.whole or self._is_of_outer(column, around)

    def _is_alias(self, column: exp.Column, scope: Scope) -> bool:
        return not column.table and any(one.alias == column.name for one in scope.select.expressions)

    def _scope(self, select: exp.Select) -> Scope:
        read, derived = tables_read(select), named_queries(select)
        named = {
            one.alias_or_name: None if one.name.lower() in derived else self._by_name.get(full_name(one))
            for one in read
        }
        own = frozenset(one.alias_or_name for one in read if one.name.lower() in derived)
        return Scope(select, named, own, whole=len(read) == len(sources(select)) and None not in named.values())


def _things(question: str) -> set[str]:
    """What the question asks for: the word after `which`, `names of the` and the like."""
    asked = _THING.match(question)
    return set(content_words(asked["thing"])) if asked else set()


def _is_counted(table: Table, read: Sequence[Table], question: str) -> bool:
    """Whether the question asks for the number of what the table is called after: not for `customer orders`, where
    orders are read too."""
    words = set(content_words(table.name))
    others = {word for one in read if one is not table for word in content_words(one.name)}
    return any(
        words & set(content_words(one["thing"])) and not others & set(content_words(one["next"] or ""))
        for one in _NUMBER_OF.finditer(question)
    )


def _column(name: str, table: Table) -> exp.Column:
    return exp.column(name, table=alias_of(table))


def _join(table: Table, on: exp.Expr, *, side: str = "") -> exp.Join:
    """side: LEFT and the like, as of the join that it leads to."""
    return exp.Join(this=exp.to_table(table.name, alias=alias_of(table)), on=on, side=side or None)


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
    for read in tables_read(select):
        alias, table = read.alias_or_name, by_name.get(full_name(read))
        if alias not in first:
            first[alias] = table
            continue
        own, other = (alias_of(table) if table else ""), first[alias]
        if table is None or other is None or table is other or own in first:
            continue
        read.set("alias", exp.TableAlias(this=exp.to_identifier(own)))
        first[own] = table
        for column in select.find_all(exp.Column):
            if column.table == alias and column.name in table.by_name and column.name not in other.by_name:
                column.set("table", exp.to_identifier(own))
        yield f"called '{table.name}' '{own}': '{alias}' is '{other.name}'"
