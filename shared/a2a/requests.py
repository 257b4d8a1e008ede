"""The SDK's request handler, and what it lets pass that would harm a task, a database or a stranger's network."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import wraps
from typing import Any

import structlog
from a2a.server.agent_execution import AgentExecutor, RequestContext, SimpleRequestContextBuilder
from a2a.server.agent_execution.active_task import ActiveTask
from a2a.server.cluster.version import TaskVersion
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import DefaultRequestHandlerV2
from a2a.types import (
    AgentCard,
    Message,
    SendMessageRequest,
    Task,
    TaskPushNotificationConfig,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import (
    A2AError,
    InternalError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    UnsupportedOperationError,
)
from google.protobuf.struct_pb2 import Value

from shared.a2a.push import CONFIGS, PushSender
from shared.a2a.tasks import AT_WORK, ENDED, KeptTasks, RecentTasks, check_id

log = structlog.get_logger(__name__)
PARTS = 100
"""Most parts of a message; ours has one."""
CONTEXT = 64
"""Characters of a context's id, which is a journey's where no other is named: what the ledger keeps."""
_STREAMS = ("on_message_send_stream", "on_subscribe_to_task")
CardOf = Callable[[AgentCard, ServerCallContext], Awaitable[AgentCard]]


class Requests(DefaultRequestHandlerV2):
    """extended: makes the card for those who have the key of the public one; push: None where no webhook is told."""

    def __init__(
        self,
        executor: AgentExecutor,
        tasks: KeptTasks | RecentTasks,
        card: AgentCard,
        *,
        wait_for_input: float | None,
        extended: CardOf | None,
        push: PushSender | None,
    ) -> None:
        self._push = push
        super().__init__(
            executor,
            tasks,
            card,
            push_config_store=push.configs if push else None,
            push_sender=push,
            request_context_builder=SimpleRequestContextBuilder(
                task_id_generator=tasks if isinstance(tasks, KeptTasks) else None
            ),
            extended_agent_card=card if extended else None,
            extended_card_modifier=extended,
            validate_input_modes=True,
            interrupted_task_timeout=wait_for_input,
        )

    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        if self._push:
            await check_config(self._push, params.task_id, params, context)
        made: TaskPushNotificationConfig = await super().on_create_task_push_notification_config(params, context)
        task = await self.task_store.get(params.task_id, context)
        if self._push and isinstance(task, Task) and task.status.state in ENDED:
            self._push.configs.forget(params.task_id)
        return made

    async def _setup_active_task(
        self, params: SendMessageRequest, call_context: ServerCallContext
    ) -> tuple[ActiveTask, RequestContext]:
        check_message(params.message)
        if params.message.task_id:
            await self._check_reply(params.message, call_context)
        if params.configuration.HasField("task_push_notification_config"):
            config = params.configuration.task_push_notification_config
            if self._push is None:
                raise PushNotificationNotSupportedError(message="this agent sends no push notifications")
            await check_config(self._push, params.message.task_id, config, call_context)
        return await super()._setup_active_task(params, call_context)

    async def _check_reply(self, message: Message, context: ServerCallContext) -> None:
        """A task takes a message when it asks for one; what it is at work on can't be changed any more."""
        task = await self.task_store.get(message.task_id, context)
        if not isinstance(task, Task):
            return  # the SDK says so
        if task.status.state in AT_WORK:
            raise UnsupportedOperationError(
                message=f"task {task.id} is at work; it takes a message when it asks for input, or cancel it"
            )
        namesakes = [one for one in task.history if one.message_id == message.message_id]
        if any([*one.parts] == [*message.parts] for one in namesakes):
            raise InvalidParamsError(message=f"task {task.id} has had this message")
        if namesakes:  # of a client that doesn't count; the SDK would leave it out of the history
            message.message_id += f"/{len(task.history)}"
        # The SDK makes a new context for a task that waited longer than its process lived.
        message.context_id = message.context_id or task.context_id

    async def _cancel_remote(self, task_id: str, task: Task, version: TaskVersion, context: ServerCallContext) -> Task:
        """A task that waits for input and was let go: nobody else tells its webhooks."""
        cancelled: Task = await super()._cancel_remote(task_id, task, version, context)
        if self._push:
            told = TaskStatusUpdateEvent(task_id=task_id, context_id=cancelled.context_id, status=cancelled.status)
            await self._push.send_notification(task_id, told)
        return cancelled


@asynccontextmanager
async def _told(operation: str) -> AsyncIterator[None]:
    """Raises InternalError for a fault of ours: a database's message has its SQL, which is for the log."""
    try:
        yield
    except A2AError:
        raise
    except Exception as error:
        log.exception("request failed", operation=operation)
        raise InternalError(message="the server failed; its log has more") from error


def _guarded(operation: Callable[..., Any]) -> Callable[..., Any]:
    """An operation, or one that gives events, in `_told`."""

    @wraps(operation)
    async def answered(*given: Any, **named: Any) -> Any:
        async with _told(operation.__name__):
            return await operation(*given, **named)

    @wraps(operation)
    async def streamed(*given: Any, **named: Any) -> AsyncIterator[Any]:
        async with _told(operation.__name__), aclosing(operation(*given, **named)) as events:
            async for event in events:
                yield event

    return streamed if operation.__name__ in _STREAMS else answered


for _name in [name for name in dir(Requests) if name.startswith("on_")]:
    setattr(Requests, _name, _guarded(getattr(Requests, _name)))


async def check_config(
    push: PushSender, task_id: str, config: TaskPushNotificationConfig, context: ServerCallContext
) -> None:
    """Raises InvalidParamsError for a webhook that may not be called, and for one too many of a task."""
    await push.webhooks.check(config)
    kept = await push.configs.get_info(task_id, context) if task_id else []
    if len(kept) >= CONFIGS and config.id not in {one.id for one in kept}:
        raise InvalidParamsError(message=f"a task has at most {CONFIGS} push notification configs")


def check_message(message: Message) -> None:
    """Raises InvalidParamsError for ids that can't be kept, too many parts, and a number that no JSON can say."""
    check_id("task", message.task_id)
    check_id("message", message.message_id)
    if len(message.parts) > PARTS:
        raise InvalidParamsError(message=f"the message has {len(message.parts):,} parts; at most {PARTS} are read")
    if len(message.context_id) > CONTEXT or not (message.context_id.isprintable() or not message.context_id):
        raise InvalidParamsError(message=f"the contextId is longer than {CONTEXT} characters, or not printable")
    held = [*message.metadata.fields.values()]
    for part in message.parts:
        held += [part.data, *part.metadata.fields.values()]
    while held:
        value = held.pop()
        if value.HasField("number_value") and not math.isfinite(value.number_value):
            raise InvalidParamsError(message="the message holds NaN or Infinity, which JSON has no form for")
        held += _within(value)


def _within(value: Value) -> list[Value]:
    if value.HasField("struct_value"):
        return [*value.struct_value.fields.values()]
    return [*value.list_value.values] if value.HasField("list_value") else []
