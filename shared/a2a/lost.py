"""Tasks of servers that died: each server on a database says now and then that it lives, and looks after the others."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import structlog
from a2a.types import TaskState, TaskStatusUpdateEvent
from google.protobuf.json_format import MessageToDict
from sqlalchemy import String, delete, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, mapped_column

from shared.a2a.tasks import AT_WORK, Base, KeptTask, failed_status
from shared.database import insert_on
from shared.process import is_alive, this_process

log = structlog.get_logger(__name__)
BEAT_SECONDS = 10.0
"""From one beat, and one look at the others, to the next."""
LOST_SECONDS = 60.0
"""A server of another host that has not beaten for so long is dead; one of this host is seen to be."""
Process = tuple[str, int, str]
"""Host, pid and start (shared/process.py)."""
Told = Callable[[TaskStatusUpdateEvent], Awaitable[None]]


class KeptServer(Base):
    """A process that may work on tasks. beat: a count; another host's clock is never read."""

    __tablename__ = "a2a_servers"
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    pid: Mapped[int] = mapped_column(primary_key=True)
    process_started: Mapped[str] = mapped_column(String(80), primary_key=True)
    beat: Mapped[int]


_of_task = (KeptTask.host, KeptTask.pid, KeptTask.process_started)
_of_server = (KeptServer.host, KeptServer.pid, KeptServer.process_started)
_is_running = KeptTask.status["state"].as_string().in_([TaskState.Name(state) for state in AT_WORK])


class Watch:
    """patience: seconds without a beat after which a server of another host is dead."""

    def __init__(self, engine: AsyncEngine, *, patience: float = LOST_SECONDS) -> None:
        self._engine = engine
        self._insert = insert_on(engine.dialect, KeptServer.__table__)  # type: ignore[arg-type]  # a class has a Table
        self._patience = patience
        self._me: Process = (platform.node(), *this_process())
        self._seen: dict[Process, tuple[int, float]] = {}

    async def start(self, told: Told) -> None:
        """Take part, and close at once what is seen to be lost. told: of each task that was closed."""
        await self._beat()
        await self._adopt()
        await self.look(told)

    async def run(self, told: Told) -> None:
        """For as long as the server lives. A database that fails is tried again with the next beat."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._beat()
                await self.look(told)
            except (SQLAlchemyError, OSError) as error:
                log.warning("servers not looked after", problem=str(error)[:200])

    async def _beat(self) -> None:
        host, pid, started = self._me
        row = {"host": host, "pid": pid, "process_started": started, "beat": 0}
        keys = ["host", "pid", "process_started"]
        beaten = self._insert.on_conflict_do_update(index_elements=keys, set_={"beat": KeptServer.beat + 1})
        async with self._engine.begin() as connection:
            await connection.execute(beaten, row)

    async def look(self, told: Told) -> None:
        """Close what servers that are dead by now were working on."""
        async with self._engine.connect() as connection:
            servers = (await connection.execute(select(*_of_server, KeptServer.beat))).all()
        now = monotonic()
        dead = [process_of(one) for one in servers if self._is_dead(one, now)]
        if not dead:
            return
        log.info("servers died", count=len(dead))
        for event in await close_tasks(self._engine, dead):
            await told(event)
        async with self._engine.begin() as connection:
            await connection.execute(delete(KeptServer).where(tuple_(*_of_server).in_(dead)))
        for one in dead:
            self._seen.pop(one, None)

    def _is_dead(self, server: Any, now: float) -> bool:
        process = process_of(server)
        if process == self._me:
            return False
        if server.host == self._me[0]:
            return not is_alive(server.pid, server.process_started)
        beat, since = self._seen.get(process, (None, now))
        if beat != server.beat:
            self._seen[process] = (server.beat, now)
            return False
        return now - since >= self._patience

    async def _adopt(self) -> None:
        """Look after processes that left tasks but are no longer, or never were, among the servers, too."""
        at_work = select(*_of_task).where(_is_running).distinct()
        async with self._engine.begin() as connection:
            found = (await connection.execute(at_work)).all()
            if found:
                rows = [{"host": one.host, "pid": one.pid, "process_started": one.process_started} for one in found]
                await connection.execute(self._insert.on_conflict_do_nothing(), [{**row, "beat": 0} for row in rows])


def process_of(row: Any) -> Process:
    return row.host, row.pid, row.process_started


async def close_tasks(engine: AsyncEngine, processes: Sequence[Process]) -> list[TaskStatusUpdateEvent]:
    """Mark as failed what these processes were working on; what became of each, told to one caller only."""
    if not processes:
        return []
    status = failed_status("the server of this task was killed")
    # The SDK keeps last_updated as UTC without a zone.
    now = datetime.now(UTC).replace(tzinfo=None)
    closed = update(KeptTask).where(tuple_(*_of_task).in_(processes), _is_running)
    closed = closed.values(status=MessageToDict(status), last_updated=now)
    async with engine.begin() as connection:
        rows = (await connection.execute(closed.returning(KeptTask.id, KeptTask.context_id))).all()
    return [TaskStatusUpdateEvent(task_id=row.id, context_id=row.context_id, status=status) for row in rows]
