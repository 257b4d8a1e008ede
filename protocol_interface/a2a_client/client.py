"""Sends tasks to registered agents, to one of their replicas each, and gives back what they answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import httpx
import structlog
from a2a.types import Message, Role, Task, TaskState
from starlette.types import ASGIApp

from protocol_interface.a2a_client.answers import ended_otherwise, merge_calls, output
from protocol_interface.a2a_client.bindings import CONNECT_SECONDS, Connection, Connections, host_of
from protocol_interface.a2a_client.callbacks import Callbacks
from protocol_interface.a2a_client.failures import NONSENSE, brief, is_unsent, unavailable
from protocol_interface.a2a_client.folding import Report
from protocol_interface.a2a_client.peer import Peer
from protocol_interface.bounded import Bounded
from protocol_interface.hosts import HostRule, Judged
from protocol_interface.in_process import InProcess
from protocol_interface.product import RegisteredAgent
from protocol_interface.registry import Entry, Registry
from shared.a2a.wire import EXTENSION, asking, scope_metadata
from shared.context import current
from shared.errors import AgentUnavailable, InvalidInput
from shared.ledger import Ledger
from shared.settings import Settings

log = structlog.get_logger(__name__)


Merge = Callable[[Message, Task | Message], Awaitable[None]]


class Unreached(AgentUnavailable):
    """No connection to a replica; it knows nothing of the task."""


class A2AClient:
    """Sends tasks to registered agents: over in-memory HTTP to those of `local`, over the network to the others.

    The model calls that an agent reports are merged into `ledger`. callbacks: told where agents may call back, and when
    one does.
    """

    def __init__(self, registry: Registry, *, ledger: Ledger, local: Mapping[str, ASGIApp], settings: Settings) -> None:
        self._registry = registry
        self._ledger = ledger
        self._settings = settings
        self._hosts = HostRule.of(settings)
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        self._local = {name: httpx.AsyncClient(transport=InProcess(app), timeout=None) for name, app in local.items()}  # noqa: S113 -- `invoke` limits the whole
        self._remote, self._strangers = (
            httpx.AsyncClient(transport=transport, timeout=timeout, trust_env=False, follow_redirects=False)
            for transport in (Bounded(), Bounded(Judged(self._hosts)))
        )
        self._connections = Connections()
        self.callbacks = Callbacks()
        self._cancelling: set[asyncio.Task[None]] = set()

    def http(self, agent: str) -> httpx.AsyncClient:
        """The connections to an agent."""
        return self._local.get(agent, self._remote)

    async def discover(self) -> list[RegisteredAgent]:
        """Everybody whom `invoke` can ask."""
        return await self._registry.discover()

    async def invoke(
        self,
        agent: str,
        skill: str,
        request: dict[str, Any],
        *,
        seconds: float | None = None,
        report: Report | None = None,
    ) -> dict[str, Any]:
        """The output of the agent's skill for a request.

        The journey, its budget and the calling agent go along from shared.context. seconds: the longest wait
        (settings.agent_timeout); report: told what the agent says while it works. When the time is over, or the caller
        is cancelled, the agent's task is cancelled. A replica that can't be reached costs nothing: another is asked.
        Raises NotFound for an unknown agent, InvalidInput for a request that A2A has no form for, AgentUnavailable for
        an agent that is dead, hung or lies (AskedBack, for one that asks back), and any LexiQueryError that the agent
        answered.
        """
        limit = self._settings.agent_timeout if seconds is None else seconds
        message = _message(skill, request)
        entry = await self._registry.route(agent, skill)
        tried = {entry.url}
        while True:
            try:
                async with self._registry.using(entry, skill):
                    return await self._ask(agent, entry, message, limit, report)
            except Unreached as error:
                log.warning("replica can't be reached", agent=agent, url=entry.url, problem=error.message)
                entry = await self._registry.route(agent, skill)
                if entry.url in tried:
                    raise
                tried.add(entry.url)

    async def _ask(
        self, agent: str, entry: Entry, message: Message, limit: float, report: Report | None
    ) -> dict[str, Any]:
        since = datetime.now(UTC)
        try:
            async with asyncio.timeout(limit):
                peer = await self._peer(agent, entry)
                answer = await self._answer(peer, message, report, partial(self._merge, agent, entry, since))
        except TimeoutError as error:
            raise AgentUnavailable(f"agent '{agent}' did not answer within {limit:g} s") from error
        except NONSENSE as error:
            problem = unavailable(agent, entry.url, error)
            raise (Unreached(problem.message) if is_unsent(error) else problem) from error
        try:
            await self._merge(agent, entry, since, message, answer)
            return await self._output(agent, entry, answer)
        except NONSENSE as error:
            raise unavailable(agent, entry.url, error) from error

    async def _answer(self, peer: Peer, message: Message, report: Report | None, merge: Merge) -> Task | Message:
        has_ended = False
        try:
            answer = await peer.ask(message, report)
            has_ended = not (isinstance(answer, Task) and answer.status.state == TaskState.TASK_STATE_INPUT_REQUIRED)
            return answer
        except NONSENSE:
            has_ended = not peer.knows_task
            raise
        finally:
            if has_ended:
                await peer.close()
            else:
                self._leave(peer, message, merge)

    async def close(self) -> None:
        """Close the connections, after the cancellations that are still under way (CANCEL_SECONDS at most)."""
        await asyncio.gather(*self._cancelling)
        for client in (*self._local.values(), self._remote, self._strangers):
            await client.aclose()

    def _leave(self, peer: Peer, message: Message, merge: Merge) -> None:
        # Not awaited: who gave an agent up doesn't wait for it once more.
        cancelling = asyncio.create_task(_cancelled(peer, message, merge))
        self._cancelling.add(cancelling)
        cancelling.add_done_callback(self._cancelling.discard)

    async def _peer(self, agent: str, entry: Entry) -> Peer:
        headers = {"A2A-Extensions": EXTENSION}
        if journey_id := current().journey_id:
            headers["X-Journey-ID"] = journey_id
        is_local = agent in self._local
        key = self._settings.api_key
        # Only an agent that the operator named gets the key, at the host that he named; any other could use it.
        if key and entry.trusted and not is_local and host_of(entry.card) == httpx.URL(entry.url).host:
            headers["Authorization"] = f"Bearer {key.get_secret_value()}"
        # Whatever a stranger's card says, and its names mean by now, no task goes into our own network.
        http, hosts = (self.http(agent), None) if entry.trusted else (self._strangers, self._hosts)
        # In this process there is no connection that could be lost, and an event less is computed.
        streaming = not is_local
        connection = await self._connections.to(agent, entry.url, entry.card, http, hosts, streaming=streaming)
        return Peer(agent, connection, headers, None if is_local else self._callbacks_of(entry, connection))

    def _callbacks_of(self, entry: Entry, connection: Connection) -> Callbacks | None:
        """None of an agent that is followed by its stream, or doesn't call back, or can't reach us."""
        can_call = entry.card.capabilities.push_notifications and not connection.streams
        return self.callbacks if can_call and self.callbacks.reached_from(host_of(entry.card)) else None

    async def _merge(self, agent: str, entry: Entry, since: datetime, message: Message, answer: Task | Message) -> None:
        """Put the calls that the answer reports on the ledger. since: when the agent was asked."""
        if agent not in self._local:  # which wrote them on this ledger itself
            await merge_calls(self._ledger, agent, message.context_id, answer, trusted=entry.trusted, since=since)

    async def _output(self, agent: str, entry: Entry, answer: Task | Message) -> dict[str, Any]:
        if isinstance(answer, Task) and answer.status.state != TaskState.TASK_STATE_COMPLETED:
            raise ended_otherwise(agent, answer, trusted=entry.trusted or agent in self._local)
        return await output(agent, answer)


async def _cancelled(peer: Peer, message: Message, merge: Merge) -> None:
    task = await peer.cancel(message)
    await peer.close()
    if task is not None:
        try:
            await merge(message, task)
        except NONSENSE as error:
            log.warning("calls of a cancelled task not counted", problem=brief(error))


def _message(skill: str, request: dict[str, Any]) -> Message:
    """Raises InvalidInput for what can't be sent."""
    scope = current()
    try:
        return Message(
            message_id=str(uuid4()),
            context_id=scope.journey_id or str(uuid4()),
            role=Role.ROLE_USER,
            parts=[asking(skill, request)],
            metadata=scope_metadata(scope),
            extensions=[EXTENSION],
        )
    except (*NONSENSE, OverflowError) as error:
        raise InvalidInput(f"{skill}: the input can't be sent as JSON: {brief(error)}") from error
