"""What `lexiquery journey list`, `show` and `cancel` do, as commands.py has it of the other commands."""

from __future__ import annotations

from typing import get_args

from core_engine.results import Result, as_table, opened_state, quiet_settings
from core_engine.session import remote_product
from core_engine.state import open_state, running_server
from shared.errors import Conflict, InvalidInput, did_you_mean
from shared.models import JourneyStatus, JourneySummary
from shared.render import cut, render_answer, render_cost

_STATUSES: tuple[JourneyStatus, ...] = get_args(JourneyStatus)


async def journeys_list(limit: int = 20, status: str | None = None) -> Result:
    """The newest journeys, or the newest of one status. Raises InvalidInput for what is no status."""
    wanted = _status(status)
    async with opened_state() as state:
        found = await state.store.journeys(limit=limit, status=wanted)
    rows = [
        (one.journey_id, one.status, f"{one.started_at:%Y-%m-%d %H:%M:%S}", _seconds(one), cut(one.question, 50))
        for one in found
    ]
    header = ("journey", "status", "started (UTC)", "seconds", "question")
    nothing = f"no journey is '{wanted}'" if wanted else "no journey yet; `lexiquery ask` starts one"
    return Result(found, as_table(rows, header) if rows else nothing)


async def journey_show(journey_id: str) -> Result:
    """The journey's Answer; while it runs its status, as of the HTTP API, and what it has cost so far."""
    async with opened_state() as state:
        answer = await state.store.answer(journey_id)
        if answer:
            return Result(answer, render_answer(answer))
        asked, _ = await state.store.question(journey_id)
        cost = await state.ledger.journey_summary(journey_id)
    value = {"journey_id": journey_id, "status": "running"}
    return Result(value, f"{asked.question}\njourney {journey_id}: running\n\n{render_cost(cost)}")


async def journey_cancel(journey_id: str) -> Result:
    """Have the server that runs the journey end it. Raises NotFound, and Conflict where it has ended or no server runs:
    a journey runs nowhere but in the process that owns the data directory."""
    settings = quiet_settings()
    async with open_state(settings) as state:
        status = await state.store.status(journey_id)
    if status != "running":
        raise Conflict(f"journey '{journey_id}' has ended as {status.replace('_', ' ')}")
    url = running_server(settings)
    if url is None:
        raise Conflict(
            f"no server runs journey '{journey_id}'",
            suggestion="start one with `lexiquery up`, which goes on with it, and cancel it then",
        )
    async with remote_product(settings, url) as product:
        await product.cancel(journey_id)
    return Result({"journey_id": journey_id}, f"journey {journey_id} is being cancelled")


def _status(name: str | None) -> JourneyStatus | None:
    """A status as it is stored, or as people read it (`needs clarification`)."""
    if name is None:
        return None
    found = next((status for status in _STATUSES if status == name.replace(" ", "_")), None)
    if found is None:
        raise InvalidInput(f"unknown status '{name}'", suggestion=did_you_mean(name, _STATUSES))
    return found


def _seconds(journey: JourneySummary) -> str:
    """How long it took; a dash while it runs."""
    if journey.completed_at is None:
        return "-"
    return f"{(journey.completed_at - journey.started_at).total_seconds():.1f}"
