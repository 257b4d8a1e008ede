"""Whatever ends a call, its row says so; also for functions that somebody else wrote."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from shared.calls import CallRecord
from shared.context import scoped
from shared.database import create_tables, open_database
from shared.errors import BudgetExceeded, ModelUnavailable
from shared.ledger import Ledger, Reservation, schema
from shared.ledger.budgets import Budgets
from shared.ledger.recording import metered, new_call, recorded, trace_of
from shared.ledger.tables import calls
from shared.models import Budget
from tests.databases import sqlite_file
from tests.shared.ledger.calls import call

KIND = {"operation": "chat", "purpose": "derive", "provider": "mine", "model": "m"}


async def statuses(ledger: Ledger) -> list[str]:
    return [one.status async for one in ledger.every_call()]


async def test_a_decorated_function_is_a_row_a_call(ledger: Ledger) -> None:
    @metered(ledger, **KIND)
    async def ask(record: CallRecord, question: str) -> str:
        record.prompt_tokens = len(question)
        return question.upper()

    with scoped(journey_id="j1", agent="kql", user="ada", tags=["prod"]):
        assert [await ask("abc"), await ask("de")] == ["ABC", "DE"]
    first, second = await ledger.calls("j1")
    assert (first.status, first.prompt_tokens, second.prompt_tokens) == ("success", 3, 2)
    assert (first.agent, first.user, first.tags, first.trace_id) == ("kql", "ada", ["prod"], trace_of("j1"))
    assert first.id != second.id


def test_a_field_that_no_call_has_is_refused_and_calls_share_nothing() -> None:
    with pytest.raises(TypeError, match="a call has no tokens"):
        new_call(**KIND, tokens=3)
    one, other = new_call(**KIND), new_call(**KIND)
    one.metadata["after"] = ["ollama"]
    one.tags.append("prod")
    assert (other.metadata, other.tags) == ({}, [])
    assert CallRecord.model_validate(one.model_dump()) == one


async def test_an_error_a_cancellation_and_a_refusal_are_told_apart(ledger: Ledger) -> None:
    with pytest.raises(ModelUnavailable):
        async with recorded(ledger, new_call(**KIND)):
            raise ModelUnavailable("gone")
    with pytest.raises(asyncio.CancelledError):
        async with recorded(ledger, new_call(**KIND)):
            raise asyncio.CancelledError
    with scoped(journey_id="j1"), pytest.raises(BudgetExceeded):
        async with recorded(ledger, new_call(**KIND), Reservation(tokens=5, budget=Budget(tokens=1))):
            raise AssertionError("the block does not run")
    assert await statuses(ledger) == ["error", "cancelled"]


async def test_a_call_that_is_cancelled_while_its_row_is_written_ends_as_cancelled(ledger: Ledger) -> None:
    async def make() -> None:
        async with recorded(ledger, new_call(**KIND)):
            await asyncio.Event().wait()

    task = asyncio.create_task(make())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.close()
    assert await statuses(ledger) == ["cancelled"]


async def test_a_call_goes_on_while_its_end_is_written_and_who_reads_waits(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path) as engine:
        await create_tables(engine, schema)
        ledger = Ledger(engine)
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        with scoped(journey_id="j1"):
            async with recorded(ledger, new_call(**KIND)) as record:
                record.metadata["after"] = "before"
                other.execute("BEGIN IMMEDIATE")
        record.metadata["after"] = "changed by the next try"
        reading = asyncio.create_task(ledger.calls("j1"))
        done, _ = await asyncio.wait([reading], timeout=0.2)
        assert not done, "the end of the call waits for the lock, and who reads the ledger for it"
        other.execute("COMMIT")
        other.close()
        [read] = await reading
        assert (read.status, read.metadata) == ("success", {"after": "before"})
        await ledger.close()


async def test_who_wants_to_know_of_a_call_that_ended_is_told_when_its_row_says_so(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path) as engine:
        await create_tables(engine, schema)
        told: list[str] = []
        ledger = Ledger(engine, [lambda ended: told.append(ended.status)])
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        async with recorded(ledger, new_call(**KIND)):
            other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(0.1)
        assert told == []
        other.execute("COMMIT")
        other.close()
        await ledger.close()
        assert told == ["success"]


async def test_a_call_begins_with_what_the_one_before_did_not_use(either: Ledger) -> None:
    await Budgets(either.engine).set("day", "", Budget(tokens=1000))
    for _ in range(3):
        async with recorded(either, new_call(**KIND), Reservation(tokens=600)) as record:
            record.prompt_tokens, record.completion_tokens = 50, 1
    assert await statuses(either) == ["success"] * 3
    await either.close()


async def test_an_end_that_a_locked_database_refused_is_written_without_another_call(tmp_path: Path) -> None:
    async with sqlite_file(tmp_path) as engine:
        await create_tables(engine, schema)
        ledger = Ledger(engine)
        await ledger._writer.run(lambda one: one.connection.driver_connection.execute("PRAGMA busy_timeout=0"))  # type: ignore[union-attr]
        other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
        with capture_logs() as logs:
            async with recorded(ledger, new_call(**KIND)):
                other.execute("BEGIN IMMEDIATE")
            assert await statuses(ledger) == ["pending"]
        assert logs[0]["event"] == "how a call ended is not on the ledger yet"
        other.execute("COMMIT")
        other.close()
        async with asyncio.timeout(30):
            while await statuses(ledger) != ["success"]:
                pass
        await ledger.close()


def test_a_ledger_that_outlives_its_loop_is_read_in_the_next(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/test.db")
    ledger = Ledger(engine)

    async def record() -> None:
        await create_tables(engine, schema)
        async with recorded(ledger, new_call(**KIND)):
            pass

    async def read() -> list[str]:
        async with asyncio.timeout(20):
            return await statuses(ledger)

    asyncio.run(record())
    assert len(asyncio.run(read())) == 1


async def test_a_ledger_that_is_closed_at_once_has_how_the_call_ended(either: Ledger) -> None:
    async with recorded(either, new_call(**KIND)):
        pass
    await either.close()
    async with either.engine.connect() as connection:
        assert [row.status for row in await connection.execute(select(calls.c.status))] == ["success"]


async def test_an_end_that_can_not_be_written_is_in_the_log(either: Ledger) -> None:
    with capture_logs() as logs:
        async with recorded(either, new_call(**KIND)) as record:
            record.prompt_tokens = 1 << 80
        await either.close()
    assert [(line["event"], line["call_id"]) for line in logs] == [
        ("how a call ended is not on the ledger and will not be", record.id)
    ]


async def test_a_row_that_can_not_be_written_keeps_none_of_the_others_out(ledger: Ledger) -> None:
    await ledger.begin(call("twice"))
    begun = [ledger.begin(call(name)) for name in ("a", "twice", "b")]
    refused = [one for one in await asyncio.gather(*begun, return_exceptions=True) if one]
    assert [type(one).__name__ for one in refused] == ["IntegrityError"]
    assert sorted([one.id async for one in ledger.every_call()]) == ["a", "b", "twice"]
