"""Calls as a model client would write them."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from shared.calls import CallRecord
from shared.ledger import Ledger

NOW = datetime.now(UTC)


def call(call_id: str, **changes: object) -> CallRecord:
    values = {
        "id": call_id,
        "idempotency_key": f"key-{call_id}",
        "journey_id": "j1",
        "agent": "kql",
        "operation": "chat",
        "purpose": "derive",
        "provider": "ollama",
        "model": "m",
        "status": "pending",
        "started_at": NOW,
    }
    return CallRecord.model_validate(values | changes)


async def record(ledger: Ledger, finished: CallRecord) -> None:
    await ledger.begin(finished.model_copy(update={"status": "pending"}))
    await ledger.finish(finished)


async def move_elsewhere(ledger: Ledger) -> None:
    """Every call becomes one of another host's processes."""
    async with ledger.engine.begin() as connection:
        await connection.execute(text("update llm_calls set owner_host = 'elsewhere'"))
