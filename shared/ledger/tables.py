"""The ledger's tables: calls, what they sum up to by day, and budgets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    literal_column,
    or_,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from shared.calls import CallRecord, CallStatus

PEER = "peer:"
"""Prefix of the id of a call that an agent reports which nobody vouches for."""


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
calls = Table(
    "llm_calls",
    schema,
    Column("id", String(64), primary_key=True),
    Column("idempotency_key", String(160), nullable=False),
    Column("journey_id", String(64), index=True),
    Column("trace_id", String(32)),
    Column("parent_id", String(64)),
    Column("user", String(64)),
    Column("tags", JSON(none_as_null=True)),
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
    Column("first_token_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    Column("total_seconds", Float),
    Column("queue_seconds", Float),
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
    Column("cost_source", String(8)),
    Column("rate_card", String(64)),
    Column("energy_cost", Float),
    Column("amortisation_cost", Float),
    Column("idle_cost", Float),
    Column("joules", Float),
    Column("cache_of", String(64)),
    Column("saved_tokens", Integer),
    Column("saved_seconds", Float),
    Column("saved_cost", Float),
    Column("metadata", JSON(none_as_null=True)),
    # What the ledger adds to CallRecord: the UTC day for statistics, whether the day's sums hold the call, what a
    # budget holds back for it while it is pending, and which process makes it.
    Column("day", String(10), nullable=False),
    Column("is_summed", Boolean, nullable=False, default=False, server_default=text("false")),
    Column("reserved_tokens", Integer),
    Column("reserved_cost", Float),
    Column("reserved_seconds", Float),
    Column("owner_host", String(255)),
    Column("owner_pid", Integer),
    Column("owner_started", String(80)),
    info={"retired": ("ix_llm_calls_idempotency_key", "llm_calls_pending", "llm_calls_unsummed")},
)


# Written out, since a database does not use an index on some rows for a value that it only learns later.
def _has(status: CallStatus) -> ColumnElement[bool]:
    return calls.c.status == literal_column(f"'{status}'", String)


succeeded, _was_cached = _has("success"), _has("cached")
is_pending = and_(~calls.c.is_summed, _has("pending"))
# An embedding generates nothing, so it is counted once its prompt is; what a cache answered took nothing.
is_uncounted = and_(
    calls.c.status != "cached",
    or_(calls.c.prompt_tokens.is_(None), and_(calls.c.operation != "embeddings", calls.c.completion_tokens.is_(None))),
)
is_unpriced = and_(calls.c.status != "cached", calls.c.cost.is_(None))
is_unsummed = and_(~calls.c.is_summed, ~_has("pending"))
# A failed or lost call may be made again under its key; a successful one never is.
Index("llm_calls_one_success", calls.c.idempotency_key, unique=True, sqlite_where=succeeded, postgresql_where=succeeded)
Index("llm_calls_cached", calls.c.idempotency_key, sqlite_where=_was_cached, postgresql_where=_was_cached)
# What is pending or in no sum yet is little, and asked for before every call that has a budget, and at every start.
Index("llm_calls_open", calls.c.day, sqlite_where=~calls.c.is_summed, postgresql_where=~calls.c.is_summed)


def answered(idempotency_key: str) -> ColumnElement[bool]:
    """The calls of that key which have an answer."""
    return or_(*(and_(calls.c.idempotency_key == idempotency_key, status) for status in (succeeded, _was_cached)))


record_columns = [calls.c[name] for name in CallRecord.model_fields]
FAILED = ("error", "cancelled", "lost")
OPEN = ("pending", "lost")


# Sums of a UTC day over the calls that share one value of a dimension (totals.py names them). Calls without a price
# are summed under the currency ''.
# The days of one dimension lie side by side, for they are read together.
day_totals = Table(
    "llm_day_totals",
    schema,
    Column("dimension", String(16), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("value", String(1000), primary_key=True),
    Column("currency", String(3), primary_key=True),
    Column("calls", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("uncounted", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("retries", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("cost", Float, nullable=False),
    Column("saved_tokens", BigInteger, nullable=False),
    Column("saved_seconds", Float, nullable=False),
    Column("saved_cost", Float, nullable=False),
    Column("times", JSON(none_as_null=True), comment="calls by the bin of their total_seconds, see latency.Packed"),
)
budgets = Table(
    "budgets",
    schema,
    Column("scope", String(8), primary_key=True, comment="journey, user or day"),
    Column("who", String(64), primary_key=True, comment="a user; '' for everybody"),
    Column("limits", JSON, nullable=False, comment="a Budget"),
    Column("alert_at", Float, nullable=False, comment="share of a limit at which to warn, 0 to 1"),
)
budget_alerts = Table(
    "budget_alerts",
    schema,
    Column("scope", String(8), primary_key=True),
    Column("who", String(64), primary_key=True),
    Column("window", String(64), primary_key=True, comment="a journey's id or a day"),
    Column("unit", String(8), primary_key=True),
    Column("limit", Float, primary_key=True),
    Column("share", Float, primary_key=True),
    Column("raised_at", UtcDateTime, nullable=False),
)


def row_of(record: CallRecord) -> dict[str, Any]:
    """The columns of a call, by name, so that every database takes them: without NUL and lone surrogates, which
    servers send, and no longer than their columns."""
    row = dict(vars(record))
    for name, length in _TEXTS:
        if (text := row[name]) is not None:
            row[name] = _storable(text)[:length]
    for name in _NESTED:
        row[name] = _storable(row[name])
    row["day"] = record.started_at.astimezone(UTC).date().isoformat()
    return row


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        if value.isascii() and "\0" not in value:
            return value
        return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return value


_LONGEST_ERROR = 4000
"""Characters of an error that a row keeps."""
_TEXTS = [
    (name, _LONGEST_ERROR if name == "error" else kind.length)
    for name in CallRecord.model_fields
    if isinstance(kind := calls.c[name].type, String)
]
_NESTED = [name for name in CallRecord.model_fields if isinstance(calls.c[name].type, JSON)]
