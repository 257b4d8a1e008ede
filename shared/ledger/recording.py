"""How a model call gets onto the ledger: as a context manager around it, or as a decorator of what makes it."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from shared import context
from shared.calls import CallRecord
from shared.errors import LexiQueryError
from shared.ids import time_ordered
from shared.ledger import Ledger, Reservation

P = ParamSpec("P")
T = TypeVar("T")
_NO_CALL = CallRecord(
    id="",
    idempotency_key="",
    journey_id=None,
    agent="",
    operation="chat",
    purpose="",
    provider="",
    model="",
    status="pending",
    started_at=datetime.now(UTC),
)
Settle = Callable[[CallRecord], None]
"""Told a call that has ended, before its row is written: the place to fill in its price."""


def trace_of(journey_id: str) -> str:
    """The W3C trace id of a journey, 32 hexadecimal digits, the same in every process."""
    return hashlib.sha256(journey_id.encode()).hexdigest()[:32]


def new_call(*, operation: str, purpose: str, provider: str, model: str, **fields: Any) -> CallRecord:
    """A pending call of whoever is at work (shared.context). fields: what else of CallRecord is known.

    Its idempotency key is its own unless one is given. Values are ours, and not checked: that would take longer than
    all else here. Raises TypeError for a field that no call has.
    """
    if unknown := fields.keys() - CallRecord.model_fields.keys():
        raise TypeError(f"a call has no {', '.join(sorted(unknown))}")
    scope, call_id = context.current(), time_ordered().hex
    return _NO_CALL.model_copy(
        update={
            "id": call_id,
            "idempotency_key": f"call:{call_id}",
            "journey_id": scope.journey_id,
            "trace_id": trace_of(scope.journey_id) if scope.journey_id else None,
            "parent_id": scope.parent_call_id,
            "user": scope.user,
            "tags": list(scope.tags),
            "agent": scope.agent,
            "operation": operation,
            "purpose": purpose,
            "provider": provider,
            "model": model,
            "status": "pending",
            "started_at": datetime.now(UTC),
            "metadata": {},
            **fields,
        }
    )


@asynccontextmanager
async def recorded(
    ledger: Ledger, record: CallRecord, reserved: Reservation | None = None, settle: Settle | None = None
) -> AsyncIterator[CallRecord]:
    """The row is there before the call, and says afterwards how the call ended, whatever ended it.

    The block fills in what it learns (tokens, times, response). Raises BudgetExceeded before the block runs.
    """
    record.started_at = datetime.now(UTC)
    began = time.monotonic()
    has_row = False
    try:
        await ledger.begin(record, reserved)
        has_row = True
        yield record
        record.status = "success"
    except asyncio.CancelledError:
        record.status = "cancelled"
        has_row = True  # also when nobody waited for it to be written
        raise
    except BaseException as error:
        record.status = "error"
        code = error.code if isinstance(error, LexiQueryError) else type(error).__name__
        record.error = f"{code}: {error}"
        raise
    finally:
        record.total_seconds = time.monotonic() - began
        record.completed_at = datetime.now(UTC)
        if settle:
            settle(record)
        if has_row:
            ledger.finish_soon(record)


def metered(
    ledger: Ledger, **fields: Any
) -> Callable[[Callable[Concatenate[CallRecord, P], Awaitable[T]]], Callable[P, Awaitable[T]]]:
    """A decorator: each call of the function is a row, which it gets as its first argument and fills in.

    fields: operation, purpose, provider, model, and what else of CallRecord is known beforehand.
    """

    def decorate(function: Callable[Concatenate[CallRecord, P], Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        @wraps(function)
        async def call(*args: P.args, **kwargs: P.kwargs) -> T:
            async with recorded(ledger, new_call(**fields)) as record:
                return await function(record, *args, **kwargs)

        return call

    return decorate
