"""Changes into one transaction, or each into its own where they don't go together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from shared.ledger.changes import Begin, Change, apply, as_twin, is_begun
from shared.ledger.transactions import in_transaction

_OF_THE_DATABASE = frozenset(("08", "53", "55", "57", "58"))
"""Classes of PostgreSQL's SQLSTATE: connection, resources, object not ready, operator, system."""


def write_all(connection: Connection, changes: Sequence[Change]) -> Sequence[Exception | None]:
    """Write the changes in one transaction, or each in its own: one that can't be written keeps none of the others
    out. None for each, or what it was refused or failed with. A database that takes nothing is asked once for all:
    each may have to wait for its lock."""
    try:
        return in_transaction(connection, lambda one: apply(one, changes))
    except Exception as error:  # noqa: BLE001 -- whoever waits for the change gets it
        if is_of_the_database(error):
            return [error] * len(changes)
        if len(changes) == 1:
            return [_again(connection, changes[0], error)]
        return [problem for change in changes for problem in write_all(connection, [change])]


def is_of_the_database(error: Exception) -> bool:
    """Whether the database takes nothing now (locked, full, not reached), rather than not this one change."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        is_told = isinstance(error, OperationalError) or error.connection_invalidated
        return is_told or state[:2] in _OF_THE_DATABASE
    return isinstance(error, OSError | PoolTimeoutError)


def _again(connection: Connection, change: Change, error: Exception) -> Exception | None:
    if not isinstance(error, IntegrityError):
        return error
    try:
        if isinstance(change, Begin):
            return None if in_transaction(connection, partial(is_begun, begin=change)) else error
        twin = as_twin(change)
        in_transaction(connection, lambda one: apply(one, [twin]))
    except Exception as second:  # noqa: BLE001 -- as above
        return second
    return None
