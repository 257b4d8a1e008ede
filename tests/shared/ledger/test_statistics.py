"""Sums of days, percentiles and searches, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import math
import random
from datetime import timedelta

import pytest
from sqlalchemy import func, inspect, select, text
from structlog.testing import capture_logs

from shared.database import create_tables
from shared.errors import InvalidInput, NotFound
from shared.ledger import Ledger, schema
from shared.ledger.changes import settle
from shared.ledger.latency import ACCURACY, added, bin_of, pack, seconds_of
from shared.ledger.statistics import CallFilter, CallStats, Statistics
from shared.ledger.tables import day_totals
from tests.shared.ledger.calls import NOW, call, record


async def lines(ledger: Ledger, by: str = "model", **asked: object) -> dict[str, CallStats]:
    return {line.value: line for line in await Statistics(ledger.engine).stats(by, **asked)}  # type: ignore[arg-type]


async def test_statistics_have_sums_errors_and_percentiles(either: Ledger) -> None:
    for second in range(1, 21):
        await record(either, call(f"c{second}", status="success", total_seconds=float(second), prompt_tokens=1))
    await record(either, call("failed", status="error", journey_id=None))
    await record(either, call("embed", status="success", operation="embeddings", model="e", total_seconds=9.0))
    found = await lines(either)
    assert (found["m"].calls, found["m"].failed, found["m"].error_rate) == (21, 1, 1 / 21)
    assert (found["m"].prompt_tokens, found["m"].uncounted) == (20, 21), "without completion tokens none is counted"
    assert [found["m"].p50_seconds, found["m"].p95_seconds, found["m"].p99_seconds] == [
        pytest.approx(expected, rel=ACCURACY) for expected in (10.0, 19.0, 20.0)
    ]
    assert found["e"].p50_seconds == pytest.approx(9.0, rel=ACCURACY)


async def test_statistics_go_by_day_user_tag_and_agent(either: Ledger) -> None:
    yesterday = NOW - timedelta(days=1)
    await record(either, call("a", status="success", user="ada", tags=["team=ops", "prod"], total_seconds=1.0))
    await record(either, call("b", status="success", user="bob", tags=["prod"], agent="sql", started_at=yesterday))
    assert {user: line.calls for user, line in (await lines(either, "user")).items()} == {"ada": 1, "bob": 1}
    assert {tag: line.calls for tag, line in (await lines(either, "tag")).items()} == {"prod": 2, "team=ops": 1}
    assert {agent: line.calls for agent, line in (await lines(either, "agent", days=1)).items()} == {"kql": 1}
    days = await Statistics(either.engine).stats("day")
    assert [(line.day, line.calls) for line in days] == [
        (NOW.date().isoformat(), 1),
        (yesterday.date().isoformat(), 1),
    ]


async def test_a_price_in_another_currency_is_not_added(either: Ledger) -> None:
    for name, currency in (("a", "EUR"), ("b", "EUR"), ("c", "USD")):
        await record(either, call(name, status="success", cost=1.5, currency=currency, prompt_tokens=1))
    await record(either, call("d", status="success"))
    line = (await lines(either))["m"]
    assert (line.cost, line.currency, line.unpriced, line.calls) == (3.0, "EUR", 2, 4)
    summary = await either.journey_summary("j1")
    assert (summary.cost, summary.currency, summary.unpriced_calls) == (3.0, "EUR", 2)


async def test_what_a_cache_answered_does_not_choose_the_currency(either: Ledger) -> None:
    await record(either, call("a", status="success", cost=2.0, currency="EUR", prompt_tokens=1))
    for name in ("b", "c"):
        await either.add(call(name, status="cached", saved_cost=0.5, currency="USD"))
    line = (await lines(either))["m"]
    assert (line.cost, line.currency, line.unpriced, line.cached) == (2.0, "EUR", 0, 2)


async def test_what_a_cache_answered_is_neither_slow_nor_uncounted(either: Ledger) -> None:
    await either.add(call("a", status="cached", saved_tokens=90, saved_seconds=4.0, saved_cost=0.5, currency="EUR"))
    line = (await lines(either))["m"]
    assert (line.calls, line.cached, line.uncounted, line.unpriced, line.p50_seconds) == (1, 1, 0, 0, None)
    assert (line.saved_tokens, line.saved_seconds, line.saved_cost) == (90, 4.0, 0.5)


async def test_what_strangers_report_counts_nowhere_but_among_peers(either: Ledger) -> None:
    await either.merge([call("peer:x:1", agent="x", status="success", prompt_tokens=6)])
    assert await lines(either) == {}
    assert {name: line.prompt_tokens for name, line in (await lines(either, "peer")).items()} == {"x": 6}


async def test_a_call_that_was_closed_as_lost_and_ends_after_all_is_counted_once(either: Ledger) -> None:
    lost = call("a", status="lost")
    await record(either, lost)
    await either.merge([call("a", status="success", prompt_tokens=3, completion_tokens=2)])
    line = (await lines(either))["m"]
    assert (line.calls, line.failed, line.prompt_tokens) == (1, 0, 3)


async def test_calls_of_an_older_ledger_are_added_to_the_sums_at_the_next_start(either: Ledger) -> None:
    await record(either, call("a", status="success", prompt_tokens=3, completion_tokens=1))
    await settle(either.engine)
    async with either.engine.begin() as connection:
        await connection.execute(text("update llm_calls set is_summed = false"))
        await connection.execute(text("delete from llm_day_totals"))
    await either.close_lost()
    await either.close_lost()
    async with either.engine.connect() as connection:
        tokens = select(day_totals.c.prompt_tokens).where(day_totals.c.dimension == "all")
        assert (await connection.execute(tokens)).scalar_one() == 3


async def test_times_of_an_older_ledger_are_taken_over_at_the_next_start(either: Ledger) -> None:
    bins = [bin_of(seconds) for seconds in (1.0, 1.0, 60.0)]
    for number in bins:
        await record(either, call(f"c{number}-{len(await either.calls('j1'))}", status="success", currency="EUR"))
    await settle(either.engine)
    async with either.engine.begin() as connection:
        await connection.execute(
            text("create table llm_day_times (dimension text, day text, value text, bin integer, calls bigint)")
        )
        for number in set(bins):
            row = {"day": NOW.date().isoformat(), "bin": number, "calls": bins.count(number)}
            await connection.execute(text("insert into llm_day_times values ('model', :day, 'm', :bin, :calls)"), row)
    with capture_logs() as logs:
        await either.close_lost()
        await either.close_lost()
    assert sum("were taken over" in log["event"] for log in logs) == 1
    await record(either, call("new", status="success", currency="EUR", total_seconds=60.0))
    line = (await lines(either))["m"]
    assert line.calls == 4
    assert line.p50_seconds == pytest.approx(1.0, rel=ACCURACY * 1.01)
    assert line.p99_seconds == pytest.approx(60.0, rel=ACCURACY * 1.01)


async def test_times_that_an_older_ledger_kept_by_bin_are_read_and_added_to(either: Ledger) -> None:
    """And those of a call that is taken back are no longer counted."""
    kept = {str(bin_of(1.0)): 3, str(bin_of(60.0)): 1}
    await record(either, call("a", status="success", total_seconds=1.0))
    await settle(either.engine)
    async with either.engine.begin() as connection:
        await connection.execute(day_totals.update().values(times=kept, calls=4))
    line = (await lines(either))["m"]
    assert line.calls == 4
    assert line.p50_seconds == pytest.approx(1.0, rel=ACCURACY * 1.01)
    assert line.p99_seconds == pytest.approx(60.0, rel=ACCURACY * 1.01)
    await either.merge([call("b", status="lost", total_seconds=0.1)])
    for name in ("c", "d"):
        await record(either, call(name, status="success", total_seconds=60.0))
    assert (await lines(either))["m"].calls == 7
    await either.merge([call("b", status="success", total_seconds=60.0)])
    assert await Statistics(either.engine).latencies() == {"m": {bin_of(1.0): 3, bin_of(60.0): 4}}


async def test_many_sums_are_added_to_a_few_at_a_time(either: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ledger.totals._READ_AT_ONCE", 2)
    days = [NOW, NOW - timedelta(days=1)]
    for number in range(12):
        named = {"user": f"user{number % 3}", "tags": ["prod"], "started_at": days[number % 2]}
        await record(either, call(f"c{number}", status="success", total_seconds=number % 2 + 1.0, **named))
        await settle(either.engine)
    assert await Statistics(either.engine).latencies() == {"m": {bin_of(1.0): 6, bin_of(2.0): 6}}
    for line in (await lines(either, "user")).values():
        assert line.calls == 4
        assert line.p50_seconds == pytest.approx(1.0, rel=ACCURACY * 1.01)


async def test_a_call_is_in_the_sums_without_anybody_reading_them(either: Ledger) -> None:
    await record(either, call("a", status="success", prompt_tokens=3))
    await either.close()
    async with either.engine.connect() as connection:
        tokens = select(day_totals.c.prompt_tokens).where(day_totals.c.dimension == "all")
        assert (await connection.execute(tokens)).scalar_one() == 3


async def test_sums_that_can_not_be_written_now_keep_no_call_out_and_are_written_later(ledger: Ledger) -> None:
    full = "create trigger full before insert on llm_day_totals begin select raise(abort, 'disk full'); end"
    async with ledger.engine.begin() as connection:
        await connection.execute(text(full))
    await record(ledger, call("a", status="success", prompt_tokens=3))
    assert await lines(ledger) == {}
    await ledger.close()
    async with ledger.engine.begin() as connection:
        await connection.execute(text("drop trigger full"))
    assert (await lines(ledger))["m"].prompt_tokens == 3


async def test_readers_who_come_together_count_a_call_once(either: Ledger) -> None:
    for number in range(30):
        await record(either, call(f"c{number}", status="success", prompt_tokens=1))
    found = await asyncio.gather(*(lines(either) for _ in range(5)))
    assert [line["m"].prompt_tokens for line in found] == [30] * 5


async def test_columns_that_an_older_ledger_lacks_are_added(either: Ledger) -> None:
    async with either.engine.begin() as connection:
        await connection.execute(text("drop index llm_calls_open"))
        await connection.execute(text("create index llm_calls_pending on llm_calls (day)"))
        for column in ("is_summed", "tags", '"user"'):
            await connection.execute(text(f"alter table llm_calls drop column {column}"))
    await create_tables(either.engine, schema)
    await record(either, call("a", status="success", user="ada"))
    assert [one.user for one in await either.calls("j1")] == ["ada"]
    async with either.engine.connect() as connection:
        names = {
            index["name"] for index in await connection.run_sync(lambda one: inspect(one).get_indexes("llm_calls"))
        }
    assert "llm_calls_open" in names
    assert "llm_calls_pending" not in names


async def test_pruning_removes_old_calls_and_keeps_their_sums(either: Ledger) -> None:
    old = NOW - timedelta(days=40)
    await record(either, call("old", status="success", started_at=old, request="text", prompt_tokens=3))
    await record(either, call("new", status="success", request="text"))
    await either.begin(call("pending", started_at=old, request="text"))
    assert await either.prune(30, texts_only=True) == 1
    assert {one.id: one.request for one in await either.calls("j1")} == {"old": None, "pending": "text", "new": "text"}
    assert await either.prune(30) == 1
    assert [one.id for one in await either.calls("j1")] == ["pending", "new"]
    assert (await lines(either, days=60))["m"].calls == 2


async def test_calls_are_found_by_what_they_share(either: Ledger) -> None:
    for age, (name, tags) in enumerate({"c": ["x"], "b": ["x", "y"], "a": []}.items()):
        started = NOW - timedelta(seconds=age)
        await record(either, call(name, status="success", tags=tags, started_at=started, total_seconds=age))
    search = Statistics(either.engine).find
    assert [one.id for one in await search(CallFilter(), limit=2)] == ["c", "b"]
    assert [one.id for one in await search(CallFilter(before="b"))] == ["a"]
    assert [one.id for one in await search(CallFilter(tag="x"))] == ["c", "b"]
    assert [one.id for one in await search(CallFilter(slower=1, until=NOW))] == ["b", "a"]
    assert [one.id for one in await search(CallFilter(agent="nobody"))] == []
    with pytest.raises(NotFound, match="no call 'zz'"):
        await search(CallFilter(before="zz"))
    with pytest.raises(InvalidInput, match="nothing began since"):
        await search(CallFilter(since=NOW, until=NOW))


async def test_the_sums_of_every_dimension_are_those_of_all_calls(either: Ledger) -> None:
    dice = random.Random(7)
    for number in range(60):
        status = dice.choice(["success", "error", "cancelled", "lost"])
        tokens = dice.choice([None, 5, 7])
        await record(either, call(f"c{number}", status=status, model=dice.choice("mn"), prompt_tokens=tokens))
    await settle(either.engine)
    query = select(day_totals.c.dimension, func.sum(day_totals.c.calls), func.sum(day_totals.c.prompt_tokens))
    async with either.engine.connect() as connection:
        rows = (await connection.execute(query.group_by(day_totals.c.dimension))).all()
    assert {row[0] for row in rows} == {"all", "model", "operation", "agent", "kind"}
    tokens = sum(one.prompt_tokens or 0 for one in await either.calls("j1"))
    assert {(int(row[1]), int(row[2])) for row in rows} == {(60, tokens)}


def test_a_percentile_from_bins_is_the_nearest_rank_s_to_one_part_in_a_hundred() -> None:
    dice = random.Random(3)
    times = sorted(dice.lognormvariate(0, 2) for _ in range(5000))
    bins: dict[int, int] = {}
    for seconds in times:
        bins[bin_of(seconds)] = bins.get(bin_of(seconds), 0) + 1
    asked = (1, 50, 95, 99, 99.9, 100)
    exact = [times[max(0, math.ceil(len(times) * percent / 100) - 1)] for percent in asked]
    fast, none = {bin_of(0.0): 3}, [None] * len(asked)
    read = added([[json.dumps(pack(bins))], [], [json.dumps(pack(fast)), None]]).percentiles(asked)
    assert read == [
        [pytest.approx(seconds, rel=ACCURACY * 1.01) for seconds in exact],
        none,
        [seconds_of(bin_of(0.0))] * len(asked),
    ]
    some, others = ({number: calls for number, calls in bins.items() if number % 3 // 2 == part} for part in (0, 1))
    kept = [json.dumps(one) for one in (pack(some), pack(others), {str(number): 1 for number in bins}, None, "", {})]
    assert added([[], [*kept, None]]).by_bin(1) == {number: calls + 1 for number, calls in bins.items()}
    most = {-340: 2**32 - 1, 500: 7}
    both = added([[json.dumps(pack(most)), json.dumps(pack(most))]])
    assert both.by_bin(0) == {-340: 2**33 - 2, 500: 14}
    assert pack({5: 0, 7: -1}) == ""
    assert added([["", "{}", '""', None]]).percentiles((50, 99)) == [[None, None]]
    assert added([]).percentiles((50, 99)) == []
    assert seconds_of(bin_of(0.0)) < 1e-5
