"""What the caches spared, by the ledger: calls that were answered without a model."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger.changes import settle
from shared.ledger.tables import day_totals
from shared.models import Model


class Savings(Model):
    """hits: calls that a cache answered. What the calls that they were answered from had taken: tokens; seconds of
    waiting; cost by currency (ISO 4217), without the hits whose call had no price; None where none of them told any."""

    hits: int
    tokens: int | None
    seconds: float | None
    cost: dict[str, float]


async def read_savings(engine: AsyncEngine) -> Savings:
    """Over all time: from the sums of each day, which outlive the calls."""
    await settle(engine)
    async with engine.connect() as connection:
        rows = (await connection.execute(_SAVED)).all()
    cost: dict[str, float] = {}
    for row in rows:
        if row.currency and row.cost:
            cost[row.currency] = cost.get(row.currency, 0.0) + row.cost
    return Savings(
        hits=sum(int(row.hits) for row in rows),
        tokens=sum(int(row.tokens) for row in rows) or None,
        seconds=sum(row.seconds for row in rows) or None,
        cost=cost,
    )


def _saved() -> Select[Any]:
    total = day_totals.c
    sums = {
        "hits": total.cached,
        "tokens": total.saved_tokens,
        "seconds": total.saved_seconds,
        "cost": total.saved_cost,
    }
    named = [func.coalesce(func.sum(column), 0).label(name) for name, column in sums.items()]
    return select(total.currency, *named).where(total.dimension == "all").group_by(total.currency)


_SAVED = _saved()
