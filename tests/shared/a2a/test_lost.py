"""Tasks of servers that died, on both databases: who is dead, and what becomes of what it was working on."""

from __future__ import annotations

import platform
from typing import Any

import pytest
from a2a.types import TaskStatusUpdateEvent
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.a2a import lost
from shared.a2a.lost import LOST_SECONDS, KeptServer, Watch
from shared.a2a.tasks import KeptTask
from shared.process import this_process
from tests.shared.a2a.clock import Clock

DEAD = {"host": platform.node(), "pid": 2**22 + 1, "process_started": "boot:1"}
AWAY = {"host": "a host that is not this one", "pid": 1, "process_started": "boot:1"}
ALIVE = dict(zip(("pid", "process_started"), this_process(), strict=True)) | {"host": platform.node()}


class Told:
    def __init__(self) -> None:
        self.tasks: list[str] = []

    async def __call__(self, event: TaskStatusUpdateEvent) -> None:
        self.tasks.append(event.task_id)


async def left(database: AsyncEngine, process: dict[str, Any], state: str = "WORKING", name: str = "t-1") -> None:
    row = {"id": name, "context_id": "c", "kind": "task", "owner": "kql/", "protocol_version": "1.0", **process}
    async with database.begin() as connection:
        await connection.execute(insert(KeptTask), [{**row, "status": {"state": f"TASK_STATE_{state}"}}])


async def states(database: AsyncEngine) -> dict[str, str]:
    async with database.connect() as connection:
        found = (await connection.execute(select(KeptTask.id, KeptTask.status))).all()
    return {row.id: row.status["state"].removeprefix("TASK_STATE_") for row in found}


async def test_what_a_dead_process_of_this_host_left_is_closed_at_once_and_told_once(database: AsyncEngine) -> None:
    for number, state in enumerate(("WORKING", "SUBMITTED", "INPUT_REQUIRED", "COMPLETED")):
        await left(database, DEAD, state, f"t-{number}")
    await left(database, ALIVE, name="mine")
    told = Told()
    for watch in (Watch(database), Watch(database)):
        await watch.start(told)
    assert sorted(told.tasks) == ["t-0", "t-1"]
    assert await states(database) == {
        "t-0": "FAILED",
        "t-1": "FAILED",
        "t-2": "INPUT_REQUIRED",
        "t-3": "COMPLETED",
        "mine": "WORKING",
    }
    async with database.connect() as connection:
        assert (await connection.execute(select(KeptServer.pid))).scalars().all() == [ALIVE["pid"]]


async def test_a_process_of_another_host_is_dead_when_it_beats_no_more(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, told, watch = Clock(monkeypatch, lost), Told(), Watch(database)
    await left(database, AWAY)
    await watch.start(told)
    for _ in range(3):
        clock.now += LOST_SECONDS - 1
        async with database.begin() as connection:
            elsewhere = update(KeptServer).where(KeptServer.host == AWAY["host"])
            await connection.execute(elsewhere.values(beat=KeptServer.beat + 1))
        await watch.look(told)
    assert await states(database) == {"t-1": "WORKING"}
    clock.now += LOST_SECONDS
    await watch.look(told)
    assert (await states(database), told.tasks) == ({"t-1": "FAILED"}, ["t-1"])
