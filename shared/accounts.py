"""The ledger as a whole: sums over all journeys, and every call for export."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger import PEER, schema
from shared.models import CallRecord, Model

_calls = schema.tables["llm_calls"].c
_PAGE = 500


class Totals(Model):
    """The calls of one agent, model, operation, status and currency. A sum is None where no call was counted."""

    agent: str
    model: str
    operation: str
    status: str
    currency: str | None
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float | None
    cost: float | None
    unpriced_calls: int


class Accounts:
    """Reads `llm_calls` of the process's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def totals(self) -> list[Totals]:
        """Of our own calls; what a stranger says that it used is no use of ours."""
        keys = (_calls.agent, _calls.model, _calls.operation, _calls.status, _calls.currency)
        query = (
            select(
                *keys,
                func.count().label("calls"),
                func.sum(_calls.prompt_tokens).label("prompt_tokens"),
                func.sum(_calls.completion_tokens).label("completion_tokens"),
                func.sum(_calls.total_seconds).label("seconds"),
                func.sum(_calls.cost).label("cost"),
                func.sum(case((_calls.cost.is_(None), 1), else_=0)).label("unpriced_calls"),
            )
            .where(_calls.id.not_like(f"{PEER}%"))
            .group_by(*keys)
            .order_by(*keys)
        )
        async with self._engine.connect() as connection:
            return [Totals.model_validate(dict(row)) for row in (await connection.execute(query)).mappings()]

    async def calls(self) -> AsyncIterator[CallRecord]:
        """Every call, the oldest first, a page at a time: no reader holds the database, however slow."""
        query = select(*(_calls[name] for name in CallRecord.model_fields))
        query = query.order_by(_calls.started_at, _calls.id).limit(_PAGE)
        page = query
        while True:
            async with self._engine.connect() as connection:
                rows = (await connection.execute(page)).mappings().all()
            for row in rows:
                yield CallRecord.model_validate(dict(row))
            if len(rows) < _PAGE:
                return
            last = rows[-1]
            later = and_(_calls.started_at == last["started_at"], _calls.id > last["id"])
            page = query.where(or_(_calls.started_at > last["started_at"], later))
