"""The ledger is true: whatever ends a call, and whoever dies."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.ledger import PEER, Ledger
from shared.ledger.losses import closing_lost
from shared.models import CostLine
from shared.process import is_alive, process_started, this_process
from tests.shared.ledger.calls import NOW, call, move_elsewhere, record


async def test_a_finished_call_comes_back_as_it_was_written(ledger: Ledger) -> None:
    finished = call("a", status="success", response="x", prompt_tokens=7, completion_tokens=2, total_seconds=0.5)
    await record(ledger, finished)
    assert await ledger.calls("j1") == [finished]


async def test_only_a_successful_call_is_replayed(ledger: Ledger) -> None:
    await record(ledger, call("a", idempotency_key="k", status="error", error="model_unavailable: gone"))
    assert await ledger.replay("k") is None
    await record(ledger, call("b", idempotency_key="k", status="success", response="fine"))
    replayed = await ledger.replay("k")
    assert replayed is not None
    assert (replayed.id, replayed.response) == ("b", "fine")


async def test_two_processes_that_made_the_same_call_both_stay_on_the_ledger(ledger: Ledger) -> None:
    for call_id in ("a", "b"):
        await record(ledger, call(call_id, idempotency_key="k", status="success", prompt_tokens=5))
    summary = await ledger.journey_summary("j1")
    assert (summary.calls, summary.prompt_tokens) == (2, 10)


async def test_a_sum_says_how_many_calls_it_misses(ledger: Ledger) -> None:
    await record(ledger, call("a", status="success", prompt_tokens=10, completion_tokens=4, cost=0.25, currency="EUR"))
    await record(ledger, call("b", status="success", prompt_tokens=3, total_seconds=2.0))
    await record(ledger, call("c", status="cancelled"))
    summary = await ledger.journey_summary("j1")
    assert (summary.calls, summary.failed_calls, summary.uncounted_calls, summary.unpriced_calls) == (3, 1, 2, 2)
    assert (summary.prompt_tokens, summary.completion_tokens, summary.seconds) == (13, 4, 2.0)
    assert (summary.cost, summary.currency) == (0.25, "EUR")


async def test_a_journey_costs_in_the_currency_of_its_own_calls_however_many_a_peer_reports(ledger: Ledger) -> None:
    peers = [call(f"{PEER}far:{number}", status="success", cost=2.0, currency="USD") for number in range(3)]
    await ledger.merge(peers)
    summary = await ledger.journey_summary("j1")
    assert (summary.cost, summary.currency, summary.unpriced_calls) == (6.0, "USD", 0)
    await record(ledger, call("a", status="success", cost=0.25, currency="EUR"))
    summary = await ledger.journey_summary("j1")
    assert (summary.cost, summary.currency, summary.unpriced_calls) == (0.25, "EUR", 3)


async def test_without_any_count_or_price_the_sums_are_unknown_not_zero(ledger: Ledger) -> None:
    await record(ledger, call("a", status="error"))
    summary = await ledger.journey_summary("j1")
    assert (summary.prompt_tokens, summary.completion_tokens, summary.cost) == (None, None, None)


async def test_an_embedding_is_counted_once_its_prompt_is(ledger: Ledger) -> None:
    await record(ledger, call("a", operation="embeddings", status="success", prompt_tokens=9))
    summary = await ledger.journey_summary("j1")
    assert (summary.uncounted_calls, summary.completion_tokens) == (0, None)


async def test_each_line_of_a_summary_says_how_many_calls_it_misses(either: Ledger) -> None:
    counted = {"status": "success", "prompt_tokens": 10, "completion_tokens": 4, "cost": 0.25}
    for name in ("a", "b"):
        await record(either, call(name, **counted, currency="EUR"))
    await record(either, call("c", **counted, currency="USD", model="n"))
    await record(either, call("d", status="cancelled", agent="sql"))
    await record(either, call("e", status="success", operation="embeddings", prompt_tokens=3, model="e", agent="sql"))
    summary = await either.journey_summary("j1")

    def missed(by: str) -> dict[str, tuple[int, int, int, float | None]]:
        lines: list[CostLine] = getattr(summary, f"by_{by}")
        return {line.key: (line.calls, line.uncounted_calls, line.unpriced_calls, line.cost) for line in lines}

    assert missed("agent") == {"kql": (3, 0, 1, 0.5), "sql": (2, 1, 2, None)}
    assert missed("model") == {"e": (1, 0, 1, None), "m": (3, 1, 1, 0.5), "n": (1, 0, 1, None)}
    assert missed("operation") == {"chat": (4, 1, 2, 0.5), "embeddings": (1, 0, 1, None)}
    assert missed("provider") == {"ollama": (5, 1, 3, 0.5)}
    assert (summary.uncounted_calls, summary.unpriced_calls) == (1, 3)


async def test_a_summary_splits_by_agent_model_and_operation(ledger: Ledger) -> None:
    await record(ledger, call("a", status="success", prompt_tokens=1))
    await record(ledger, call("b", status="success", prompt_tokens=2, agent="planner"))
    await record(ledger, call("c", status="success", prompt_tokens=4, operation="embeddings", model="e"))
    summary = await ledger.journey_summary("j1")
    assert [(line.key, line.prompt_tokens) for line in summary.by_agent] == [("kql", 5), ("planner", 2)]
    assert [(line.key, line.calls) for line in summary.by_model] == [("e", 1), ("m", 2)]
    assert [(line.key, line.calls) for line in summary.by_operation] == [("chat", 2), ("embeddings", 1)]


async def test_a_journey_without_calls_has_an_empty_summary(ledger: Ledger) -> None:
    summary = await ledger.journey_summary("nobody")
    assert (summary.calls, summary.seconds, summary.prompt_tokens, summary.by_agent) == (0, 0.0, None, [])


async def test_calls_of_a_remote_agent_are_merged_once(ledger: Ledger) -> None:
    remote = call("r", status="success", prompt_tokens=6)
    await ledger.merge([remote])
    await ledger.merge([remote])
    assert await ledger.calls("j1") == [remote]


async def test_a_merge_never_undoes_a_finished_call(ledger: Ledger) -> None:
    finished = call("a", status="success", prompt_tokens=6)
    await record(ledger, finished)
    await ledger.merge([call("a", status="pending")])
    assert await ledger.calls("j1") == [finished]


async def test_a_report_about_a_lost_call_leaves_its_texts_and_its_key(ledger: Ledger) -> None:
    await record(ledger, call("a", status="lost", request="a prompt"))
    await ledger.merge([call("a", status="success", idempotency_key="peer:kql:1", prompt_tokens=6)])
    assert await ledger.calls("j1") == [call("a", status="success", request="a prompt", prompt_tokens=6)]


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


async def test_the_pending_call_of_a_killed_process_is_closed_as_lost(
    ledger: Ledger, engine: AsyncEngine, other: subprocess.Popen[bytes]
) -> None:
    await ledger.begin(call("mine"))
    await ledger.begin(call("theirs"))
    await _own(engine, "theirs", other.pid, process_started(other.pid))
    assert await ledger.close_lost() == 0
    other.kill()
    other.wait()
    assert await ledger.close_lost() == 1
    assert {row.id: row.status for row in await ledger.calls("j1")} == {"mine": "pending", "theirs": "lost"}


async def test_the_pending_call_of_another_host_is_lost_only_when_it_is_old(
    ledger: Ledger, engine: AsyncEngine
) -> None:
    await ledger.begin(call("young"))
    await ledger.begin(call("old", started_at=NOW - timedelta(hours=2)))
    async with engine.begin() as connection:
        await connection.execute(text("update llm_calls set owner_host = 'elsewhere'"))
    assert await ledger.close_lost() == 1
    assert {row.id: row.status for row in await ledger.calls("j1")} == {"young": "pending", "old": "lost"}


async def test_a_call_of_another_host_is_closed_while_a_server_runs(
    either: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger.losses.LOOK_SECONDS", 0.02)
    async with closing_lost(either), asyncio.timeout(10):
        await either.begin(call("old", started_at=NOW - timedelta(hours=2)))
        await either.begin(call("young"))
        await move_elsewhere(either)
        while (await _statuses(either))["old"] == "pending":  # noqa: ASYNC110 -- no event tells it
            await asyncio.sleep(0.02)
    assert await _statuses(either) == {"young": "pending", "old": "lost"}


async def test_a_database_that_fails_is_asked_again_for_lost_calls(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    async def fails() -> int:
        failed.set()
        raise OperationalError("select", None, Exception("locked"))

    monkeypatch.setattr("shared.ledger.losses.LOOK_SECONDS", 0.02)
    async with closing_lost(ledger), asyncio.timeout(10):
        with monkeypatch.context() as patched:
            patched.setattr(ledger, "close_lost", fails)
            await failed.wait()
        await ledger.begin(call("old", started_at=NOW - timedelta(hours=2)))
        await move_elsewhere(ledger)
        while await _statuses(ledger) != {"old": "lost"}:  # noqa: ASYNC110 -- no event tells it
            await asyncio.sleep(0.02)


def test_a_reused_pid_is_not_the_same_process() -> None:
    pid, started = this_process()
    assert is_alive(pid, started)
    assert not is_alive(pid, "another boot:1")


async def _own(engine: AsyncEngine, call_id: str, pid: int, started: str | None) -> None:
    async with engine.begin() as connection:
        await connection.execute(
            text("update llm_calls set owner_pid = :pid, owner_started = :started where id = :id"),
            {"pid": pid, "started": started, "id": call_id},
        )


async def _statuses(ledger: Ledger) -> dict[str, str]:
    return {row.id: row.status for row in await ledger.calls("j1")}
