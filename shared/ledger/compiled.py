"""Statements that every call needs, compiled once: SQLAlchemy prepares a run for longer than a database runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

Row = Mapping[str, Any]


class Compiled:
    """An insert or update of rows that have the same columns each time. build: makes it, for a dialect by name."""

    def __init__(self, build: Callable[[str], Any]) -> None:
        self._build = build
        self._known: dict[str, tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """For all rows; nothing is done for none."""
        if not rows:
            return
        dialect = connection.dialect
        text, columns = self._known.get(dialect.name) or self._compile(dialect, rows[0])
        values = [tuple([turn(row[name]) if turn else row[name] for name, turn in columns]) for row in rows]
        connection.exec_driver_sql(text, values)

    def _compile(self, dialect: Dialect, row: Row) -> tuple[str, list[tuple[str, Callable[[Any], Any] | None]]]:
        compiled = self._build(dialect.name).compile(dialect=dialect, column_keys=list(row))
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in compiled.positiontup}
        columns = [(name, kind.bind_processor(dialect)) for name, kind in types.items()]
        assert len(columns) == len(compiled.positiontup), "no value is used twice"
        self._known[dialect.name] = str(compiled), columns
        return self._known[dialect.name]
