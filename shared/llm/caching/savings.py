"""What the caches spared, by the ledger: calls that were answered without a model."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger.changes import settle
from shared.ledger.tables import day_totals
from shared.models import Model


class Savings(Model):
    """hits: calls that a cache answered; vectors: those of them for vectors, of which nobody tells what they would have
    taken. The sums are of the others, and are what the calls that these were answered from had taken: tokens; seconds
    of waiting; cost by currency (ISO 4217), without the hits whose call had no price; None where none told any."""

    hits: int
    vectors: int
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
        vectors=sum(int(row.hits) for row in rows if row.operation == "embeddings"),
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
    keys = (total.value.label("operation"), total.currency)
    return select(*keys, *named).where(total.dimension == "operation").group_by(*keys)


_SAVED = _saved()
