"""LexiQuery itself as an A2A agent: peers ask questions, prove queries and search procedures.

A journey's stages come as status updates, its Answer as an artifact. A question that needs clarification leaves the
task input-required, and the next message of the task continues it. What a peer's journey cost here is reported by the
extension (docs/a2a-extension.md).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from a2a.helpers import new_data_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import AgentCard, AgentSkill, Message, Part, Role, Task, TaskState
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from protocol_interface.hosts import HostRule, Judged
from protocol_interface.product import Event, Product
from shared import __version__
from shared.a2a.card import build_card
from shared.a2a.push import Webhooks
from shared.a2a.requests import CardOf
from shared.a2a.runs import Runs, Stopped, calls_since
from shared.a2a.server import A2AServer
from shared.a2a.tasks import begin, cancelled, fail, told
from shared.a2a.wire import (
    EXTENSION,
    JSON,
    TEXT,
    asked,
    asked_by,
    calls_metadata,
    is_active,
    output_parts,
    wants_data,
)
from shared.calls import CallRecord
from shared.context import Scope, scoped
from shared.errors import (
    AgentUnavailable,
    Conflict,
    InvalidInput,
    LexiQueryError,
    did_you_mean,
    error_of,
    first_problem,
)
from shared.ledger import Ledger
from shared.models import Answer, Clarification, Hits, ProveRequest, Question, SearchRequest
from shared.render import render_answer, render_clarification, render_hits, render_proof
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.a2a.grpc_server import GrpcPlace

NAME = "lexiquery"
WAIT_FOR_INPUT = 3600.0
"""Seconds that a question waits in memory for its clarification; after them it goes on from the kept task."""

SKILLS = (
    AgentSkill(
        id="answer_question",
        name="Answer a question",
        description="Answer a question in plain language with proven queries for the platforms that hold the answer, "
        "their rows, the runbooks that bear on it, and the cost. Input: text, or {question, schema_group?, "
        "platforms?, run?, budget?}.",
        tags=["question", "kql", "spl", "sql"],
        examples=["Which accounts failed to sign in most often yesterday?"],
    ),
    AgentSkill(
        id="prove_query",
        name="Prove a query",
        description="Prove a query against the real schema, without a model. Input: {platform, schema_group, query}, "
        "or a query plan as `plan` instead of the query.",
        tags=["proof"],
    ),
    AgentSkill(
        id="search_procedures",
        name="Search procedures",
        description="Find runbook passages and known errors. Input: {question, limit?}.",
        tags=["knowledge"],
    ),
)


def lexiquery_card(url: str, *, secured: bool = False) -> AgentCard:
    return build_card(
        name=NAME,
        description="Questions in plain language become queries that are proven to run.",
        version=__version__,
        url=url,
        skills=SKILLS,
        secured=secured,
    )


def mount_a2a(
    host: Starlette,
    product: Product,
    url: str,
    *,
    engine: AsyncEngine | None = None,
    secured: bool = False,
    ledger: Ledger | None = None,
    webhooks: Webhooks | None = None,
    place: GrpcPlace | None = None,
) -> AbstractAsyncContextManager[None]:
    """Add the card, JSON-RPC and REST to the host app; the host's lifespan enters what is returned.

    url: where the host is reached; engine: keeps tasks in SQL; secured: the host wants its API key; ledger: where the
    calls of a journey are read from to report them; webhooks, place: `webhooks_of` and `grpc_place` of the settings.
    """
    server = A2AServer(
        Journeying(product, ledger),
        lexiquery_card(url, secured=secured),
        engine=engine,
        wait_for_input=WAIT_FOR_INPUT,
        extended=_with_groups(product) if secured else None,
        webhooks=webhooks,
        place=place,
    )
    host.router.routes.extend(server.routes)
    return server.running()


def webhooks_of(settings: Settings) -> Webhooks:
    """Webhooks may be where agents that anybody registers may be: at public addresses, and where the settings allow."""
    rule = HostRule.of(settings)

    async def allowed(url: httpx.URL) -> None:
        # A name that can't be resolved now may be later; the transport judges it again at every call.
        with suppress(AgentUnavailable):
            await rule.address(url)

    return Webhooks(Judged(rule), allowed)


def grpc_place(settings: Settings, url: str) -> GrpcPlace | None:
    """url: of the server, whose host clients know."""
    if settings.grpc_port is None:
        return None
    from shared.a2a.grpc_server import GrpcPlace  # half a second that only those wait for who serve it

    return GrpcPlace(
        host=settings.host,
        port=settings.grpc_port,
        name=urlsplit(url).hostname or settings.host,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        limit=settings.request_limit_mb * 2**20,
    )


def _with_groups(product: Product) -> CardOf:
    """The card for those who have the key: what data there is to ask about is not for everybody."""

    async def extended(public: AgentCard, _: ServerCallContext) -> AgentCard:
        card = AgentCard()
        card.CopyFrom(public)
        groups = await product.groups()
        for skill in card.skills:
            if skill.id in ("answer_question", "prove_query"):
                tags = [f"group:{one.schema_group}" for one in groups]
                skill.tags.extend([*tags, *sorted({f"platform:{one.platform}" for one in groups})])
        return card

    return extended


class Journeying(AgentExecutor):
    """Runs the product's skills as A2A tasks; a cancelled task cancels its journey. ledger: to report their cost."""

    def __init__(self, product: Product, ledger: Ledger | None = None) -> None:
        self._product = product
        self._ledger = ledger
        self._runs = Runs()
        self._skills: dict[str, Callable[[_Run], Coroutine[Any, Any, None]]] = {
            "answer_question": self._answer_question,
            "prove_query": self._prove_query,
            "search_procedures": self._search_procedures,
        }

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message, task = await begin(context, event_queue)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        await updates.start_work()
        run = None
        try:
            run = _Run.of(message, task, updates, context)
            if run.skill not in self._skills:
                unknown = f"LexiQuery has no skill '{run.skill}'"
                raise InvalidInput(unknown, suggestion=did_you_mean(run.skill, self._skills))
            await self._runs.of(task.id, self._skills[run.skill](run), partial(self._stop, run))
        except Stopped:
            await cancelled(updates, await self._report(run))
        except ValidationError as error:
            await fail(updates, InvalidInput(first_problem(error)), await self._report(run))
        except Exception as error:  # noqa: BLE001 -- the outermost; `told` logs it
            await fail(updates, told(error, "LexiQuery", task.context_id), await self._report(run))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """`execute` says what became of the task, with its report; if it can't in time, or isn't at work, this does."""
        task = context.current_task
        if task is not None and not await self._runs.cancel(task.id):
            await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _stop(self, run: _Run) -> bool:
        """Whether the run ends by itself now: its journey answers that it was cancelled."""
        if run.journey_id is None:
            return False
        with suppress(Conflict):  # it has ended just now
            await self._product.cancel(run.journey_id)
        return True

    async def _answer_question(self, run: _Run) -> None:
        run.journey_id = journey_id = await self._product.start(run.question())
        async for event in self._product.events(journey_id):
            if event.kind == "stage":
                await run.report(event)
            elif event.kind == "answer":
                answer = Answer.model_validate(event.data)
                await run.finish(answer, await self._report(run, answer))
                return
        raise AgentUnavailable(f"journey '{journey_id}' ended without an answer")

    async def _prove_query(self, run: _Run) -> None:
        proof = await self._product.prove(ProveRequest.model_validate(run.given))
        await run.give("proof", proof.model_dump(mode="json"), render_proof(proof), await self._report(run))
        await run.updates.complete()

    async def _search_procedures(self, run: _Run) -> None:
        request = SearchRequest.model_validate(run.given)
        scope = run.scope
        run.asks = await self._searching()
        with scoped(journey_id=scope.journey_id, parent_call_id=scope.parent_call_id, user=scope.user, tags=scope.tags):
            hits = await self._product.search_procedures(request.question, request.limit, request)
        run.asks |= await self._searching()
        report = await self._report(run)
        await run.give("hits", Hits(hits=hits).model_dump(mode="json"), render_hits(hits), report)
        await run.updates.complete()

    async def _searching(self) -> set[str]:
        """Whose calls are for a search: others may be at work on the journey at the same time, for somebody else."""
        return {one.id for one in await self._product.list_agents() if "search" in map(_id, one.skills)}

    async def _report(self, run: _Run | None, answer: Answer | None = None) -> dict[str, Any]:
        """What the run cost so far, as calls of the caller's journey, for a client that uses the extension."""
        if run is None or not run.uses_extension:
            return {}
        made = await self._calls(run)
        if made is None:
            return {}
        theirs = [
            call.model_copy(
                update={"journey_id": run.scope.journey_id, "parent_id": call.parent_id or run.scope.parent_call_id}
            )
            for call in made
        ]
        report = calls_metadata(theirs)
        if run.journey_id:
            report[EXTENSION]["journey_id"] = run.journey_id
        if answer:
            report[EXTENSION]["cost"] = answer.cost.model_dump(mode="json")
        return report

    async def _calls(self, run: _Run) -> list[CallRecord] | None:
        """The model calls that were made for the run; None if that isn't known."""
        journey_id = run.journey_id or (run.scope.journey_id if run.asks else None)
        if self._ledger is None or journey_id is None:
            return []
        made = await calls_since(self._ledger, journey_id, run.started)
        return made and [one for one in made if run.journey_id or one.agent in run.asks]


def _id(skill: dict[str, Any]) -> Any:
    return skill.get("id")


class _Run:
    """One message of a task, and the updates that answer it. journey_id: the journey that it started; asks: the agents
    whose calls of the caller's journey are for it."""

    def __init__(
        self,
        task: Task,
        updates: TaskUpdater,
        skill: str,
        given: dict[str, Any],
        scope: Scope,
        *,
        uses_extension: bool,
        in_data: bool,
    ) -> None:
        self.task = task
        self.updates = updates
        self.skill = skill
        self.given = given
        self.scope = scope
        self.uses_extension = uses_extension
        self.started = datetime.now(UTC)
        self.journey_id: str | None = None
        self.asks: set[str] = set()
        self._in_data = in_data

    @classmethod
    def of(cls, message: Message, task: Task, updates: TaskUpdater, context: RequestContext) -> _Run:
        """Raises InvalidInput for a message that asks for nothing."""
        requested = context.requested_extensions
        scope = asked_by(message, requested, otherwise=task.context_id)
        said = [one for one in task.history if one.role == Role.ROLE_USER and one.message_id != message.message_id]
        skill, given = asked((said or [message])[0], "answer_question")
        for reply in [*said[1:], message] if said else []:
            chosen = asked(reply, skill)[1].get("question", "")
            given = {**given, "question": f"{given.get('question', '')} ({chosen})"}
        uses_extension, in_data = is_active(message, requested), wants_data(message, context.configuration)
        return cls(task, updates, skill, given, scope, uses_extension=uses_extension, in_data=in_data)

    def question(self) -> Question:
        question = Question.model_validate(self.given)
        asked = {"budget": question.budget or self.scope.budget, "user": question.user or self.scope.user}
        return question.model_copy(update={**asked, "tags": question.tags or list(self.scope.tags)})

    async def report(self, event: Event) -> None:
        """A stage as a status update."""
        said = f"{event.data.get('stage')}: {event.data.get('status')}"
        parts = [Part(text=said, media_type=TEXT), *([new_data_part(event.data, JSON)] if self._in_data else [])]
        report = {EXTENSION: {"journey_id": event.journey_id}} if self.uses_extension else {}
        message = self.updates.new_agent_message(parts, report)
        message.extensions.extend(report)
        await self.updates.update_status(TaskState.TASK_STATE_WORKING, message)

    async def finish(self, answer: Answer, report: dict[str, Any]) -> None:
        if answer.status == "needs_clarification" and answer.clarification:
            await self._ask_back(answer.clarification, report)
        elif answer.status == "cancelled":
            await cancelled(self.updates, report)
        else:
            await self.give("answer", answer.model_dump(mode="json"), render_answer(answer), report)
            await self._end(answer, report)

    async def _end(self, answer: Answer, report: dict[str, Any]) -> None:
        if answer.status == "completed":
            await self.updates.complete()
            return
        unknown = LexiQueryError(f"journey '{answer.journey_id}' ended as {answer.status}")
        await fail(self.updates, error_of(answer.problem) if answer.problem else unknown, report)

    async def _ask_back(self, clarification: Clarification, report: dict[str, Any]) -> None:
        asked_back = Part(text=render_clarification(clarification), media_type=TEXT)
        parts = [asked_back, new_data_part(clarification.model_dump(mode="json"), JSON)]
        message = self.updates.new_agent_message(parts, report)
        message.extensions.extend(report)
        await self.updates.requires_input(message)

    async def give(self, name: str, output: dict[str, Any], text: str, report: dict[str, Any]) -> None:
        parts = [Part(text=text, media_type=TEXT), *output_parts(output, data=self._in_data)]
        await self.updates.add_artifact(parts, name=name, metadata=report, extensions=[*report])
