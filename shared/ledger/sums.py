"""What a journey's calls come to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select

from shared.ledger.tables import FAILED, PEER, calls, is_uncounted, is_unpriced
from shared.models import CostLine, CostParts, JourneyCostSummary, Saved


def sums_query(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Sums by agent, provider, model, operation and currency."""
    call = calls.c
    keys = (call.agent, call.provider, call.model, call.operation, call.currency)
    return (
        select(
            *keys,
            _count(call.status != "cached").label("calls"),
            _count(call.status.in_(FAILED)).label("failed"),
            _count(and_(call.status == "cached", call.operation != "embeddings")).label("cached"),
            func.sum(call.prompt_tokens).label("prompt_tokens"),
            func.sum(call.cached_tokens).label("cached_tokens"),
            func.sum(call.completion_tokens).label("completion_tokens"),
            func.sum(call.total_seconds).label("seconds"),
            func.sum(call.queue_seconds).label("queue_seconds"),
            func.sum(call.cost).label("cost"),
            func.sum(call.energy_cost).label("energy_cost"),
            func.sum(call.amortisation_cost).label("amortisation_cost"),
            func.sum(call.idle_cost).label("idle_cost"),
            func.sum(call.saved_cost).label("saved_cost"),
            func.sum(call.saved_tokens).label("saved_tokens"),
            func.sum(call.saved_seconds).label("saved_seconds"),
            _count(is_unpriced).label("unpriced"),
            _count(is_uncounted).label("uncounted"),
            _count(call.id.not_like(f"{PEER}%")).label("own"),
        )
        .where(*conditions)
        .group_by(*keys)
        .order_by(*keys)
    )


def summary_of(journey_id: str, rows: Sequence[Row[Any]]) -> JourneyCostSummary:
    """rows: of `sums_query`. The cost is in the currency of our own calls, whatever strangers report in theirs."""
    currency = currency_of(row for row in rows if row.own) or currency_of(rows)
    total = _fold("", rows, currency)
    return JourneyCostSummary(
        journey_id=journey_id,
        calls=total["calls"],
        failed_calls=total["failed"],
        cached_calls=total["cached"],
        prompt_tokens=total["prompt_tokens"],
        cached_tokens=total["cached_tokens"],
        completion_tokens=total["completion_tokens"],
        seconds=total["seconds"],
        queue_seconds=total["queue_seconds"],
        cost=total["cost"],
        currency=currency,
        parts=CostParts(**{part: total[f"{part}_cost"] for part in CostParts.model_fields})
        if _is_local(total)
        else None,
        saved=Saved(**{what: total[f"saved_{what}"] for what in Saved.model_fields}) if total["cached"] else None,
        unpriced_calls=total["unpriced_calls"],
        uncounted_calls=total["uncounted_calls"],
        by_agent=_lines(rows, "agent", currency),
        by_provider=_lines(rows, "provider", currency),
        by_model=_lines(rows, "model", currency),
        by_operation=_lines(rows, "operation", currency),
    )


def _is_local(total: dict[str, Any]) -> bool:
    return any(total[f"{part}_cost"] is not None for part in CostParts.model_fields)


def currency_of(rows: Iterable[Any], *, spared: bool = False) -> str | None:
    """The currency of most calls that have one: amounts of two can't be added, so those of others count as unpriced.
    spared: the calls of a row have those in them that a cache answered, and which cost nothing."""
    calls_in: dict[str, int] = {}
    for row in rows:
        if currency := row.currency:
            calls_in[currency] = calls_in.get(currency, 0) + row.calls - (row.cached if spared else 0)
    if len(calls_in) < 2:
        return next(iter(calls_in), None)
    return max(calls_in, key=lambda currency: (calls_in[currency], currency), default=None)


def known_sum(values: Iterable[Any]) -> Any:
    """None when nothing is known."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _count(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


_COUNTS = ("calls", "failed", "cached")
_AMOUNTS = ("prompt_tokens", "cached_tokens", "completion_tokens", "saved_tokens", "saved_seconds", "queue_seconds")
_MONEY = ("cost", "energy_cost", "amortisation_cost", "idle_cost", "saved_cost")


def _fold(key: str, rows: Sequence[Row[Any]], currency: str | None) -> dict[str, Any]:
    priced = [row for row in rows if row.currency == currency]
    foreign = sum(row.calls - row.unpriced for row in rows if row.currency != currency)
    return {
        "key": key,
        **{name: sum(getattr(row, name) for row in rows) for name in _COUNTS},
        **{name: known_sum(getattr(row, name) for row in rows) for name in _AMOUNTS},
        **{name: known_sum(getattr(row, name) for row in priced) for name in _MONEY},
        "seconds": float(known_sum(row.seconds for row in rows) or 0.0),
        "unpriced_calls": sum(row.unpriced for row in rows) + foreign,
        "uncounted_calls": sum(row.uncounted for row in rows),
    }


def _lines(rows: Sequence[Row[Any]], column: str, currency: str | None) -> list[CostLine]:
    made = [row for row in rows if row.calls]
    keys = sorted({getattr(row, column) for row in made})
    folded = (_fold(key, [row for row in made if getattr(row, column) == key], currency) for key in keys)
    return [CostLine.model_validate({name: fold[name] for name in CostLine.model_fields}) for fold in folded]
