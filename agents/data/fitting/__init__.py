"""A query made to fit its question by code: the times that the question says, and no condition that nothing says.

A small model takes over what similar examples filter and group by, and miscounts days. Both are plain in the text of
the question, so they are mended in the SQL that it wrote, and each change is told as an assumption.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlglot import exp

from agents.data.accounting import Account, Accounted
from agents.data.events import events_of, without_events
from agents.data.fitting.absent import hold_already, hold_undone
from agents.data.fitting.bounds import hold_bounds
from agents.data.fitting.computing import (
    add_ratio,
    count_as_one,
    count_rows,
    drop_having,
    share_of,
    split_shares,
    sum_counts,
)
from agents.data.fitting.conditions import close_either, conditions, drop, literals_of, written
from agents.data.fitting.denied import hold_denied
from agents.data.fitting.flags import hold_flags
from agents.data.fitting.formulas import hold_formulas
from agents.data.fitting.grouping import regroup, show_times, ungroup_either, ungroup_times, ungroup_unsaid
from agents.data.fitting.joins import Joins
from agents.data.fitting.limits import first_of_each, row_of_each, set_limit
from agents.data.fitting.naming import show_names
from agents.data.fitting.ordering import show_groups, show_rank, turn_order
from agents.data.fitting.repeated import show_once
from agents.data.fitting.rows import search_as_usual, show_whole_rows
from agents.data.fitting.rules import hold_rules
from agents.data.fitting.said import means_something_said, own_values
from agents.data.fitting.self_joins import leave_self_joins
from agents.data.fitting.sides import part_by
from agents.data.fitting.steps import by_step, drop_moments, read_step
from agents.data.fitting.texts import look_inside, look_into_lists, shorten_parts
from agents.data.fitting.times import TimesOf, logged_at, set_time
from agents.data.fitting.units import set_hours, set_unit, turn_spans
from agents.data.fitting.values import Values
from agents.data.fitting.windows import add_windows, says_change
from agents.data.linking import Linked
from agents.data.literals import is_time
from agents.data.repair import Mended
from agents.data.shape import forms
from agents.data.sql.parsing import PARSER
from agents.data.times import speaks_of_time, without_times
from agents.data.times.sides import read_sides
from agents.data.words import content_words, pieces
from shared.catalog import Example, Table

_NUMBERS = ("int", "bigint", "smallint", "long", "real", "double", "float", "decimal", "numeric", "number")
_EITHER = re.compile(r"\b(?:or|either)\b", re.IGNORECASE)
# What the question says to ask for a number, not for rows that hold the word.
_MEASURES = frozenset(["average", "total", "sum", "count", "highest", "lowest", "maximum", "minimum", "median", "most"])
_SAYABLE = re.compile(r"\w")
_EACH = re.compile(r"\b(?:per|by|each)\s+(?:the\s+)?$", re.IGNORECASE)
_WHEN = re.compile(r"(?<!\w)(?:when|times?)(?!\w)", re.IGNORECASE)
_SPANS = re.compile(  # times that are measured, and tell no moment
    r"(?<!\w)(?:response|load(?:ing)?|run(?:ning)?|process(?:ing)?|lead|cycle|resolution|wait(?:ing)?|answer|reaction|"
    r"execution|build|delivery|handling|round[\s-]trip|cpu|idle|how\s+many)\s+times?(?!\w)",
    re.IGNORECASE,
)
_UNITS = re.compile(
    r"(?<!\w)(?:minutes?|hours?|hourly|days?|daily|dates?|weeks?|weekly|weekdays?|months?|monthly|quarters?|quarterly|"
    r"years?|yearly|annual(?:ly)?|when|times?)(?!\w)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Fitting:
    """select: the whole query, changed in place; every change gives its note."""

    select: exp.Query
    question: str
    linked: Linked
    told: Account
    tables: Sequence[Table]
    examples: Sequence[Example]
    rows: Values | None

    def selects(self) -> list[exp.Select]:
        return list(self.select.find_all(exp.Select))

    def times(self) -> Iterator[str]:
        """The one range of time that the question says, where the query reads rows of a time."""
        change = says_change(self.question)
        asked = [one for one in self.linked.times if (one.start or one.end) and one.words.lower() not in change]
        times = self.times_of()
        if not asked:
            if self.told.time == "unasked" and not self.linked.times and not speaks_of_time(self.question):
                for select in self.selects():
                    for condition in times.conditions(select):
                        if times.is_of_now(condition):
                            continue
                        drop(select, condition.node)
                        yield f"left out `{_text(condition.node)}`: the question says no time"
        elif len(asked) == 1 and len(self.linked.times) == 1:
            for select in self.selects() if self.linked.as_database else ():
                yield from logged_at(select, self.question, self.tables, times)
            yield from set_time(self.selects(), asked[0], times)

    def values(self) -> Iterator[str]:
        """Conditions whose every value comes from nowhere, or from the question of an example alone, and lists of all
        the values that a column has."""
        taken_over, events = own_values(self.examples), events_of(self.tables)
        unsaid = {
            one.literal.strip("%*")
            for one in self.told.literals
            if one.column
            and _SAYABLE.search(one.literal)
            and not is_time(one.literal)
            and not means_something_said(
                one,
                without_events(self.question, one.literal, events),
                self.tables if one.literal.lower() in taken_over else (),
            )
            and (one.origin is None or (one.origin == "catalog" and one.literal.lower() in taken_over))
        }
        unsaid |= {one.literal for one in self.told.literals if one.origin == "question" and self._is_measure(one)}
        of_the_catalog = {one.literal.strip("%*") for one in self.told.literals if one.origin in (None, "catalog")}
        constants = {one.literal for one in self.told.literals if one.origin == "constant"}
        said = {one.literal for one in self.told.literals if one.origin not in (None, "catalog")}
        for select in self.selects():
            yield from shorten_parts(select, self.question, of_the_catalog)
            if not _EITHER.search(without_times(self.question)):
                for condition in conditions(select):
                    yield from _without_branches(condition, unsaid)
            for condition in conditions(select):
                if self._is_aside(condition):
                    drop(select, condition)
                    yield f"left out `{_text(condition)}`: the question does not speak of how rows were collected"
                    continue
                if self._is_always_so(select, condition):
                    drop(select, condition)
                    yield f"left out `{_text(condition)}`: the column has no other value"
                    continue
                if column := self._says_the_table(condition):
                    drop(select, condition)
                    yield f"left out `{_text(condition)}`: the question says the table by that, and nothing of {column}"
                    continue
                values = literals_of(condition)
                grouped = isinstance(condition, exp.EQ) and _is_grouped_by(select, condition.this)
                if values and (unsaid | constants if grouped else unsaid).issuperset(values):
                    drop(select, condition)
                    yield f"left out `{_text(condition)}`, which nothing in the question says"
                elif isinstance(condition, exp.In) and not said & values and self._is_every_value(condition, values):
                    drop(select, condition)
                    yield f"left out `{condition.this.sql()} IN (...)`, which lists every known value"

    def _is_aside(self, condition: exp.Expr) -> bool:
        """Whether it is about nothing but columns that the question does not speak of, and no thing that it names."""
        names = {one.name for one in condition.find_all(exp.Column)}
        things = {one.text for one in self.linked.entities}
        return bool(names) and names <= self.linked.aside and not literals_of(condition) & things

    def _is_always_so(self, select: exp.Select, condition: exp.Expr) -> bool:
        """Whether it compares a column that the question does not name with the name of its table, the only value that
        the table lists for it: `Type = 'Syslog'`."""
        column, value = condition.this, condition.expression
        if (
            not isinstance(condition, exp.EQ)
            or not isinstance(column, exp.Column)
            or not isinstance(value, exp.Literal)
        ):
            return False
        if any(join.side for join in select.args.get("joins") or []):
            return False
        if any(name == column.name for one in self.linked.columns for _, name in one.columns):
            return False
        known = [(one.name, one.by_name[column.name].values) for one in self.tables if column.name in one.by_name]
        return bool(known) and all(name == value.name and own == [name] for name, own in known)

    def _says_the_table(self, condition: exp.Expr) -> str | None:
        """Of logs: the column of `ServiceType = 'blob'` in StorageBlobLogs, where the question does not speak of it."""
        column, value = condition.this, condition.expression
        if not self.linked.as_database or not isinstance(condition, exp.EQ) or not isinstance(value, exp.Literal):
            return None
        if not value.is_string:
            return None
        owners = [table for table in self.tables if isinstance(column, exp.Column) and column.name in table.by_name]
        words = set(pieces(value.name))
        if len(owners) != 1 or not words or not words <= set(pieces(owners[0].name)):
            return None
        if value.name in (listed := owners[0].by_name[column.name].values) and len(listed) > 1:
            return None
        spoken = (set(content_words(column.name)) - set(pieces(owners[0].name))) & set(content_words(self.question))
        named = any(name == column.name for one in self.linked.columns for _, name in one.columns)
        quoted = any(one.text == value.name for one in self.linked.entities)
        return None if spoken or named or quoted else str(column.name)

    def _is_measure(self, one: Accounted) -> bool:
        """`title = 'Average'` of a question that asks for an average, where no title is called so."""
        known = {
            value for table in self.tables if one.column in table.by_name for value in table.by_name[one.column].values
        }
        return bool(one.column) and one.literal.lower() in _MEASURES and one.literal not in known

    def grouping(self) -> Iterator[str]:
        """Groups as the question asks for them: by a unit of time for a course over time, by the columns it names; and
        what it groups and orders by shown."""
        step = read_step(self.question)
        if step:
            if not _WHEN.search(without_times(self.question)):
                yield from drop_moments(self.select, self.times_of())
            yield from by_step(self.select, step, self.times_of())
        elif isinstance(self.select, exp.Select):
            if not _speaks_of_units(self.question):
                yield from ungroup_times(self.select, self.times_of())
            if not _speaks_of_units(_WHEN.sub(" ", self.question)):
                yield from show_times(self.select, self.times_of())
        if isinstance(self.select, exp.Select):
            yield from ungroup_either(self.select, self.question)
            yield from regroup(self.select, self._asked_by())
            if self.rows:
                yield from ungroup_unsaid(self.select, self.question, self._is_said, self.rows.count)
            yield from [*show_groups(self.select), *show_rank(self.select)]

    def _asked_by(self) -> list[str]:
        """The columns of the tables read that the question asks a result for each of: `per description`."""
        names = {table.name for table in self.tables}
        asked = [one for one in self.linked.columns if _EACH.search(self.question[: one.place[0]])]
        return [column for one in asked for table, column in one.columns[:1] if table in names]

    def _is_said(self, column: exp.Column) -> bool:
        """Whether a word of the column's name or description, or one of its values, is the question's; or it is a key.

        Words that describe the whole table say nothing of one of its columns.
        """
        tables = [one for one in self.tables if column.name in one.by_name]
        keys = {name for one in self.linked.relationships for name in (one.from_, one.to)}
        if any(f"{table.name}.{column.name}" in keys or column.name == table.columns[0].name for table in tables):
            return True
        words, own = set(pieces(self.question)), set(content_words(column.name))
        for table in tables:
            described = set(content_words(table.by_name[column.name].description))
            own |= described - set(content_words(f"{table.name} {table.description}"))
        named = [*(one.places for one in self.linked.mentions), *(one.columns for one in self.linked.columns)]
        return bool(own & words) or any(column.name == name for places in named for _, name in places)

    def computing(self) -> Iterator[str]:
        """Counts where the question asks how many, shares of all rows, and units of spans, as asked."""
        yield from hold_bounds(self.select, self.question)
        yield from count_rows(self.select, self.question, read_step(self.question), self._is_number)
        yield from sum_counts(self.select, self.question, self._is_number)
        yield from add_ratio(self.select, self.question)
        yield from count_as_one(self.select, self.question, read_step(self.question))
        unsaid = {one.literal for one in self.told.literals if one.origin is None}
        for select in self.selects():
            yield from split_shares(select)
            yield from share_of(select, self.question)
            yield from drop_having(select, self.question, unsaid)
        if isinstance(self.select, exp.Select):
            yield from turn_spans(self.select, self.question, self.rows.count) if self.rows else ()
            yield from set_unit(self.select, self.question)
            yield from set_hours(self.select, self.question)

    def _is_number(self, column: exp.Column) -> bool:
        types = [one.by_name[column.name].type.lower() for one in self.tables if column.name in one.by_name]
        return any(kind.startswith(_NUMBERS) for kind in types)

    def times_of(self) -> TimesOf:
        catalog = self.linked.catalog
        return TimesOf(self.tables, catalog.clock or datetime.now(UTC), catalog.dialect)

    def _is_every_value(self, condition: exp.In, values: set[str]) -> bool:
        column = condition.this
        if not isinstance(column, exp.Column):
            return False
        known = [one.by_name[column.name].values for one in self.tables if column.name in one.by_name]
        return bool(known) and all(len(own) > 1 and values.issuperset(own) for own in known)


def fit(
    query: str,
    question: str,
    linked: Linked,
    told: Account,
    tables: Sequence[Table],
    *,
    examples: Sequence[Example] = (),
    values: Values | None = None,
    whole_rows: bool = False,
) -> Mended:
    """The SQL query made to fit; the same, without notes, where it fits. Blocks where there are rows to look into.

    tables: those that it reads; examples: those that the model was shown; values: looks texts up in the group's rows;
    whole_rows: it searches logs, where columns that nobody asked for are no choice.
    """
    dialect = linked.catalog.dialect
    parsed = PARSER.parse(query, dialect).select
    if parsed is None:
        return Mended(query)
    fitting = _Fitting(parsed.copy(), question, linked, told, tables, examples, values)
    notes = [
        *(note for select in fitting.selects() for note in hold_flags(select, tables)),
        *(note for select in fitting.selects() for note in close_either(select, question)),
        *fitting.times(),
        *fitting.values(),
        *fitting.computing(),
        *fitting.grouping(),
    ]
    times = fitting.times_of()
    joins = Joins(linked, question)
    named = {column for one in linked.columns for _, column in one.columns}
    notes += part_by(fitting.select, sides, times) if (sides := read_sides(question, times.now)) else ()
    notes += hold_formulas(fitting.select, question, linked)
    notes += hold_rules(fitting.select, question, linked)
    notes += first_of_each(fitting.select, question, dialect)
    notes += row_of_each(fitting.select, question, tables, times, dialect)
    notes += set_limit(fitting.select, question)
    notes += turn_order(fitting.select, question, times)
    notes += add_windows(fitting.select, question, times)
    notes += hold_undone(fitting.select, question, linked, times)
    notes += hold_already(fitting.select, question, times)
    for select in fitting.selects():
        notes += leave_self_joins(select, tables)
        notes += look_into_lists(select, tables)
        notes += look_inside(select, question, tables, dialect)
        notes += hold_denied(select, question)
        notes += joins.conditions(select)
        notes += joins.unneeded(select, values.count) if values else ()
        notes += joins.count_once(select, question)
        notes += values.place(select, tables, question, named) if values else ()
    notes += show_names(fitting.select, question, tables)
    notes += show_once(fitting.select, question, tables, times)
    if whole_rows:
        notes += search_as_usual(fitting.select, question)
        notes += show_whole_rows(fitting.select, question, tables, linked.columns)
    return written(query, fitting.select, dialect, notes)


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb")


def _without_branches(condition: exp.Expr, unsaid: set[str]) -> Iterator[str]:
    """Of `a = 'x' OR b = 'y'` the parts whose values are said; `a = 'x' OR a = 'y'` is one list, and stays. The
    condition is changed in place."""
    either = condition.unnest()
    if not isinstance(either, exp.Or):
        return
    branches = [one.unnest() for one in either.flatten()]
    gone = [one for one in branches if (values := literals_of(one)) and unsaid.issuperset(values)]
    rest = [one for one in branches if one not in gone]
    if gone and rest and not {_columns(one) for one in gone} & {_columns(one) for one in rest}:
        kept = exp.or_(*rest, copy=True)
        either.replace(exp.paren(kept) if isinstance(kept, exp.Or) else kept)
        for one in gone:
            yield f"left out `{_text(one)}`, which nothing in the question says"


def _columns(condition: exp.Expr) -> frozenset[str]:
    return frozenset(one.name.lower() for one in condition.find_all(exp.Column))


def _is_grouped_by(select: exp.Select, column: exp.Expr) -> bool:
    group = select.args.get("group")
    keys = group.expressions if group else []
    return isinstance(column, exp.Column) and any(
        isinstance(key, exp.Column) and key.name.lower() == column.name.lower() for key in keys
    )


def _speaks_of_units(question: str) -> bool:
    """Whether it asks for days, hours and the like, other than to say which time it is about."""
    bare = _SPANS.sub(" ", without_times(question))
    return "course" in forms(bare) or bool(_UNITS.search(bare))
