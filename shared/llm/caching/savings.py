"""What the caches spared, by the ledger: calls that were answered without a model."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger.tables import PEER, calls, day_totals, is_unsummed
from shared.models import Model


class Savings(Model):
    """hits: calls that a cache answered. What the calls that they were answered from had taken: tokens; seconds of
    waiting; cost by currency (ISO 4217), without the hits whose call had no price."""

    hits: int
    tokens: int
    seconds: float
    cost: dict[str, float]


async def read_savings(engine: AsyncEngine) -> Savings:
    """Over all time: from the sums of each day, which outlive the calls, and the calls that no sum holds yet."""
    query = union_all(_summed(), _not_yet_summed())
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    cost: dict[str, float] = {}
    for row in rows:
        if row.currency and row.cost:
            cost[row.currency] = cost.get(row.currency, 0.0) + row.cost
    return Savings(
        hits=sum(int(row.hits) for row in rows),
        tokens=sum(int(row.tokens) for row in rows),
        seconds=sum(row.seconds for row in rows),
        cost=cost,
    )


def _summed() -> Select[Any]:
    totals = day_totals.c
    saved = (totals.saved_tokens, totals.saved_seconds, totals.saved_cost)
    sums = _sums(func.sum(totals.cached), *saved)
    return select(totals.currency, *sums).where(totals.dimension == "all").group_by(totals.currency)


def _not_yet_summed() -> Select[Any]:
    row = calls.c
    sums = _sums(func.count(), row.saved_tokens, row.saved_seconds, row.saved_cost)
    waiting = (is_unsummed, row.status == "cached", row.id.not_like(f"{PEER}%"))
    return select(row.currency, *sums).where(*waiting).group_by(row.currency)


def _sums(hits: Any, tokens: Any, seconds: Any, cost: Any) -> list[Any]:
    named = {"hits": hits, "tokens": func.sum(tokens), "seconds": func.sum(seconds), "cost": func.sum(cost)}
    return [func.coalesce(value, 0).label(name) for name, value in named.items()]
