"""run_journey: the five stages of a question, as one durable workflow.

Each task sent to an agent is a step whose outcome is kept: after a crash the journey goes on behind the last one that
was kept, and a step that has to be repeated finds its model calls answered on the ledger. An agent that fails, hangs or
lies costs the answer that agent's part, named in `missing`, and never the journey.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

import structlog
from dbos import DBOS, SetWorkflowID
from sqlalchemy.exc import DBAPIError

from agents.data.sandbox import Sandbox
from core_engine.asking import Agents, ask
from core_engine.conversations import TURNS, follow_up
from core_engine.findings import (
    Available,
    Findings,
    Outcome,
    Task,
    best_first,
    brief,
    checked,
    keep_hits,
    plan_alone,
    ranked,
    read,
    verdict,
    wanted,
    without_rows,
)
from core_engine.proving import prove_answer
from core_engine.store import Store
from protocol_interface.a2a_client import Report
from protocol_interface.product import Stage
from shared.catalog import Catalogs
from shared.context import current, scoped
from shared.database import storage_failure
from shared.errors import AgentUnavailable, BudgetExceeded, Conflict, LexiQueryError, problem_detail
from shared.ledger import Ledger
from shared.models import (
    Answer,
    DataRequest,
    DataResult,
    JourneyStatus,
    LinkRequest,
    Links,
    Plan,
    PlanRequest,
    ProblemDetail,
    QueryRequest,
    Question,
    SearchRequest,
)

log = structlog.get_logger(__name__)
T = TypeVar("T")
KNOWLEDGE_HITS = 5
NO_GROUP = "no schema group is known yet: `lexiquery catalog import` adds yours, `lexiquery seed` a made-up company's"
FINISH_AGAIN_SECONDS = 5.0
"""How long a journey whose end could not be stored waits before it tries again."""
_BEFORE_DATA: tuple[Stage, ...] = ("discovery", "planning", "knowledge")
"""Stages whose followers ask more of models: a journey whose budget is spent ends with them. What was derived is
proven, which asks nothing."""
_LIVE = ("PENDING", "ENQUEUED", "DELAYED")
WORKFLOW_VERSION = "1"
"""Journeys left behind by another version of the workflow's steps are not resumed by this one."""


Ended = Callable[[Answer, datetime, str | None], None]
"""Told a journey's answer, when the journey began, and its conversation if it is of one."""


class Stopped(Exception):
    """The journey ends before its last stage: cancelled, or its budget is spent."""

    def __init__(self, status: JourneyStatus, problem: ProblemDetail | None) -> None:
        super().__init__(status)
        self.status = status
        self.problem = problem


class Journeys:
    """Runs journeys as DBOS workflows; `open_journeys` (workflows.py) makes one."""

    def __init__(
        self,
        *,
        store: Store,
        ledger: Ledger,
        agents: Agents,
        catalogs: Catalogs,
        sandbox: Sandbox,
        on_end: Sequence[Ended] = (),
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._agents = agents
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._on_end = list(on_end)
        self._running: dict[str, set[asyncio.Task[Outcome]]] = {}
        self._workflows: set[asyncio.Task[Any]] = set()
        self._news = asyncio.Event()
        self.unstored: dict[str, LexiQueryError] = {}
        """Journeys whose end can't be stored (the disk is full, the database gone), and why; it is tried again."""

        async def run_journey(journey_id: str) -> None:
            task = asyncio.current_task()
            assert task is not None, "a coroutine runs in a task"
            self._workflows.add(task)
            task.add_done_callback(self._workflows.discard)
            await self._run(journey_id)

        self._workflow = DBOS.workflow(name="journey")(run_journey)

    async def start(self, journey_id: str, question: Question, rejected: list[tuple[str, str]]) -> None:
        await self._store.begin(journey_id, question, rejected)
        await self.resume(journey_id)

    async def resume(self, journey_id: str) -> None:
        """Start the workflow of a journey that is in the store; nothing happens when it already runs."""
        with SetWorkflowID(journey_id):
            await DBOS.start_workflow_async(self._workflow, journey_id)

    async def recover(self) -> None:
        """Every journey without an answer goes on or ends: also one that died before its workflow was started, and one
        whose workflow can't be resumed by this version."""
        for journey_id in await self._store.running():
            workflow = await DBOS.get_workflow_status_async(journey_id)
            if workflow is None:
                await self.resume(journey_id)
            elif workflow.status not in _LIVE or workflow.app_version != WORKFLOW_VERSION:
                question, _ = await self._store.question(journey_id)
                lost = Conflict("the journey was interrupted and can't be resumed", suggestion="ask again")
                await self._finish(journey_id, question, Findings(), "failed", problem_detail(lost))

    async def cancel(self, journey_id: str) -> None:
        """The journey ends as cancelled; its agents' tasks are cancelled at once, down to the model call."""
        await self._store.request_cancel(journey_id)
        for task in self._running.get(journey_id, set()):
            task.cancel()

    async def close(self) -> None:
        """Stop what runs here; at the next start it goes on behind its last kept step."""
        for task in self._workflows:
            task.cancel()
        await asyncio.gather(*self._workflows, return_exceptions=True)

    async def _run(self, journey_id: str) -> None:
        question, rejected, asked = await self._at_last(journey_id, lambda: self._asked(journey_id))
        findings = Findings()
        with scoped(
            journey_id=journey_id,
            agent="core_engine",
            budget=question.budget,
            user=question.user,
            tags=question.tags,
            replay_of=question.replay_of,
        ):
            structlog.contextvars.bind_contextvars(journey_id=journey_id)
            try:
                status, problem = await self._through_stages(journey_id, asked, rejected, findings)
            except Exception as error:
                log.exception("journey failed")
                ours = LexiQueryError(f"{type(error).__name__} in the core engine")
                fault = storage_failure(error) if isinstance(error, DBAPIError) else ours
                status, problem = "failed", problem_detail(fault)
            if asked.question != question.question:
                findings.plan.notes.append(f"asked as: {asked.question}")
            await self._at_last(journey_id, lambda: self._finish(journey_id, question, findings, status, problem))

    async def _through_stages(
        self, journey_id: str, question: Question, rejected: list[tuple[str, str]], findings: Findings
    ) -> tuple[JourneyStatus, ProblemDetail | None]:
        stages: list[tuple[Stage, Callable[[], Awaitable[dict[str, Any]]]]] = [
            ("discovery", lambda: self._discover(journey_id, question, findings)),
            ("planning", lambda: self._plan(journey_id, question, findings)),
            ("knowledge", lambda: self._consult(journey_id, question, findings)),
            ("data", lambda: self._derive(journey_id, question, rejected, findings)),
            ("validation", lambda: self._validate(findings)),
        ]
        try:
            for stage, run in stages:
                await self._event(journey_id, f"{stage}:started", "stage", {"stage": stage, "status": "started"})
                found = await run()
                done = {"stage": stage, "status": "completed", **found}
                await self._event(journey_id, f"{stage}:completed", "stage", done)
                if findings.spent and stage in _BEFORE_DATA:
                    raise Stopped("failed", findings.spent)
        except Stopped as stopped:
            return stopped.status, stopped.problem
        return verdict(findings)

    async def _discover(self, journey_id: str, question: Question, findings: Findings) -> dict[str, Any]:
        """Who is there, and what of theirs bears on the question: linked tables and a first look at the knowledge."""
        available = await DBOS.run_step_async({"name": "discover"}, self._available)
        findings.take(Available.model_validate(available), question)
        link = LinkRequest(question=question.question, schema_group=question.schema_group)
        search = SearchRequest(question=question.question, limit=KNOWLEDGE_HITS, labels=question.labels)
        data_agents = [one for one in findings.available if one.platform and wanted(one, question)]
        knowledge_agents = [one for one in findings.available if one.skill == "search"]
        outcomes = await self._send(
            journey_id,
            "discovery",
            [Task(agent=one.agent, skill="link", request=link.model_dump()) for one in data_agents]
            + [Task(agent=one.agent, skill="search", request=search.model_dump()) for one in knowledge_agents],
        )
        linked = [(one, read(Links, out, findings)) for one, out in zip(data_agents, outcomes, strict=False)]
        findings.linked = ranked([(one, links) for one, links in linked if links], findings.trusted)
        keep_hits(outcomes[len(data_agents) :], findings)
        return {"agents": [one.agent for one in findings.available], "linked": brief(findings.linked)}

    async def _available(self) -> dict[str, Any]:
        return Available.of(await self._agents.discover()).model_dump()

    async def _plan(self, journey_id: str, question: Question, findings: Findings) -> dict[str, Any]:
        request = PlanRequest(
            question=question.question,
            available=[one for one in findings.available if one.skill == "search" or wanted(one, question)],
            linked=findings.linked,
            knowledge=findings.knowledge,
            platforms=question.platforms,
        )
        task = Task(agent="planner", skill="plan", request=request.model_dump())
        tasks = [task] if task.agent not in findings.silent and not question.agent else []
        plans = [read(Plan, outcome, findings) for outcome in await self._send(journey_id, "planning", tasks)]
        findings.plan = checked(next(filter(None, plans), None) or plan_alone(question, findings), findings)
        if not findings.linked and not await self._catalogs.all():
            findings.plan.notes.append(NO_GROUP)
        return {"plan": findings.plan.model_dump(mode="json")}

    async def _consult(self, journey_id: str, question: Question, findings: Findings) -> dict[str, Any]:
        """Keep what the chosen knowledge agents found; ask those again that gave nothing at the first look."""
        chosen = [step.agent for step in findings.plan.steps if step.skill == "search"]
        heard = {hit.agent for hit in findings.knowledge} | {one.instance for one in findings.missing}
        search = SearchRequest(question=question.question, limit=KNOWLEDGE_HITS, labels=question.labels).model_dump()
        tasks = [Task(agent=agent, skill="search", request=search) for agent in chosen if agent not in heard]
        keep_hits(await self._send(journey_id, "knowledge", tasks), findings)
        kept = [hit for hit in findings.knowledge if hit.agent in chosen]
        findings.knowledge = best_first(kept, findings.trusted)
        return {"hits": [{"title": hit.title, "score": hit.score} for hit in findings.knowledge]}

    async def _derive(
        self, journey_id: str, question: Question, rejected: list[tuple[str, str]], findings: Findings
    ) -> dict[str, Any]:
        request = DataRequest(
            question=question.question,
            schema_group=question.schema_group,
            knowledge=findings.knowledge,
            hints=findings.hints,
            rejected=rejected,
            run=question.run,
        ).model_dump()
        chosen = [step.agent for step in findings.plan.steps if step.skill == "query"]
        tasks = [Task(agent=agent, skill="query", request=request) for agent in chosen]
        for outcome in await self._send(journey_id, "data", tasks):
            if result := read(DataResult, outcome, findings):
                trusted = outcome.agent in findings.trusted
                findings.answers.extend(result.answers if trusted else map(without_rows, result.answers))
                if result.clarification:
                    findings.clarifications.append(result.clarification)
        return {"answers": [{"platform": one.platform, "verdict": one.proof.verdict} for one in findings.answers]}

    async def _validate(self, findings: Findings) -> dict[str, Any]:
        """Prove every query again here: an agent's word for its own query is not proof. A peer's, in a language that
        nothing here proves, is plausible at most."""
        kept = []
        for answer in findings.answers:
            request = QueryRequest(platform=answer.platform, schema_group=answer.schema_group, query=answer.query)
            try:
                proof = await prove_answer(request, self._catalogs, self._sandbox)
            except LexiQueryError as error:
                findings.missing.append(problem_detail(error))
                continue
            if proof.verdict == "rejected" and answer.proof.verdict != "rejected":
                answer = answer.model_copy(update={"result": None, "confidence": None})
            kept.append(answer.model_copy(update={"proof": proof}))
        findings.answers = kept
        return {"verdicts": [answer.proof.verdict for answer in kept]}

    async def _send(self, journey_id: str, stage: Stage, tasks: list[Task]) -> list[Outcome]:
        """All at once, each a step; the outcomes in the tasks' order. Raises Stopped."""
        await self._stop_if_cancelled(journey_id)
        try:
            scope = current()
            await self._ledger.check(journey_id, scope.user, scope.budget)
        except BudgetExceeded as spent:
            raise Stopped("failed", problem_detail(spent)) from spent
        steps = [
            DBOS.run_step_async({"name": f"{stage}:{task.agent}"}, self._step, journey_id, stage, task.model_dump())
            for task in tasks
        ]
        outcomes = [Outcome.model_validate(outcome) for outcome in await asyncio.gather(*steps)]
        await self._stop_if_cancelled(journey_id)
        return outcomes

    async def _stop_if_cancelled(self, journey_id: str) -> None:
        if await self._store.cancel_requested(journey_id):
            raise Stopped("cancelled", None)

    async def _step(self, journey_id: str, stage: Stage, raw: dict[str, Any]) -> dict[str, Any]:
        task = Task.model_validate(raw)
        key = f"{stage}:{task.agent}.{task.skill}"
        data = {"stage": stage, "agent": task.agent, "skill": task.skill}
        await self._event(journey_id, f"{key}:started", "step", {**data, "status": "started"})

        async def report(said: str) -> None:
            about = hashlib.sha256(said.encode()).hexdigest()[:16]
            working = {**data, "status": "working", "said": said}
            await self._event(journey_id, f"{key}:said:{about}", "step", working)

        outcome = await self._invoke(journey_id, task, report)
        for call in await self._ledger.calls(journey_id, limit=1000):
            if call.status == "cached" and call.operation == "embeddings":
                continue  # a dozen a journey, and nothing to watch
            usage = call.model_dump(mode="json", exclude={"request", "response", "idempotency_key", "journey_id"})
            await self._event(journey_id, f"call:{call.id}", "call", usage)
        status = "failed" if outcome.problem else "completed"
        problem = {"problem": outcome.problem.model_dump(mode="json")} if outcome.problem else {}
        await self._event(journey_id, f"{key}:ended", "step", {**data, "status": status, **problem})
        return outcome.model_dump(mode="json")

    async def _invoke(self, journey_id: str, task: Task, report: Report) -> Outcome:
        running = self._running.setdefault(journey_id, set())
        invocation = asyncio.ensure_future(ask(self._agents, task, report))
        running.add(invocation)
        try:
            return await invocation
        except asyncio.CancelledError:
            if not await self._store.cancel_requested(journey_id):
                raise
            cancelled = AgentUnavailable(f"agent '{task.agent}' was cancelled with its journey")
            return Outcome(agent=task.agent, problem=problem_detail(cancelled, instance=task.agent))
        finally:
            running.discard(invocation)
            if not running:
                self._running.pop(journey_id, None)

    async def _asked(self, journey_id: str) -> tuple[Question, list[tuple[str, str]], Question]:
        """The question, the queries that were rejected before, and the question as agents are asked it."""
        question, rejected = await self._store.question(journey_id)
        return question, rejected, follow_up(question, await self._store.earlier(journey_id, TURNS))

    async def _at_last(self, journey_id: str, work: Callable[[], Awaitable[T]]) -> T:
        """What the database gives, in the end; as long as it fails, who waits for the journey is told why."""
        while True:
            try:
                done = await work()
                break
            except (DBAPIError, OSError) as error:
                log.exception("the journey can't be read or stored")
                self.unstored[journey_id] = storage_failure(error)
                self._tell()
            await asyncio.sleep(FINISH_AGAIN_SECONDS)
        self.unstored.pop(journey_id, None)
        return done

    async def _finish(
        self,
        journey_id: str,
        question: Question,
        findings: Findings,
        status: JourneyStatus,
        problem: ProblemDetail | None,
    ) -> None:
        cost = await self._ledger.journey_summary(journey_id)
        await self._event(journey_id, "cost", "cost", cost.model_dump(mode="json"))
        answer = findings.answer(journey_id, question, status, problem, cost)
        started = await self._store.started_at(journey_id)
        await self._store.end(answer)
        for told in self._on_end:  # before those who wait for the answer, and may end the process with it
            told(answer, started, question.conversation_id)
        self._tell()

    async def _event(self, journey_id: str, key: str, kind: str, data: dict[str, Any]) -> None:
        await self._store.record(journey_id, key, kind, data)
        self._tell()

    def _tell(self) -> None:
        """Wake those who wait for an event."""
        self._news.set()
        self._news = asyncio.Event()

    async def wait_for_event(self, seconds: float) -> None:
        """Until some journey of this process has a new event, or the seconds are over."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)
