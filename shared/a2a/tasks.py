"""A2A tasks: how one begins and fails, and where they are kept (the recent in memory, or all in SQL)."""

from __future__ import annotations

import platform
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import uuid4

import structlog
from a2a.server.agent_execution import RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.id_generator import IDGenerator, IDGeneratorContext
from a2a.server.models import TaskMixin
from a2a.server.tasks import DatabaseTaskStore, InMemoryTaskStore, TaskUpdater
from a2a.types import (
    ListTasksRequest,
    ListTasksResponse,
    Message,
    Part,
    Role,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import MessageToDict
from sqlalchemy import Dialect, Executable, MetaData, String
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.a2a.wire import EXTENSION, TEXT, error_parts
from shared.database import insert_on, storage_failure
from shared.errors import LexiQueryError
from shared.process import this_process

log = structlog.get_logger(__name__)
AT_WORK = frozenset({TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING})
ENDED = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_REJECTED,
    }
)
WRITE_SECONDS = 1.0
"""How far the row of a task at work may be behind: only those read it who ask another process."""
_ID = 255
"""Characters of an id that a client names."""
_FRESH = 10_000
"""Most new ids that are remembered as such; a forgotten one costs a look into the database."""


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
        status=_status(TaskState.TASK_STATE_SUBMITTED),
        history=[message],
    )
    await event_queue.enqueue_event(task)
    return message, task


def _status(state: TaskState, said: Message | None = None) -> TaskStatus:
    status = TaskStatus(state=state, message=said)
    status.timestamp.FromDatetime(datetime.now(UTC))
    return status


async def fail(updates: TaskUpdater, error: LexiQueryError, metadata: dict[str, Any]) -> None:
    """End the task as failed, with the error in its status message. metadata: the extension's, if it is in use."""
    await updates.failed(_reporting(updates, error_parts(error), metadata))


async def cancelled(updates: TaskUpdater, metadata: dict[str, Any]) -> None:
    """End the task as cancelled, with what it cost until then. metadata: as for `fail`."""
    await updates.cancel(_reporting(updates, [Part(text="the task was cancelled", media_type=TEXT)], metadata))


def _reporting(updates: TaskUpdater, parts: list[Part], metadata: dict[str, Any]) -> Message:
    message = updates.new_agent_message(parts, metadata=metadata)
    if EXTENSION in metadata:
        message.extensions.append(EXTENSION)
    return message


def told(error: Exception, who: str, journey_id: str) -> LexiQueryError:
    """What a client hears of an error. who: as in "agent 'kql'"; a fault of ours goes to the log, under its class."""
    if isinstance(error, LexiQueryError):
        return error
    log.error("task failed", who=who, journey_id=journey_id, exc_info=error)
    if isinstance(error, DatabaseError):
        return storage_failure(error)
    return LexiQueryError(f"{who} failed with {type(error).__name__}; its log has more")


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


class Base(DeclarativeBase):
    metadata = MetaData()


class KeptTask(TaskMixin, Base):
    """A task, and the process that works on it."""

    __tablename__ = "a2a_tasks"
    context_id: Mapped[str] = mapped_column(String(255), nullable=False, index=True)
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    process_started: Mapped[str] = mapped_column(String(80))


schema = Base.metadata
_table = KeptTask.__table__


@dataclass
class _Held:
    """A task at work in this process. written: when its row was, by the monotonic clock; behind: it lacks something."""

    owner: str
    task: Task
    written: float
    behind: bool


class KeptTasks(DatabaseTaskStore, IDGenerator):
    """The tasks of one agent in the process's database. Agents that share a database don't see each other's tasks.

    A task's row is written when it begins and when it ends or asks back. In between, the task is held in memory and
    its row follows every WRITE_SECONDS: after a crash the task is lost either way, and nobody waits for a disk.
    """

    def __init__(self, engine: AsyncEngine, agent: str) -> None:
        super().__init__(engine, create_table=False, owner_resolver=lambda context: f"{agent}/{context.user.user_name}")
        self.task_model = KeptTask  # type: ignore[assignment]  # the SDK's name for it is its own table's class
        self._upsert = _upsert(engine.dialect)
        self._held: dict[str, _Held] = {}
        self._fresh: OrderedDict[str, None] = OrderedDict()

    def generate(self, context: IDGeneratorContext) -> str:
        """The id of a new task, which is not looked for in the database."""
        task_id = str(uuid4())
        self._fresh[task_id] = None
        if len(self._fresh) > _FRESH:
            self._fresh.popitem(last=False)
        return task_id

    async def save(self, task: Task, context: ServerCallContext) -> None:
        owner, now = self.owner_resolver(context), monotonic()
        held = self._held.get(task.id)
        at_work = task.status.state in AT_WORK
        behind = at_work and held is not None and now - held.written < WRITE_SECONDS
        if not behind:
            await self._write(task, owner)
        self._fresh.pop(task.id, None)
        if at_work:
            copy = Task()
            copy.CopyFrom(task)
            self._held[task.id] = _Held(owner, copy, held.written if held and behind else now, behind)
        else:
            self._held.pop(task.id, None)

    async def get(self, task_id: str, context: ServerCallContext) -> Task | None:
        check_id("task", task_id)
        held = self._held.get(task_id)
        if held is None:
            return None if task_id in self._fresh else await super().get(task_id, context)
        if held.owner != self.owner_resolver(context):
            return None
        copy = Task()
        copy.CopyFrom(held.task)
        return copy

    async def list(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        check_id("context", params.context_id)
        check_id("page token", params.page_token)
        owner = self.owner_resolver(context)
        for held in [one for one in self._held.values() if one.behind and one.owner == owner]:
            held.behind = False
            await self._write(held.task, owner)
        return await super().list(params, context)

    async def delete(self, task_id: str, context: ServerCallContext) -> None:
        self._held.pop(task_id, None)
        await super().delete(task_id, context)

    async def end_held(self) -> None:
        """The server stops: what it was working on is over."""
        for held in list(self._held.values()):
            held.task.status.CopyFrom(failed_status("the server of this task was stopped"))
            await self._write(held.task, held.owner)
        self._held.clear()

    async def _write(self, task: Task, owner: str) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(self._upsert, _row(task, owner))


def check_id(what: str, given: str) -> None:
    """Raises InvalidParamsError for what no database has as an id: PostgreSQL refuses a NUL with its whole query."""
    if len(given) > _ID or not (given.isprintable() or not given):
        raise InvalidParamsError(message=f"the {what}'s id is longer than {_ID} characters, or not printable")


def _upsert(dialect: Dialect) -> Executable:
    """Made once: to build a statement takes longer than to run it."""
    insert = insert_on(dialect, _table)  # type: ignore[arg-type]  # a class has a Table
    changed = {column.name: insert.excluded[column.name] for column in _table.columns if column.name != "id"}
    return insert.on_conflict_do_update(index_elements=["id"], set_=changed)


def _row(task: Task, owner: str) -> dict[str, Any]:
    """As the SDK's store writes it, and the process that works on it."""
    pid, started = this_process()
    return {
        "id": task.id,
        "context_id": task.context_id,
        "kind": "task",
        "owner": owner,
        "last_updated": task.status.timestamp.ToDatetime() if task.status.HasField("timestamp") else None,
        "status": MessageToDict(task.status),
        "artifacts": [MessageToDict(artifact) for artifact in task.artifacts],
        "history": [MessageToDict(message) for message in task.history],
        "metadata": MessageToDict(task.metadata) if task.metadata.fields else None,
        "protocol_version": "1.0",
        "host": platform.node(),
        "pid": pid,
        "process_started": started,
    }


def failed_status(said: str) -> TaskStatus:
    """Of a task whose server is no more."""
    message = Message(message_id=str(uuid4()), role=Role.ROLE_AGENT, parts=[Part(text=said)])
    return _status(TaskState.TASK_STATE_FAILED, message)
