"""One SELECT in the making: its clauses, and what each column of the plan is in them."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.data.plan.schema import Columns
from agents.data.plan.to_sql.text import AND, Sql, listed, name


@dataclass
class Select:
    """known: the plan's columns in order, each as SQL; complete: there are no others, else `*` stands for the rest.

    star: what `*` stands for, each column as SQL; None where that is not known, or says columns that are hidden.
    order: what to sort by, and the words after it. lists: columns that hold DuckDB's own lists, not JSON.
    names: the columns of the tables in FROM, in lower case, None if they are not known; tables: the same as SQL.
    """

    source: str
    known: dict[str, Sql]
    types: Columns
    complete: bool
    star: dict[str, str] | None
    alias: str = ""
    names: set[str] | None = None
    joins: list[str] = field(default_factory=list)
    where: list[Sql] = field(default_factory=list)
    groups: list[str] | None = None
    having: list[Sql] = field(default_factory=list)
    qualify: list[Sql] = field(default_factory=list)
    distinct: bool = False
    order: list[tuple[str, str]] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    windowed: set[str] = field(default_factory=set)
    hidden: list[str] = field(default_factory=list)
    lists: set[str] = field(default_factory=set)
    tables: list[str] = field(default_factory=list)

    def column(self, column: str) -> Sql:
        """Of a table that is not known any name may be a column."""
        if column in self.known:
            return self.known[column]
        return Sql(name(column) if self.joins else self.own(column))

    def own(self, column: str) -> str:
        """The column of the source itself."""
        return f"{name(self.alias)}.{name(column)}" if self.alias else name(column)

    @property
    def is_computed(self) -> bool:
        """Whether a column is anything but one of the tables' own."""
        return any(found.text != self.own(column) for column, found in self.known.items())

    @property
    def is_limited(self) -> bool:
        return self.limit is not None or self.offset > 0

    @property
    def is_plain(self) -> bool:
        """Only FROM, JOIN and WHERE so far."""
        return self.groups is None and not (self.distinct or self.is_limited or self.windowed or self.qualify)

    def replace(self, columns: dict[str, Sql], types: Columns) -> None:
        """Other output columns, these only."""
        self.known, self.types, self.complete, self.hidden = columns, types, True, []
        self.windowed &= set(columns)

    def text(self, separator: str = "\n") -> str:
        clauses = [f"SELECT {'DISTINCT ' if self.distinct else ''}{self._columns()}"]
        if self.source:
            clauses.append(f"FROM {self.source}")
        clauses += self.joins
        clauses += [f"{word} {_all(found)}" for word, found in (("WHERE", self.where),) if found]
        if self.groups:
            clauses.append(f"GROUP BY {listed(self.groups)}")
        clauses += [
            f"{word} {_all(found)}" for word, found in (("HAVING", self.having), ("QUALIFY", self.qualify)) if found
        ]
        if self.order:
            clauses.append(f"ORDER BY {listed([self._by_alias(value) + words for value, words in self.order])}")
        if self.limit is not None:
            clauses.append(f"LIMIT {self.limit}")
        if self.offset:
            clauses.append(f"OFFSET {self.offset}")
        return separator.join(clauses)

    def _columns(self) -> str:
        if not self.complete:
            return listed(self._open())
        names, star = list(self.known), self.star or {}
        whole = [column for column in names[: len(star)] if self.known[column].text == star.get(column)]
        if star and whole == list(star):
            return listed(["*", *(self._named(one) for one in names[len(star) :])])
        return listed([self._named(one) for one in names]) or "*"

    def show_all_as_star(self) -> None:
        """Let `*` stand for the columns of joined tables, though some have other names in the plan."""
        shown = [found.text for found in self.known.values()]
        if len(self.joins) and self.tables and shown[: len(self.tables)] == self.tables:
            self.star = dict(zip(self.known, self.tables, strict=False))

    def _by_alias(self, value: str) -> str:
        """A computed column is named, not written again."""
        return next((name(one) for one, found in self.known.items() if found.text == value and "(" in value), value)

    def _open(self) -> list[str]:
        """`*` with what was added, left out or replaced."""
        star = "*"
        own = {one for one in self.known if self.known[one].text == self.own(one)}
        if self.hidden:
            star += f" EXCLUDE ({listed([name(one) for one in self.hidden])})"
        return [star, *(self._named(one) for one in self.known if one not in own)]

    def _named(self, column: str) -> str:
        found = self.known[column]
        same = found.text.rpartition(".")[2] == name(column) and "(" not in found.text
        return found.text if same else f"{found.text} AS {name(column)}"


def _all(conditions: list[Sql]) -> str:
    return " AND ".join(one.at(AND) if len(conditions) > 1 else one.text for one in conditions)


def word_for(select: Select) -> str:
    """A name for its rows as a CTE."""
    if select.is_limited:
        return "chosen"
    if select.groups is not None:
        return "grouped"
    if select.distinct:
        return "different"
    return "numbered" if select.windowed or select.qualify else "selected"
