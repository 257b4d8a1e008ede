"""What reaches the database together, and over which connection."""

from __future__ import annotations

from sqlalchemy import text

from shared.database import create_tables
from shared.ledger import Ledger, Reservation, schema
from shared.ledger.changes import Begin, Merge, apply
from shared.ledger.statistics import Statistics
from shared.ledger.writer import Writer
from tests.databases import postgresql_schema
from tests.shared.ledger.calls import call


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


async def test_a_writer_that_was_closed_opens_again(either: Ledger) -> None:
    await either.begin(call("a"))
    await either.close()
    await either.begin(call("b"))
    assert [one.id for one in await either.calls("j1")] == ["a", "b"]
