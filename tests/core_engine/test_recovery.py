"""A journey whose process is gone goes on by itself, behind the last step that was kept."""

from __future__ import annotations

import asyncio

import pytest

from shared.models import Question
from tests.core_engine.conftest import OpenWorkshop, ScriptedAgents, an_answer, hangs, says


async def test_a_journey_goes_on_after_a_restart_without_repeating_a_step(
    open_workshop: OpenWorkshop, agents: ScriptedAgents
) -> None:
    reached = asyncio.Event()
    agents.replies["sql.query"] = hangs(reached)
    async with open_workshop() as workshop:
        await workshop.journeys.start("journey-1", Question(question="Which hosts are there?"), [])
        await reached.wait()
    agents.replies["sql.query"] = says(an_answer())
    async with open_workshop() as workshop:
        answer = await asyncio.wait_for(workshop.answer("journey-1"), 60)
    assert answer.status == "completed"
    asked = [name for name, _ in agents.asked]
    assert asked.count("planner.plan") == 1
    assert asked.count("sql.link") == 1
    assert asked.count("sql.query") == 2


async def test_a_journey_that_died_before_its_workflow_started_is_started(open_workshop: OpenWorkshop) -> None:
    async with open_workshop() as workshop:
        await workshop.store.begin("journey-1", Question(question="Which hosts are there?"), [])
    async with open_workshop() as workshop:
        answer = await asyncio.wait_for(workshop.answer("journey-1"), 60)
    assert answer.status == "completed"


async def test_a_journey_of_another_version_ends_with_a_problem(
    open_workshop: OpenWorkshop, agents: ScriptedAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()
    agents.replies["sql.query"] = hangs(reached)
    async with open_workshop() as workshop:
        await workshop.journeys.start("journey-1", Question(question="Which hosts are there?"), [])
        await reached.wait()
    monkeypatch.setattr("core_engine.journey.WORKFLOW_VERSION", "2")
    async with open_workshop() as workshop:
        answer = await asyncio.wait_for(workshop.answer("journey-1"), 60)
    assert answer.status == "failed"
    assert answer.problem is not None
    assert answer.problem.suggestion == "ask again"
