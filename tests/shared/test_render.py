"""An answer as text: everything that is there, nothing that is not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.models import (
    Answer,
    Check,
    Clarification,
    JourneyCostSummary,
    KnowledgeHit,
    Plan,
    Problem,
    ProblemDetail,
    Proof,
    QueryAnswer,
    Rows,
    Step,
)
from shared.render import render_answer, render_cost, render_hits, render_proof, render_rows

NO_CALLS: dict[str, Any] = {
    "journey_id": "j1", "calls": 0, "failed_calls": 0, "prompt_tokens": None, "completion_tokens": None,
    "seconds": 0.0, "cost": None, "unpriced_calls": 0, "uncounted_calls": 0,
}  # fmt: skip
TWO_CALLS = {
    **NO_CALLS,
    "calls": 2,
    "prompt_tokens": 811,
    "completion_tokens": 64,
    "seconds": 3.21,
    "unpriced_calls": 2,
}


def cost(**fields: Any) -> JourneyCostSummary:
    return JourneyCostSummary(**{**TWO_CALLS, **fields})


def answer(**fields: Any) -> Answer:
    fixed = {"journey_id": "j1", "status": "completed", "question": "Failures?", "plan": Plan(steps=[]), "cost": cost()}
    return Answer.model_validate({**fixed, **fields})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "2 model calls, 811 prompt + 64 completion tokens, 3.2 s; cost unknown: no price for 2 of 2 calls"),
        (
            {"calls": 1, "unpriced_calls": 0, "cost": 0.00123, "currency": "EUR"},
            "1 model call, 811 prompt + 64 completion tokens, 3.2 s; cost 0.00123 EUR",
        ),
        (
            {"unpriced_calls": 0, "cost": 2.437e-06, "currency": "EUR"},
            "2 model calls, 811 prompt + 64 completion tokens, 3.2 s; cost 2.437e-06 EUR",
        ),
        (
            {"unpriced_calls": 0, "cost": 0.0, "currency": "EUR"},
            "2 model calls, 811 prompt + 64 completion tokens, 3.2 s; cost 0.0000 EUR",
        ),
        (
            {"cost": 0.5, "currency": "USD", "unpriced_calls": 1, "failed_calls": 1},
            "2 model calls (1 failed), 811 prompt + 64 completion tokens, 3.2 s; "
            "cost 0.5000 USD, no price for 1 of 2 calls",
        ),
        (
            {"prompt_tokens": None, "completion_tokens": None, "uncounted_calls": 2},
            "2 model calls, tokens unknown, 3.2 s; cost unknown: no price for 2 of 2 calls",
        ),
        (
            {"completion_tokens": None, "uncounted_calls": 1},
            "2 model calls, 811 prompt + unknown completion tokens (without 1 uncounted), 3.2 s; "
            "cost unknown: no price for 2 of 2 calls",
        ),
        (NO_CALLS, "no model calls"),
    ],
)
def test_the_cost_line_says_what_is_unknown(fields: dict[str, Any], text: str) -> None:
    assert render_cost(cost(**fields)) == text


def test_a_whole_answer_reads_from_question_to_cost() -> None:
    proof = Proof.of(
        [
            Check(name="parse", status="passed", prover="kusto"),
            Check(name="cost", status="skipped", prover="duckdb", detail="no rows"),
        ]
    )
    query = QueryAnswer(
        platform="kql", schema_group="ops_logs", query="SigninLogs\n| count", explanation="Counts sign-ins.",
        assumptions=["'failed' means ResultType != 0"], confidence=0.9, route="sql", proof=proof,
        result=Rows(columns=["Count"], rows=[[42]]),
    )  # fmt: skip
    plan = Plan(steps=[Step(agent="kql", skill="query", reason="named by the user")], notes=["dropped agent 'q'"])
    hit = KnowledgeHit(agent="sop", title="VPN", source="vpn.md", excerpt="Restart\nit.", score=0.714)
    assert render_answer(answer(plan=plan, knowledge=[hit], answers=[query])) == (
        "Failures?\n"
        "journey j1: completed\n\n"
        "Plan:\n"
        "  kql.query: named by the user\n"
        "  note: dropped agent 'q'\n\n"
        "Knowledge:\n"
        "  VPN (vpn.md, 0.71)\n"
        "    Restart it.\n\n"
        "kql on ops_logs (route sql, confidence 0.90)\n"
        "    SigninLogs\n"
        "    | count\n"
        "Counts sign-ins.\n"
        "assumed: 'failed' means ResultType != 0\n"
        "proof: plausible\n"
        "  parse passed (kusto)\n"
        "  cost skipped (duckdb): no rows\n"
        "Count\n"
        "-----\n"
        "42\n"
        "(1 row)\n\n"
        "2 model calls, 811 prompt + 64 completion tokens, 3.2 s; cost unknown: no price for 2 of 2 calls"
    )


def test_what_failed_and_what_is_missing_is_said_with_the_fix() -> None:
    problem = ProblemDetail(
        title="Model unavailable", status=503, detail="no model", code="model_unavailable", suggestion="start Ollama"
    )
    missing = ProblemDetail(
        title="Agent unavailable", status=502, detail="spl did not answer", code="agent_unavailable"
    )
    text = render_answer(answer(status="failed", problem=problem, missing=[missing]))
    assert "journey j1: failed\n\nProblem: model_unavailable: no model; start Ollama" in text
    assert "Missing:\n  agent_unavailable: spl did not answer" in text


def test_what_is_the_problem_too_is_said_once() -> None:
    def lacking(detail: str, agent: str) -> ProblemDetail:
        return ProblemDetail(title="-", status=503, detail=detail, code="model_unavailable", instance=agent)

    problem = lacking("model 'tiny' is not installed", "sop")
    missing = [problem, problem.model_copy(update={"instance": "sql"}), lacking("no disk", "kql")]
    text = render_answer(answer(status="failed", problem=problem, missing=[*missing, lacking("no disk", "spl")]))
    assert text.count("model 'tiny' is not installed") == 1
    assert text.count("Missing:\n  model_unavailable: no disk") == text.count("no disk") == 1
    assert "Missing" not in render_answer(answer(status="failed", problem=problem, missing=missing[:2]))


def test_a_clarification_lists_its_options() -> None:
    asked = Clarification(question="How many of what?", options=["sign-ins", "hosts"])
    text = render_answer(answer(status="needs_clarification", clarification=asked))
    assert "journey j1: needs clarification\n\nPlease say: How many of what?\n  - sign-ins\n  - hosts\n" in text


def test_a_problem_of_a_proof_has_its_place_and_its_fix_once() -> None:
    told = Problem(code="unknown_table", message="unknown table 'A'", line=2, column=3, suggestion="did you mean 'B'?")
    bare = Problem(code="unsafe", message="only reads are allowed")
    text = render_proof(Proof.of([Check(name="bind", status="failed", prover="kusto", problems=[told, bare])]))
    assert text.splitlines() == [
        "proof: rejected",
        "  bind failed (kusto)",
        "    line 2, column 3: unknown table 'A'; did you mean 'B'?",
        "    only reads are allowed",
    ]


def test_rows_are_a_table_cut_at_twenty() -> None:
    text = render_rows(Rows(columns=["host", "note"], rows=[[f"h{n}", "x" * 60 if n else None] for n in range(25)]))
    lines = text.splitlines()
    assert lines[:3] == ["host  note", "----  " + "-" * 40, "h0    null"]
    assert lines[3] == "h1    " + "x" * 37 + "..."
    assert len(lines) == 2 + 20 + 1
    assert lines[-1] == "(20 of 25 rows)"


def test_rows_beyond_the_limit_are_not_counted_as_all() -> None:
    assert render_rows(Rows(columns=["n"], rows=[[1]], truncated=True)).endswith(
        "(first 1; there are more than 1 rows)"
    )
    assert render_rows(Rows(columns=["n", "m"], rows=[])) == "no rows (n, m)"


def test_nothing_found_is_said() -> None:
    assert render_hits([]) == "nothing found"


def test_a_hit_shows_the_steps_that_follow_it() -> None:
    hit = KnowledgeHit(
        agent="sop", title="Disk", source="disk.md", excerpt="2. Look.", score=0.9, next=["3. Repair it."]
    )
    assert render_hits([hit]).endswith("    2. Look.\n    next: 3. Repair it.")


@pytest.mark.parametrize(
    ("confidence", "shown"),
    [(0.12, "(route sql, confidence 0.12: unlikely to be right, check the query)"), (None, "(route sql)")],
)
def test_a_low_confidence_is_called_so(confidence: float | None, shown: str) -> None:
    proof = Proof.of([])
    query = QueryAnswer(
        platform="kql", schema_group="ops_logs", query="SigninLogs", confidence=confidence, route="sql", proof=proof
    )
    assert f"kql on ops_logs {shown}\n" in render_answer(answer(answers=[query]))
