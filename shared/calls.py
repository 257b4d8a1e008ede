"""One model call, as the ledger keeps it and as services report it to each other."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from shared.models import Model

# Bounded so that sums over very many calls, and any time zone's UTC, still hold: other services report calls too.
Count = Annotated[int, Field(ge=0, lt=2**31)]
Amount = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Moment = Annotated[AwareDatetime, Field(ge=datetime(1970, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))]


CallStatus = Literal["pending", "success", "error", "cancelled", "lost", "cached"]


class CallRecord(Model):
    """One model call as the ledger keeps it. Times in seconds, money in `currency`; None where unknown, never 0.

    queue_seconds: waited for a turn, before `started_at`. cached_tokens: what of the
    prompt the model server had read before. status `cached`: answered from the call `cache_of`, without a model;
    saved_*: what that call had taken. cost = energy_cost + amortisation_cost + idle_cost where the
    machine is ours (`local`).
    """

    id: str
    idempotency_key: str
    journey_id: str | None
    trace_id: str | None = None
    parent_id: str | None = None
    user: str | None = None
    tags: list[str] = []
    agent: str
    operation: Literal["chat", "generate", "embeddings"]
    purpose: str
    provider: str
    model: str
    model_digest: str | None = None
    prompt_name: str | None = None
    prompt_version: str | None = None
    request: str | None = None
    response: str | None = None
    status: CallStatus
    started_at: Moment
    first_token_at: Moment | None = None
    completed_at: Moment | None = None
    total_seconds: Amount | None = None
    queue_seconds: Amount | None = None
    load_seconds: Amount | None = None
    prompt_seconds: Amount | None = None
    generation_seconds: Amount | None = None
    prompt_tokens: Count | None = None
    cached_tokens: Count | None = None
    completion_tokens: Count | None = None
    retries: Count = 0
    error: str | None = None
    cost: Amount | None = None
    currency: str | None = None
    cost_source: Literal["local", "provider"] | None = None
    rate_card: str | None = None
    energy_cost: Amount | None = None
    amortisation_cost: Amount | None = None
    idle_cost: Amount | None = None
    joules: Amount | None = None
    cache_of: str | None = None
    saved_tokens: Count | None = None
    saved_seconds: Amount | None = None
    saved_cost: Amount | None = None
    metadata: dict[str, Any] = {}
