"""A query that was tried for a question, and what its proof says is left to mend."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from shared.llm.providers.base import Likelihood
from shared.models import Problem, Proof


@dataclass(frozen=True)
class Attempt:
    """A query with its proof. notes: what was mended, in words; repairs: model calls after the first on its route;
    calls: of the model for the question, on all routes; missing: what it only calls as the question does, and the group
    has not; lacks: a form that leaves out some of the question; likelihood: of what the model wrote it as, None where
    that isn't known; fault: what was wrong with that answer, as Draft has it."""

    query: str
    proof: Proof
    route: str
    notes: tuple[str, ...] = ()
    repairs: int = 0
    calls: int = 0
    missing: tuple[str, ...] = ()
    lacks: bool = False
    likelihood: Likelihood | None = None
    fault: Problem | None = None

    @property
    def rejected(self) -> bool:
        return self.proof.verdict == "rejected"


@dataclass
class Course:
    """What was tried for one question in one language. tried: attempts by their forms (`Platform.normalise`); seen:
    forms of what the model wrote; calls: of the model so far."""

    tried: dict[str, Attempt] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    calls: int = 0


def with_fault(attempt: Attempt) -> Attempt:
    """A rejected attempt whose first problem says that the model gave no answer: what provers say of it follows."""
    fault = attempt.fault
    first = next((check for check in attempt.proof.checks if check.status == "failed"), None)
    if fault is None or first is None:
        return attempt
    told = first.model_copy(update={"problems": [fault, *first.problems]})
    checks = [told if check is first else check for check in attempt.proof.checks]
    return replace(attempt, proof=attempt.proof.model_copy(update={"checks": checks}))


def passed(proof: Proof) -> int:
    return sum(check.status == "passed" for check in proof.checks)


def problems_of(attempt: Attempt, refused: str | None) -> list[Problem]:
    """What the model must hear: problems of the first failed check (later ones often follow from it), or that the user
    has refused this very query (and why; None where it was not). Empty when there is nothing to mend."""
    if refused is not None:
        reason = refused or "the user did not accept it"
        return [Problem(code="refused", message=f"this query was refused before: {reason}")]
    return next((check.problems for check in attempt.proof.checks if check.status == "failed"), [])
