"""The ledger: one row a model call, true whether it succeeded, failed, was cancelled, or died with its process.

A count or a price that nobody gave is `None`, and a sum says how many calls it misses.
"""

from __future__ import annotations

import json
import platform
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Select, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.calls import CallRecord
from shared.errors import BudgetExceeded
from shared.ledger.changes import Begin, Finish, Merge, close_lost, lock, prune, sum_missing
from shared.ledger.limits import Reservation, alone, check_limits
from shared.ledger.sums import summary_of, sums_query
from shared.ledger.tables import PEER, UtcDateTime, answered, calls, is_pending, record_columns, schema, succeeded
from shared.ledger.upgrading import take_over_times
from shared.ledger.writer import Writer
from shared.models import Budget, JourneyCostSummary
from shared.process import is_alive

__all__ = ["PEER", "Ledger", "Reservation", "UtcDateTime", "record_of", "schema"]

log = structlog.get_logger(__name__)
_PAGE = 500
Ended = Callable[[CallRecord], None]


class Ledger:
    """Records calls in `llm_calls` of the process's database. on_end: told of every call that ended here; on_merge: of
    every one that another service reports; currency: tells that of the rate card, which budgets of money are in."""

    def __init__(
        self,
        engine: AsyncEngine,
        on_end: Sequence[Ended] = (),
        on_merge: Sequence[Ended] = (),
        currency: Callable[[], str | None] = lambda: None,
    ) -> None:
        self.engine = engine
        self._currency = currency
        self._writer = Writer(engine)
        self._on_end = list(on_end)
        self._on_merge = list(on_merge)
        self.written = 0
        """Calls that were written down here so far: as many as before means that nobody has called since."""

    async def begin(self, record: CallRecord, reserved: Reservation | None = None) -> None:
        """Write the call down as pending, owned by this process, before anything is sent.

        Raises BudgetExceeded, and writes nothing, when a budget leaves no room for what is reserved.
        """
        self.written += 1
        await self._writer.write(Begin(record, reserved or Reservation()))

    async def check(self, journey_id: str, user: str | None, budget: Budget | None) -> None:
        """Raises BudgetExceeded when a budget of the journey, its user or the day is spent, also by calls that agents
        with a ledger of their own have reported."""

        def refusal(connection: Connection) -> BudgetExceeded | None:
            return check_limits(connection, journey_id, user, Reservation(budget=budget, currency=self._currency()))

        async with self._reading() as connection:
            if refused := await connection.run_sync(refusal):
                raise refused

    async def finish(self, record: CallRecord) -> None:
        """Write how the call ended; also when the caller is cancelled meanwhile. The sums of its day have it soon, and
        before anybody reads them."""
        await self._end(Finish(record))

    def finish_soon(self, record: CallRecord) -> None:
        """As `finish`, without waiting for the database: who reads this ledger next does, as the end of a step, and
        what is begun later is written later. record: as it is now."""
        now = record.model_copy(update={"tags": list(record.tags), "metadata": dict(record.metadata)})
        self._writer.write_behind(Finish(now), lambda: self._tell(now))

    async def settled(self) -> None:
        """Wait for what was given to `finish_soon`."""
        await self._writer.settled()

    async def add(self, record: CallRecord) -> None:
        """Write a call down that has ended already: one that needed no model."""
        self.written += 1
        await self._end(Merge(record))

    async def merge(self, records: list[CallRecord]) -> None:
        """Add calls that another service made; a row that is already finished here stays as it is.

        A call that does not fit its columns is left out, with a warning in the log.
        """
        for record in records:
            if misfit := _misfit(record):
                log.warning("reported call left out", agent=record.agent, problem=misfit)
                continue
            if record.status == "pending":  # whoever reports it has ended, and nobody else can tell how it did
                record = record.model_copy(update={"status": "lost"})
            await self._writer.write(Merge(record))
            for told in self._on_merge:
                told(record)

    async def replay(self, idempotency_key: str) -> CallRecord | None:
        """The answered call of that key whose text is here as it was, if there is one."""
        query = select(*record_columns).where(answered(idempotency_key), calls.c.response.is_not(None))
        found = await self._select(query)
        return next((call for call in found if not call.metadata.get("masked")), None)

    async def call(self, call_id: str) -> CallRecord | None:
        found = await self._select(select(*record_columns).where(calls.c.id == call_id))
        return found[0] if found else None

    async def calls(self, journey_id: str, limit: int = 100, offset: int = 0) -> list[CallRecord]:
        """Calls of a journey, first to last."""
        query = select(*record_columns).where(calls.c.journey_id == journey_id)
        return await self._select(query.order_by(calls.c.started_at, calls.c.id).limit(limit).offset(offset))

    async def last_digest(self, provider: str, model: str) -> str | None:
        """Of the newest call that the provider's model answered and whose digest is known."""
        of_it = (calls.c.provider == provider, calls.c.model == model, calls.c.model_digest.is_not(None))
        query = select(calls.c.model_digest).where(*of_it, succeeded).order_by(calls.c.started_at.desc()).limit(1)
        async with self._reading() as connection:
            digest: str | None = (await connection.execute(query)).scalar()
        return digest

    async def every_call(self) -> AsyncIterator[CallRecord]:
        """Every call, the oldest first, a page at a time: no reader holds the database, however slow."""
        order = (calls.c.started_at, calls.c.id)
        query = select(*record_columns).order_by(*order).limit(_PAGE)
        page = await self._select(query)
        while page:
            for record in page:
                yield record
            last = (page[-1].started_at, page[-1].id)
            page = await self._select(query.where(tuple_(*order) > last)) if len(page) == _PAGE else []

    async def journey_summary(self, journey_id: str) -> JourneyCostSummary:
        """Sums over the journey's calls; a journey without calls has zero calls and unknown tokens."""
        async with self._reading() as connection:
            rows = (await connection.execute(sums_query(calls.c.journey_id == journey_id))).all()
        return summary_of(journey_id, rows)

    async def close_lost(self, foreign_after: timedelta = timedelta(hours=1)) -> int:
        """Close the pending calls of dead processes as `lost`; the number closed.

        A process of another host can't be seen from here: its calls are lost once they are older than foreign_after,
        longer than any call is waited for. Calls that no sum of a day holds yet are added to it, and what an older
        LexiQuery kept elsewhere.
        """
        await self._writer.run(take_over_times)
        await self._settle()
        oldest = datetime.now(UTC) - foreign_after
        return await self._writer.run(lambda connection: _close_lost(connection, oldest))

    async def prune(self, days: int, *, texts_only: bool = False) -> int:
        """Remove the calls, or only their prompts and responses, that began more than `days` days ago; how many.

        Pending calls stay, and so do the sums of their days. A few thousand at a time, so that calls can go on.
        """
        await self._settle()
        oldest = datetime.now(UTC) - timedelta(days=days)
        gone, first = await self._writer.run(lambda connection: prune(connection, None, oldest, texts_only))
        while first:
            since = first
            some, first = await self._writer.run(lambda connection: prune(connection, since, oldest, texts_only))  # noqa: B023 -- run before the next round
            gone += some
        return gone

    async def close(self) -> None:
        """Wait until everything is written."""
        await self._writer.close()

    async def _settle(self) -> None:
        while await self._writer.run(sum_missing):
            pass

    async def _end(self, change: Finish | Merge) -> None:
        try:
            await self._writer.write(change)
        finally:
            self._tell(change.record)

    def _tell(self, ended: CallRecord) -> None:
        for told in self._on_end:
            told(ended)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that sees all that was given to this ledger."""
        await self.settled()
        async with self.engine.connect() as connection:
            yield connection

    async def _select(self, query: Select[Any]) -> list[CallRecord]:
        async with self._reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [record_of(row) for row in rows]


def record_of(row: Any) -> CallRecord:
    """A call from its columns; rows of an older LexiQuery have neither tags nor metadata."""
    return CallRecord.model_validate({**row, "tags": row["tags"] or [], "metadata": row["metadata"] or {}})


def _close_lost(connection: Connection, oldest: datetime) -> int:
    alone(connection)  # first, as all who lock calls and then write sums
    lock(connection)
    host = platform.node()
    owners = (calls.c.owner_host, calls.c.owner_pid, calls.c.owner_started)
    pending = and_(is_pending, calls.c.owner_host.is_not(None))
    dead = [
        and_(*(column == value for column, value in zip(owners, owner, strict=True)))
        for owner in connection.execute(select(*owners).where(pending).distinct())
        if owner.owner_host == host and not is_alive(owner.owner_pid, owner.owner_started)
    ]
    foreign = and_(calls.c.owner_host != host, calls.c.started_at < oldest)
    return close_lost(connection, and_(pending, or_(foreign, *dead)))


def _misfit(record: CallRecord) -> str | None:
    """What of a record PostgreSQL would refuse: a text longer than its column, or one with a NUL."""
    for text in [*record.tags, json.dumps(record.metadata)]:
        if "\0" in text or "\\u0000" in text:
            return "a tag or the metadata has a NUL character"
    for name, value in record:
        length = getattr(calls.c[name].type, "length", None)
        if isinstance(value, str) and length is not None and len(value) > length:
            return f"{name} has {len(value)} characters, more than {length}"
        if isinstance(value, str) and "\0" in value:
            return f"{name} has a NUL character"
    return None
