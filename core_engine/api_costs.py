"""The routes of the ledger: what calls took, and what they may take."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from core_engine.bootstrap import LexiQuery
from core_engine.call_search import search_calls
from core_engine.cost_analysis import Saving, analyse
from core_engine.exporting import FORMS, Form, exported, parquet_stream
from shared.calls import CallRecord
from shared.ledger.budgets import Budgets, BudgetState
from shared.ledger.limits import Scope
from shared.ledger.statistics import By, CallFilter, CallStats, Statistics
from shared.models import Budget, JourneyCostSummary, Model

Days = Annotated[int, Query(ge=1, le=3650)]


class BudgetRequest(Model):
    """PUT /api/v1/cost/budgets. who: a user, with the scope `user`; '' for every user that has none of his own."""

    scope: Scope
    who: str = ""
    budget: Budget
    alert_at: float = 0.8


class CallQuery(CallFilter):
    """The parameters of GET /api/v1/cost/calls."""

    limit: Annotated[int, Query(ge=1, le=1000)] = 100
    offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0


def add_costs(router: APIRouter, lexiquery: LexiQuery) -> None:
    ledger, engine = lexiquery.state.ledger, lexiquery.state.engine

    @router.get("/cost/journey/{journey_id}")
    async def journey_cost(journey_id: str) -> JourneyCostSummary:
        return await lexiquery.product.journey_cost(journey_id)

    @router.get("/cost/recent")
    async def recent(limit: Annotated[int, Query(ge=1, le=500)] = 20) -> list[JourneyCostSummary]:
        journeys = await lexiquery.state.store.journeys(limit=limit)
        return [await ledger.journey_summary(one.journey_id) for one in journeys]

    @router.get("/cost/stats")
    async def stats(by: By = "model", days: Days = 30, daily: bool = False) -> list[CallStats]:
        """Sums and percentiles by day, model, operation, agent, user or tag."""
        return await Statistics(engine).stats(by, days=days, daily=daily)

    @router.get("/cost/calls")
    async def calls(wanted: Annotated[CallQuery, Query()]) -> list[CallRecord]:
        """The newest first; `before=ID` is the page after the call of that id."""
        asked = CallFilter.model_validate(wanted.model_dump(exclude={"limit", "offset"}))
        return await search_calls(Statistics(engine), lexiquery.state.store, asked, wanted.limit, wanted.offset)

    @router.get("/cost/export", response_class=StreamingResponse)
    async def export(format: Form = "jsonl") -> StreamingResponse:
        """Every call, the oldest first: JSON lines, CSV with a header, or Parquet."""
        every = ledger.every_call()
        content = parquet_stream(every) if format == "parquet" else exported(every, format)
        name = f'attachment; filename="lexiquery-calls.{format}"'
        return StreamingResponse(content, media_type=FORMS[format], headers={"Content-Disposition": name})

    @router.get("/cost/analysis")
    async def analysis(days: Days = 30) -> list[Saving]:
        """What would save most."""
        return await analyse(engine, days)

    @router.get("/cost/budgets")
    async def budgets() -> list[BudgetState]:
        return await Budgets(engine).states(lexiquery.state.currency)

    @router.put("/cost/budgets", status_code=204)
    async def set_budget(asked: BudgetRequest) -> None:
        await Budgets(engine).set(asked.scope, asked.who, asked.budget, asked.alert_at)

    @router.delete("/cost/budgets/{scope}", status_code=204)
    async def remove_budget(scope: Scope, who: str = "") -> None:
        await Budgets(engine).remove(scope, who)
