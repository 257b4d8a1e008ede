"""`lexiquery up` as clients meet it: HTTP, SSE, MCP and A2A on one port, and what it says to bad input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp import Client

from tests.core_engine.processes import Command, Server
from tests.scripted_ollama import ScriptedOllama, scripted_server

QUERY = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
QUESTION = "How many orders are open?"


@pytest.fixture(scope="module")
def ollama() -> Iterator[ScriptedOllama]:
    with scripted_server(QUERY) as server:
        yield server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, ollama: ScriptedOllama) -> Iterator[Server]:
    lexiquery = Command(tmp_path_factory.mktemp("up"), ollama.url)
    lexiquery.import_shop()
    with lexiquery.server() as running:
        yield running


def problem(response: httpx.Response) -> tuple[int, str, str]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    return response.status_code, body["code"], f"{body['detail']}; {body.get('suggestion')}"


def test_a_question_is_answered_with_rows_proof_and_cost(server: Server) -> None:
    answer = server.client.post("/api/v1/query", json={"question": QUESTION}).json()
    assert answer["status"] == "completed"
    [found] = answer["answers"]
    assert found["platform"] == "sql"
    assert found["proof"]["verdict"] == "proven"
    assert found["result"]["rows"] == [[2]]
    assert answer["cost"]["calls"] >= 1
    assert answer["cost"]["cost"] is None, "nobody priced the local model"
    assert answer["missing"] == []


def test_an_asynchronous_question_streams_its_stages(server: Server) -> None:
    headers = {"Prefer": "respond-async"}
    started = server.client.post("/api/v1/query", json={"question": QUESTION}, headers=headers)
    assert started.status_code == 202
    with server.client.stream("GET", f"{started.headers['location']}/events") as events:
        lines = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: ")]
    stages = [
        line["data"]["stage"] for line in lines if line["kind"] == "stage" and line["data"]["status"] == "completed"
    ]
    assert stages == ["discovery", "planning", "knowledge", "data", "validation"]
    assert lines[-1]["data"]["status"] == "completed"
    assert server.client.get(started.headers["location"]).json() == lines[-1]["data"]


def test_every_model_call_of_a_journey_is_on_the_ledger(server: Server, ollama: ScriptedOllama) -> None:
    before = len(ollama.chats)
    answer = server.client.post("/api/v1/query", json={"question": "How many orders were sent?"}).json()
    calls = server.client.get("/api/v1/cost/calls", params={"journey_id": answer["journey_id"]}).json()
    chats = [call for call in calls if call["operation"] == "chat"]
    assert len(chats) == len(ollama.chats) - before
    assert {call["status"] for call in chats} == {"success"}
    summary = server.client.get(f"/api/v1/cost/journey/{answer['journey_id']}").json()
    assert summary == answer["cost"]


def test_a_query_is_proven_and_executed_without_a_model(server: Server, ollama: ScriptedOllama) -> None:
    before = len(ollama.requests)
    request = {"platform": "sql", "schema_group": "shop", "query": QUERY}
    assert server.client.post("/api/v1/prove", json=request).json()["verdict"] == "proven"
    rows = server.client.post("/api/v1/execute", json={**request, "limit": 5}).json()
    assert rows == {"columns": ["orders"], "rows": [[2]], "truncated": False}
    assert len(ollama.requests) == before


def test_a_plan_is_proven_instead_of_a_query(server: Server) -> None:
    target = {"platform": "sql", "schema_group": "shop"}
    plan = {"source": {"kind": "table", "name": "orders"}}
    proof = server.client.post("/api/v1/prove", json={**target, "plan": plan}).json()
    assert proof["verdict"] == "proven"
    assert "FROM orders" in proof["query"]
    assert "query" not in server.client.post("/api/v1/prove", json={**target, "query": QUERY}).json()
    bad = {"source": {"kind": "table"}}
    for given, says in (({}, "either"), ({"query": QUERY, "plan": plan}, "either"), ({"plan": bad}, "plan.source")):
        refused = server.client.post("/api/v1/prove", json={**target, **given})
        assert problem(refused)[:2] == (422, "invalid_input")
        assert says in refused.text


def test_a_destructive_query_is_not_executed(server: Server) -> None:
    request = {"platform": "sql", "schema_group": "shop", "query": "DROP TABLE orders"}
    status, code, _ = problem(server.client.post("/api/v1/execute", json=request))
    assert (status, code) == (422, "query_rejected")


def test_a_runbook_is_uploaded_and_found(server: Server) -> None:
    text = b"# Refund stuck\n\nWhen a refund is stuck, restart the ledger worker and tell the payments team."
    report = server.client.post("/api/v1/procedures/upload", files={"files": ("refunds.md", text)}).json()
    assert report["added"] == ["refunds.md"]
    hits = server.client.post("/api/v1/procedures/search", json={"question": "a refund is stuck"}).json()
    assert hits[0]["source"] == "refunds.md"


@pytest.mark.parametrize(
    ("question", "status", "code", "says"),
    [
        ({"question": "  "}, 422, "invalid_input", "the question is empty"),
        ({"question": "x" * 1_000_000}, 422, "invalid_input", "1000000 characters, the limit is 8000"),
        ({"question": "q", "schema_group": "shpo"}, 404, "not_found", "did you mean 'shop'?"),
        ({"question": "q", "platforms": ["sqll"]}, 404, "not_found", "did you mean 'sql'?"),
        ({"question": "q", "schema_group": "shop", "platforms": ["kql"]}, 422, "invalid_input", "on platform 'sql'"),
        ({"question": "q", "conversation_id": "nope"}, 404, "not_found", "conversation 'nope'"),
        ({"question": "q", "budget": {"tokens": -1}}, 422, "invalid_input", "budget.tokens"),
        ({"questions": "q"}, 422, "invalid_input", "question"),
    ],
)
def test_bad_questions_get_a_problem_that_names_the_thing(
    server: Server, question: dict[str, Any], status: int, code: str, says: str
) -> None:
    found = problem(server.client.post("/api/v1/query", json=question))
    assert found[:2] == (status, code)
    assert says in found[2]


@pytest.mark.parametrize("path", ["journeys/nope", "journeys/nope/events", "cost/journey/nope", "catalog/nope"])
def test_unknown_things_are_problems_too(server: Server, path: str) -> None:
    assert problem(server.client.get(f"/api/v1/{path}"))[:2] == (404, "not_found")


def test_a_journey_that_has_ended_cannot_be_cancelled(server: Server) -> None:
    answer = server.client.post("/api/v1/query", json={"question": QUESTION}).json()
    cancelled = server.client.post(f"/api/v1/journeys/{answer['journey_id']}/cancel")
    assert problem(cancelled)[:2] == (409, "conflict")


def test_a_retry_asks_again_with_the_feedback(server: Server, ollama: ScriptedOllama) -> None:
    answer = server.client.post("/api/v1/query", json={"question": QUESTION}).json()
    path = f"/api/v1/journeys/{answer['journey_id']}/retry"
    again = server.client.post(path, json={"feedback": "orders that wait for payment are open too"}).json()
    assert again["journey_id"] != answer["journey_id"]
    assert "wait for payment" in json.dumps(ollama.chats[-1]["messages"])


def test_conversations_hold_their_journeys_and_feedback_is_taken(server: Server) -> None:
    conversation = server.client.post("/api/v1/conversations").json()["conversation_id"]
    asked = {"question": QUESTION, "conversation_id": conversation}
    journey = server.client.post("/api/v1/query", json=asked).json()["journey_id"]
    held = server.client.get(f"/api/v1/conversations/{conversation}").json()["journeys"]
    assert [one["journey_id"] for one in held] == [journey]
    assert server.client.post("/api/v1/feedback", json={"journey_id": journey, "rating": 1}).status_code == 201


def test_the_agents_are_discovered_by_skill_and_platform(server: Server) -> None:
    found = server.client.get("/a2a/agents/discover", params={"skill": "query", "platform": "spl"}).json()
    assert [agent["name"] for agent in found] == ["spl"]


def test_health_and_readiness(server: Server) -> None:
    assert server.client.get("/health").json() == {"status": "ok"}
    assert server.client.get("/ready").json()["status"] == "ready"


async def test_an_assistant_asks_over_mcp(server: Server) -> None:
    async with Client(f"{server.url}/mcp") as assistant:
        result = await assistant.call_tool("ask", {"question": QUESTION})
    assert result.structured_content is not None
    assert result.structured_content["answers"][0]["result"]["rows"] == [[2]]


def test_a_peer_finds_the_agent_card(server: Server) -> None:
    card = server.client.get("/.well-known/agent-card.json").json()
    assert {skill["id"] for skill in card["skills"]} == {"answer_question", "prove_query", "search_procedures"}


def test_commands_use_the_server_that_owns_the_data(server: Server) -> None:
    answer = Command(server.folder, "http://127.0.0.1:1").json("ask", QUESTION)
    assert answer["answers"][0]["result"]["rows"] == [[2]]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Host": "evil.example"}, 421, "wrong_host"),
        ({"Origin": "http://evil.example"}, 403, "foreign_origin"),
        ({"Origin": "null"}, 403, "foreign_origin"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/conversations", "/a2a/agents/register", "/api/v1/procedures/upload", "/mcp"])
def test_a_web_page_of_another_site_is_kept_out(
    server: Server, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    assert problem(server.client.post(path, headers=headers))[:2] == (status, code)


@pytest.mark.parametrize("body", [rb'{"question": "\ud800"}', rb'{"question": "q", "platforms": ["\ud800"]}'])
def test_text_that_is_no_unicode_is_bad_input(server: Server, body: bytes) -> None:
    broken = server.client.post("/api/v1/query", content=body, headers={"content-type": "application/json"})
    status, code, says = problem(broken)
    assert (status, code) == (422, "invalid_input")
    assert "surrogate" in says
