"""Texts that a query compares columns with, as the rows have them: their spelling, and the column that holds them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sqlglot import exp
from sqlglot.errors import SqlglotError

from agents.data.fitting.conditions import full_name, named_queries, sources
from agents.data.fitting.flags import truth_of
from agents.data.fitting.scopes import tables_read
from agents.data.names import likeness
from agents.data.platform import Platform
from agents.data.sandbox import Sandbox
from agents.data.session import first_rows, quoted
from agents.data.times import without_times
from agents.data.words import content_words, pieces
from shared.catalog import Catalog, Column, Table
from shared.errors import LexiQueryError

_ROWS = 200_000  # of a table that are looked at
_DIFFERENT = 500  # values of a column among which the nearest is looked for
_SHORTEST = 3  # characters of a text that may be a part of a longer value
_COLUMNS = 60  # of a table that are looked at
_NEAR = 0.75  # likeness from which a value stands in for one that does not occur
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True)
class _Found:
    """How often a column's values are the text, are it but for case, and hold it."""

    column: Column
    same: int
    folded: int
    holding: int


class Values:
    """Looks texts up in a group's rows."""

    def __init__(self, platform: Platform, catalog: Catalog, sandbox: Sandbox) -> None:
        self._platform = platform
        self._catalog = catalog
        self._sandbox = sandbox

    def place(
        self, select: exp.Select, tables: Sequence[Table], question: str, named: Collection[str] = ()
    ) -> Iterator[str]:
        """Respell or move each comparison with a text that its column does not have. Blocks; changes the select.

        named: columns that the question names; parts of texts are looked for there even if there are none.
        """
        by_name, derived = {table.name.lower(): table for table in tables}, named_queries(select)
        read = [one for one in tables_read(select) if one.name.lower() not in derived]
        owners = {one.alias_or_name: by_name.get(full_name(one)) for one in read}
        known = [table for table in owners.values() if table]
        plain = len(known) == len(sources(select))  # else a column without a table may be a subquery's
        compared = select.find_all(exp.EQ, exp.Like, exp.ILike)
        for node in [one for one in compared if one.find_ancestor(exp.Select) is select]:
            column, text = node.this, node.expression
            if isinstance(column, exp.Column) and isinstance(text, exp.Literal) and text.is_string:
                table = owners.get(column.table) if column.table else _only_owner(column.name, known) if plain else None
                if table and column.name in table.by_name and self._is_text(table.by_name[column.name]):
                    with suppress(LexiQueryError):
                        if isinstance(node, exp.EQ):
                            yield from self._placed(node, column, text.this, table, question, column.name in named)
                        elif column.name not in named and not isinstance(node.parent, exp.Not):
                            yield from self._part_placed(node, column, text.this, table)

    def count(self, query: exp.Query) -> int | None:
        """How many rows the SQL gives; None where it can't be run. Blocks."""
        try:
            sql = self._platform.to_duckdb(query.sql(dialect=self._catalog.dialect), self._catalog)
            (row,) = self._sandbox.execute(f"SELECT count(*) FROM ({sql})", self._catalog, limit=1).rows  # noqa: S608
        except (LexiQueryError, SqlglotError):
            return None
        return int(row[0])

    def _placed(
        self, node: exp.EQ, column: exp.Column, text: str, table: Table, question: str, is_named: bool
    ) -> Iterator[str]:
        found = self._look_up(text, table)
        own = found.get(column.name)
        if own is None or not text:
            return
        if not is_named and (meant := _spoken_of(column.name, text, found, question, table)):
            yield f"looked for '{text}' in {meant.column.name}, of which the question speaks, not in {column.name}"
            column, own = _renamed(column, meant.column.name), meant
            node.set("this", column)
        if own.same:
            return
        if own.holding and not own.folded and len(text) >= _SHORTEST:
            node.replace(_holds(column, text))
            yield f"looked for '{text}' as a part of {column.name}"
        elif not own.folded and (moved := _most(found, "same")):
            node.set("this", _renamed(column, moved))
            yield f"looked for '{text}' in {moved}: {column.name} has no such value"
        elif right := self._nearest(text, column.name, table, question):
            node.set("expression", exp.Literal.string(right))
            yield f"used '{right}' for '{text}', as {column.name} has it"
        elif len(text) >= _SHORTEST and (moved := _most(found, "holding")):
            node.replace(_holds(_renamed(column, moved), text))
            yield f"looked for '{text}' in {moved}: {column.name} has no such value"

    def _part_placed(self, node: exp.Expr, column: exp.Column, pattern: str, table: Table) -> Iterator[str]:
        """A part of a text is looked for in the column that has it, where this one has not."""
        part = pattern.strip("%")
        if len(part) < _SHORTEST or re.search("[%_]", part):
            return
        found = self._look_up(part, table)
        own = found.get(column.name)
        if own and own.holding and pattern != f"%{part}%" and not self._matches(column.name, pattern, table):
            node.set("expression", exp.Literal.string(f"%{part}%"))
            yield f"looked for '{part}' anywhere in {column.name}: no value is like '{pattern}'"
        elif own and not own.holding and (moved := _most(found, "holding")) and not _looks_in(moved, part, node):
            node.set("this", _renamed(column, moved))
            yield f"looked for '{part}' in {moved}: {column.name} has no such value"

    def _matches(self, column: str, pattern: str, table: Table) -> bool:
        like = pattern.replace("'", "''")
        sql = (
            f"SELECT count(*) FROM {first_rows(table, _ROWS)} "  # noqa: S608 - quoted names
            f"WHERE {quoted(column)} ILIKE '{like}'"
        )
        return bool(self._sandbox.execute(sql, self._catalog, limit=1).rows[0][0])

    def _look_up(self, text: str, table: Table) -> dict[str, _Found]:
        columns = [column for column in table.columns if self._is_text(column)][:_COLUMNS]
        wanted = text.replace("'", "''")
        parts = [
            f"count(*) FILTER ({quoted(one.name)} = '{wanted}'), "
            f"count(*) FILTER (lower({quoted(one.name)}) = lower('{wanted}')), "
            f"count(*) FILTER (contains(lower({quoted(one.name)}), lower('{wanted}')))"
            for one in columns
        ]
        sql = f"SELECT {', '.join(parts)} FROM {first_rows(table, _ROWS)}"  # noqa: S608 - quoted names
        (row,) = self._sandbox.execute(sql, self._catalog, limit=1).rows
        counts = zip(columns, row[::3], row[1::3], row[2::3], strict=True)
        return {one.name: _Found(one, same, folded, holding) for one, same, folded, holding in counts}

    def _nearest(self, text: str, column: str, table: Table, question: str) -> str | None:
        """The column's value that is spelled most alike, or says yes or no as the text does; else the only one whose
        every word the question says, and that has all words of the text (`West` for `Europe West`), or only words of a
        text that the question does not say (`CloseAccess` for `Close`)."""
        name = quoted(column)
        sql = (
            f"SELECT {name} FROM {first_rows(table, _ROWS)} "  # noqa: S608 - quoted names
            f"WHERE {name} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1"
        )
        values = [str(row[0]) for row in self._sandbox.execute(sql, self._catalog, limit=_DIFFERENT).rows]
        near = [value for value in values if _alike(text, value) >= _NEAR]
        if near:
            return max(near, key=partial(_alike, text))
        if (truth := truth_of(text)) is not None:
            told = [value for value in values if truth_of(value) is truth]
            return told[0] if len(told) == 1 else None
        said, asked = _roots(without_times(question)), _roots(text)
        numbers = _NUMBERS.findall(text)  # an iPhone is no iPhone 16
        told = [one for one in values if (words := _roots(one)) and words <= said and _NUMBERS.findall(one) == numbers]
        longer = [value for value in told if asked <= _roots(value)]
        shorter = [value for value in told if asked > _roots(value)] if text.lower() not in question.lower() else []
        return next((one[0] for one in (longer, shorter) if len(one) == 1), None)

    def _is_text(self, column: Column) -> bool:
        raw = column.name.startswith("_")  # the event itself, in Splunk
        return not raw and self._platform.duckdb_type(column.type).startswith(("VARCHAR", "TEXT", "CHAR"))


def _spoken_of(column: str, text: str, found: Mapping[str, _Found], question: str, table: Table) -> _Found | None:
    """The one column that has the text as a value and is called like the word beside it in the question, `LogonType` of
    `unknown logons`, where the question says no word of the column that it is compared with. Words of the table's name
    speak of no column: `user_name` of `admin users`."""
    if set(content_words(column)) & set(content_words(question)):
        return None
    words, sought = pieces(question), pieces(text)
    at = [place for place in range(len(words)) if sought and words[place : place + len(sought)] == sought]
    beside = {words[near] for one in at for near in (one - 1, one + len(sought)) if 0 <= near < len(words)}
    beside -= set(pieces(table.name))
    others = [
        one
        for one in found.values()
        if (one.same or one.folded) and one.column.name != column and beside & set(content_words(one.column.name))
    ]
    return others[0] if len(others) == 1 else None


def _roots(text: str) -> set[str]:
    """Its words without an ending that verbs lose: `closing`, `close`."""
    return {word.rstrip("e") for word in pieces(text)}


def _looks_in(column: str, part: str, node: exp.Expr) -> bool:
    """Whether the query looks for the part in that column already."""
    select = node.find_ancestor(exp.Select)
    others = select.find_all(exp.Like, exp.ILike) if select else ()
    return any(one.this.name == column and part.lower() in one.expression.name.lower() for one in others)


def _only_owner(name: str, tables: Sequence[Table]) -> Table | None:
    owners = [table for table in tables if name in table.by_name]
    return owners[0] if len(owners) == 1 else None


def _alike(one: str, other: str) -> float:
    """0 to 1; names that differ in a number, `lt-101` and `lt-102`, are names of different things."""
    return likeness(one, other) if _NUMBERS.findall(one) == _NUMBERS.findall(other) else 0.0


def _most(found: dict[str, _Found], how: Literal["same", "holding"]) -> str | None:
    """The column where the text is, or is held by, the most values."""
    best = max(found.values(), key=lambda one: int(getattr(one, how)))
    return best.column.name if getattr(best, how) else None


def _renamed(column: exp.Column, name: str) -> exp.Column:
    other = column.copy()
    other.set("this", exp.to_identifier(name, quoted=column.this.args.get("quoted")))
    return other


def _holds(column: exp.Column, text: str) -> exp.Expr:
    return exp.ILike(this=column.copy(), expression=exp.Literal.string(f"%{text}%"))
