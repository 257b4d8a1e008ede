"""A journey as a collector sees it: one trace of workflow, agents' tasks and model calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agents.agent import Agent, Skill
from agents.serve import agent_app
from core_engine.bootstrap import LexiQuery
from shared.errors import BudgetExceeded
from shared.ledger.recording import trace_of
from shared.llm.client import Models
from shared.models import Answer, Question
from shared.settings import Settings
from tests.agents.test_serve import URL, asking, in_memory, send
from tests.core_engine.conftest import Reply, ScriptedAgents, an_answer, fails, with_scripted
from tests.otlp_collector import Collector, attributes, collecting
from tests.scripted_ollama import ScriptedOllama

QUESTION = "Which hosts of the secret estate are there?"


class Asking(Agent):
    """Makes a model call of each kind for every task."""

    name, description, default_skill = "sql", "Asks a model", "query"

    def __init__(self, models: Models) -> None:
        self._models = models

    def skills(self) -> list[Skill]:
        return [Skill(id="query", name="query", description="asks a model")]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        await self._models.embed([request["question"]], purpose="link")
        await self._models.chat([{"role": "user", "content": request["question"]}], purpose="derive")
        return an_answer()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


@pytest.fixture
def observed(settings: Settings, scripted_ollama: ScriptedOllama, collector: Collector) -> Settings:
    scripted_ollama.models += ["tiny:latest", "all-minilm:latest"]
    changes = {"model": "tiny", "embedding_model": "all-minilm", "otlp_endpoint": collector.url}
    return settings.model_copy(update={**changes, "ollama_host": scripted_ollama.url})


def served(lexiquery: LexiQuery, journey_id: str) -> Reply:
    """The task as A2A carries it, to an agent that could be in another process."""
    app = agent_app(
        Asking(lexiquery.models), url=URL, ledger=lexiquery.state.ledger, telemetry=lexiquery.state.telemetry
    )

    async def reply(request: dict[str, Any]) -> dict[str, Any]:
        async with in_memory(app) as http:
            await send(http, asking("query", request, journey_id=journey_id))
        return an_answer()

    return reply


async def ask(lexiquery: LexiQuery, journey_id: str, **fields: Any) -> Answer:
    await lexiquery.product.start(Question(question=QUESTION, **fields), journey_id=journey_id)
    return await lexiquery.product.answer(journey_id)


async def test_a_journey_is_one_trace_and_its_time_is_counted(
    observed: Settings, agents: ScriptedAgents, collector: Collector
) -> None:
    async with with_scripted(agents, observed) as lexiquery:
        agents.replies["sql.query"] = served(lexiquery, "j-1")
        conversation = (await lexiquery.state.store.open_conversation()).conversation_id
        answer = await ask(lexiquery, "j-1", conversation_id=conversation, user="grete")
        assert answer.status == "completed"
        agents.replies["sql.query"] = fails(BudgetExceeded("the budget is spent"))
        assert (await ask(lexiquery, "j-2")).status == "failed"
    check_trace([span for span in collector.spans if span.trace_id.hex() == trace_of("j-1")], conversation)
    assert b"secret" not in collector.bodies
    assert b"grete" not in collector.bodies
    points = collector.points("gen_ai.workflow.duration")
    assert [(attributes(one), one.count) for one in points] == [
        ({"gen_ai.workflow.name": "journey"}, 1),
        ({"gen_ai.workflow.name": "journey", "error.type": "budget_exceeded"}, 1),
    ]
    assert list(points[0].explicit_bounds) == [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200]


def check_trace(spans: list[Span], conversation: str) -> None:
    by_start = sorted(spans, key=lambda span: span.start_time_unix_nano)
    workflow, task, *calls = by_start
    assert [span.name for span in by_start] == [
        "invoke_workflow journey",
        "invoke_agent sql",
        "embeddings all-minilm",
        "chat tiny",
    ]
    assert workflow.parent_span_id == b""
    assert task.parent_span_id == workflow.span_id
    assert [call.parent_span_id for call in calls] == [task.span_id] * 2
    assert attributes(workflow)["gen_ai.conversation.id"] == conversation
    assert attributes(workflow)["lexiquery.calls"] == 2
