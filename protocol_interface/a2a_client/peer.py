"""One replica of an agent: sent a message, followed until the task's end, told that the task is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

import structlog
from a2a.client.client import ClientCallContext
from a2a.client.errors import A2AClientError
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
)
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError

from protocol_interface.a2a_client.bindings import Connection
from protocol_interface.a2a_client.callbacks import Callback, Callbacks
from protocol_interface.a2a_client.failures import NONSENSE, brief, is_broken, is_unsent
from protocol_interface.a2a_client.folding import Folded, Report

log = structlog.get_logger(__name__)
CANCEL_SECONDS = 5.0
"""Longest wait for an agent to take note of a cancellation."""
RESUME_SECONDS = 10.0
"""How long an agent whose connection broke may be out of reach before its task is given up."""
LOOK_AGAIN_SECONDS = 0.05
LINGER_SECONDS = 0.1
"""How long an agent that has answered may take to end its stream, such that the connection can be used again."""
POLL_SECONDS = 2.0
"""Longest time between two looks at a task that can't be followed."""
CALLED_BACK_SECONDS = 30.0
"""The same, of a task whose agent has called back."""
CONFIG_SECONDS = 5.0
"""Longest wait for an agent to take note of where to call back."""


class Peer:
    """callbacks: where an agent without streams can say that its task has gone on; None for one that can't."""

    def __init__(
        self, agent: str, connection: Connection, headers: Mapping[str, str], callbacks: Callbacks | None = None
    ) -> None:
        self._agent = agent
        self._callbacks = callbacks
        self._connection = connection
        self._client = connection.client
        self._context = ClientCallContext(service_parameters=dict(headers))
        self._task_id = ""

    @property
    def knows_task(self) -> bool:
        """Whether the agent has said which task it began."""
        return bool(self._task_id)

    async def ask(self, message: Message, report: Report | None = None) -> Task | Message:
        """The message that is the answer, or the task once it has ended or wants something.

        The message is sent once: when the connection is lost, or the agent answers before the task has ended, the task
        is followed. Raises what `failures.NONSENSE` names.
        """
        folded = Folded(report)
        try:
            request = SendMessageRequest(message=message)
            # Who calls back need not be waited for on a connection.
            request.configuration.return_immediately = self._callbacks is not None
            request.configuration.history_length = 0  # what it was sent, which may be longer than any answer
            await self._fold(self._client.send_message(request, context=self._context), folded)
        except NONSENSE as error:
            if not is_broken(error):
                raise
            log.info("connection lost; the task is looked for", agent=self._agent, problem=brief(error))
            await self._follow(folded, message, error)
        else:
            if not folded.has_ended:
                await self._follow(folded, message, None)
        return folded.message or folded.task

    async def _fold(self, events: AsyncIterator[StreamResponse], folded: Folded) -> None:
        with _its_own():
            async for event in events:
                await folded.take(event)
                self._task_id = folded.task_id
                if folded.has_ended and self._connection.streams:
                    await _drain(events)
                    break

    async def _follow(self, folded: Folded, message: Message, lost: Exception | None) -> None:
        """Until the task's end: its events where the agent can send them again, else a look at it now and then, and
        when the agent calls back."""
        self._task_id = folded.task_id or await self._found(message, lost)
        with ExitStack() as stack:
            callback = await self._called_back(stack)
            pause = LOOK_AGAIN_SECONDS
            while True:
                await folded.look(await self._look(lost))
                if folded.has_ended:
                    return
                if self._connection.streams:
                    await self._subscribe(folded)
                await (callback.wait(pause) if callback else asyncio.sleep(pause))
                pause = min(2 * pause, CALLED_BACK_SECONDS if callback and callback.has_called else POLL_SECONDS)

    async def _called_back(self, stack: ExitStack) -> Callback | None:
        """Told where to call back, before the task is looked at: nothing happens in between. None if it won't."""
        if self._callbacks is None:
            return None
        callback = stack.enter_context(self._callbacks.awaited())
        config = callback.config(self._task_id)
        try:
            async with asyncio.timeout(CONFIG_SECONDS):
                with _its_own():
                    await self._client.create_task_push_notification_config(config, context=self._context)
        except (TimeoutError, *NONSENSE) as error:
            log.info("agent does not call back", agent=self._agent, problem=brief(error))
            return None
        return callback

    async def _subscribe(self, folded: Folded) -> None:
        """What comes is only told: the task itself is then looked at."""
        request = SubscribeToTaskRequest(id=self._task_id)
        try:
            await self._fold(self._client.subscribe(request, context=self._context), folded)
        except NONSENSE as error:
            log.info("task can't be followed", agent=self._agent, problem=brief(error))

    async def _look(self, lost: Exception | None) -> Task:
        with suppress(TimeoutError):
            async with asyncio.timeout(RESUME_SECONDS):
                while True:
                    try:
                        with _its_own():
                            return await self._client.get_task(GetTaskRequest(id=self._task_id), context=self._context)
                    except TaskNotFoundError as error:
                        raise A2AClientError("it no longer knows the task") from error
                    except NONSENSE as error:
                        if not is_broken(error) and not is_unsent(error):
                            raise
                        lost = error
                    await asyncio.sleep(LOOK_AGAIN_SECONDS)
        raise lost or A2AClientError("it does not say how the task is")

    async def _found(self, message: Message, lost: Exception | None) -> str:
        """The id of the task that a message began before the connection was lost."""
        with suppress(TimeoutError, *NONSENSE):
            async with asyncio.timeout(CANCEL_SECONDS):
                return await self._task_of(message)
        raise lost or ValueError("a task without an id")

    async def cancel(self, message: Message) -> Task | None:
        """Cancel the task that the message began; how it is then. An agent that can't be told is logged, left alone."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                task_id = self._task_id or await self._task_of(message)
                with _its_own():
                    return await self._client.cancel_task(CancelTaskRequest(id=task_id), context=self._context)
        except TaskNotCancelableError:
            log.debug("task had ended before it was cancelled", agent=self._agent)
        except (TimeoutError, *NONSENSE) as error:
            log.warning("task not cancelled", agent=self._agent, problem=brief(error))
        return None

    async def _task_of(self, message: Message) -> str:
        """The id that the agent gave the message's task. Until an agent has read the message it has no task yet."""
        query = ListTasksRequest(context_id=message.context_id, page_size=100)
        while True:
            with _its_own():
                listed = await self._client.list_tasks(query, context=self._context)
            for task in listed.tasks:
                if any(one.message_id == message.message_id for one in task.history):
                    return str(task.id)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def close(self) -> None:
        await self._connection.close()


@contextmanager
def _its_own() -> Iterator[None]:
    """gRPC raises CancelledError for an agent that says that the call was cancelled: nobody has cancelled us."""
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise A2AClientError("it cancelled the call") from error


async def _drain(events: AsyncIterator[StreamResponse]) -> None:
    with suppress(TimeoutError, *NONSENSE):
        async with asyncio.timeout(LINGER_SECONDS):
            async for _ in events:
                pass
