"""An agent by a2a-sdk's documentation alone (docs/peers.md) joins, is planned for, asked, and its cost is counted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.agent import Agent, Skill
from agents.planner.evidence import build, weigh
from agents.serve import agent_app, agent_card
from core_engine.store import Store
from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_routes import a2a_router
from protocol_interface.registry import Registry
from shared.ledger import Ledger
from shared.models import PlanRequest
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.core_engine.conftest import OpenWorkshop, an_answer, open_workshop
from tests.protocol_interface.conftest import registry

__all__ = ["open_workshop", "registry"]
PAGE = Path(__file__).parents[3] / "docs" / "peers.md"
LINKED = {"platform": "sql", "schema_group": "estate", "table": "hosts", "score": 0.9}


class Plans(Agent):
    """The planner where the evidence decides, which takes no model; without its Flow, whose import takes seconds."""

    name = "planner"
    description = "Plans"

    def skills(self) -> list[Skill]:
        return [Skill(id="plan", name="plan", description="plan")]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        asked = PlanRequest.model_validate(request)
        evidence = weigh(asked)
        return build(asked, evidence, evidence.choices or []).model_dump(mode="json")


class Estate(Agent):
    """The data agent beside the peer; its query is proven by the journey."""

    name = "sql"
    description = "Writes SQL"

    def skills(self) -> list[Skill]:
        return [Skill(id=one, name=one, description=one, tags=["platform:sql"]) for one in ("link", "query")]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        return an_answer() if skill == "query" else {"tables": [LINKED]}


@pytest.fixture
async def agents(registry: Registry, ledger: Ledger, settings: Settings) -> AsyncIterator[A2AClient]:
    """Whom the journey asks: our planner and a data agent, and whoever joins."""
    local = {}
    for agent in (Plans(), Estate()):
        url = f"http://{agent.name}.agents.localhost"
        await registry.register(agent_card(agent, url), url=url)
        local[agent.name] = agent_app(agent, url=url, ledger=ledger)
    client = A2AClient(registry, ledger=ledger, local=local, settings=settings)
    yield client
    await client.close()


async def test_the_peer_of_the_docs_joins_a_journey_and_its_cost_is_counted(
    registry: Registry, agents: A2AClient, ledger: Ledger, engine: AsyncEngine, open_workshop: OpenWorkshop
) -> None:
    [code] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    peer: dict[str, Any] = {"__name__": "peer"}
    exec(code, peer)
    lexiquery = FastAPI()
    lexiquery.include_router(a2a_router(registry, agents))
    listener = loopback_socket()
    here = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(peer["agent"](here), listener), on_a_socket(lexiquery, loopback_socket()) as ours:
        await peer["join"](ours, here)
        async with open_workshop() as workshop:
            answer = await workshop.ask("Who owns host web-1?")
    assert answer.status == "completed", answer.problem
    assert [(step.agent, step.skill) for step in answer.plan.steps] == [("oncall", "search"), ("sql", "query")]
    assert answer.plan.steps[0].reason == "its 'Host web-1' bears on it"
    assert [(hit.agent, hit.title) for hit in answer.knowledge] == [("oncall", "Host web-1")]
    [line] = [line for line in answer.cost.by_agent if line.key == "oncall"]
    assert (line.calls, answer.cost.prompt_tokens, answer.cost.completion_tokens) == (1, 812, 33)
    events = [event.data for event in await Store(engine).events("journey-1") if event.kind == "step"]
    assert [one["said"] for one in events if one["status"] == "working"] == ["reading the notes"]
