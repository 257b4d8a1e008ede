"""The price of a call, from the rate card; None where the card has none."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from shared.models import CallRecord, Model

CARD = Path(__file__).with_name("rates.yaml")


class Rate(Model):
    """prompt, completion: price of a million tokens in `currency` (ISO 4217)."""

    provider: str
    model: str
    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    currency: str = Field(pattern="^[A-Z]{3}$")


class _Card(Model):
    rates: list[Rate]


@cache
def read_rates(path: Path = CARD) -> dict[tuple[str, str], Rate]:
    """Rates by provider and model."""
    card = _Card.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    return {(rate.provider, rate.model): rate for rate in card.rates}


def price(call: CallRecord, rates: dict[tuple[str, str], Rate]) -> tuple[float, str] | None:
    """Cost and currency; None without a rate or without the counts it needs."""
    rate = rates.get((call.provider, call.model))
    completion = 0 if call.operation == "embeddings" else call.completion_tokens
    if rate is None or call.prompt_tokens is None or completion is None:
        return None
    return (call.prompt_tokens * rate.prompt + completion * rate.completion) / 1e6, rate.currency
