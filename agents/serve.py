"""Any Agent as an A2A server: its card, its ASGI app, and the process that serves it."""

from __future__ import annotations

import socket
from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import AgentCard, AgentSkill, Message
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from agents.agent import Agent
from shared.a2a.card import build_card
from shared.a2a.push import Webhooks
from shared.a2a.runs import Runs, Stopped, calls_since
from shared.a2a.server import A2AServer
from shared.a2a.tasks import begin, cancelled, fail, told
from shared.a2a.wire import (
    asked,
    asked_by,
    calls_metadata,
    is_active,
    output_parts,
    wants_data,
)
from shared.auth import ApiKeyRequired
from shared.context import Scope, scoped
from shared.errors import InvalidInput, did_you_mean, first_problem
from shared.ledger import Ledger
from shared.serving import BodyLimited, OwnHostOnly, Server
from shared.telemetry import Telemetry

if TYPE_CHECKING:
    from shared.a2a.grpc_server import GrpcPlace


def agent_card(agent: Agent, url: str, *, secured: bool = False) -> AgentCard:
    """The card of an agent that is reached at `url`; secured: it wants the API key."""
    # A2A 1.0 wants a tag on every skill.
    skills = [AgentSkill(**{**skill.model_dump(), "tags": skill.tags or [skill.id]}) for skill in agent.skills()]
    return build_card(
        name=agent.name,
        description=agent.description,
        version=agent.version,
        url=url,
        skills=skills,
        secured=secured,
    )


def agent_app(
    agent: Agent,
    *,
    url: str,
    ledger: Ledger | None = None,
    telemetry: Telemetry | None = None,
    engine: AsyncEngine | None = None,
    api_key: str | None = None,
    webhooks: Webhooks | None = None,
    place: GrpcPlace | None = None,
) -> Starlette:
    """The agent as an ASGI app: its card, JSON-RPC, REST and /health.

    ledger: where the agent's model calls are read from to report them to the caller; telemetry: told of its tasks;
    engine: keeps tasks in SQL (the recent ones in memory if not given), and closes at start those that a killed server
    left; api_key: asked of clients; webhooks: how they are called, which needs an engine; place: where gRPC is served.
    """
    served = ServedAgent(agent, ledger, telemetry)
    card = agent_card(agent, url, secured=api_key is not None)
    server = A2AServer(served, card, engine=engine, webhooks=webhooks, place=place)

    async def health(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "agent": agent.name})

    return Starlette(
        routes=[Route("/health", health), *server.routes],
        middleware=[Middleware(ApiKeyRequired, key=api_key)] if api_key else [],
        lifespan=lambda _: server.running(),
    )


async def run_agent_server(
    agent: Agent,
    listener: socket.socket,
    *,
    url: str,
    ledger: Ledger | None = None,
    telemetry: Telemetry | None = None,
    engine: AsyncEngine | None = None,
    api_key: str | None = None,
    webhooks: Webhooks | None = None,
    place: GrpcPlace | None = None,
    request_limit: int,
) -> None:
    """Serve the agent on a listening socket until SIGINT or SIGTERM.

    url: where clients reach it; api_key: asked of them, and needed on a socket that the network can reach; without one
    only requests that name this server are answered; request_limit: bytes of the longest request. The rest is
    `agent_app`'s.
    """
    app = agent_app(
        agent,
        url=url,
        ledger=ledger,
        telemetry=telemetry,
        engine=engine,
        api_key=api_key,
        webhooks=webhooks,
        place=place,
    )
    guarded = BodyLimited(app if api_key else OwnHostOnly(app, url=url), limit=request_limit)
    config = uvicorn.Config(guarded, log_config=None, timeout_graceful_shutdown=5)
    await Server(config).serve(sockets=[listener])


class ServedAgent(AgentExecutor):
    """Runs an Agent's skills as A2A tasks. A cancelled task cancels the asyncio task in which the agent runs."""

    def __init__(self, agent: Agent, ledger: Ledger | None, telemetry: Telemetry | None = None) -> None:
        self._agent = agent
        self._runs = Runs()
        self._skills = [skill.id for skill in agent.skills()]
        self._ledger = ledger
        self._telemetry = telemetry or Telemetry()

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message, task = await begin(context, event_queue)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        await updates.start_work()
        started, written = datetime.now(UTC), self._written
        requested = context.requested_extensions
        journey_id = task.context_id
        try:
            scope = asked_by(message, requested, otherwise=task.context_id)
            journey_id = scope.journey_id or task.context_id
            skill, output = await self._runs.of(task.id, self._answer(message, scope))
            parts = output_parts(output, data=wants_data(message, context.configuration))
        except Stopped:
            await cancelled(updates, await self._report(message, requested, journey_id, started, written))
        except Exception as error:  # noqa: BLE001 -- the outermost; `told` logs it
            problem = told(error, f"agent '{self._agent.name}'", journey_id)
            await fail(updates, problem, await self._report(message, requested, journey_id, started, written))
        else:
            report = await self._report(message, requested, journey_id, started, written)
            await updates.add_artifact(parts, name=skill, metadata=report, extensions=[*report])
            await updates.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """End the agent's run, down to its model call; `execute` says so, and what it cost. If it can't in time, this
        does, and the SDK cancels `execute`."""
        task = context.current_task
        if task is not None and not await self._runs.cancel(task.id):
            await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _answer(self, message: Message, scope: Scope) -> tuple[str, dict[str, Any]]:
        skill, request = asked(message, self._agent.default_skill or self._skills[0])
        if skill not in self._skills:
            unknown = f"agent '{self._agent.name}' has no skill '{skill}'"
            raise InvalidInput(unknown, suggestion=did_you_mean(skill, self._skills))
        with (
            scoped(
                journey_id=scope.journey_id,
                agent=self._agent.name,
                parent_call_id=scope.parent_call_id,
                budget=scope.budget,
                user=scope.user,
                tags=scope.tags,
                replay_of=scope.replay_of,
            ),
            structlog.contextvars.bound_contextvars(journey_id=scope.journey_id, agent=self._agent.name),
            self._telemetry.agent_task(self._agent.name, skill, scope.journey_id),
        ):
            try:
                output = await self._agent.run(skill, request)
            except ValidationError as error:
                raise InvalidInput(f"{skill}: {first_problem(error)}") from error
        if not isinstance(output, dict):
            raise TypeError(f"skill '{skill}' returned {type(output).__name__}, not a JSON object")
        return skill, output

    @property
    def _written(self) -> int:
        return self._ledger.written if self._ledger else 0

    async def _report(
        self, message: Message, requested: Collection[str], journey_id: str, since: datetime, written: int
    ) -> dict[str, Any]:
        """What the run cost, for who uses the extension: this agent's calls of the journey since its start.

        written: calls on the ledger at its start; as many now, and there is nothing to look for.
        """
        if not is_active(message, requested):
            return {}
        if self._ledger is None or self._written <= written:
            return calls_metadata([])
        made = await calls_since(self._ledger, journey_id, since)
        return {} if made is None else calls_metadata(call for call in made if call.agent == self._agent.name)
