"""Statements that every call needs, compiled once: SQLAlchemy prepares a run for longer than a database runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

from shared.ledger.transactions import driver_of

Row = Mapping[str, Any]
Take = Callable[[Row], tuple[Any, ...]]
"""A statement's values of a row, in order and as the driver takes them."""


class Compiled:
    """An insert or update of rows that have the same columns each time.

    build: makes it, for a dialect by name; without: columns that it leaves as they are.
    """

    def __init__(self, build: Callable[[str], Any], without: Collection[str] = ()) -> None:
        self._build = build
        self._without = without
        self._known: dict[str, tuple[str, Take]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """For all rows, nothing for none; how many rows of the table were changed, as far as the driver tells (-1)."""
        if not rows:
            return 0
        text, values = self.prepared(connection.dialect, rows)
        if driver := driver_of(connection):
            return driver.executemany(text, values).rowcount
        return connection.exec_driver_sql(text, values if len(values) > 1 else values[0]).rowcount

    def prepared(self, dialect: Dialect, rows: Sequence[Row]) -> tuple[str, list[tuple[Any, ...]]]:
        """The statement, and its values for each row, as the driver takes them."""
        text, values = self._compiled(dialect, rows[0])
        return text, [values(row) for row in rows]

    def _compiled(self, dialect: Dialect, row: Row) -> tuple[str, Take]:
        return self._known.get(dialect.name) or self._compile(dialect, row)

    def _compile(self, dialect: Dialect, row: Row) -> tuple[str, Take]:
        compiled = self._build(dialect.name).compile(
            dialect=dialect, column_keys=[name for name in row if name not in self._without]
        )
        names: Sequence[str] = compiled.positiontup or ()
        assert len(set(names)) == len(names), "no value is used twice"
        processors = [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names]
        self._known[dialect.name] = str(compiled), _taking(names, processors)
        return self._known[dialect.name]


def _taking(names: Sequence[str], processors: Sequence[Callable[[Any], Any] | None]) -> Take:
    """processors: what makes each value one of the driver's, if anything does."""
    of_the_row = itemgetter(*names)
    turned = [(place, turn) for place, turn in enumerate(processors) if turn]

    def take(row: Row) -> tuple[Any, ...]:
        values = list(of_the_row(row))
        for place, turn in turned:
            values[place] = turn(values[place])
        return tuple(values)

    return take
