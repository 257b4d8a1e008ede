"""What reaches the database together, and over which connection."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from shared.database import create_tables
from shared.ledger import Ledger, Reservation, _close_lost, changes, schema
from shared.ledger.budgets import Budgets
from shared.ledger.changes import Begin, Change, Finish, Merge, apply
from shared.ledger.direct import written_directly
from shared.ledger.latency import bin_of
from shared.ledger.limits import alone
from shared.ledger.statistics import Statistics
from shared.ledger.tables import row_of
from shared.ledger.totals import sum_up
from shared.ledger.writer import Writer
from shared.models import Budget
from tests.databases import POSTGRESQL, postgresql_schema, sqlite_file
from tests.shared.ledger.calls import call

ENDED: dict[str, Any] = {"status": "success", "prompt_tokens": 3, "completion_tokens": 4, "total_seconds": 1.0}


@pytest.fixture
async def postgresql() -> AsyncIterator[AsyncEngine]:
    async with postgresql_schema() as engine:
        await create_tables(engine, schema)
        yield engine


async def process_of(ledger: Ledger) -> int:
    return await ledger._writer.run(lambda one: one.execute(text("SELECT pg_backend_pid()")).scalar_one())


async def done_or_blocked(task: asyncio.Task[Any], process: int, engine: AsyncEngine) -> None:
    """Wait until the task has ended, or PostgreSQL's process of that number waits for a lock."""
    waits = text("SELECT 1 FROM pg_stat_activity WHERE pid = :process AND wait_event_type = 'Lock'")
    async with engine.connect() as connection:
        while not task.done() and (await connection.execute(waits, {"process": process})).first() is None:
            await connection.rollback()


async def test_a_call_that_is_reported_three_times_at_once_counts_once(either: Ledger) -> None:
    told = [Merge(call("a")), Merge(call("a", status="success", prompt_tokens=3)), Merge(call("a", status="error"))]
    writer = Writer(either.engine)
    await writer.run(lambda connection: apply(connection, told))
    await writer.close()
    [line] = await Statistics(either.engine).stats("model")
    assert (line.calls, line.failed, line.prompt_tokens) == (1, 0, 3)


async def test_a_connection_that_postgresql_ended_is_opened_again() -> None:
    async with postgresql_schema() as engine:
        await create_tables(engine, schema)
        writer = Writer(engine)
        process = await writer.run(lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        async with engine.connect() as other:
            await other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
        await writer.write(Begin(call("a"), Reservation()))
        await writer.close()
        ledger = Ledger(engine)
        assert [one.id for one in await ledger.calls("j1")] == ["a"]


async def waits_for_disk(writer: Writer | AsyncEngine) -> str:
    shown = text("SHOW synchronous_commit")
    if isinstance(writer, Writer):
        return str(await writer.run(lambda one: one.execute(shown).scalar_one()))
    async with writer.connect() as connection:
        return str((await connection.execute(shown)).scalar_one())


async def test_on_postgresql_a_call_waits_for_the_server_and_a_journey_for_its_disk(postgresql: AsyncEngine) -> None:
    await postgresql.dispose()
    writer = Writer(postgresql)
    assert (await waits_for_disk(writer), await waits_for_disk(postgresql)) == ("off", "on")
    process = await writer.run(lambda one: one.execute(text("SELECT pg_backend_pid()")).scalar_one())
    async with postgresql.connect() as other:
        await other.execute(text("SELECT pg_terminate_backend(:process)"), {"process": process})
    await writer.write(Begin(call("a"), Reservation()))
    assert await waits_for_disk(writer) == "off", "on a new connection too"
    await writer.close()
    assert await waits_for_disk(postgresql) == "on", "of the connections that the writer gave back"


async def test_who_sets_that_commits_wait_for_the_disk_is_heard(postgresql: AsyncEngine) -> None:
    async with postgresql.connect() as connection:
        name = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
    chosen = {"server_settings": {"search_path": name, "synchronous_commit": "local"}}
    engine = create_async_engine(POSTGRESQL, connect_args=chosen)
    writer = Writer(engine)
    assert await waits_for_disk(writer) == "local"
    await writer.close()
    await engine.dispose()


async def test_a_writer_that_was_closed_opens_again(either: Ledger) -> None:
    await either.begin(call("a"))
    await either.close()
    await either.begin(call("b"))
    assert [one.id for one in await either.calls("j1")] == ["a", "b"]


async def test_on_postgresql_the_driver_itself_writes_what_needs_no_look_at_the_rows() -> None:
    async with postgresql_schema() as engine:
        await create_tables(engine, schema)
        ledger = Ledger(engine)
        begun: list[Change] = [Begin(call(name), Reservation()) for name in "abcdefgh"]
        ended: list[Change] = [Finish(call(name, status="success", prompt_tokens=3)) for name in "abcdefgh"]
        async with engine.connect() as connection:
            for some in (begun[:1], [ended[0], begun[1]], begun[2:], ended[1:3], ended[3:]):
                assert await written_directly(connection, some) == len(some)
            assert [one.status for one in await ledger.calls("j1")] == ["success"] * 8
            new: Change = Begin(call("new"), Reservation())
            assert await written_directly(connection, [new, begun[0]]) == 1, "the second is there"
            assert await written_directly(connection, [Finish(call("nobody", status="success"))]) == 0
            await Statistics(engine).stats()
            assert await written_directly(connection, ended[:2]) == 0, "the sums have them"
            assert await written_directly(connection, ended) == 0, "the sums have them"
            await Budgets(engine).set("day", "", Budget(calls=100))
            later: list[Change] = [Begin(call(name), Reservation()) for name in "ijklm"]
            for some in (later[:1], later[:2], later):
                assert await written_directly(connection, some) == 0, "a budget is set"
        assert [one.id for one in await ledger.calls("j1")] == [*"abcdefgh", "new"]


async def test_of_changes_that_come_together_the_driver_writes_the_first_and_the_usual_way_the_rest(
    postgresql: AsyncEngine,
) -> None:
    ledger = Ledger(postgresql)
    begun = [ledger.begin(call("a")), ledger.merge([call("b", status="success")]), ledger.begin(call("c"))]
    await asyncio.gather(*begun)
    assert [one.id for one in await ledger.calls("j1")] == ["a", "b", "c"]
    await ledger.close()


async def test_a_call_that_ends_while_a_report_of_it_is_written_counts_once(
    postgresql: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, elsewhere = Ledger(postgresql), Ledger(postgresql)
    await here.begin(call("a"))
    process = await process_of(here)
    merge: Callable[..., None] = changes._merge_into
    ending: list[asyncio.Task[None]] = []

    async def end() -> None:
        ending.append(asyncio.create_task(here.finish(call("a", **ENDED))))
        await done_or_blocked(ending[0], process, postgresql)
        if ending[0].done():
            await Statistics(postgresql).stats()

    def after_it_was_read(*arguments: Any) -> None:
        await_only(end())
        merge(*arguments)

    monkeypatch.setattr(changes, "_merge_into", after_it_was_read)
    await elsewhere.merge([call("a", **ENDED)])
    await asyncio.gather(*ending, here.close(), elsewhere.close())
    [line] = await Statistics(postgresql).stats("model")
    assert (line.calls, line.prompt_tokens) == (1, 3)


async def test_a_start_waits_for_sums_that_are_being_written(postgresql: AsyncEngine) -> None:
    server, starting = Ledger(postgresql), Ledger(postgresql)
    for name in ("dead", "ended"):
        await server.begin(call(name))
    process = await process_of(starting)
    async with postgresql.begin() as other:
        await other.execute(text("UPDATE llm_calls SET owner_pid = 999999999 WHERE id = 'dead'"))
    async with postgresql.begin() as other:
        await other.run_sync(alone)
        await other.run_sync(sum_up([row_of(call("ended", **ENDED))]).write)
        closing = asyncio.create_task(starting._writer.run(lambda one: _close_lost(one, datetime.now(UTC))))
        await done_or_blocked(closing, process, postgresql)
        await other.execute(text("UPDATE llm_calls SET status = 'success', is_summed = true WHERE id = 'ended'"))
    assert await closing == 1
    await asyncio.gather(server.close(), starting.close())


async def test_what_is_taken_back_from_the_sums_waits_for_sums_that_are_being_written(postgresql: AsyncEngine) -> None:
    ledger = Ledger(postgresql)
    await ledger.merge([call("a", status="lost", total_seconds=1.0)])
    process = await process_of(ledger)
    async with postgresql.begin() as other:
        await other.run_sync(alone)
        await other.run_sync(sum_up([row_of(call("b", **ENDED))]).write)
        ending = asyncio.create_task(ledger.finish(call("a", **ENDED | {"total_seconds": 60.0})))
        await done_or_blocked(ending, process, postgresql)
    await ending
    await ledger.close()
    assert await Statistics(postgresql).latencies() == {"m": {bin_of(1.0): 1, bin_of(60.0): 1}}


async def test_no_free_connection_is_told_and_the_next_call_is_written(postgresql: AsyncEngine) -> None:
    async with postgresql.connect() as connection:
        name = (await connection.execute(text("SELECT current_schema()"))).scalar_one()
    only_one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.05}
    engine = create_async_engine(POSTGRESQL, connect_args={"server_settings": {"search_path": name}}, **only_one)
    ledger = Ledger(engine)
    async with engine.connect():
        for call_id in "ab":
            with pytest.raises(PoolTimeoutError):
                await ledger.begin(call(call_id))
    await ledger.begin(call("c"))
    await ledger.close()
    assert [one.id for one in await ledger.calls("j1")] == ["c"]
    await engine.dispose()


async def test_a_begin_whose_answer_postgresql_lost_is_written_and_one_of_another_process_is_not(
    postgresql: AsyncEngine,
) -> None:
    ledger = Ledger(postgresql)
    await ledger.begin(call("a"))
    await ledger.begin(call("a"))
    async with postgresql.begin() as other:
        await other.execute(text("UPDATE llm_calls SET owner_pid = 999999999"))
    with pytest.raises(IntegrityError):
        await ledger.begin(call("a"))
    await ledger.close()


async def test_a_locked_file_is_waited_for_once_and_what_ended_meanwhile_is_written_later(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path) as engine:
        await create_tables(engine, schema)
        ledger, statements = Ledger(engine), list[str]()
        await ledger.begin(call("a"))

        def watch(connection: Any) -> None:
            driver = connection.connection.driver_connection
            driver.execute("PRAGMA busy_timeout=0")
            driver.set_trace_callback(statements.append)

        await ledger._writer.run(watch)
        statements.clear()
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = [ledger.begin(call(name)) for name in "bcd"]
        refused = await asyncio.gather(*begun, ledger.finish(call("a", **ENDED)), return_exceptions=True)
        assert [type(one) for one in refused] == [OperationalError] * 4
        asked = statements.count("BEGIN IMMEDIATE")
        other.execute("COMMIT")
        other.close()
        await ledger.close()
        assert asked in (1, 2), "for the four changes together, and perhaps for the sums"
        [written] = await ledger.calls("j1")
        assert (written.id, written.status, written.prompt_tokens) == ("a", "success", 3)
        [line] = await Statistics(engine).stats("model")
        assert (line.calls, line.prompt_tokens) == (1, 3)


async def test_on_a_file_the_loop_writes_a_call_at_once_and_a_thread_one_that_has_to_wait(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path) as engine:
        await create_tables(engine, schema)
        ledger = Ledger(engine)
        await ledger.begin(call("a"))
        await ledger._writer.run(lambda _: None)  # the thread has connected, and nothing more to do
        with pytest.raises(StopIteration):  # it ends without waiting for anything
            ledger.begin(call("b")).send(None)
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(ledger.begin(call("c")))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not waiting.done(), "and the loop went on"
        other.execute("COMMIT")
        other.close()
        await waiting
        assert [one.id for one in await ledger.calls("j1")] == ["a", "b", "c"]
        await ledger.close()
