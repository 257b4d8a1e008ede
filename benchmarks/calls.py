"""Calls as journeys leave them on the ledger: who makes them, how long they take, what goes wrong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from shared.calls import CallRecord

AGENTS = {
    "core_engine": ("summarise",),
    "planner": ("plan", "choose"),
    "knowledge": ("embed", "distil"),
    "kql": ("derive", "repair", "link"),
    "spl": ("derive", "repair", "link"),
    "sql": ("derive", "repair", "judge"),
    "describer": ("describe", "examples"),
    "linker": ("embed", "link", "rank"),
}
MODELS = ("qwen2.5-coder:1.5b", "qwen2.5-coder:7b")
EMBEDDING_MODEL = "all-minilm"
USERS = tuple(f"user{number}" for number in range(50))
TAGS = ("team=ops", "team=security", "prod", "nightly", "trial")
DAYS = 30
CALLS_A_JOURNEY = 6
_SENTENCE = "Which table of the sign-in logs holds the failures of the last week, by country and by application? "


def realistic(count: int, now: datetime, text: int, seed: int = 5) -> Iterator[CallRecord]:
    """Ended calls over the last DAYS days, the oldest first. text: characters of a prompt; an answer has a quarter."""
    dice = random.Random(seed)
    prompt = (_SENTENCE * (text // len(_SENTENCE) + 1))[:text]
    for number in range(count):
        started = now - timedelta(days=DAYS - 1) * ((count - number) / count)
        if number % CALLS_A_JOURNEY == 0:
            journey = _id(dice, started)
            user, tags = dice.choice(USERS), dice.choice(((), (), dice.sample(TAGS, 1), dice.sample(TAGS, 2)))
        said: dict[str, Any] = {
            "journey_id": journey,
            "user": user,
            "tags": list(tags),
            "started_at": started,
            "request": prompt,
        }
        said |= _kind(dice, started) | _ended(dice, started)
        yield CallRecord.model_construct(**said, response=prompt[: text // 4])


def _id(dice: random.Random, made: datetime) -> str:
    """As shared.ids makes it then."""
    return f"{int(made.timestamp() * 1000):012x}7{dice.getrandbits(76):019x}"


def _kind(dice: random.Random, started: datetime) -> dict[str, Any]:
    agent = dice.choice(tuple(AGENTS))
    purpose = dice.choice(AGENTS[agent])
    embeds = purpose in ("embed", "link", "rank")
    call_id = _id(dice, started)
    return {
        "id": call_id,
        "idempotency_key": f"{dice.getrandbits(256):064x}",  # within a journey it is the digest of a request
        "trace_id": call_id[::-1],
        "agent": agent,
        "purpose": purpose,
        "operation": "embeddings" if embeds else "chat",
        "provider": "ollama",
        "model": EMBEDDING_MODEL if embeds else dice.choice(MODELS),
        "model_digest": "sha256:" + call_id * 2,
        "prompt_name": None if embeds else purpose,
        "prompt_version": None if embeds else call_id[:12],
    }


def _ended(dice: random.Random, started: datetime) -> dict[str, Any]:
    """Four in a hundred fail, one is lost, eight are answered by a cache, ten of the others have no price."""
    status = dice.choices(("success", "error", "cancelled", "lost", "cached"), (87, 3, 1, 1, 8))[0]
    tokens, seconds = dice.randrange(100, 2000), dice.lognormvariate(0.5, 1.0)
    if status == "cached":
        return {"status": status, "saved_tokens": tokens, "saved_seconds": seconds, "total_seconds": 0.002}
    if status != "success":
        return {"status": status, "total_seconds": seconds, "error": "model_unavailable: the model stopped answering"}
    cost = seconds * 1.2e-4 if dice.random() < 0.9 else None
    return {
        "status": status,
        "first_token_at": started + timedelta(seconds=seconds / 3),
        "completed_at": started + timedelta(seconds=seconds),
        "total_seconds": seconds,
        "queue_seconds": seconds / 20,
        "load_seconds": 0.01,
        "prompt_seconds": seconds / 3,
        "generation_seconds": seconds / 2,
        "prompt_tokens": tokens,
        "cached_tokens": tokens // 3,
        "completion_tokens": tokens // 10,
        "cost": cost,
        "currency": "EUR" if cost else None,
        "cost_source": "local" if cost else None,
        "rate_card": "2027-01" if cost else None,
    }
