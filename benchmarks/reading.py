"""What an operator reads: sums by day, model, user and tag, and calls by what they share."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import text

from benchmarks.calls import DAYS
from benchmarks.databases import Place
from benchmarks.figures import first_and_median, ms, times
from shared.calls import CallRecord
from shared.ledger import Ledger
from shared.ledger.statistics import BY, By, CallFilter, Statistics

Read = Callable[[Statistics], Awaitable[object]]
_RUNS = 6
_FAILED = "status IN ('error', 'cancelled', 'lost')"
_AT = "min(CASE WHEN n >= timed * 0.{0} THEN total_seconds END)"
# What `stats` would be without sums of days.
_FROM_CALLS = {
    "sqlite": f"""
        WITH ranked AS (
          SELECT {{key}}, status, prompt_tokens, completion_tokens, total_seconds, cost,
            row_number() OVER w AS n, count(total_seconds) OVER (PARTITION BY {{key}}) AS timed
          FROM llm_calls WHERE day >= :since WINDOW w AS (PARTITION BY {{key}} ORDER BY total_seconds NULLS LAST))
        SELECT {{key}}, count(*), sum({_FAILED}), sum(prompt_tokens), sum(completion_tokens), sum(total_seconds),
          sum(cost), {_AT.format(50)}, {_AT.format(95)}, {_AT.format(99)}
        FROM ranked GROUP BY {{key}}""",
    "postgresql": f"""
        SELECT {{key}}, count(*), count(*) FILTER (WHERE {_FAILED}), sum(prompt_tokens), sum(completion_tokens),
          sum(total_seconds), sum(cost),
          percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY total_seconds)
        FROM llm_calls WHERE day >= :since GROUP BY {{key}}""",
}


async def sums(place: Place) -> list[list[str]]:
    """A row a reading: its first run on a new engine, the median of the next, the same from the calls, the ratio."""
    rows = []
    for by in BY:
        for daily in (True,) if by == "day" else (False, True):
            taken = await _taken(place, partial(Statistics.stats, by=by, daily=daily))
            compared = ["", ""]
            if by == "day" or (by in ("model", "user") and not daily):
                naive = await _from_calls(place, by)
                compared = [ms(naive), f"{naive / statistics.median(taken[1:]):,.0f}"]
            rows.append([f"by {by}{', daily' if daily and by != 'day' else ''}", *first_and_median(taken), *compared])
    return [*rows, ["kinds, for metrics", *first_and_median(await _taken(place, Statistics.kinds)), "", ""]]


async def searches(place: Place) -> list[list[str]]:
    some = await _call_in_the_middle(place)
    rows = []
    for what, wanted in _wanted(some):
        taken = await _taken(place, partial(Statistics.find, wanted=wanted))
        rows.append([what, *first_and_median(taken)])
    engine = place.open()
    taken = await times(lambda: Ledger(engine).journey_summary(some.journey_id or ""), _RUNS)
    await engine.dispose()
    return [*rows, ["a journey's summary", *first_and_median(taken)]]


def _wanted(some: CallRecord) -> Iterator[tuple[str, CallFilter]]:
    yield "the newest", CallFilter()
    yield "before one in the middle", CallFilter(before=some.id)
    yield "of a day", CallFilter(since=some.started_at, until=some.started_at + timedelta(days=1))
    yield "of a journey", CallFilter(journey_id=some.journey_id)
    yield "of a user", CallFilter(user="user7")
    yield "of a user, before one in the middle", CallFilter(user="user7", before=some.id)
    yield "of a tag", CallFilter(tag="nightly")
    yield "failed", CallFilter(status="error")
    yield "slower than 30 s", CallFilter(slower=30.0)
    yield "of a user that no call has", CallFilter(user="nobody")
    yield "of a model that no call has", CallFilter(model="nothing")
    yield "of a tag that no call has", CallFilter(tag="nothing")
    yield "slower than any", CallFilter(slower=1e6)


async def _taken(place: Place, read: Read) -> list[float]:
    engine = place.open()
    reader = Statistics(engine)
    taken = await times(lambda: read(reader), _RUNS)
    await engine.dispose()
    return taken


async def _from_calls(place: Place, by: By) -> float:
    query = text(_FROM_CALLS[place.name].format(key=f'"{by}"'))
    since = (datetime.now(UTC) - timedelta(days=DAYS - 1)).date().isoformat()
    engine = place.open()
    async with engine.connect() as connection:
        [seconds] = await times(lambda: connection.execute(query, {"since": since}), 1)
    await engine.dispose()
    return seconds


async def _call_in_the_middle(place: Place) -> CallRecord:
    engine = place.open()
    [found] = await Statistics(engine).find(CallFilter(until=datetime.now(UTC) - timedelta(days=DAYS // 2)), limit=1)
    await engine.dispose()
    return found
