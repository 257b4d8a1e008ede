"""What a journey has found so far, how an agent's outcome is read into it, and the verdict at its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from agents.planner.evidence import LINK_FLOOR
from protocol_interface.product import RegisteredAgent
from shared.errors import AgentUnavailable, BudgetExceeded, QueryRejected, first_problem, problem_detail
from shared.models import (
    Answer,
    AvailableAgent,
    Clarification,
    Hits,
    JourneyCostSummary,
    JourneyStatus,
    KnowledgeHint,
    KnowledgeHit,
    LinkedTable,
    Links,
    Model,
    Plan,
    ProblemDetail,
    QueryAnswer,
    Question,
    Step,
)

T = TypeVar("T", bound=Model)


class Task(Model):
    """What a step sends to an agent."""

    agent: str
    skill: str
    request: dict[str, Any]


class Outcome(Model):
    """What came back: the output, or the problem in its place."""

    agent: str
    output: dict[str, Any] | None = None
    problem: ProblemDetail | None = None


class Findings(Model):
    """What a journey has found so far; its answer is made of this, however far it came.

    silent: LexiQuery's own agents that did not answer when they were last asked whether they live; they are left out.
    spent: the budget that left no room for a call of some agent.
    """

    available: list[AvailableAgent] = []
    silent: list[str] = []
    trusted: list[str] = []
    linked: list[LinkedTable] = []
    plan: Plan = Plan(steps=[])
    knowledge: list[KnowledgeHit] = []
    hints: list[KnowledgeHint] = []
    answers: list[QueryAnswer] = []
    clarifications: list[Clarification] = []
    missing: list[ProblemDetail] = []
    spent: ProblemDetail | None = None

    def take(self, available: Available, question: Question) -> None:
        """Note whom the question's journey can ask; whom of ours it can't is missing."""
        self.available, self.trusted = available.agents, available.trusted
        self.silent = [one.agent for one in available.silent if not one.platform or wanted(one, question)]
        for agent in self.silent:
            dead = AgentUnavailable(f"agent '{agent}' does not answer, and was left out")
            self.missing.append(problem_detail(dead, instance=agent))

    def answer(
        self,
        journey_id: str,
        question: Question,
        status: JourneyStatus,
        problem: ProblemDetail | None,
        cost: JourneyCostSummary,
    ) -> Answer:
        """What the journey's user gets of it."""
        return Answer(
            journey_id=journey_id,
            status=status,
            question=question.question,
            plan=self._told() if status == "completed" else self.plan,
            knowledge=self.knowledge,
            answers=self.answers,
            clarification=merged(self.clarifications) if status == "needs_clarification" else None,
            problem=problem,
            missing=self.missing,
            cost=cost,
        )

    def _told(self) -> Plan:
        """The plan of a journey that ends with an answer, with what agents asked in place of one among its notes."""
        notes = [f"an agent asked back, and gave no answer: {_asked(one)}" for one in self.clarifications]
        return self.plan.model_copy(update={"notes": [*self.plan.notes, *dict.fromkeys(notes)]})


class Available(Model):
    """Who can be asked, one entry an agent and skill; whom we trust; and whom of those a journey has to do without."""

    agents: list[AvailableAgent]
    trusted: list[str]
    silent: list[AvailableAgent]

    @classmethod
    def of(cls, registered: Sequence[RegisteredAgent]) -> Available:
        """An agent that nobody vouches for counts only where no agent of ours has its platform."""
        answering = [agent for agent in registered if agent.healthy is not False]
        trusted = [agent for agent in registered if agent.trusted]
        taken = {agent.platform for agent in answering if agent.trusted and agent.platform}
        usable = [agent for agent in answering if agent.trusted or agent.platform not in taken]
        silent = [agent for agent in trusted if agent.healthy is False]
        return cls(
            agents=_skilled(usable, ("query", "search")),
            trusted=[agent.id for agent in trusted],
            silent=_skilled(silent, ("plan", "query", "search")),
        )


def _skilled(agents: Sequence[RegisteredAgent], skills: Sequence[str]) -> list[AvailableAgent]:
    return [
        AvailableAgent(agent=agent.id, skill=skill["id"], description=agent.description, platform=agent.platform)
        for agent in agents
        for skill in agent.skills
        if skill["id"] in skills
    ]


def ranked(found: Sequence[tuple[AvailableAgent, Links]], trusted: Sequence[str]) -> list[LinkedTable]:
    """Each agent's tables of its own platform, the best first.

    An agent that nobody vouches for may name any score: none of its tables outranks one of an agent that is trusted and
    that has to do with the question. The others of ours would put it below what a planner looks at.
    """
    own = [(agent.agent in trusted, table) for agent, links in found for table in _of_platform(links, agent.platform)]
    limit = min((table.score for known, table in own if known and table.score >= LINK_FLOOR), default=1.0)
    held = [
        (known, table if known else table.model_copy(update={"score": min(table.score, limit)})) for known, table in own
    ]
    return [table for _, table in sorted(held, key=lambda one: (-one[1].score, not one[0]))]


def _of_platform(links: Links, platform: str | None) -> list[LinkedTable]:
    return [table for table in links.tables if table.platform == platform]


def best_first(hits: Sequence[KnowledgeHit], trusted: Sequence[str]) -> list[KnowledgeHit]:
    """By score; those of agents that nobody vouches for behind the others."""
    return sorted(hits, key=lambda hit: (hit.agent not in trusted, -hit.score))


def keep_hits(outcomes: Sequence[Outcome], findings: Findings) -> None:
    """Note what knowledge agents found; their hints, which are told to a model, only of agents that are trusted."""
    for outcome in outcomes:
        if found := read(Hits, outcome, findings):
            findings.knowledge.extend(hit.model_copy(update={"agent": outcome.agent}) for hit in found.hits)
            known = found.hints if outcome.agent in findings.trusted else []
            findings.hints += [hint for hint in known if hint not in findings.hints]


def wanted(agent: AvailableAgent, question: Question) -> bool:
    if question.agent:
        return agent.agent == question.agent
    return agent.platform is not None and (not question.platforms or agent.platform in question.platforms)


def without_rows(answer: QueryAnswer) -> QueryAnswer:
    """What is kept of an answer by an agent that nobody vouched for: the query, which is proven again here."""
    note = "its agent is not trusted: rows and confidence were left out; run the query to see rows"
    return answer.model_copy(update={"result": None, "confidence": None, "assumptions": [*answer.assumptions, note]})


def brief(linked: list[LinkedTable]) -> list[dict[str, Any]]:
    return [table.model_dump(include={"platform", "schema_group", "table", "score"}) for table in linked[:10]]


def read(model: type[T], outcome: Outcome, findings: Findings) -> T | None:
    """The outcome's output as `model`; None, with the reason in `missing`, when it failed or is not of that shape."""
    if outcome.problem:
        findings.missing.append(outcome.problem)
        if outcome.problem.code == BudgetExceeded.code:
            findings.spent = outcome.problem
        return None
    try:
        return model.heard(outcome.output)
    except ValidationError as error:
        nonsense = AgentUnavailable(f"agent '{outcome.agent}' answered no {model.__name__}: {first_problem(error)}")
        findings.missing.append(problem_detail(nonsense, instance=outcome.agent))
        return None


def plan_by_links(findings: Findings) -> Plan:
    """Without the planner: the platform whose table fits best, and every knowledge agent."""
    steps = [
        Step(agent=one.agent, skill="search", reason="the planner gave no plan; every knowledge agent is asked")
        for one in findings.available
        if one.skill == "search"
    ]
    for table in findings.linked[:1]:
        steps += [
            Step(agent=one.agent, skill="query", reason=f"the planner gave no plan; {table.table} fits best")
            for one in findings.available
            if one.platform == table.platform
        ]
    return Plan(steps=steps)


def plan_alone(question: Question, findings: Findings) -> Plan:
    """Without a planner: the agent that the question names, else those whose tables were linked."""
    if not question.agent:
        return plan_by_links(findings)
    return Plan(steps=[Step(agent=question.agent, skill="query", reason="it was asked for by name")])


def checked(plan: Plan, findings: Findings) -> Plan:
    """The plan's steps that exist in the registry; the others are named in `missing`."""
    usable = {(one.agent, one.skill) for one in findings.available}
    for step in plan.steps:
        if (step.agent, step.skill) not in usable:
            unknown = AgentUnavailable(f"the plan names '{step.agent}.{step.skill}', which no available agent offers")
            findings.missing.append(problem_detail(unknown, instance="planner"))
    return Plan(steps=[step for step in plan.steps if (step.agent, step.skill) in usable], notes=plan.notes)


def _asked(one: Clarification) -> str:
    return f"{one.question} ({', '.join(one.options)})" if one.options else one.question


def merged(clarifications: list[Clarification]) -> Clarification:
    options = [option for one in clarifications for option in one.options]
    return Clarification(question=clarifications[0].question, options=list(dict.fromkeys(options)))


def verdict(findings: Findings) -> tuple[JourneyStatus, ProblemDetail | None]:
    if any(answer.proof.verdict != "rejected" for answer in findings.answers):
        return "completed", None
    if findings.spent:
        return "failed", findings.spent
    if findings.answers:
        first = next(iter(findings.answers[0].proof.problems), None)
        reason = first.message if first else "its proof failed"
        suggestion = first.suggestion if first else None
        return "failed", problem_detail(QueryRejected(f"no query could be proven: {reason}", suggestion=suggestion))
    if not findings.clarifications and findings.missing:
        return "failed", findings.missing[0]
    if not findings.clarifications:
        tables = [f"{table.table} ({table.schema_group})" for table in findings.linked[:3]]
        findings.clarifications.append(
            Clarification(question="No table is near this question. Which data do you mean?", options=tables)
        )
    return "needs_clarification", None
