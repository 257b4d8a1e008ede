"""An agent for PromQL, which nothing here proves, by a2a-sdk's documentation and docs/peers.md alone, at a running
LexiQuery: over MCP and HTTP its query arrives, is called plausible at most, and its cost is on the ledger."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from a2a.helpers import get_data_parts, new_data_part, new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentExtension, AgentInterface, AgentSkill
from google.protobuf.json_format import MessageToDict
from mcp import Client
from starlette.applications import Starlette

from shared.models import Answer, JourneyCostSummary
from tests.agents.serving import loopback_socket, on_a_socket

PAGE = Path(__file__).parents[3] / "docs" / "peers.md"
LINKS, ANSWERS = map(json.loads, re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL))
JOURNEY = "urn:lexiquery:a2a:journey:1"
QUESTION = "How many HTTP requests fail a second?"


class Metrics(AgentExecutor):
    """Answers as the page says, and reports a model call that cost a cent and a quarter."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        assert context.message is not None
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updates = TaskUpdater(event_queue, task.id, task.context_id)
        [asked] = get_data_parts(context.message.parts)
        call: dict[str, Any] = {"id": str(uuid4()), "idempotency_key": str(uuid4()), "agent": "metrics"}
        call |= {"operation": "chat", "purpose": "query", "provider": "vllm", "model": "mistral-7b"}
        call |= {"status": "success", "started_at": datetime.now(UTC).isoformat()}
        call |= {"journey_id": MessageToDict(context.message.metadata)[JOURNEY]["journey_id"]}
        call |= {"prompt_tokens": 640, "completion_tokens": 21, "cost": 0.0125, "currency": "EUR"}
        output, calls = (LINKS, []) if asked["skill"] == "link" else (ANSWERS, [call])
        report = {JOURNEY: {"calls": calls}}
        await updates.add_artifact([new_data_part(output)], metadata=report, extensions=[JOURNEY])
        await updates.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise NotImplementedError("it has answered before anybody could cancel it")


def peer(url: str) -> Starlette:
    card = AgentCard(
        name="metrics",
        description="Writes PromQL for our Prometheus",
        version="1",
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True, extensions=[AgentExtension(uri=JOURNEY)]),
        default_input_modes=["application/json"],
        default_output_modes=["application/json"],
        skills=[
            AgentSkill(id=one, name=one, description="PromQL", tags=["platform:promql"]) for one in ("link", "query")
        ],
    )
    handler = DefaultRequestHandler(Metrics(), InMemoryTaskStore(), card)
    return Starlette(routes=[*create_agent_card_routes(card), *create_jsonrpc_routes(handler, rpc_url="/")])


@pytest.fixture
async def http(running: str) -> AsyncIterator[httpx.AsyncClient]:
    """A connection to a running LexiQuery where the peer has registered."""
    listener = loopback_socket()
    there = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(peer(there), listener), httpx.AsyncClient(base_url=running, timeout=60) as client:
        registered = await client.post("/a2a/agents/register", json={"url": there})
        assert registered.json()["platform"] == "promql"
        yield client


async def holds(answer: Answer, http: httpx.AsyncClient) -> None:
    """The peer's query arrived, is not called proven, and what it cost is on the ledger."""
    assert answer.status == "completed", (answer.plan, answer.clarification)
    assert [(step.agent, step.skill) for step in answer.plan.steps if step.skill == "query"] == [("metrics", "query")]
    [found] = answer.answers
    assert (found.platform, found.query) == ("promql", ANSWERS["answers"][0]["query"])
    assert (found.proof.verdict, {check.status for check in found.proof.checks}) == ("plausible", {"skipped"})
    assert found.proof.checks[0].detail == "unknown platform 'promql' here"
    cost = JourneyCostSummary.model_validate((await http.get(f"/api/v1/cost/journey/{answer.journey_id}")).json())
    assert cost == answer.cost
    [line] = [line for line in cost.by_agent if line.key == "metrics"]
    assert (line.calls, line.prompt_tokens, line.completion_tokens, line.cost) == (1, 640, 21, 0.0125)
    listed = await http.get("/api/v1/cost/calls", params={"journey_id": answer.journey_id, "agent": "metrics"})
    [call] = listed.json()
    assert (call["model"], call["cost"], call["currency"]) == ("mistral-7b", 0.0125, "EUR")


@pytest.mark.parametrize("named", ["metrics", "promql"])
async def test_an_assistant_asks_it_over_mcp(http: httpx.AsyncClient, named: str) -> None:
    async with Client(f"{http.base_url}/mcp") as client:
        assert "query_peer" in [tool.name for tool in (await client.list_tools()).tools]
        result = await client.call_tool("query_peer", {"agent": named, "question": QUESTION})
    assert not result.is_error
    said = result.content[0].text  # type: ignore[union-attr]
    assert ANSWERS["answers"][0]["query"] in said
    assert "proof: plausible" in said
    await holds(Answer.model_validate(result.structured_content), http)


@pytest.mark.parametrize(
    "asked", [{}, {"question": f"{QUESTION[:-1]} in Prometheus?"}, {"platforms": ["promql"]}, {"agent": "metrics"}]
)
async def test_a_question_over_http_is_planned_for_it(http: httpx.AsyncClient, asked: dict[str, object]) -> None:
    answered = await http.post("/api/v1/query", json={"question": QUESTION, **asked})
    await holds(Answer.model_validate(answered.raise_for_status().json()), http)


async def test_a_misspelt_platform_gets_the_nearest_one_also_of_a_peer(http: httpx.AsyncClient) -> None:
    refused = await http.post("/api/v1/query", json={"question": QUESTION, "platforms": ["prom_ql"]})
    assert (refused.status_code, refused.json()["suggestion"]) == (404, "did you mean 'promql'?")
