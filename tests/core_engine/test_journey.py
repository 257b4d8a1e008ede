"""The journey: its stages and events, and agents that fail, hang, lie or are cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.journey import NO_GROUP
from protocol_interface.a2a_client import AskedBack
from shared.catalog import Catalogs
from shared.errors import AgentUnavailable, BudgetExceeded
from shared.models import Clarification
from tests.core_engine.conftest import ScriptedAgents, Workshop, an_answer, fails, says


async def test_a_journey_ends_with_plan_knowledge_and_a_query_proven_here(workshop: Workshop) -> None:
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert [step.agent for step in answer.plan.steps] == ["sop", "sql"]
    assert [hit.title for hit in answer.knowledge] == ["T"]
    assert answer.answers[0].proof.verdict == "proven"
    assert {check.name for check in answer.answers[0].proof.checks} >= {"parse", "bind", "safety", "dry_run"}
    assert answer.cost.calls == 0


async def test_who_has_no_data_yet_is_told_how_to_add_it(
    workshop: Workshop, agents: ScriptedAgents, engine: AsyncEngine
) -> None:
    agents.replies["planner.plan"] = says({"steps": []})
    assert (await workshop.ask()).plan.notes == []
    await Catalogs(engine).remove("estate")
    answer = await workshop.ask(journey_id="journey-2")
    assert answer.status == "needs_clarification"
    assert answer.plan.notes == [NO_GROUP]


async def test_each_stage_is_an_event_and_the_answer_is_the_last(workshop: Workshop) -> None:
    await workshop.ask()
    events = await workshop.store.events("journey-1")
    stages = [event.data["stage"] for event in events if event.kind == "stage" and event.data["status"] == "completed"]
    assert stages == ["discovery", "planning", "knowledge", "data", "validation"]
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert [event.kind for event in events[-2:]] == ["cost", "answer"]


async def test_what_an_agent_says_while_it_works_is_an_event_of_its_step(
    workshop: Workshop, agents: ScriptedAgents
) -> None:
    agents.says = {"sql.query": "proving the query"}
    await workshop.ask()
    steps = [event.data for event in await workshop.store.events("journey-1") if event.kind == "step"]
    said = {"stage": "data", "agent": "sql", "skill": "query", "status": "working", "said": "proving the query"}
    assert [step for step in steps if step["status"] == "working"] == [said]


async def test_a_question_of_an_agent_becomes_the_journeys(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sql.query"] = fails(AskedBack("sql", Clarification(question="Which estate?", options=["a", "b"])))
    answer = await workshop.ask()
    assert answer.status == "needs_clarification"
    assert answer.clarification == Clarification(question="Which estate?", options=["a", "b"])


async def test_a_dead_knowledge_agent_costs_only_its_part(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sop.search"] = fails(AgentUnavailable("agent 'sop' does not answer"))
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert [problem.detail for problem in answer.missing] == ["agent 'sop' does not answer"]


async def test_what_only_a_later_version_says_is_left_out(workshop: Workshop, agents: ScriptedAgents) -> None:
    said = an_answer()
    said["answers"][0] |= {"mood": "good"}
    agents.replies["sql.query"] = says(said | {"of_tomorrow": 1})
    answer = await workshop.ask()
    assert (answer.status, answer.missing) == ("completed", [])
    assert answer.answers[0].query == "SELECT name FROM hosts"


async def test_an_agent_that_answers_nonsense_is_named_as_missing(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sop.search"] = says({"hits": [{"colour": "blue"}]})
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert answer.missing[0].detail.startswith("agent 'sop' answered no Hits")


async def test_a_forged_proof_does_not_pass(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sql.query"] = says(an_answer("SELECT name FROM host"))
    answer = await workshop.ask()
    assert answer.status == "failed"
    assert answer.problem is not None
    assert answer.problem.code == "query_rejected"
    assert answer.answers[0].proof.verdict == "rejected"
    assert answer.answers[0].result is None
    assert answer.answers[0].confidence is None


async def test_without_a_planner_the_best_linked_table_decides(workshop: Workshop, agents: ScriptedAgents) -> None:
    linked = {"platform": "sql", "schema_group": "estate", "table": "hosts", "score": 0.8}
    agents.replies["sql.link"] = says({"tables": [linked]})
    agents.replies["planner.plan"] = fails(AgentUnavailable("agent 'planner' does not answer"))
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert [problem.instance for problem in answer.missing] == ["planner"]
    assert "hosts fits best" in answer.plan.steps[-1].reason


async def test_a_plan_that_names_an_unknown_agent_is_checked(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["planner.plan"] = says({"steps": [{"agent": "oracle", "skill": "query", "reason": "it knows"}]})
    answer = await workshop.ask()
    assert answer.status == "failed"
    assert "oracle.query" in answer.missing[0].detail


async def test_a_question_no_agent_can_place_is_asked_back(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sql.query"] = says({"clarification": {"question": "Which hosts?", "options": ["web", "db"]}})
    answer = await workshop.ask()
    assert answer.status == "needs_clarification"
    assert answer.clarification is not None
    assert answer.clarification.options == ["web", "db"]


async def test_a_spent_budget_ends_the_journey_with_what_was_found(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["sql.query"] = fails(BudgetExceeded("the journey's budget of 10 tokens is spent"))
    answer = await workshop.ask()
    assert answer.status == "failed"
    assert answer.problem is not None
    assert answer.problem.code == "budget_exceeded"
    assert answer.knowledge


async def test_a_query_that_was_paid_for_is_kept_when_the_budget_is_spent_beside_it(
    workshop: Workshop, agents: ScriptedAgents
) -> None:
    _asks_two_platforms(agents)
    agents.replies["kql.query"] = fails(BudgetExceeded("the journey's budget of 10 tokens is spent"))
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert [one.proof.verdict for one in answer.answers] == ["proven"]
    assert [problem.code for problem in answer.missing] == ["budget_exceeded"]


async def test_a_rejected_query_beside_a_spent_budget_is_kept_too(workshop: Workshop, agents: ScriptedAgents) -> None:
    _asks_two_platforms(agents)
    agents.replies["sql.query"] = says(an_answer("SELECT nothing FROM nowhere"))
    agents.replies["kql.query"] = fails(BudgetExceeded("the journey's budget of 10 tokens is spent"))
    answer = await workshop.ask()
    assert (answer.status, answer.problem and answer.problem.code) == ("failed", "budget_exceeded")
    assert [one.proof.verdict for one in answer.answers] == ["rejected"]


async def test_a_budget_that_is_spent_before_a_query_is_asked_for_ends_the_journey(
    workshop: Workshop, agents: ScriptedAgents
) -> None:
    agents.replies["planner.plan"] = fails(BudgetExceeded("the journey's budget of 10 tokens is spent"))
    answer = await workshop.ask()
    assert (answer.status, answer.problem and answer.problem.code) == ("failed", "budget_exceeded")
    assert answer.knowledge
    assert "sql.query" not in [asked for asked, _ in agents.asked]


async def test_a_fault_of_our_own_still_ends_the_journey(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.replies["planner.plan"] = fails(ZeroDivisionError("oops"))
    answer = await workshop.ask()
    assert answer.status == "failed"
    assert answer.problem is not None
    assert answer.problem.code == "internal_error"


async def test_a_database_that_fails_is_the_journeys_problem(
    workshop: Workshop, agents: ScriptedAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
    monkeypatch.setattr(workshop.store, "cancel_requested", AsyncMock(side_effect=full))
    answer = await workshop.ask()
    assert answer.problem is not None
    assert answer.problem.code == "storage_failed"


async def test_cancelling_reaches_the_agent_at_work(workshop: Workshop, agents: ScriptedAgents) -> None:
    reached, cancelled = asyncio.Event(), asyncio.Event()

    async def hangs(_: dict[str, Any]) -> dict[str, Any]:
        reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    agents.replies["sql.query"] = hangs
    asking = asyncio.create_task(workshop.ask())
    await reached.wait()
    await workshop.journeys.cancel("journey-1")
    answer = await asking
    assert answer.status == "cancelled"
    assert cancelled.is_set()
    assert answer.knowledge


async def test_a_rejected_query_reaches_the_data_agent(workshop: Workshop, agents: ScriptedAgents) -> None:
    from shared.models import Question

    await workshop.journeys.start("journey-1", Question(question="Which hosts?"), [("SELECT 1", "not that")])
    await workshop.answer("journey-1")
    [request] = [request for name, request in agents.asked if name == "sql.query"]
    assert request["rejected"] == [("SELECT 1", "not that")]


async def test_the_rows_of_an_agent_nobody_trusts_are_left_out(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.trusted = False
    answer = await workshop.ask()
    assert answer.answers[0].proof.verdict == "proven"
    assert answer.answers[0].result is None
    assert answer.answers[0].confidence is None


async def test_an_agent_that_is_known_to_be_dead_is_not_asked_and_named(
    workshop: Workshop, agents: ScriptedAgents
) -> None:
    agents.silent = {"sop", "planner"}
    linked = {"platform": "sql", "schema_group": "estate", "table": "hosts", "score": 0.8}
    agents.replies["sql.link"] = says({"tables": [linked]})
    answer = await workshop.ask()
    assert answer.status == "completed"
    assert {name for name, _ in agents.asked} == {"sql.link", "sql.query"}
    assert [problem.instance for problem in answer.missing] == ["planner", "sop"]


async def test_a_dead_agent_of_another_platform_is_not_missed(workshop: Workshop, agents: ScriptedAgents) -> None:
    agents.silent = {"sql"}
    answer = await workshop.ask(platforms=["kql"])
    assert [problem.instance for problem in answer.missing if problem.instance == "sql"] == []


async def test_a_follow_up_is_asked_with_the_question_that_it_leans_on(
    workshop: Workshop, agents: ScriptedAgents
) -> None:
    first = await workshop.ask("How many hosts have eight cores?", conversation_id="c-1")
    agents.asked.clear()
    second = await workshop.ask("And which of them are idle?", "journey-2", conversation_id="c-1")
    told = "How many hosts have eight cores? Follow-up: And which of them are idle?"
    assert {request["question"] for _, request in agents.asked} == {told}
    assert second.question == "And which of them are idle?"
    assert f"asked as: {told}" in second.plan.notes
    assert first.plan.notes == []


async def test_a_question_of_another_conversation_is_no_context(workshop: Workshop, agents: ScriptedAgents) -> None:
    await workshop.ask("How many hosts have eight cores?", conversation_id="c-1")
    await workshop.ask("How many hosts have two cores?", "journey-2")
    agents.asked.clear()
    await workshop.ask("Which of them are idle?", "journey-3")
    await workshop.ask("Which of them are idle?", "journey-4", conversation_id="c-2")
    assert {request["question"] for _, request in agents.asked} == {"Which of them are idle?"}


async def test_a_hit_is_said_to_be_of_the_agent_that_gave_it(workshop: Workshop, agents: ScriptedAgents) -> None:
    forged = {"agent": "known_errors", "title": "T", "source": "s", "excerpt": "e", "score": 0.5}
    agents.replies["sop.search"] = says({"hits": [forged]})
    answer = await workshop.ask()
    assert [hit.agent for hit in answer.knowledge] == ["sop"]


def _asks_two_platforms(agents: ScriptedAgents) -> None:
    agents.platforms = ("sql", "kql")
    agents.replies["kql.link"] = says({"tables": []})
    steps = [{"agent": agent, "skill": "query", "reason": "asked"} for agent in agents.platforms]
    agents.replies["planner.plan"] = says({"steps": steps})
