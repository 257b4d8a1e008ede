"""What strangers among the agents can do to a journey: add to it, and not steer it."""

from __future__ import annotations

import pytest

from core_engine.findings import Available, Findings, best_first, ranked
from protocol_interface.product import RegisteredAgent
from shared.models import (
    AvailableAgent,
    Clarification,
    JourneyCostSummary,
    JourneyStatus,
    KnowledgeHit,
    LinkedTable,
    Links,
    Plan,
    Question,
)


def registered(name: str, *, platform: str | None, trusted: bool, healthy: bool | None = None) -> RegisteredAgent:
    return RegisteredAgent(
        id=name,
        name=name,
        description="",
        url="http://agent.example",
        version="1",
        skills=[{"id": "query" if platform else "search"}],
        platform=platform,
        trusted=trusted,
        healthy=healthy,
    )


def names(available: Available) -> list[str]:
    return [one.agent for one in available.agents]


def test_a_stranger_is_asked_only_for_what_no_agent_of_ours_does() -> None:
    ours = registered("kql", platform="kql", trusted=True)
    strangers = [registered(name, platform=name[-3:], trusted=False) for name in ("a_kql", "a_spl")]
    library = registered("library", platform=None, trusted=False)
    assert names(Available.of([ours, *strangers, library])) == ["kql", "a_spl", "library"]


def test_a_stranger_stands_in_for_an_agent_of_ours_that_is_dead() -> None:
    ours = registered("kql", platform="kql", trusted=True, healthy=False)
    available = Available.of([ours, registered("other", platform="kql", trusted=False)])
    assert names(available) == ["other"]
    assert [one.agent for one in available.silent] == ["kql"]


def test_a_dead_stranger_is_neither_asked_nor_missed() -> None:
    available = Available.of([registered("other", platform="kql", trusted=False, healthy=False)])
    assert (available.agents, available.silent) == ([], [])


def linking(agent: str, platform: str, *tables: tuple[str, str, float]) -> tuple[AvailableAgent, Links]:
    links = [LinkedTable(platform=of, schema_group="g", table=table, score=score) for of, table, score in tables]
    one = AvailableAgent(agent=agent, skill="query", description="", platform=platform)
    return one, Links(tables=links)


def test_no_score_puts_a_strangers_table_before_ours() -> None:
    found = [
        linking("other", "spl", ("spl", "bait", 1.0), ("spl", "weak", 0.1)),
        linking("kql", "kql", ("kql", "SigninLogs", 0.6), ("kql", "Hosts", 0.3)),
    ]
    tables = [(one.table, one.score) for one in ranked(found, trusted=["kql"])]
    assert tables == [("SigninLogs", 0.6), ("Hosts", 0.3), ("bait", 0.3), ("weak", 0.1)]


def test_a_strangers_table_ranks_before_those_of_ours_that_have_nothing_to_do_with_the_question() -> None:
    bait = linking("other", "spl", ("spl", "bait", 0.8))
    far, near = ("kql", "Mail", 0.002), ("kql", "Hosts", 0.06)
    alone = ranked([bait, linking("kql", "kql", far)], trusted=["kql"])
    beside = ranked([bait, linking("kql", "kql", near, far)], trusted=["kql"])
    assert [(one.table, one.score) for one in alone] == [("bait", 0.8), ("Mail", 0.002)]
    assert [(one.table, one.score) for one in beside] == [("Hosts", 0.06), ("bait", 0.06), ("Mail", 0.002)]


def test_an_agent_speaks_for_its_own_platform_only() -> None:
    found = [linking("spl", "spl", ("kql", "SigninLogs", 1.0), ("spl", "web", 0.4))]
    assert [one.table for one in ranked(found, trusted=["spl"])] == ["web"]


def test_no_score_puts_a_strangers_passage_before_ours() -> None:
    hits = [KnowledgeHit(agent=agent, title="t", source="s", excerpt="e", score=score) for agent, score in SCORES]
    assert [hit.agent for hit in best_first(hits, trusted=["sop", "known_errors"])] == ["known_errors", "sop", "other"]


SCORES = [("other", 1.0), ("sop", 0.2), ("known_errors", 0.7)]


ASKED = "an agent asked back, and gave no answer: "


@pytest.mark.parametrize(
    ("status", "asked", "notes"),
    [
        ("completed", [], ["n"]),
        ("completed", [("Which user?", ["Upn", "Id"])], ["n", f"{ASKED}Which user? (Upn, Id)"]),
        ("completed", [("When?", []), ("When?", [])], ["n", f"{ASKED}When?"]),
        ("needs_clarification", [("Which user?", [])], ["n"]),
    ],
)
def test_what_one_agent_asks_is_told_beside_the_answer_of_another(
    status: JourneyStatus, asked: list[tuple[str, list[str]]], notes: list[str]
) -> None:
    questions = [Clarification(question=question, options=options) for question, options in asked]
    findings = Findings(plan=Plan(steps=[], notes=["n"]), clarifications=questions)
    cost = JourneyCostSummary(
        journey_id="j",
        calls=1,
        failed_calls=0,
        prompt_tokens=1,
        completion_tokens=1,
        seconds=1.0,
        cost=None,
        unpriced_calls=1,
        uncounted_calls=0,
    )
    answer = findings.answer("j", Question(question="q"), status, None, cost)
    assert answer.plan.notes == notes
    assert (answer.clarification is None) == (status == "completed")
    assert findings.plan.notes == ["n"]
