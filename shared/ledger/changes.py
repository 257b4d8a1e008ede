"""What is written to the ledger, as changes that one transaction takes together."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import structlog
from sqlalchemy import Connection, bindparam, delete, false, insert, literal, or_, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.calls import CallRecord
from shared.ledger.compiled import Compiled, Row
from shared.ledger.limits import Reservation, alone, check_limits, has_limits
from shared.ledger.tables import OPEN, calls, is_unsummed, record_columns, row_of
from shared.ledger.totals import COUNTED, Delta, sum_up
from shared.process import this_process

log = structlog.get_logger(__name__)
_AT_ONCE = 2000  # rows that are removed in one transaction
_SUMMED_AT_ONCE = 1000
_SUMMED = [*record_columns, calls.c.day, calls.c.is_summed]
_BY_ID = update(calls).where(calls.c.id == bindparam("known_id"))
_FIXED = frozenset(
    ("id", "journey_id", "trace_id", "parent_id", "user", "tags", "agent", "operation", "started_at", "day")
) | {"is_summed"}
"""What a call has from its begin. A database writes each index anew whose column is set, also to what it was."""
BEGUN, _TOLD = (Compiled(lambda _: insert(calls)) for _ in range(2))
ENDED = Compiled(lambda _: _BY_ID.where(calls.c.is_summed.is_(false())), without=_FIXED)
"""As `~is_summed`, but PostgreSQL looks such a call up by its id, not among all that are open (llm_calls_open)."""
_TAKEN_BACK = Compiled(lambda _: _BY_ID, without=_FIXED - {"is_summed"})
_UNSUMMED = select(*(calls.c[name] for name in COUNTED)).where(is_unsummed).limit(_SUMMED_AT_ONCE).with_for_update()
_ANY_UNSUMMED = select(literal(1)).where(is_unsummed).limit(1)
_OF_IDS = calls.c.id.in_(bindparam("ids", expanding=True))
_SUMS_HAVE = update(calls).where(_OF_IDS).values(is_summed=True)
_KNOWN = select(*_SUMMED).where(_OF_IDS).order_by(calls.c.id).with_for_update()
"""Locked: what is taken back from the sums is what they have, and nobody changes it before it is written."""


@dataclass(frozen=True)
class Begin:
    """A call that is about to be made; refused with BudgetExceeded when a limit leaves no room for `reserved`."""

    record: CallRecord
    reserved: Reservation


@dataclass(frozen=True)
class Finish:
    """How a call ended."""

    record: CallRecord


@dataclass(frozen=True)
class Merge:
    """A call that another service made; a row that has ended here stays as it is."""

    record: CallRecord


Change = Begin | Finish | Merge


def apply(connection: Connection, changes: Sequence[Change]) -> list[Exception | None]:
    """Write the changes: None for each, or why it was refused. When the database raises, none is written."""
    merged = [change.record for change in changes if isinstance(change, Merge)]
    ended = [change.record for change in changes if isinstance(change, Finish)]
    if (merged or ended) and connection.dialect.name == "postgresql":
        alone(connection)  # before any row is locked, as all who lock rows and then write sums
    begins = [change for change in changes if isinstance(change, Begin)]
    begun, delta = {change.record.id for change in begins}, Delta()
    _finish(connection, [one for one in ended if one.id not in begun], delta)  # first: limits see what is free again
    refused = _begin(connection, begins)
    _finish(connection, [one for one in ended if one.id in begun], delta)
    if merged:
        _merge(connection, merged, delta)
    delta.write(connection)
    return [refused.get(id(change)) for change in changes]


def as_twin(change: Change) -> Change:
    """The change under a key of its own: two processes made the same call at once. Both were made, so both count; only
    one is replayed."""
    record = change.record
    twin = record.model_copy(update={"idempotency_key": f"{record.idempotency_key[:95]}:{record.id}"})
    return Finish(twin) if isinstance(change, Finish) else Merge(twin)


def is_begun(connection: Connection, begin: Begin) -> bool:
    """Whether this process has written that call down already: PostgreSQL did, and its answer was lost."""
    if connection.dialect.name != "postgresql":
        return False
    ours = {"id": begin.record.id, "status": "pending", **_owner()}
    there = select(literal(1)).where(*(calls.c[name] == value for name, value in ours.items()))
    return connection.execute(there).first() is not None


def begins_and_ends(changes: Sequence[Change]) -> tuple[list[Row], list[Row]] | None:
    """The rows of calls that begin and of those that end; None if any change is more than its row."""
    begins: list[Row] = []
    ends: list[Row] = []
    for change in changes:
        if isinstance(change, Finish):
            ends.append(_ended(change.record))
        elif isinstance(change, Begin) and change.reserved.budget is None:
            begins.append(_begun(change))
        else:
            return None
    return begins, ends


def _begin(connection: Connection, begins: list[Begin]) -> dict[int, Exception]:
    refused: dict[int, Exception] = {}
    if begins and has_limits(connection, [begin.reserved for begin in begins]):
        for begin in begins:  # one by one, so that each sees what those before it hold back
            problem = check_limits(connection, begin.record.journey_id, begin.record.user, begin.reserved)
            if problem:
                refused[id(begin)] = problem
            else:
                BEGUN.run(connection, [_begun(begin)])
    elif begins:
        BEGUN.run(connection, [_begun(begin) for begin in begins])
    return refused


def _begun(begin: Begin) -> dict[str, Any]:
    return {
        **row_of(begin.record),
        **_owner(),
        "is_summed": False,
        "reserved_tokens": begin.reserved.tokens,
        "reserved_cost": begin.reserved.cost,
        "reserved_seconds": begin.reserved.seconds,
    }


def _finish(connection: Connection, records: list[CallRecord], delta: Delta) -> None:
    """Calls that have no row, since a limit refused them, are left out. What has ended is added to the sums later."""
    rows = {record.id: _ended(record) for record in records}
    if not rows or ENDED.run(connection, list(rows.values())) == len(rows):
        return
    for old in connection.execute(_KNOWN, {"ids": list(rows)}).mappings():
        if old["is_summed"]:  # closed as lost, and yet it ends
            delta.add(dict(old), -1)
            _TAKEN_BACK.run(connection, [rows[old["id"]]])


def _ended(record: CallRecord) -> dict[str, Any]:
    return {**row_of(record), "is_summed": False, "known_id": record.id}


def _merge(connection: Connection, records: list[CallRecord], delta: Delta) -> None:
    """Each id once at a time: what is told of a call again finds what was told first."""
    first = {record.id: record for record in reversed(records)}
    known = {row["id"]: dict(row) for row in connection.execute(_KNOWN, {"ids": list(first)}).mappings()}
    new = [_told(record) for id_, record in first.items() if id_ not in known]
    _TOLD.run(connection, new)
    for told in new:
        if told["is_summed"]:
            delta.add(told)
    for id_, old in known.items():
        if old["status"] in OPEN:
            _merge_into(connection, old, _told(first[id_]), delta)
    if again := [record for record in records if first[record.id] is not record]:
        _merge(connection, again, delta)


def _merge_into(connection: Connection, old: dict[str, Any], told: dict[str, Any], delta: Delta) -> None:
    # A report has no texts, and its key may be the reporter's: the row keeps its own.
    said = {name: value for name, value in told.items() if value is not None and name != "idempotency_key"}
    connection.execute(update(calls).where(calls.c.id == old["id"]).values(**said))
    if old["is_summed"]:
        delta.add(old, -1)
    if told["is_summed"]:
        delta.add({**old, **said})


def _told(record: CallRecord) -> dict[str, Any]:
    return {**row_of(record), "is_summed": record.status != "pending"}


@cache
def _owner() -> dict[str, Any]:
    pid, started = this_process()
    return {"owner_host": platform.node(), "owner_pid": pid, "owner_started": started}


def lock(connection: Connection) -> None:
    """Nobody else writes to the calls until the transaction ends; on SQLite nobody does in any case."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE llm_calls IN SHARE ROW EXCLUSIVE MODE"))


def close_lost(connection: Connection, lost: Any) -> int:
    """Close the pending calls that meet the condition `lost`; how many there were. The calls must be locked."""
    rows = [dict(row) for row in connection.execute(select(*_SUMMED).where(lost)).mappings()]
    ended = {"status": "lost", "error": "the process that made the call died", "completed_at": datetime.now(UTC)}
    for row in rows:
        connection.execute(update(calls).where(calls.c.id == row["id"]).values(**ended, is_summed=True))
    sum_up({**row, **ended} for row in rows).write(connection)
    return len(rows)


def sum_missing(connection: Connection) -> bool:
    """Add some of the calls that have ended to the sums of their days; whether there may be more."""
    alone(connection)
    rows = [dict(row) for row in connection.execute(_UNSUMMED).mappings()]
    sum_up(rows).write(connection)
    if rows:
        connection.execute(_SUMS_HAVE, {"ids": [row["id"] for row in rows]})
    return len(rows) == _SUMMED_AT_ONCE


async def settle(engine: AsyncEngine) -> None:
    """Every call that has ended is in the sums of its day; for who reads them. What a full disk keeps out is told in
    the log."""
    try:
        async with engine.connect() as connection:
            is_behind = (await connection.execute(_ANY_UNSUMMED)).first() is not None
            await connection.rollback()
            while is_behind:
                async with connection.begin():
                    is_behind = await connection.run_sync(sum_missing)
    except DBAPIError as error:
        log.warning("calls are not in the sums of their day yet", reason=str(error.orig))


def prune(connection: Connection, first: datetime | None, oldest: datetime, texts_only: bool) -> tuple[int, Any]:
    """Remove some of the calls that began after `first` and before `oldest`, or only their texts; how many, and when
    the last of them began (None: there are no more). Those that no sum of a day holds yet stay."""
    old = [calls.c.started_at < oldest, *([calls.c.started_at > first] if first else [])]
    page = select(calls.c.started_at).where(*old).order_by(calls.c.started_at).offset(_AT_ONCE).limit(1)
    following = connection.execute(page).scalar()
    if following:
        old.append(calls.c.started_at <= following)
    if texts_only:
        old.append(or_(calls.c.request.is_not(None), calls.c.response.is_not(None)))
    removal = update(calls).values(request=None, response=None) if texts_only else delete(calls)
    return connection.execute(removal.where(*old, calls.c.is_summed)).rowcount, following
