"""The only A2A client: sends an agent a task and gives back its output, or the error it answered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import structlog
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.helpers import get_text_parts, new_data_part
from a2a.types import (
    Artifact,
    CancelTaskRequest,
    ListTasksRequest,
    Message,
    Role,
    SendMessageRequest,
    StreamResponse,
    Task,
    TaskState,
)
from a2a.utils.constants import TransportProtocol
from a2a.utils.errors import A2AError, TaskNotCancelableError
from google.protobuf.json_format import ParseError
from pydantic import ValidationError
from starlette.types import ASGIApp

from protocol_interface.bounded import AnsweredTooMuch, Bounded
from protocol_interface.hosts import HostRule, Judged
from protocol_interface.in_process import InProcess
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Entry, Registry
from shared.a2a.wire import (
    CALLS,
    EXTENSION,
    JSON,
    calls_by,
    calls_of,
    error_from,
    metadata_of,
    output_of,
    scope_metadata,
)
from shared.context import current
from shared.errors import AgentUnavailable, InvalidInput, LexiQueryError, first_problem
from shared.ledger import Ledger
from shared.settings import Settings

log = structlog.get_logger(__name__)
CONNECT_SECONDS = 10.0
CANCEL_SECONDS = 5.0
"""Longest wait for an agent to take note of a cancellation."""
LOOK_AGAIN_SECONDS = 0.05
_BINDINGS = [TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value]
_SHOWN = 300
"""Characters of a foreign text that an error shows."""
_NONSENSE = (A2AError, ParseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)
"""What the SDK raises for an agent that can't be reached, and for an answer or a card that is not A2A."""


class A2AClient:
    """Sends tasks to registered agents: over in-memory HTTP to those of `local`, over the network to the others.

    The model calls that an agent reports are merged into `ledger`.
    """

    def __init__(self, registry: Registry, *, ledger: Ledger, local: Mapping[str, ASGIApp], settings: Settings) -> None:
        self._registry = registry
        self._ledger = ledger
        self._settings = settings
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        self._local = {name: httpx.AsyncClient(transport=InProcess(app), timeout=None) for name, app in local.items()}  # noqa: S113 -- `invoke` limits the whole
        self._remote, self._strangers = (
            httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
            for transport in (Bounded(), Bounded(Judged(HostRule.of(settings))))
        )
        self._cancelling: set[asyncio.Task[None]] = set()

    def http(self, agent: str) -> httpx.AsyncClient:
        """The connections to an agent."""
        return self._local.get(agent, self._remote)

    async def discover(self) -> list[RegisteredAgent]:
        """Everybody whom `invoke` can ask."""
        return await self._registry.discover()

    async def check_health(self) -> dict[str, bool]:
        return await self._registry.check_health(self.http)

    async def invoke(
        self, agent: str, skill: str, request: dict[str, Any], *, seconds: float | None = None
    ) -> dict[str, Any]:
        """The output of the agent's skill for a request.

        The journey, its budget and the calling agent go along from shared.context. seconds: the longest wait
        (settings.agent_timeout). When the time is over, or the caller is cancelled, the agent's task is cancelled.
        Raises NotFound for an unknown agent, InvalidInput for a request that A2A has no form for, AgentUnavailable for
        an agent that is dead, hung or lies, and any LexiQueryError that the agent answered.
        """
        entry = await self._registry.entry(agent)
        limit = self._settings.agent_timeout if seconds is None else seconds
        peer = self._peer(agent, entry)
        try:
            message = _message(skill, request)
        except (*_NONSENSE, OverflowError) as error:
            raise InvalidInput(f"{skill}: the input can't be sent as JSON: {_brief(error)}") from error
        try:
            async with asyncio.timeout(limit):
                response = await peer.send(message)
        except TimeoutError as error:
            self._cancel(peer, message)
            raise AgentUnavailable(f"agent '{agent}' did not answer within {limit:g} s") from error
        except asyncio.CancelledError:
            self._cancel(peer, message)
            raise
        except _NONSENSE as error:
            raise _unavailable(agent, entry, error) from error
        try:
            return await self._output(agent, entry, message.context_id, response)
        except _NONSENSE as error:
            raise _unavailable(agent, entry, error) from error

    async def close(self) -> None:
        """Close the connections, after the cancellations that are still under way (CANCEL_SECONDS at most)."""
        await asyncio.gather(*self._cancelling)
        for client in (*self._local.values(), self._remote, self._strangers):
            await client.aclose()

    def _cancel(self, peer: _Peer, message: Message) -> None:
        # Not awaited: who gave an agent up doesn't wait for it once more.
        cancelling = asyncio.create_task(peer.cancel(message))
        self._cancelling.add(cancelling)
        cancelling.add_done_callback(self._cancelling.discard)

    def _peer(self, agent: str, entry: Entry) -> _Peer:
        headers = {"A2A-Extensions": EXTENSION}
        if journey_id := current().journey_id:
            headers["X-Journey-ID"] = journey_id
        key = self._settings.api_key
        # Only an agent that the operator named gets the key; any other could use it against us.
        if key and entry.trusted and agent not in self._local:
            headers["Authorization"] = f"Bearer {key.get_secret_value()}"
        # Whatever a stranger's card says, and its names mean by now, no task goes into our own network.
        http = self.http(agent) if entry.trusted else self._strangers
        config = ClientConfig(streaming=False, httpx_client=http, supported_protocol_bindings=_BINDINGS)
        try:
            return _Peer(agent, ClientFactory(config).create(entry.card), headers)
        except _NONSENSE as error:
            raise _unavailable(agent, entry, error) from error

    async def _output(self, agent: str, entry: Entry, journey_id: str, response: StreamResponse) -> dict[str, Any]:
        task = response.task
        if response.HasField("message"):
            found = output_of(response.message.parts)
        elif task.status.state == TaskState.TASK_STATE_COMPLETED:
            await self._merge_calls(agent, entry, journey_id, *task.artifacts)
            found = next((one for artifact in task.artifacts if (one := output_of(artifact.parts)) is not None), None)
        else:
            await self._merge_calls(agent, entry, journey_id, task.status.message)
            raise _ended_otherwise(agent, task, trusted=entry.trusted or agent in self._local)
        if found is None:
            raise AgentUnavailable(f"agent '{agent}' answered nonsense: no JSON object in {_said(response)}")
        return found

    async def _merge_calls(self, agent: str, entry: Entry, journey_id: str, *carriers: Message | Artifact) -> None:
        if agent in self._local:
            return  # It wrote them on this ledger itself.
        try:
            calls = [call for carrier in carriers for call in calls_of(agent, metadata_of(carrier))]
        except ValidationError as error:
            log.warning("agent reports calls that can't be read", agent=agent, problem=first_problem(error))
            return
        # A peer reports what it did for us; it doesn't write into other journeys.
        ours = [call for call in calls if call.journey_id == journey_id][:CALLS]
        # A trusted agent may share our database: its ids stay, so that its rows aren't written twice.
        await self._ledger.merge(ours if entry.trusted else calls_by(agent, ours))


class _Peer:
    """One agent's A2A client, with the headers of this call."""

    def __init__(self, agent: str, client: Client, headers: dict[str, str]) -> None:
        self._agent = agent
        self._client = client
        self._context = ClientCallContext(service_parameters=headers)

    async def send(self, message: Message) -> StreamResponse:
        """Wait for the task's end, or the message that is the answer."""
        request = SendMessageRequest(message=message)
        async for response in self._client.send_message(request, context=self._context):
            return response
        raise ValueError("neither a task nor a message")

    async def cancel(self, message: Message) -> None:
        """Cancel the task that the message started; an agent that can't be told is logged and left alone."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                task_id = await self._task_of(message)
                await self._client.cancel_task(CancelTaskRequest(id=task_id), context=self._context)
        except TaskNotCancelableError:
            log.debug("task had ended before it was cancelled", agent=self._agent)
        except (TimeoutError, *_NONSENSE) as error:
            log.warning("task not cancelled", agent=self._agent, problem=_brief(error))

    async def _task_of(self, message: Message) -> str:
        """The id that the agent gave the message's task. Until an agent has read the message it has no task yet."""
        query = ListTasksRequest(context_id=message.context_id, page_size=100)
        while True:
            listed = await self._client.list_tasks(query, context=self._context)
            for task in listed.tasks:
                if any(one.message_id == message.message_id for one in task.history):
                    return str(task.id)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


def _message(skill: str, request: dict[str, Any]) -> Message:
    scope = current()
    return Message(
        message_id=str(uuid4()),
        context_id=scope.journey_id or str(uuid4()),
        role=Role.ROLE_USER,
        parts=[new_data_part({"skill": skill, "input": request}, JSON)],
        metadata=scope_metadata(scope),
        extensions=[EXTENSION],
    )


def _ended_otherwise(agent: str, task: Task, *, trusted: bool) -> LexiQueryError:
    state = task.status.state
    if state in (TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_REJECTED):
        return error_from(task.status.message, agent, trusted=trusted)
    name = TaskState.Name(state).removeprefix("TASK_STATE_").lower()
    said = " ".join(get_text_parts(task.status.message.parts))[:_SHOWN]
    return AgentUnavailable(f"agent '{agent}' left the task {name}" + (f": {said}" if said else ""))


def _unavailable(agent: str, entry: Entry, error: Exception) -> AgentUnavailable:
    if isinstance(error.__cause__, AnsweredTooMuch):
        return AgentUnavailable(f"agent '{agent}' {error.__cause__}")
    if isinstance(error.__cause__, httpx.TransportError):
        return AgentUnavailable(f"can't reach agent '{agent}' at {entry.url}: {_brief(error.__cause__)}")
    if isinstance(error.__cause__, httpx.HTTPStatusError):
        return AgentUnavailable(f"agent '{agent}' answered HTTP {error.__cause__.response.status_code}")
    return AgentUnavailable(f"agent '{agent}' answered nonsense: {_brief(error)}")


def _brief(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_SHOWN] if str(error) else type(error).__name__


def _said(response: StreamResponse) -> str:
    parts = response.message.parts or [part for artifact in response.task.artifacts for part in artifact.parts]
    said = " ".join(get_text_parts(parts))
    return f"'{said[:_SHOWN]}'" if said else f"{len(parts)} parts"
