"""The SDK's request handler, and what it lets pass that would harm a task, a database or a stranger's network."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

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
from a2a.utils.errors import InvalidParamsError, PushNotificationNotSupportedError, UnsupportedOperationError
from google.protobuf.struct_pb2 import Value

from shared.a2a.push import CONFIGS, KeptPushConfigs, PushSender, Webhooks
from shared.a2a.tasks import AT_WORK, ENDED, KeptTasks, RecentTasks

CONTEXT = 64
"""Characters of a context's id, which is a journey's where no other is named: what the ledger keeps."""
Push = tuple[KeptPushConfigs, PushSender, Webhooks]
CardOf = Callable[[AgentCard, ServerCallContext], Awaitable[AgentCard]]


class Requests(DefaultRequestHandlerV2):
    """extended: makes the card for those who have the key of the public one."""

    def __init__(
        self,
        executor: AgentExecutor,
        tasks: KeptTasks | RecentTasks,
        card: AgentCard,
        *,
        wait_for_input: float | None,
        extended: CardOf | None,
        push: Push | None,
    ) -> None:
        self._configs = push[0] if push else None
        self._sender = push[1] if push else None
        self._webhooks = push[2] if push else None
        super().__init__(
            executor,
            tasks,
            card,
            push_config_store=self._configs,
            push_sender=self._sender,
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
        if self._webhooks:
            await self._check_config(params.task_id, params, context)
        made: TaskPushNotificationConfig = await super().on_create_task_push_notification_config(params, context)
        task = await self.task_store.get(params.task_id, context)
        if self._configs and isinstance(task, Task) and task.status.state in ENDED:
            self._configs.forget(params.task_id)
        return made

    async def _setup_active_task(
        self, params: SendMessageRequest, call_context: ServerCallContext
    ) -> tuple[ActiveTask, RequestContext]:
        check_message(params.message)
        if params.message.task_id:
            await self._check_reply(params.message, call_context)
        if params.configuration.HasField("task_push_notification_config"):
            config = params.configuration.task_push_notification_config
            if self._webhooks is None:
                raise PushNotificationNotSupportedError(message="this agent sends no push notifications")
            await self._check_config(params.message.task_id, config, call_context)
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

    async def _check_config(self, task_id: str, config: TaskPushNotificationConfig, context: ServerCallContext) -> None:
        if self._webhooks is None or self._configs is None:
            return
        await self._webhooks.check(config)
        kept = await self._configs.get_info(task_id, context) if task_id else []
        if len(kept) >= CONFIGS and config.id not in {one.id for one in kept}:
            raise InvalidParamsError(message=f"a task has at most {CONFIGS} push notification configs")

    async def _cancel_remote(self, task_id: str, task: Task, version: TaskVersion, context: ServerCallContext) -> Task:
        """A task that waits for input and was let go: nobody else tells its webhooks."""
        cancelled: Task = await super()._cancel_remote(task_id, task, version, context)
        if self._sender:
            told = TaskStatusUpdateEvent(task_id=task_id, context_id=cancelled.context_id, status=cancelled.status)
            await self._sender.send_notification(task_id, told)
        return cancelled


def check_message(message: Message) -> None:
    """Raises InvalidParamsError for a context that can't be kept, and for a number that no JSON can say."""
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
