"""The contracts of architecture.md as types: what crosses a process boundary, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.base import Model as Model
from shared.knowledge import KnowledgeHint as KnowledgeHint
from shared.knowledge import KnowledgeHit as KnowledgeHit

Verdict = Literal["proven", "plausible", "rejected"]
CheckStatus = Literal["passed", "failed", "skipped"]
CheckName = Literal["parse", "bind", "safety", "cost", "dry_run", "agreement"]
JourneyStatus = Literal["running", "completed", "needs_clarification", "failed", "cancelled"]


class Problem(Model):
    """One thing wrong with a query. Line and column count from 1; None where the prover gives no place."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None
    suggestion: str | None = None


class Check(Model):
    """One check of a proof, and the prover that made it."""

    name: CheckName
    status: CheckStatus
    prover: str
    detail: str = ""
    problems: list[Problem] = []


class Proof(Model):
    """What was shown of a query.

    verdict: `rejected` if a check failed; `proven` if parse, bind, safety and dry_run all passed;
    `plausible` if nothing failed but one of those was skipped. `Proof.of` is the only place that decides.
    query: what a query plan is in the platform's language; there only where a plan was given.
    """

    verdict: Verdict
    checks: list[Check]
    query: str | None = Field(default=None, exclude_if=lambda query: query is None)

    @classmethod
    def of(cls, checks: list[Check]) -> Proof:
        status = {check.name: check.status for check in checks}
        if "failed" in status.values():
            return cls(verdict="rejected", checks=checks)
        required: tuple[CheckName, ...] = ("parse", "bind", "safety", "dry_run")
        proven = all(status.get(name) == "passed" for name in required)
        return cls(verdict="proven" if proven else "plausible", checks=checks)

    @property
    def problems(self) -> list[Problem]:
        return [problem for check in self.checks for problem in check.problems]


class Rows(Model):
    """A result: `rows` are lists in the order of `columns`; `truncated` if more rows exist (the next page starts at the
    offset of this one plus its rows), or a cell was too long and is cut."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool = False


class Step(Model):
    """One agent's task in a plan, and why it was chosen."""

    agent: str
    skill: str
    reason: str


class Plan(Model):
    """notes: what was asked for or proposed and dropped, and why, in words."""

    steps: list[Step]
    notes: list[str] = []


class QueryAnswer(Model):
    """One platform's answer. `route` says how the query was derived; `assumptions` what was mended or assumed;
    `evidence` what the confidence is computed from, each 0 to 1 (agents/data/confidence.py names them)."""

    platform: str
    schema_group: str
    query: str
    explanation: str = ""
    assumptions: list[str] = []
    confidence: float | None = None
    evidence: dict[str, float] = {}
    route: str
    proof: Proof
    result: Rows | None = None


class Clarification(Model):
    question: str
    options: list[str] = []


class CostLine(Model):
    """A sum over the calls that share `key` (an agent, a provider, a model, an operation), as JourneyCostSummary has
    it; its cost is in the summary's currency."""

    key: str
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    cost: float | None
    unpriced_calls: int = 0
    uncounted_calls: int = 0


class CostParts(Model):
    """What a machine of one's own costs: its power while it computes, its price, its power while it waits."""

    energy: float | None = None
    amortisation: float | None = None
    idle: float | None = None


class Saved(Model):
    """What the answers that came from a cache had taken when a model gave them."""

    tokens: int | None = None
    seconds: float | None = None
    cost: float | None = None


class JourneyCostSummary(Model):
    """What a journey's model calls took. A sum is over what is known; `unpriced_calls` and `uncounted_calls` say
    how many calls it misses; cost is None when no call has a price. currency: ISO 4217; calls priced in another one
    count as unpriced. `cached_calls`: answers that needed no model, and are not among the `calls`."""

    journey_id: str
    calls: int
    failed_calls: int
    cached_calls: int = 0
    prompt_tokens: int | None
    cached_tokens: int | None = None
    completion_tokens: int | None
    seconds: float
    queue_seconds: float | None = None
    cost: float | None
    currency: str | None = None
    parts: CostParts | None = None
    saved: Saved | None = None
    unpriced_calls: int
    uncounted_calls: int
    by_agent: list[CostLine] = []
    by_provider: list[CostLine] = []
    by_model: list[CostLine] = []
    by_operation: list[CostLine] = []


class Answer(Model):
    """What a journey ends with. `problem` is an RFC 9457 detail; `missing`: what agents failed to give."""

    journey_id: str
    status: JourneyStatus
    question: str
    plan: Plan
    knowledge: list[KnowledgeHit] = []
    answers: list[QueryAnswer] = []
    clarification: Clarification | None = None
    problem: ProblemDetail | None = None
    missing: list[ProblemDetail] = []
    cost: JourneyCostSummary


class ProblemDetail(Model):
    """RFC 9457. `code` is stable; `suggestion` is the nearest fix where one is known."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    suggestion: str | None = None
    instance: str | None = None


class Budget(Model):
    """Limits; None is no limit. tokens: prompt plus completion; seconds: model time; money: as the rate card."""

    tokens: int | None = Field(default=None, gt=0, le=10**12)
    seconds: float | None = Field(default=None, gt=0, le=1e9)
    calls: int | None = Field(default=None, gt=0, le=10**9)
    money: float | None = Field(default=None, gt=0, le=1e9)


Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A short text without control characters."""
CarriedLabel = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=64)]
CarriedLabels = Annotated[list[CarriedLabel], Field(max_length=50)]
"""Labels that the caller vouches for: who asks may see the documents that have one of them, beside those without."""


class Question(Model):
    """POST /api/v1/query. `platforms` narrows what the planner may pick; `run` executes proven queries; `user` (who
    asks) and `tags` are written on the ledger with every call, so that costs can be told by them; `replay_of` names the
    journey from whose log the model's answers are taken; `agent` is the one data agent to ask, without a plan; `labels`
    open the runbooks that have one of them."""

    question: str
    conversation_id: str | None = None
    schema_group: str | None = None
    platforms: list[str] | None = None
    run: bool = True
    budget: Budget | None = None
    user: Name | None = None
    tags: Annotated[list[Name], Field(max_length=16)] = []
    replay_of: str | None = None
    agent: str | None = None
    labels: CarriedLabels = []


class JourneySummary(Model):
    """A line of GET /api/v1/journeys."""

    journey_id: str
    question: str
    status: JourneyStatus
    started_at: datetime
    completed_at: datetime | None = None


class Conversation(Model):
    """Questions that belong together; their journeys, the newest first."""

    conversation_id: str
    started_at: datetime
    journeys: list[JourneySummary] = []


class ConversationSummary(Model):
    """A line of GET /api/v1/conversations. question: the first; None before there is one."""

    conversation_id: str
    started_at: datetime
    question: str | None
    journeys: int


class Feedback(Model):
    """POST /api/v1/feedback. rating: -1 (wrong), 0 or 1 (right)."""

    journey_id: str
    rating: Literal[-1, 0, 1] | None = None
    corrected_query: str | None = None
    comment: str | None = None


class FeedbackTaken(Feedback):
    """What became of it. proof: of the corrected query; learned: whether it is an example of its group now."""

    proof: Proof | None = None
    learned: bool = False


class LinkedTable(Model):
    """A table that may hold the answer. score: 0 to 1, comparable between groups and platforms; why: in words."""

    platform: str
    schema_group: str
    table: str
    score: float = Field(ge=0, le=1)
    why: str = ""


class LinkRequest(Model):
    """Skill `link` of a data agent: which tables may hold the answer. Makes no chat call."""

    question: str
    schema_group: str | None = None
    limit: HitLimit = 5


class Links(Model):
    tables: list[LinkedTable]


def _asked(question: str) -> str:
    if not question.strip():
        raise PydanticCustomError("empty", "the question is empty")
    return question


HitLimit = Annotated[int, Field(ge=1, le=50)]


class SearchScope(Model):
    """What of the runbooks a search looks at. folder: a folder or document as it is cited; kind, language: of the
    passages, the language one of code (`kql`)."""

    labels: CarriedLabels = []
    folder: str | None = Field(default=None, max_length=1000)
    kind: Literal["text", "code", "table"] | None = None
    language: str | None = Field(default=None, max_length=32)


class SearchRequest(SearchScope):
    """Skill `search` of a knowledge agent."""

    question: Annotated[str, AfterValidator(_asked)]
    limit: HitLimit = 3


class Hits(Model):
    """hints: what the agent knows of the question's words, whether a passage of it is among the hits or not."""

    hits: list[KnowledgeHit]
    hints: list[KnowledgeHint] = Field(default=[], max_length=50)


class AvailableAgent(Model):
    """What the planner may choose: an agent, one of its skills, its platform if it is a data agent."""

    agent: str
    skill: str
    description: str
    platform: str | None = None


class PlanRequest(Model):
    """Skill `plan` of the planner: the evidence of the discovery stage. It answers a Plan."""

    question: str
    available: list[AvailableAgent]
    linked: list[LinkedTable] = []
    knowledge: list[KnowledgeHit] = []
    platforms: list[str] | None = None


class DataRequest(Model):
    """Skill `query` of a data agent. schema_group: None lets the agent choose; rejected: (query, reason) pairs of
    earlier attempts that the user did not accept."""

    question: str
    schema_group: str | None = None
    knowledge: list[KnowledgeHit] = []
    hints: list[KnowledgeHint] = []
    rejected: list[tuple[str, str]] = []
    run: bool = True
    limit: int = Field(100, ge=1, le=10_000)


class DataResult(Model):
    """Either answers, or a clarification when the question fits no table well enough."""

    answers: list[QueryAnswer] = []
    clarification: Clarification | None = None


class ProveRequest(Model):
    """POST /api/v1/prove, and skill `prove` of a data agent: no model involved. It answers a Proof.
    Either `query` or `plan`: a query plan as JSON, which is proven as the query that it is on the platform."""

    platform: str
    schema_group: str
    query: str | None = None
    plan: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if (self.query is None) == (self.plan is None):
            raise PydanticCustomError("one_of", "give either a query or a plan")
        return self


class QueryRequest(Model):
    """POST /api/v1/explain: a query of a schema group."""

    platform: str
    schema_group: str
    query: str


class ExecuteRequest(QueryRequest):
    """POST /api/v1/execute, and skill `execute`: the query is proven first. It answers Rows: at most `limit`, and never
    more than the setting `row_limit`."""

    limit: int = Field(100, ge=1, le=10_000)
    offset: int = Field(0, ge=0)


Answer.model_rebuild()
