"""The ledger: one row a model call, true whether it succeeded, failed, was cancelled, or died with its process.

A count or a price that nobody gave is `None`, and a sum says how many calls it misses.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import (
    Column,
    ColumnElement,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import TypeDecorator

from shared.models import CallRecord, CostLine, JourneyCostSummary, Model
from shared.process import is_alive, this_process

log = structlog.get_logger(__name__)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on every database; SQLite alone would lose the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


schema = MetaData()
_calls = Table(
    "llm_calls",
    schema,
    Column("id", String(64), primary_key=True),
    Column("idempotency_key", String(160), nullable=False, index=True),
    Column("journey_id", String(64), index=True),
    Column("parent_id", String(64)),
    Column("agent", String(64), nullable=False),
    Column("operation", String(16), nullable=False),
    Column("purpose", String(64), nullable=False),
    Column("provider", String(32), nullable=False),
    Column("model", String(128), nullable=False),
    Column("model_digest", String(80)),
    Column("prompt_name", String(64)),
    Column("prompt_version", String(64)),
    Column("request", Text),
    Column("response", Text),
    Column("status", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False, index=True),
    Column("completed_at", UtcDateTime),
    Column("total_seconds", Float),
    Column("load_seconds", Float),
    Column("prompt_seconds", Float),
    Column("generation_seconds", Float),
    Column("prompt_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("completion_tokens", Integer),
    Column("retries", Integer, nullable=False, default=0),
    Column("error", Text),
    Column("cost", Float),
    Column("currency", String(3)),
    # What the ledger adds to CallRecord: the UTC day for statistics, and which process makes the call.
    Column("day", String(10), nullable=False),
    Column("owner_host", String(255)),
    Column("owner_pid", Integer),
    Column("owner_started", String(80)),
)
_success = _calls.c.status == "success"
# A failed or lost call may be made again under its key; a successful one never is.
Index("llm_calls_one_success", _calls.c.idempotency_key, unique=True, sqlite_where=_success, postgresql_where=_success)

_record_columns = [_calls.c[name] for name in CallRecord.model_fields]
PEER = "peer:"
"""Prefix of the id of a call that an agent reports which nobody vouches for."""
_FAILED = ("error", "cancelled", "lost")
_OPEN = ("pending", "lost")


class CallStats(Model):
    """The calls of one UTC day, model and operation. p50, p95: nearest-rank percentiles of total_seconds."""

    day: str
    model: str
    operation: str
    calls: int
    errors: int
    prompt_tokens: int | None
    completion_tokens: int | None
    p50_seconds: float | None
    p95_seconds: float | None


class Spent(Model):
    """What a journey has used so far. tokens: prompt plus completion, of the calls that were counted."""

    calls: int
    tokens: int
    seconds: float
    uncounted_calls: int


class Ledger:
    """Records calls in `llm_calls` of the process's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def begin(self, record: CallRecord) -> None:
        """Write the call down as pending, owned by this process, before anything is sent."""
        async with self._engine.begin() as connection:
            await connection.execute(insert(_calls).values(**_row(record), **_owner()))

    async def finish(self, record: CallRecord) -> None:
        """Write how the call ended."""
        await self._write(record, _update)

    async def merge(self, records: list[CallRecord]) -> None:
        """Add calls that another service made; a row that is already finished here stays as it is.

        A call that does not fit its columns is left out, with a warning in the log.
        """
        for record in records:
            if misfit := _misfit(record):
                log.warning("reported call left out", agent=record.agent, problem=misfit)
            else:
                await self._write(record, _upsert)

    async def replay(self, idempotency_key: str) -> CallRecord | None:
        """The successful call of that key, if there is one."""
        found = await self._select(
            select(*_record_columns).where(_calls.c.idempotency_key == idempotency_key, _success)
        )
        return found[0] if found else None

    async def calls(self, journey_id: str | None = None, limit: int = 100, offset: int = 0) -> list[CallRecord]:
        """Calls of a journey, first to last; of all journeys, the newest first."""
        query = select(*_record_columns).limit(limit).offset(offset)
        if journey_id is None:
            return await self._select(query.order_by(_calls.c.started_at.desc(), _calls.c.id))
        return await self._select(
            query.where(_calls.c.journey_id == journey_id).order_by(_calls.c.started_at, _calls.c.id)
        )

    async def spent(self, journey_id: str) -> Spent:
        """What a budget is held against: not what a stranger says that it used."""
        total = _fold("", await self._sums(journey_id, _calls.c.id.not_like(f"{PEER}%")))
        return Spent(
            calls=total["calls"],
            tokens=(total["prompt_tokens"] or 0) + (total["completion_tokens"] or 0),
            seconds=total["seconds"],
            uncounted_calls=total["uncounted"],
        )

    async def journey_summary(self, journey_id: str) -> JourneyCostSummary:
        """Sums over the journey's calls; a journey without calls has zero calls and unknown tokens."""
        sums = await self._sums(journey_id)
        total = _fold("", sums)
        return JourneyCostSummary(
            journey_id=journey_id,
            calls=total["calls"],
            failed_calls=total["failed"],
            prompt_tokens=total["prompt_tokens"],
            completion_tokens=total["completion_tokens"],
            seconds=total["seconds"],
            cost=total["cost"],
            currency=next((row.currency for row in sums if row.currency), None),
            unpriced_calls=total["unpriced"],
            uncounted_calls=total["uncounted"],
            by_agent=_lines(sums, "agent"),
            by_model=_lines(sums, "model"),
            by_operation=_lines(sums, "operation"),
        )

    async def close_lost(self, foreign_after: timedelta = timedelta(hours=1)) -> int:
        """Close the pending calls of dead processes as `lost`; the number closed.

        A process of another host can't be seen from here: its calls are lost once they are older than foreign_after,
        longer than any call is waited for.
        """
        host, oldest = platform.node(), datetime.now(UTC) - foreign_after
        owners = (_calls.c.owner_host, _calls.c.owner_pid, _calls.c.owner_started)
        pending = and_(_calls.c.status == "pending", _calls.c.owner_host.is_not(None))
        async with self._engine.begin() as connection:
            found = (await connection.execute(select(*owners).where(pending).distinct())).all()
            dead = [
                and_(*(column == value for column, value in zip(owners, owner, strict=True)))
                for owner in found
                if owner.owner_host == host and not is_alive(owner.owner_pid, owner.owner_started)
            ]
            foreign = and_(_calls.c.owner_host != host, _calls.c.started_at < oldest)
            closed = await connection.execute(
                update(_calls)
                .where(pending, or_(foreign, *dead))
                .values(status="lost", error="the process that made the call died", completed_at=datetime.now(UTC))
            )
        return closed.rowcount

    async def stats(self, days: int = 30) -> list[CallStats]:
        """By day, model and operation, the newest day first."""
        since = (datetime.now(UTC) - timedelta(days=days)).date().isoformat()
        async with self._engine.connect() as connection:
            rows = (await connection.execute(_stats_query(since))).mappings().all()
        return [CallStats.model_validate(dict(row)) for row in rows]

    async def _sums(self, journey_id: str, *conditions: ColumnElement[bool]) -> Sequence[Row[Any]]:
        query = _sums_query(_calls.c.journey_id == journey_id, *conditions)
        async with self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
        return rows

    async def _select(self, query: Select[Any]) -> list[CallRecord]:
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [CallRecord.model_validate(dict(row)) for row in rows]

    async def _write(self, record: CallRecord, write: Any) -> None:
        try:
            async with self._engine.begin() as connection:
                await write(connection, record)
        except IntegrityError:
            # Two processes made the same call at once. Both were made, so both count; only one is replayed.
            twin = record.model_copy(update={"idempotency_key": f"{record.idempotency_key}:{record.id}"})
            async with self._engine.begin() as connection:
                await write(connection, twin)


async def _update(connection: AsyncConnection, record: CallRecord) -> None:
    await connection.execute(update(_calls).where(_calls.c.id == record.id).values(**_row(record)))


async def _upsert(connection: AsyncConnection, record: CallRecord) -> None:
    known = await connection.scalar(select(_calls.c.status).where(_calls.c.id == record.id))
    if known is None:
        await connection.execute(insert(_calls).values(**_row(record)))
    elif known in _OPEN:
        # A report has no texts, and its key may be the reporter's: the row keeps its own.
        told = {name: value for name, value in _row(record).items() if value is not None and name != "idempotency_key"}
        await connection.execute(update(_calls).where(_calls.c.id == record.id).values(**told))


def _misfit(record: CallRecord) -> str | None:
    """What of a record PostgreSQL would refuse: a text longer than its column, or one with a NUL."""
    for name, value in record:
        length = getattr(_calls.c[name].type, "length", None)
        if isinstance(value, str) and length is not None and len(value) > length:
            return f"{name} has {len(value)} characters, more than {length}"
        if isinstance(value, str) and "\0" in value:
            return f"{name} has a NUL character"
    return None


def _row(record: CallRecord) -> dict[str, Any]:
    return {**record.model_dump(), "day": record.started_at.astimezone(UTC).date().isoformat()}


def _owner() -> dict[str, Any]:
    pid, started = this_process()
    return {"owner_host": platform.node(), "owner_pid": pid, "owner_started": started}


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _sums_query(*conditions: ColumnElement[bool]) -> Select[Any]:
    calls = _calls.c
    # An embedding generates nothing, so it is counted once its prompt is.
    uncounted = or_(
        calls.prompt_tokens.is_(None), and_(calls.operation != "embeddings", calls.completion_tokens.is_(None))
    )
    keys = (calls.agent, calls.model, calls.operation, calls.currency)
    return (
        select(
            *keys,
            func.count().label("calls"),
            _count(calls.status.in_(_FAILED)).label("failed"),
            func.sum(calls.prompt_tokens).label("prompt_tokens"),
            func.sum(calls.completion_tokens).label("completion_tokens"),
            func.sum(calls.total_seconds).label("seconds"),
            func.sum(calls.cost).label("cost"),
            _count(calls.cost.is_(None)).label("unpriced"),
            _count(uncounted).label("uncounted"),
        )
        .where(*conditions)
        .group_by(*keys)
        .order_by(*keys)
    )


def _stats_query(since: str) -> Select[Any]:
    """Nearest-rank percentiles by window functions: SQLite has no percentile_cont."""
    group = (_calls.c.day, _calls.c.model, _calls.c.operation)
    timed = func.count(_calls.c.total_seconds).over(partition_by=group)
    rank = func.row_number().over(partition_by=group, order_by=_calls.c.total_seconds.asc().nulls_last())
    ranked = select(_calls, timed.label("timed"), rank.label("rank")).where(_calls.c.day >= since).subquery()
    row = ranked.c

    def percentile(percent: int) -> Any:
        return func.min(case((row.rank * 100 >= row.timed * percent, row.total_seconds)))

    keys = (row.day, row.model, row.operation)
    return (
        select(
            *keys,
            func.count().label("calls"),
            _count(row.status.in_(_FAILED)).label("errors"),
            func.sum(row.prompt_tokens).label("prompt_tokens"),
            func.sum(row.completion_tokens).label("completion_tokens"),
            percentile(50).label("p50_seconds"),
            percentile(95).label("p95_seconds"),
        )
        .group_by(*keys)
        .order_by(row.day.desc(), row.model, row.operation)
    )


def _known_sum(values: Iterable[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _fold(key: str, rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "key": key,
        "calls": sum(row.calls for row in rows),
        "failed": sum(row.failed for row in rows),
        "prompt_tokens": _known_sum(row.prompt_tokens for row in rows),
        "completion_tokens": _known_sum(row.completion_tokens for row in rows),
        "seconds": float(_known_sum(row.seconds for row in rows) or 0.0),
        "cost": _known_sum(row.cost for row in rows),
        "unpriced": sum(row.unpriced for row in rows),
        "uncounted": sum(row.uncounted for row in rows),
    }


def _lines(rows: Sequence[Row[Any]], column: str) -> list[CostLine]:
    keys = sorted({getattr(row, column) for row in rows})
    folded = (_fold(key, [row for row in rows if getattr(row, column) == key]) for key in keys)
    return [CostLine.model_validate({name: fold[name] for name in CostLine.model_fields}) for fold in folded]
