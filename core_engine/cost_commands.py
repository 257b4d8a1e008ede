"""What `lexiquery cost` does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from core_engine.call_search import search_calls
from core_engine.exporting import FORMS, Form, exported, parquet, write_lines
from core_engine.results import Result, as_table, listed, money, opened_state
from shared.calls import CallStatus
from shared.errors import InvalidInput, did_you_mean, first_problem
from shared.ledger.budgets import Budgets, BudgetState, read_whose
from shared.ledger.statistics import BY, By, CallFilter, Statistics
from shared.models import Budget, CostLine, JourneyCostSummary
from shared.render import cut, render_cost

_BAD_LIMIT = "expected a number greater than 0"


async def cost_show(journey: str) -> Result:
    async with opened_state() as opened:
        await opened.store.status(journey)
        summary = await opened.ledger.journey_summary(journey)
    return Result(summary, "\n\n".join([render_cost(summary), *_parts(summary)]))


def _parts(summary: JourneyCostSummary) -> Iterator[str]:
    """What it comes to by each thing of which the journey had more than one."""
    header = ("calls", "prompt", "completion", "uncounted", "seconds", "cost", "unpriced")
    for by in ("agent", "provider", "model", "operation"):
        lines: list[CostLine] = getattr(summary, f"by_{by}")
        rows = [
            (
                line.key,
                line.calls,
                line.prompt_tokens,
                line.completion_tokens,
                line.uncounted_calls,
                f"{line.seconds:.1f}",
                money(line.cost, summary.currency),
                line.unpriced_calls,
            )
            for line in lines
        ]
        if len(rows) > 1:
            yield as_table(rows, (by, *header))


async def cost_recent(limit: int) -> Result:
    async with opened_state() as opened:
        journeys = await opened.store.journeys(limit=limit)
        costs = [await opened.ledger.journey_summary(one.journey_id) for one in journeys]
    rows = [
        (
            one.journey_id,
            one.status,
            cost.calls,
            cost.prompt_tokens,
            cost.completion_tokens,
            cost.uncounted_calls,
            f"{cost.seconds:.1f}",
            money(cost.cost, cost.currency),
            cost.unpriced_calls,
            cut(one.question, 50),
        )
        for one, cost in zip(journeys, costs, strict=True)
    ]
    sums = ("calls", "prompt", "completion", "uncounted", "seconds", "cost", "unpriced")
    header = ("journey", "status", *sums, "question")
    return Result(costs, as_table(rows, header) if rows else "no journey yet; `lexiquery ask` starts one")


async def cost_stats(by: str, days: int, daily: bool) -> Result:
    if by not in BY:
        raise InvalidInput(f"there are no statistics by '{by}'", suggestion=did_you_mean(by, BY))
    known: dict[str, By] = {name: name for name in BY}
    async with opened_state() as opened:
        stats = await Statistics(opened.engine).stats(known[by], days=days, daily=daily)
    rows = [
        (
            *([line.day] if line.day else []),
            *([line.value] if by != "day" else []),
            line.calls,
            f"{line.error_rate:.1%}",
            line.cached,
            line.prompt_tokens,
            line.completion_tokens,
            line.uncounted,
            line.p50_seconds,
            line.p95_seconds,
            line.p99_seconds,
            money(line.cost, line.currency),
            line.unpriced,
        )
        for line in stats
    ]
    keys = [*(["day"] if daily or by == "day" else []), *([by] if by != "day" else [])]
    header = (
        *keys,
        "calls",
        "errors",
        "cached",
        "prompt",
        "completion",
        "uncounted",
        "p50",
        "p95",
        "p99",
        "cost",
        "unpriced",
    )
    which = f" of a {by}" if by in ("user", "tag", "peer") else ""
    return Result(stats, as_table(rows, header) if rows else f"no model call{which} in the last {days} days")


async def cost_calls(wanted: dict[str, Any], limit: int) -> Result:
    if (status := wanted.get("status")) and status not in get_args(CallStatus):
        raise InvalidInput(f"no call has the status '{status}'", suggestion=did_you_mean(status, get_args(CallStatus)))
    try:
        asked = CallFilter.model_validate(wanted)
    except ValidationError as error:
        raise InvalidInput(first_problem(error)) from error
    async with opened_state() as opened:
        calls = await search_calls(Statistics(opened.engine), opened.store, asked, limit)
    rows = [
        (
            one.id,
            f"{one.started_at:%Y-%m-%d %H:%M:%S}",
            one.agent,
            one.purpose,
            one.model,
            one.status,
            one.prompt_tokens,
            one.completion_tokens,
            one.total_seconds,
            money(one.cost, one.currency),
            cut(one.error or "", 60),
        )
        for one in calls
    ]
    header = (
        "call",
        "began (UTC)",
        "agent",
        "purpose",
        "model",
        "status",
        "prompt",
        "completion",
        "seconds",
        "cost",
        "error",
    )
    return Result(calls, as_table(rows, header) if rows else "no such call")


async def cost_export(out: str) -> Result:
    """Raises InvalidInput for a file of another form, or one that can't be written."""
    form = _form(out)
    async with opened_state() as opened:
        every = opened.ledger.every_call()
        if form == "parquet":
            calls = await parquet(every, Path(out))
            return Result({"file": out, "calls": calls}, f"{calls} calls written to {out}")
        if out == "-":
            records = [call async for call in every]
            return Result(records, "\n".join(call.model_dump_json() for call in records))
        calls = await write_lines(exported(every, form), Path(out)) - (form == "csv")
    return Result({"file": out, "calls": calls}, f"{calls} calls written to {out}")


def _form(out: str) -> Form:
    endings: dict[str, Form] = {f".{form}": form for form in FORMS} | {"-": "jsonl"}
    ending = "-" if out == "-" else Path(out).suffix.lower()
    if ending not in endings:
        raise InvalidInput(f"can't export to '{out}'", suggestion="name a file ending in .csv, .jsonl or .parquet")
    return endings[ending]


async def cost_prune(days: int, texts: bool) -> Result:
    async with opened_state() as opened:
        gone = await opened.ledger.prune(days, texts_only=texts)
    what = "calls lost their texts" if texts else "calls removed; the sums of their days stay"
    return Result({"days": days, "calls": gone, "texts_only": texts}, f"{gone} {what}")


async def budgets() -> Result:
    async with opened_state() as opened:
        states = await Budgets(opened.engine).states(opened.currency)
    lines = [_budget_line(one) for one in states]
    return Result(
        states, listed(lines, "no budget is set; `lexiquery cost set-budget day --tokens 1000000` sets one").text
    )


def _budget_line(one: BudgetState) -> dict[str, Any]:
    whose = {"journey": "each journey", "day": "everybody, a day", "user": f"{one.who or 'each user'}, a day"}[
        one.scope
    ]
    told: dict[str, Any] = {"whose": whose}
    for unit in ("tokens", "seconds", "calls", "money"):
        limit, used = getattr(one.budget, unit), getattr(one, unit)
        told[unit] = None if limit is None else f"{limit:g}" if used is None else f"{used:g} of {limit:g}"
    if told["money"] and one.currency:
        told["money"] += f" {one.currency}"
    missing = {"uncounted": one.uncounted_calls, "unpriced": one.unpriced_calls}
    told["calls missing"] = ", ".join(f"{count} {kind}" for kind, count in missing.items() if count) or None
    return told | {"warns at": f"{one.alert_at:.0%}"}


async def set_budget(whose: str, limits: dict[str, Any], alert_at: float) -> Result:
    scope, who = read_whose(whose)
    try:
        budget = Budget.model_validate(limits)
    except ValidationError as error:
        raise InvalidInput(first_problem(error), suggestion=_BAD_LIMIT) from error
    async with opened_state() as opened:
        units = {"money": opened.currency or "money"}
        await Budgets(opened.engine).set(scope, who, budget, alert_at)
    limited = budget.model_dump(exclude_none=True).items()
    set_to = ", ".join(f"{value:g} {units.get(unit, unit)}" for unit, value in limited)
    return Result({"whose": whose, "budget": budget}, f"{whose}: {set_to}")


async def remove_budget(whose: str) -> Result:
    async with opened_state() as opened:
        await Budgets(opened.engine).remove(*read_whose(whose))
    return Result({"whose": whose}, f"{whose}: no limit")
