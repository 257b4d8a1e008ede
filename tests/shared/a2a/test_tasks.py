"""Tasks that are kept: as many as wanted in memory, and of other hosts until they are surely lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from a2a.server.context import ServerCallContext
from a2a.types import Task, TaskState, TaskStatus
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a.tasks import KeptTask, RecentTasks, close_lost_tasks, schema
from shared.database import create_tables


async def test_of_the_ended_tasks_the_latest_are_kept_and_all_that_run() -> None:
    store, context = RecentTasks(keep=2), ServerCallContext()
    running = Task(id="running", status=TaskStatus(state=TaskState.TASK_STATE_WORKING))
    await store.save(running, context)
    for number in range(4):
        await store.save(Task(id=f"{number}", status=TaskStatus(state=TaskState.TASK_STATE_COMPLETED)), context)
    kept = [name for name in ("running", "0", "1", "2", "3") if await store.get(name, context)]
    assert kept == ["running", "2", "3"]


@pytest.mark.parametrize(("age", "closed"), [(timedelta(minutes=5), 0), (timedelta(hours=2), 1)])
async def test_a_task_of_another_host_is_lost_once_it_is_old(engine: AsyncEngine, age: timedelta, closed: int) -> None:
    await create_tables(engine, schema)
    async with engine.begin() as connection:
        await connection.execute(insert(KeptTask), [_foreign("working", age), _foreign("input-required", age)])
    assert [event.task_id for event in await close_lost_tasks(engine)] == ["working"] * closed
    assert await close_lost_tasks(engine) == []
    async with engine.connect() as connection:
        found = (await connection.execute(select(KeptTask.id, KeptTask.status))).all()
    states = {row.id: row.status["state"] for row in found}
    assert states["input-required"] == "TASK_STATE_INPUT_REQUIRED"
    assert states["working"] == ("TASK_STATE_FAILED" if closed else "TASK_STATE_WORKING")


def _foreign(name: str, age: timedelta) -> dict[str, Any]:
    return {
        "id": name,
        "context_id": "context",
        "kind": "task",
        "owner": "kql/",
        "status": {"state": f"TASK_STATE_{name.upper().replace('-', '_')}"},
        "last_updated": datetime.now(UTC).replace(tzinfo=None) - age,
        "protocol_version": "1.0",
        "host": "a host that is not this one",
        "pid": 1,
        "process_started": "boot:1",
    }
