"""What `lexiquery cost analyze` and `lexiquery cost card` do, as cost_commands.py has it of the other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.results import Result, as_table, opened_state
from shared.ledger.tables import PEER, calls
from shared.llm.rates import CARD, Hardware, RateCard, SecondRate, TokenRate, read_card
from shared.models import Model
from shared.render import render_amount

if TYPE_CHECKING:
    from core_engine.cost_analysis import Saving

_BY = {TokenRate: "tokens", SecondRate: "seconds", Hardware: "hardware"}


class PricedModel(Model):
    """A model of the ledger. by: what prices it on the card, None where nothing does."""

    provider: str
    model: str
    calls: int
    unpriced_calls: int
    by: str | None


class CardReport(Model):
    """file: where the card is; models: every model that the ledger has calls of."""

    file: str
    card: RateCard
    models: list[PricedModel]


async def cost_analyze(days: int) -> Result:
    from core_engine.cost_analysis import analyse

    async with opened_state() as state:
        savings = await analyse(state.engine, days)
    none = f"nothing to save among the calls of the last {days} days"
    return Result(savings, "\n".join(map(_lines, savings)) if savings else none)


def _lines(saving: Saving) -> str:
    tokens = _tokens(saving)
    seconds = "seconds unknown" if saving.seconds is None else f"{saving.seconds:.1f} s"
    cost = "cost unknown" if saving.cost is None else render_amount(saving.cost, saving.currency)
    gap = f" (no price for {saving.unpriced_calls} of {saving.calls})" if saving.unpriced_calls else ""
    return f"{saving.what}\n  up to {tokens}, {seconds}, {cost}{gap}\n  {saving.advice}"


def _tokens(saving: Saving) -> str:
    if saving.tokens is None:
        return "tokens unknown"
    return f"{saving.tokens} tokens" + f" (without {saving.uncounted_calls} uncounted)" * (saving.uncounted_calls > 0)


async def cost_card() -> Result:
    """Raises InvalidInput for a card that can't be used."""
    async with opened_state() as state:
        card = read_card(state.settings.rate_card)
        models = await priced_models(state.engine, card)
        report = CardReport(file=str(state.settings.rate_card or CARD), card=card, models=models)
    return Result(report, _card_text(report))


async def priced_models(engine: AsyncEngine, card: RateCard) -> list[PricedModel]:
    """By provider and model. A call answered from a cache takes nothing, and one that has not ended has no price."""
    call = calls.c
    unpriced = func.sum(case((call.cost.is_(None), 1), else_=0)).label("unpriced_calls")
    query = select(call.provider, call.model, func.count().label("calls"), unpriced)
    query = query.where(call.status.not_in(("pending", "cached")), call.id.not_like(f"{PEER}%"))
    async with engine.connect() as connection:
        rows = await connection.execute(query.group_by(call.provider, call.model).order_by(*query.selected_columns[:2]))
        return [PricedModel(**row, by=_by(card, row["provider"], row["model"])) for row in rows.mappings()]


def _by(card: RateCard, provider: str, model: str) -> str | None:
    rate = card.rate(provider, model)
    return None if rate is None else f"{_BY[type(rate)]} {rate.name}" if isinstance(rate, Hardware) else _BY[type(rate)]


def _card_text(report: CardReport) -> str:
    rates = len(report.card.tokens) + len(report.card.seconds) + len(report.card.hardware)
    about = f"rate card {report.card.version} ({report.card.currency}): {rates} rate{'s' * (rates != 1)}, {report.file}"
    header = ("provider", "model", "calls", "unpriced", "priced by")
    rows = [(one.provider, one.model, one.calls, one.unpriced_calls, one.by or "nothing") for one in report.models]
    return f"{about}\n\n{as_table(rows, header)}" if rows else f"{about}\nno call on the ledger yet"
