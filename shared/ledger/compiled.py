"""Statements that every call needs, compiled once: SQLAlchemy prepares a run for longer than a database runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

from shared.ledger.transactions import driver_of

Row = Mapping[str, Any]
Columns = Sequence[tuple[str, Callable[[Any], Any] | None]]
"""Names of a statement's values in order, each with what makes it one of the driver's, if anything does."""


class Compiled:
    """An insert or update of rows that have the same columns each time.

    build: makes it, for a dialect by name; without: columns that it leaves as they are.
    """

    def __init__(self, build: Callable[[str], Any], without: Collection[str] = ()) -> None:
        self._build = build
        self._without = without
        self._known: dict[str, tuple[str, Columns]] = {}

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
        text, columns = self._compiled(dialect, rows[0])
        return text, [_values(row, columns) for row in rows]

    def _compiled(self, dialect: Dialect, row: Row) -> tuple[str, Columns]:
        return self._known.get(dialect.name) or self._compile(dialect, row)

    def _compile(self, dialect: Dialect, row: Row) -> tuple[str, Columns]:
        compiled = self._build(dialect.name).compile(
            dialect=dialect, column_keys=[name for name in row if name not in self._without]
        )
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in compiled.positiontup}
        columns = [(name, kind.bind_processor(dialect)) for name, kind in types.items()]
        assert len(columns) == len(compiled.positiontup), "no value is used twice"
        self._known[dialect.name] = str(compiled), columns
        return self._known[dialect.name]


def _values(row: Row, columns: Columns) -> tuple[Any, ...]:
    return tuple([turn(row[name]) if turn else row[name] for name, turn in columns])
