"""LexiQuery itself as an A2A agent: peers ask questions, prove queries and search procedures.

A journey's stages come as status updates, its Answer as an artifact. A question that needs clarification leaves the
task input-required, and the next message of the task continues it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

import structlog
from a2a.helpers import new_data_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from a2a.types import AgentCard, AgentSkill, Message, Part, Role, Task, TaskState
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from protocol_interface.product import Event, Product
from shared import __version__
from shared.a2a.card import build_card
from shared.a2a.server import A2AServer
from shared.a2a.tasks import begin, fail
from shared.a2a.wire import EXTENSION, JSON, TEXT, asked, asked_by, metadata_of, output_parts
from shared.context import Scope
from shared.errors import (
    AgentUnavailable,
    Conflict,
    InvalidInput,
    LexiQueryError,
    did_you_mean,
    error_of,
    first_problem,
)
from shared.models import Answer, Clarification, Hits, ProveRequest, Question, SearchRequest
from shared.render import render_answer, render_clarification, render_hits, render_proof

log = structlog.get_logger(__name__)
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
        description="Prove a query against the real schema, without a model. Input: {platform, schema_group, query}.",
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
    host: Starlette, product: Product, url: str, *, engine: AsyncEngine | None = None, secured: bool = False
) -> AbstractAsyncContextManager[None]:
    """Add the card, JSON-RPC and REST to the host app; the host's lifespan enters what is returned.

    url: where the host is reached; engine: keeps tasks in SQL; secured: the host wants its API key.
    """
    card = lexiquery_card(url, secured=secured)
    server = A2AServer(Journeying(product), card, engine=engine, wait_for_input=WAIT_FOR_INPUT)
    host.router.routes.extend(server.routes)
    return server.running()


class Journeying(AgentExecutor):
    """Runs the product's skills as A2A tasks; a cancelled task cancels its journey."""

    def __init__(self, product: Product) -> None:
        self._product = product
        self._journeys: dict[str, str] = {}
        self._skills: dict[str, Callable[[_Run], Coroutine[Any, Any, None]]] = {
            "answer_question": self._answer_question,
            "prove_query": self._prove_query,
            "search_procedures": self._search_procedures,
        }

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        message, task = await begin(context, event_queue)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        await updates.start_work()
        try:
            run = _Run.of(message, task, updates)
            if run.skill not in self._skills:
                unknown = f"LexiQuery has no skill '{run.skill}'"
                raise InvalidInput(unknown, suggestion=did_you_mean(run.skill, self._skills))
            await self._skills[run.skill](run)
        except ValidationError as error:
            await fail(updates, InvalidInput(first_problem(error)), {})
        except LexiQueryError as error:
            await fail(updates, error, {})
        except Exception as error:
            log.exception("task failed", task_id=task.id)
            await fail(updates, LexiQueryError(f"LexiQuery failed with {type(error).__name__}; its log has more"), {})

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        task = context.current_task
        if task is None:
            return
        if journey_id := self._journeys.get(task.id):
            with suppress(Conflict):
                await self._product.cancel(journey_id)
        await TaskUpdater(event_queue, task.id, task.context_id).cancel()

    async def _answer_question(self, run: _Run) -> None:
        journey_id = await self._product.start(run.question())
        self._journeys[run.task.id] = journey_id
        try:
            async for event in self._product.events(journey_id):
                if event.kind == "stage":
                    await run.report(event)
                elif event.kind == "answer":
                    await run.finish(Answer.model_validate(event.data))
                    return
        finally:
            del self._journeys[run.task.id]
        raise AgentUnavailable(f"journey '{journey_id}' ended without an answer")

    async def _prove_query(self, run: _Run) -> None:
        proof = await self._product.prove(ProveRequest.model_validate(run.given))
        await run.give("proof", proof.model_dump(mode="json"), render_proof(proof), {})
        await run.updates.complete()

    async def _search_procedures(self, run: _Run) -> None:
        request = SearchRequest.model_validate(run.given)
        hits = await self._product.search_procedures(request.question, request.limit)
        await run.give("hits", Hits(hits=hits).model_dump(mode="json"), render_hits(hits), {})
        await run.updates.complete()


class _Run:
    """One message of a task, and the updates that answer it."""

    def __init__(self, task: Task, updates: TaskUpdater, skill: str, given: dict[str, Any], scope: Scope) -> None:
        self.task = task
        self.updates = updates
        self.skill = skill
        self.given = given
        self._scope = scope

    @classmethod
    def of(cls, message: Message, task: Task, updates: TaskUpdater) -> _Run:
        """Raises InvalidInput for a message that asks for nothing."""
        scope = asked_by(metadata_of(message), otherwise=task.context_id)
        said = [one for one in task.history if one.role == Role.ROLE_USER and one.message_id != message.message_id]
        skill, given = asked((said or [message])[0], "answer_question")
        for reply in [*said[1:], message] if said else []:
            chosen = asked(reply, skill)[1].get("question", "")
            given = {**given, "question": f"{given.get('question', '')} ({chosen})"}
        return cls(task, updates, skill, given, scope)

    def question(self) -> Question:
        question = Question.model_validate(self.given)
        asked = {"budget": question.budget or self._scope.budget, "user": question.user or self._scope.user}
        return question.model_copy(update={**asked, "tags": question.tags or list(self._scope.tags)})

    async def report(self, event: Event) -> None:
        """A stage as a status update."""
        said = f"{event.data.get('stage')}: {event.data.get('status')}"
        parts = [Part(text=said, media_type=TEXT), new_data_part(event.data, JSON)]
        message = self.updates.new_agent_message(parts, {"journey_id": event.journey_id})
        await self.updates.update_status(TaskState.TASK_STATE_WORKING, message)

    async def finish(self, answer: Answer) -> None:
        metadata = {"journey_id": answer.journey_id, "cost": answer.cost.model_dump(mode="json")}
        if answer.status == "needs_clarification" and answer.clarification:
            await self._ask_back(answer.clarification, metadata)
        elif answer.status == "cancelled":
            await self.updates.cancel()
        else:
            await self.give("answer", answer.model_dump(mode="json"), render_answer(answer), metadata)
            await self._end(answer, metadata)

    async def _end(self, answer: Answer, metadata: dict[str, Any]) -> None:
        if answer.status == "completed":
            await self.updates.complete()
            return
        unknown = LexiQueryError(f"journey '{answer.journey_id}' ended as {answer.status}")
        await fail(self.updates, error_of(answer.problem) if answer.problem else unknown, metadata)

    async def _ask_back(self, clarification: Clarification, metadata: dict[str, Any]) -> None:
        asked_back = Part(text=render_clarification(clarification), media_type=TEXT)
        parts = [asked_back, new_data_part(clarification.model_dump(mode="json"), JSON)]
        await self.updates.requires_input(self.updates.new_agent_message(parts, metadata))

    async def give(self, name: str, output: dict[str, Any], text: str, metadata: dict[str, Any]) -> None:
        parts = [Part(text=text, media_type=TEXT), *output_parts(output)]
        await self.updates.add_artifact(parts, name=name, metadata=metadata, extensions=[EXTENSION])
