"""What a journey has found so far, how an agent's outcome is read into it, and the verdict at its end."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from shared.errors import AgentUnavailable, QueryRejected, problem_detail
from shared.models import (
    AvailableAgent,
    Clarification,
    JourneyStatus,
    KnowledgeHit,
    LinkedTable,
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
    """What a journey has found so far; its answer is made of this, however far it came."""

    available: list[AvailableAgent] = []
    trusted: list[str] = []
    linked: list[LinkedTable] = []
    plan: Plan = Plan(steps=[])
    knowledge: list[KnowledgeHit] = []
    answers: list[QueryAnswer] = []
    clarifications: list[Clarification] = []
    missing: list[ProblemDetail] = []


def wanted(agent: AvailableAgent, question: Question) -> bool:
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
        return None
    try:
        return model.model_validate(outcome.output)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        nonsense = AgentUnavailable(f"agent '{outcome.agent}' answered no {model.__name__}: {place}: {first['msg']}")
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


def checked(plan: Plan, findings: Findings) -> Plan:
    """The plan's steps that exist in the registry; the others are named in `missing`."""
    usable = {(one.agent, one.skill) for one in findings.available}
    for step in plan.steps:
        if (step.agent, step.skill) not in usable:
            unknown = AgentUnavailable(f"the plan names '{step.agent}.{step.skill}', which no available agent offers")
            findings.missing.append(problem_detail(unknown, instance="planner"))
    return Plan(steps=[step for step in plan.steps if (step.agent, step.skill) in usable], notes=plan.notes)


def merged(clarifications: list[Clarification]) -> Clarification:
    options = [option for one in clarifications for option in one.options]
    return Clarification(question=clarifications[0].question, options=list(dict.fromkeys(options)))


def verdict(findings: Findings) -> tuple[JourneyStatus, ProblemDetail | None]:
    if any(answer.proof.verdict != "rejected" for answer in findings.answers):
        return "completed", None
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
