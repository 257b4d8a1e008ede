"""Calls that begin and end by the database's driver itself: one statement for a single call, which commits it too."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, insert, select
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger.changes import BEGUN, ENDED, Change, begins_and_ends
from shared.ledger.compiled import Compiled
from shared.ledger.limits import ANY_BUDGET
from shared.ledger.tables import budgets, calls
from shared.ledger.transactions import driver_of

_COMMITS_SOON = """
    SELECT set_config('synchronous_commit', 'off', false) FROM pg_settings
    WHERE name = 'synchronous_commit' AND source = 'default'"""
_FEW = 4
"""As many trips, each of which commits, take no longer than a transaction, which is six."""
_ARE_SET = "the ledger's settings of the session"
_ANY_SUMMED = "SELECT true FROM llm_calls WHERE id = ANY($1::text[]) AND is_summed LIMIT 1"


async def written_directly(connection: AsyncConnection, changes: Sequence[Change]) -> int:
    """How many of the changes were written, from the first on. The others need a look at what is there, as where a
    budget is set or a call was closed as lost; or they can't be written, and the usual way tells why."""
    if connection.dialect.driver != "asyncpg":
        return 0
    driver = await _driver_of(connection)
    parts = [[change] for change in changes] if len(changes) <= _FEW else [changes]
    written = 0
    with suppress(Exception):  # the usual way meets it again
        for part in parts:
            if (rows := begins_and_ends(part)) is None:
                break
            if not await (_one(driver, connection, *rows) if len(part) == 1 else _all(driver, connection, *rows)):
                break
            written += len(part)
    return written


def written_at_hand(connection: Connection, changes: Sequence[Change]) -> int:
    """As `written_directly`, on a file of SQLite whose connection commits by itself."""
    driver, written = driver_of(connection), 0
    if driver is None:
        return 0
    with suppress(Exception):  # as above
        for change in changes:
            if (rows := begins_and_ends([change])) is None:
                break
            text, values = _statement(connection.dialect, *rows)
            if driver.execute(text, values).rowcount != 1:
                break
            written += 1
    return written


async def commit_soon(connection: AsyncConnection) -> None:
    """Let commits of this connection wait for PostgreSQL, not for its disk, unless somebody has set
    `synchronous_commit`, in the server's configuration or for the role or database
    (docs/decisions/0013-the-ledger-waits-for-the-database.md). It must not go back to a pool: see `drop`."""
    if connection.dialect.driver != "asyncpg" or connection.invalidated or _ARE_SET in (info := _info(connection)):
        return
    info[_ARE_SET] = True
    driver = await _driver_of(connection)
    with suppress(Exception):  # it commits as it did; a connection that is lost is told by what is written next
        await driver.execute(_COMMITS_SOON)


async def drop(connection: AsyncConnection) -> None:
    """Close it; one with settings of its own for good, rather than give it to the next who takes one of the pool."""
    if not connection.invalidated and _ARE_SET in _info(connection):
        await connection.invalidate()
    await connection.close()


async def _driver_of(connection: AsyncConnection) -> Any:
    """The driver's connection; a new one where it was lost."""
    known = connection.sync_connection
    if known and not connection.invalidated:  # SQLAlchemy asks in a greenlet, which a call would wait for
        return known.connection.driver_connection
    return (await connection.get_raw_connection()).driver_connection


def _info(connection: AsyncConnection) -> dict[Any, Any]:
    """What stays with the driver's connection, and goes with it. The connection must not be invalidated."""
    return connection.sync_connection.info if connection.sync_connection else {}


async def _one(driver: Any, connection: AsyncConnection, begins: list[Any], ends: list[Any]) -> bool:
    text, values = _statement(connection.dialect, begins, ends)
    done: str = await driver.execute(text, *values)
    return done.endswith(" 1")


def _statement(dialect: Dialect, begins: list[Any], ends: list[Any]) -> tuple[str, tuple[Any, ...]]:
    """For one call. It changes no row where a budget is set, or where the sums have the call."""
    statement, rows = (_BEGUN_WITHOUT_BUDGETS, begins) if begins else (ENDED, ends)
    text, [values] = statement.prepared(dialect, rows)
    return text, values


async def _all(driver: Any, connection: AsyncConnection, begins: list[Any], ends: list[Any]) -> bool:
    transaction = driver.transaction()
    await transaction.start()
    is_written = False
    try:
        if begins and await driver.fetchval(ANY_BUDGET):
            return False
        for statement, rows in ((BEGUN, begins), (ENDED, ends)):
            if rows:
                await driver.executemany(*statement.prepared(connection.dialect, rows))
        is_written = not ends or not await driver.fetchval(_ANY_SUMMED, [row["id"] for row in ends])
        return is_written
    finally:
        await (transaction.commit() if is_written else transaction.rollback())


def _without_budgets(_: str) -> Insert:
    row = [bindparam(column.name, type_=column.type) for column in calls.columns]
    return insert(calls).from_select(list(calls.columns), select(*row).where(~select(budgets.c.scope).exists()))


_BEGUN_WITHOUT_BUDGETS = Compiled(_without_budgets)
