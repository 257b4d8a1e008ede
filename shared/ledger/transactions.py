"""Transactions of the connection that writes, on a file by the driver itself: SQLAlchemy's own way to a statement takes
longer than SQLite does."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")


def driver_of(connection: Connection) -> sqlite3.Connection | None:
    """SQLite's own connection, of an engine on a file; None on any other database."""
    if connection.dialect.driver != "pysqlite":
        return None
    return cast(sqlite3.Connection, connection.connection.driver_connection)


def in_transaction(connection: Connection, work: Callable[[Connection], T]) -> T:
    """What `work` makes of the connection; nothing is kept of it when it raises. Raises DBAPIError."""
    if driver := driver_of(connection):
        return _on_file(connection, driver, work)
    try:
        with connection.begin():
            return work(connection)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    with connection.begin():
        return work(connection)  # the server was restarted; this connects again


def _on_file(connection: Connection, driver: sqlite3.Connection, work: Callable[[Connection], T]) -> T:
    try:
        # Or a transaction that reads before it writes fails at once when another process writes in between.
        driver.execute("BEGIN IMMEDIATE")
        made = work(connection)
        driver.execute("COMMIT")
        return made
    except sqlite3.Error as error:
        raise _as_sqlalchemy_says(connection, error) from error
    finally:
        if driver.in_transaction:
            driver.execute("ROLLBACK")
        if connection.in_transaction():  # to SQLAlchemy, which began none in the database
            connection.rollback()


def _as_sqlalchemy_says(connection: Connection, error: sqlite3.Error) -> BaseException:
    return DBAPIError.instance(None, None, error, sqlite3.Error, dialect=connection.dialect)
