"""A Product without agents or models: it holds prepared journeys, and keeps to Product's contract of waiting,
events, cancelling and errors, so that a face of the product can be tested by itself."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import get_args

from protocol_interface.product import Event, Explanation, GroupSummary, RegisteredAgent, Stage
from shared.catalog import Catalog, Column, Relationship, Table
from shared.documents import DocumentText, StoredDocument
from shared.errors import Conflict, InvalidInput, NotFound
from shared.models import (
    Answer,
    Check,
    Clarification,
    ExecuteRequest,
    JourneyCostSummary,
    JourneySummary,
    KnowledgeHit,
    LinkedTable,
    Plan,
    Problem,
    Proof,
    ProveRequest,
    QueryAnswer,
    QueryRequest,
    Question,
    Rows,
    SearchScope,
    Step,
)

GROUPS = {"ops_logs": "kql"}
CATALOG = Catalog(
    schema_group="ops_logs",
    platform="kql",
    tables=[
        Table(name="SigninLogs", description="Sign-ins", columns=[Column(name="UserId"), Column(name="ResultType")]),
        Table(name="IdentityInfo", columns=[Column(name="AccountObjectId")]),
    ],
    relationships=[Relationship.model_validate({"from": "SigninLogs.UserId", "to": "IdentityInfo.AccountObjectId"})],
)
RUNBOOK = StoredDocument(
    id="doc-1",
    source="network/vpn.md",
    location="/runbooks/network/vpn.md",
    title="VPN outage",
    content_hash="0",
    imported_at=datetime(2026, 11, 21, tzinfo=UTC),
)
KQL = RegisteredAgent(
    id="kql",
    name="kql",
    description="Writes KQL",
    url="http://127.0.0.1/kql",
    version="1",
    skills=[{"id": "query"}],
    platform="kql",
    healthy=True,
    trusted=True,
)
CANCELLED: dict[str, object] = {"status": "cancelled", "answers": [], "clarification": None}
HIT = KnowledgeHit(agent="sop", title="VPN outage", source="vpn.md", excerpt="Restart the gateway.", score=0.71)


class Notebook:
    """hold: stages wait for `release` after discovery. fault: what `start` raises that nobody expected."""

    def __init__(self, *, hold: bool = False, fault: Exception | None = None) -> None:
        self.asked: list[Question] = []
        self.cancelled: list[str] = []
        self.reached_data = asyncio.Event()
        self.was_cancelled = asyncio.Event()
        self.fault = fault
        self.agents = [KQL]
        self.executed: list[ExecuteRequest] = []
        self._go = asyncio.Event()
        self._stopped: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        if not hold:
            self._go.set()

    def release(self) -> None:
        self._go.set()

    async def start(self, question: Question) -> str:
        if self.fault:
            raise self.fault
        if not question.question.strip():
            raise InvalidInput("the question is empty")
        if question.schema_group not in (None, *GROUPS):
            raise NotFound.named("schema group", str(question.schema_group), GROUPS)
        self.asked.append(question)
        return f"journey-{len(self.asked)}"

    async def answer(self, journey_id: str) -> Answer:
        question = self._question(journey_id)
        await self.reached(journey_id, self._go)
        answer = _answer(journey_id, question)
        return answer.model_copy(update=CANCELLED) if journey_id in self.cancelled else answer

    async def reached(self, journey_id: str, gate: asyncio.Event) -> None:
        """Wait until the gate opens, or the journey is cancelled."""
        waiting = [asyncio.ensure_future(one.wait()) for one in (gate, self._stopped[journey_id])]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    async def cancel(self, journey_id: str) -> None:
        if self._go.is_set():
            raise Conflict(f"journey '{journey_id}' has ended")
        self.stop(journey_id)

    def stop(self, journey_id: str) -> None:
        self.cancelled.append(journey_id)
        self._stopped[journey_id].set()
        self.was_cancelled.set()

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        self._question(journey_id)
        sequence = 0
        for stage in get_args(Stage):
            for status in ("started", "completed"):
                sequence += 1
                data = {"stage": stage, "status": status}
                yield Event(journey_id=journey_id, sequence=sequence, kind="stage", data=data)
            if stage == "discovery":
                self.reached_data.set()
                await self.reached(journey_id, self._go)
        answer = await self.answer(journey_id)
        yield Event(journey_id=journey_id, sequence=sequence + 1, kind="answer", data=answer.model_dump(mode="json"))

    async def prove(self, request: ProveRequest) -> Proof:
        table = request.plan["source"]["name"] if request.plan else (request.query or "").split()[0]
        if table == "SigninLogs":
            proof = Proof.of([Check(name="parse", status="passed", prover="notebook")])
            return proof.model_copy(update={"query": table}) if request.plan else proof
        problem = Problem(
            code="unknown_table",
            message=f"unknown table '{table}'",
            line=1,
            column=1,
            suggestion="did you mean 'SigninLogs'?",
        )
        return Proof.of([Check(name="bind", status="failed", prover="notebook", problems=[problem])])

    async def execute(self, request: ExecuteRequest) -> Rows:
        self.executed.append(request)
        return Rows(columns=["n"], rows=[[1]])

    async def search_procedures(
        self, question: str, limit: int = 5, scope: SearchScope | None = None
    ) -> list[KnowledgeHit]:
        return [HIT][:limit]

    async def list_agents(self) -> list[RegisteredAgent]:
        return list(self.agents)

    async def agents_version(self) -> str:
        return repr(self.agents)

    async def explain(self, request: QueryRequest) -> Explanation:
        table = request.query.split()[0]
        return Explanation(explanation=f"Reads {table}.", tables=[table])

    async def procedures(self) -> list[StoredDocument]:
        return [RUNBOOK]

    async def procedure(self, name: str) -> DocumentText:
        if name not in (RUNBOOK.id, RUNBOOK.source):
            raise NotFound.named("procedure", name, [RUNBOOK.source])
        return DocumentText(document=RUNBOOK, text="# VPN outage\nRestart the gateway.")

    async def find_tables(self, question: str, schema_group: str | None = None, limit: int = 5) -> list[LinkedTable]:
        table = LinkedTable(platform="kql", schema_group="ops_logs", table="SigninLogs", score=0.8, why="'sign-in'")
        return [table][:limit]

    async def groups(self) -> list[GroupSummary]:
        return [GroupSummary(schema_group=CATALOG.schema_group, platform="kql", tables=len(CATALOG.tables))]

    async def catalog(self, group: str) -> Catalog:
        if group not in GROUPS:
            raise NotFound.named("schema group", group, GROUPS)
        return CATALOG

    async def journeys(self, limit: int = 50) -> list[JourneySummary]:
        began = datetime(2026, 11, 21, tzinfo=UTC)
        return [
            JourneySummary(journey_id=f"journey-{number}", question=one.question, status="completed", started_at=began)
            for number, one in enumerate(self.asked, 1)
        ][:limit]

    async def peek(self, journey_id: str) -> Answer | None:
        question = self._question(journey_id)
        return _answer(journey_id, question) if self._go.is_set() else None

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary:
        self._question(journey_id)
        return _cost(journey_id)

    def _question(self, journey_id: str) -> Question:
        journeys = {f"journey-{number}": question for number, question in enumerate(self.asked, 1)}
        if journey_id not in journeys:
            raise NotFound.named("journey", journey_id, journeys)
        return journeys[journey_id]


def _answer(journey_id: str, question: Question) -> Answer:
    vague = question.question == "How many?"
    return Answer(
        journey_id=journey_id,
        status="needs_clarification" if vague else "completed",
        question=question.question,
        plan=Plan(steps=[Step(agent="kql", skill="query", reason="its table SigninLogs matches 'sign-in'")]),
        knowledge=[HIT],
        answers=[] if vague else [_query(question)],
        clarification=Clarification(question="How many of what?", options=["sign-ins", "hosts"]) if vague else None,
        cost=_cost(journey_id),
    )


def _query(question: Question) -> QueryAnswer:
    return QueryAnswer(
        platform="kql",
        schema_group="ops_logs",
        query="SigninLogs | count",
        confidence=0.9,
        route="sql",
        proof=Proof.of([Check(name="parse", status="passed", prover="notebook")]),
        result=Rows(columns=["Count"], rows=[[42]]) if question.run else None,
    )


def _cost(journey_id: str) -> JourneyCostSummary:
    return JourneyCostSummary(
        journey_id=journey_id,
        calls=2,
        failed_calls=0,
        prompt_tokens=811,
        completion_tokens=64,
        seconds=3.2,
        cost=None,
        unpriced_calls=2,
        uncounted_calls=0,
    )
