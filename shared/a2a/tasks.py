"""A2A tasks: how one begins and fails, and where they are kept (the recent in memory, or all in SQL)."""

from __future__ import annotations

import platform
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any

from a2a.server.agent_execution import RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.models import TaskMixin, TaskModel
from a2a.server.tasks import DatabaseTaskStore, InMemoryTaskStore, TaskUpdater
from a2a.types import Message, Task, TaskState, TaskStatus
from sqlalchemy import MetaData, String, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.a2a.wire import EXTENSION, error_parts
from shared.errors import LexiQueryError
from shared.process import is_alive, this_process

ENDED = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_REJECTED,
    }
)
_RUNNING = ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")


async def begin(context: RequestContext, event_queue: EventQueue) -> tuple[Message, Task]:
    """The message and its task; a new task is announced before anything else, as the SDK wants it."""
    message = context.message
    if message is None:
        raise ValueError("a request without a message")
    if context.current_task is not None:
        return message, context.current_task
    task = Task(
        id=context.task_id or "",
        context_id=context.context_id or "",
        status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
        history=[message],
    )
    await event_queue.enqueue_event(task)
    return message, task


async def fail(updates: TaskUpdater, error: LexiQueryError, metadata: dict[str, Any]) -> None:
    """End the task as failed, with the error in its status message."""
    message = updates.new_agent_message(error_parts(error), metadata=metadata)
    message.extensions.append(EXTENSION)
    await updates.failed(message)


class RecentTasks(InMemoryTaskStore):
    """Tasks in memory; of the ended ones only the latest `keep`, so that a server that runs for weeks doesn't grow."""

    def __init__(self, keep: int = 500) -> None:
        super().__init__()
        self._keep = keep
        self._ended: OrderedDict[str, ServerCallContext] = OrderedDict()

    async def save(self, task: Task, context: ServerCallContext) -> None:
        await super().save(task, context)
        if task.status.state in ENDED:
            # The user says whose task it is; the rest of a call's context (headers, body) is not kept.
            self._ended[task.id] = ServerCallContext(user=context.user)
        while len(self._ended) > self._keep:
            oldest, owner = self._ended.popitem(last=False)
            await self.delete(oldest, owner)


class _Base(DeclarativeBase):
    metadata = MetaData()


class KeptTask(TaskMixin, _Base):
    """A task, and the process that works on it."""

    __tablename__ = "a2a_tasks"
    context_id: Mapped[str] = mapped_column(String(255), nullable=False, index=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    process_started: Mapped[str] = mapped_column(String(80))


schema = _Base.metadata


class KeptTasks(DatabaseTaskStore):
    """The tasks of one agent in the process's database. Agents that share a database don't see each other's tasks."""

    def __init__(self, engine: AsyncEngine, agent: str) -> None:
        super().__init__(engine, create_table=False, owner_resolver=lambda context: f"{agent}/{context.user.user_name}")
        self.task_model = KeptTask  # type: ignore[assignment]  # the SDK's name for it is its own table's class

    def _to_orm(self, task: Task, owner: str) -> TaskModel:
        row = super()._to_orm(task, owner)
        pid, started = this_process()
        for name, value in (("host", platform.node()), ("pid", pid), ("process_started", started)):
            setattr(row, name, value)
        return row


async def close_lost_tasks(engine: AsyncEngine, foreign_after: timedelta = timedelta(hours=1)) -> int:
    """Mark as failed the running tasks of processes that are gone; how many there were.

    A process of another host can't be seen from here: its tasks are lost once they are older than foreign_after.
    """
    columns = (KeptTask.id, KeptTask.host, KeptTask.pid, KeptTask.process_started)
    running = KeptTask.status["state"].as_string().in_(_RUNNING)
    # The SDK keeps last_updated as UTC without a zone.
    now = datetime.now(UTC).replace(tzinfo=None)
    stale = KeptTask.last_updated < now - foreign_after
    here = KeptTask.host == platform.node()
    async with engine.begin() as connection:
        found = (await connection.execute(select(*columns).where(running, or_(here, and_(~here, stale))))).all()
        lost = [row.id for row in found if row.host != platform.node() or not is_alive(row.pid, row.process_started)]
        if lost:
            closed = update(KeptTask).where(KeptTask.id.in_(lost))
            await connection.execute(closed.values(status=_lost(now), last_updated=now))
    return len(lost)


def _lost(now: datetime) -> dict[str, Any]:
    """A TaskStatus as the SDK's store writes it."""
    said = {"messageId": "lost", "role": "ROLE_AGENT", "parts": [{"text": "the server of this task was killed"}]}
    return {"state": "TASK_STATE_FAILED", "message": said, "timestamp": f"{now.isoformat()}Z"}
