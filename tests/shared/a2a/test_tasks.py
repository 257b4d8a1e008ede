"""Tasks that are kept in memory: as many as wanted."""

from __future__ import annotations

from a2a.server.context import ServerCallContext
from a2a.types import Task, TaskState, TaskStatus

from shared.a2a.tasks import RecentTasks


async def test_of_the_ended_tasks_the_latest_are_kept_and_all_that_run() -> None:
    store, context = RecentTasks(keep=2), ServerCallContext()
    running = Task(id="running", status=TaskStatus(state=TaskState.TASK_STATE_WORKING))
    await store.save(running, context)
    for number in range(4):
        await store.save(Task(id=f"{number}", status=TaskStatus(state=TaskState.TASK_STATE_COMPLETED)), context)
    kept = [name for name in ("running", "0", "1", "2", "3") if await store.get(name, context)]
    assert kept == ["running", "2", "3"]
