"""What a call's row on the ledger says beyond how it ended."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from shared.calls import CallRecord
from shared.ledger.recording import new_call
from shared.llm.providers.base import Likelihood, Reply, Vectors
from shared.llm.rates import Price

_MOST_SECONDS = 1e9
_MEAN, _LEAST = "mean_logprob", "least_logprob"
_OF_THE_ANSWER = ("finish", _MEAN, _LEAST)


def key(journey_id: str, record: CallRecord) -> str:
    """Under which a journey finds a call of its own again: the same for the same request of the same agent.

    The record's metadata holds the digest of its request, `content`.
    """
    parts = [journey_id, record.agent, record.operation, record.model, record.metadata["content"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def renew(record: CallRecord) -> None:
    """Make it the record of another call for the same."""
    fresh = new_call(**{name: getattr(record, name) for name in ("operation", "purpose", "provider", "model")})
    kept = {"idempotency_key", "prompt_name", "prompt_version", "request", "metadata"}
    for name in CallRecord.model_fields.keys() - kept:
        setattr(record, name, getattr(fresh, name))


def take_counts(record: CallRecord, answer: Reply | Vectors) -> None:
    """What the server counted. What can't be (less than nothing, no number, more than a row holds) is unknown."""
    record.prompt_tokens = _count(answer.prompt_tokens)
    record.load_seconds = _seconds(answer.load_seconds)
    record.prompt_seconds = _seconds(answer.prompt_seconds)
    if isinstance(answer, Reply):
        record.completion_tokens = _count(answer.completion_tokens)
        record.cached_tokens = _count(answer.cached_tokens)
        record.generation_seconds = _seconds(answer.generation_seconds)
        record.metadata["finish"] = answer.finish
        if answer.likelihood:
            record.metadata |= {_MEAN: answer.likelihood.mean, _LEAST: answer.likelihood.least}


def likelihood(record: CallRecord) -> Likelihood | None:
    """How likely the answer was to the model; None where the server did not tell."""
    mean, least = record.metadata.get(_MEAN), record.metadata.get(_LEAST)
    return None if mean is None or least is None else Likelihood(mean, least)


def _count(told: int | None) -> int | None:
    return told if told is not None and 0 <= told < 2**31 else None


def _seconds(told: float | None) -> float | None:
    return told if told is not None and 0 <= told <= _MOST_SECONDS else None


def set_price(record: CallRecord, price: Price | None) -> None:
    if price is None:
        return
    record.cost, record.currency = price.cost, price.currency
    record.cost_source, record.rate_card = price.source, price.card
    record.energy_cost, record.amortisation_cost, record.idle_cost = price.energy, price.amortisation, price.idle


def spare(record: CallRecord, origin: CallRecord | None) -> None:
    """The call needed no model: it got the answer of `origin`, or its vectors from their cache (None)."""
    record.status, record.completed_at = "cached", datetime.now(UTC)
    if origin is None:
        return
    record.cache_of, record.provider, record.model_digest = origin.id, origin.provider, origin.model_digest
    record.saved_seconds, record.saved_cost, record.currency = origin.total_seconds, origin.cost, origin.currency
    counts = [count for count in (origin.prompt_tokens, origin.completion_tokens) if count is not None]
    record.saved_tokens = sum(counts) if counts else None
    record.metadata |= {name: origin.metadata[name] for name in _OF_THE_ANSWER if name in origin.metadata}
