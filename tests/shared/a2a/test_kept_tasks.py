"""Tasks in SQL, on both databases: what is written when, and what is read before it is written."""

from __future__ import annotations

import pytest
from a2a.server.context import ServerCallContext
from a2a.server.id_generator import IDGeneratorContext
from a2a.types import ListTasksRequest, Task, TaskState, TaskStatus
from sqlalchemy import event, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a import tasks
from shared.a2a.tasks import KeptTask, KeptTasks
from tests.shared.a2a.clock import Clock

CONTEXT = ServerCallContext()
WORKING, COMPLETED = TaskState.TASK_STATE_WORKING, TaskState.TASK_STATE_COMPLETED
INPUT = TaskState.TASK_STATE_INPUT_REQUIRED


def task(state: TaskState, name: str = "t-1", words: str = "") -> Task:
    made = Task(id=name, context_id="c", status=TaskStatus(state=state))
    made.status.timestamp.GetCurrentTime()
    made.metadata.update({"words": words} if words else {})
    return made


async def rows(database: AsyncEngine) -> dict[str, str]:
    async with database.connect() as connection:
        found = (await connection.execute(select(KeptTask.id, KeptTask.status))).all()
    return {row.id: row.status["state"].removeprefix("TASK_STATE_") for row in found}


async def test_a_task_is_written_when_it_begins_and_when_it_ends(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, store = Clock(monkeypatch, tasks), KeptTasks(database, "kql")
    await store.save(task(TaskState.TASK_STATE_SUBMITTED), CONTEXT)
    assert await rows(database) == {"t-1": "SUBMITTED"}
    await store.save(task(WORKING), CONTEXT)
    assert await rows(database) == {"t-1": "SUBMITTED"}
    assert (await store.get("t-1", CONTEXT) or Task()).status.state == WORKING
    clock.now += tasks.WRITE_SECONDS
    await store.save(task(WORKING, words="later"), CONTEXT)
    assert await rows(database) == {"t-1": "WORKING"}
    await store.save(task(COMPLETED, words="the end"), CONTEXT)
    assert await rows(database) == {"t-1": "COMPLETED"}
    assert (await store.get("t-1", CONTEXT) or Task()).metadata["words"] == "the end"


async def test_a_list_has_every_task_as_it_is(database: AsyncEngine) -> None:
    store = KeptTasks(database, "kql")
    for name in ("t-1", "t-2"):
        await store.save(task(TaskState.TASK_STATE_SUBMITTED, name), CONTEXT)
        await store.save(task(WORKING, name), CONTEXT)
    listed = await store.list(ListTasksRequest(status=WORKING), CONTEXT)
    assert {one.id for one in listed.tasks} == {"t-1", "t-2"}


async def test_what_is_read_is_nobody_else_s_copy(database: AsyncEngine) -> None:
    store, other = KeptTasks(database, "kql"), KeptTasks(database, "spl")
    await store.save(task(WORKING), CONTEXT)
    read = await store.get("t-1", CONTEXT)
    assert read is not None
    read.status.state = COMPLETED
    assert (await store.get("t-1", CONTEXT) or Task()).status.state == WORKING
    assert await other.get("t-1", CONTEXT) is None
    assert (await other.list(ListTasksRequest(), CONTEXT)).total_size == 0


async def test_a_new_id_is_not_looked_for(database: AsyncEngine) -> None:
    store, asked = KeptTasks(database, "kql"), []
    event.listen(database.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    name = store.generate(IDGeneratorContext())
    assert await store.get(name, CONTEXT) is None
    assert asked == []
    await store.save(task(WORKING, name), CONTEXT)
    assert [statement.split()[0] for statement in asked] == ["INSERT"]


async def test_what_is_at_work_ends_with_the_server_and_what_waits_does_not(database: AsyncEngine) -> None:
    store = KeptTasks(database, "kql")
    await store.save(task(WORKING, "working"), CONTEXT)
    await store.save(task(INPUT, "waiting"), CONTEXT)
    await store.end_held()
    assert await rows(database) == {"working": "FAILED", "waiting": "INPUT_REQUIRED"}
