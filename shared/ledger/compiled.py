"""Statements that every call needs, compiled once: SQLAlchemy prepares a run for longer than a database runs it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

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

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """For all rows; nothing is done for none."""
        if rows:
            text, columns = self._compiled(connection.dialect, rows[0])
            connection.exec_driver_sql(text, [_values(row, columns) for row in rows])

    def run_one(self, connection: Connection, row: Row) -> int:
        """For one row; how many rows of the table it changed."""
        text, columns = self._compiled(connection.dialect, row)
        return connection.exec_driver_sql(text, _values(row, columns)).rowcount

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
