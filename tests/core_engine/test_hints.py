"""What knowledge agents tell a journey beside passages."""

from __future__ import annotations

from typing import Any

from core_engine.findings import Findings, Outcome, keep_hits
from shared.models import KnowledgeHint

HINT = KnowledgeHint(kind="term", subject="late order", text="over 72 hours", source="shipping.md, step 2")
HIT = {"agent": "x", "title": "Shipping", "source": "shipping.md", "excerpt": "e", "score": 0.9}


def output(**more: Any) -> dict[str, Any]:
    return {"hits": [HIT], "hints": [HINT.model_dump()], **more}


def test_hits_are_kept_of_every_agent_and_hints_of_those_that_are_trusted() -> None:
    findings = Findings(trusted=["sop"])
    keep_hits([Outcome(agent="stranger", output=output())], findings)
    assert ([hit.agent for hit in findings.knowledge], findings.hints) == (["stranger"], [])
    keep_hits([Outcome(agent="sop", output=output())], findings)
    assert ([hit.agent for hit in findings.knowledge], findings.hints) == (["stranger", "sop"], [HINT])


def test_a_hint_is_kept_once_and_one_of_another_form_is_a_missing_answer() -> None:
    findings = Findings(trusted=["sop"])
    keep_hits([Outcome(agent="sop", output=output())] * 2, findings)
    assert findings.hints == [HINT]
    keep_hits(
        [Outcome(agent="sop", output=output(hints=[{"kind": "condition", "subject": "x", "source": "y"}]))], findings
    )
    assert (findings.hints, [one.instance for one in findings.missing]) == ([HINT], ["sop"])
