"""The HTTP API in this process: real journeys and databases, scripted agents."""

from __future__ import annotations

import asyncio
import csv
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from core_engine import journey as journey_module
from core_engine.bootstrap import LexiQuery
from core_engine.server import build_app
from core_engine.waiting import server_sent
from protocol_interface.product import Event
from shared.calls import CallRecord
from shared.models import Answer
from tests.agents.knowledge.chroma import chroma_served
from tests.agents.scripted_agent import model_call
from tests.agents.serving import loopback_socket, on_a_socket
from tests.core_engine.conftest import ScriptedAgents, an_answer, says
from tests.scripted_ollama import ScriptedOllama

URL = "http://127.0.0.1:8000"
QUESTION = {"question": "Which hosts are there?"}
HOSTS = "SELECT name FROM hosts"


@pytest.fixture
async def http(lexiquery: LexiQuery) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(build_app(lexiquery, URL)), base_url=URL) as client:
        yield client


def problem(response: httpx.Response) -> tuple[int, str, str]:
    body: dict[str, Any] = response.json()
    return response.status_code, body["code"], f"{body['detail']}; {body.get('suggestion')}"


async def test_a_journey_has_the_id_that_its_client_chose(http: httpx.AsyncClient) -> None:
    answered = await http.post("/api/v1/query", json=QUESTION, headers={"X-Journey-ID": "night-report.7"})
    assert answered.headers["x-journey-id"] == answered.json()["journey_id"] == "night-report.7"


async def test_the_same_id_asked_again_is_the_same_journey(http: httpx.AsyncClient, agents: ScriptedAgents) -> None:
    headers = {"X-Journey-ID": "night-report"}
    first = await http.post("/api/v1/query", json=QUESTION, headers=headers)
    asked = len(agents.asked)
    again = await http.post("/api/v1/query", json=QUESTION, headers=headers)
    later = await http.post("/api/v1/query", json=QUESTION, headers={**headers, "Prefer": "respond-async"})
    assert again.json() == first.json()
    assert (later.status_code, later.json()["journey_id"]) == (202, "night-report")
    assert len(agents.asked) == asked
    assert [one["journey_id"] for one in (await http.get("/api/v1/journeys")).json()] == ["night-report"]


async def test_two_who_send_one_id_at_once_get_one_journey(http: httpx.AsyncClient, agents: ScriptedAgents) -> None:
    headers = {"X-Journey-ID": "night-report"}
    first, second = await asyncio.gather(*(http.post("/api/v1/query", json=QUESTION, headers=headers) for _ in "ab"))
    assert first.json() == second.json()
    assert [name for name, _ in agents.asked].count("sql.query") == 1


async def test_who_waits_is_told_that_the_end_cannot_be_stored_and_gets_it_when_it_can(
    http: httpx.AsyncClient, lexiquery: LexiQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journey_module, "FINISH_AGAIN_SECONDS", 0.01)
    headers = {"X-Journey-ID": "night-report"}
    with monkeypatch.context() as disk:
        full = OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))
        disk.setattr(lexiquery.state.store, "end", AsyncMock(side_effect=full))
        told = problem(await http.post("/api/v1/query", json=QUESTION, headers=headers))
        assert told[:2] == (507, "storage_failed")
        assert "database or disk is full" in told[2]
    ended = asyncio.Event()
    store, end = lexiquery.state.store, lexiquery.state.store.end

    async def stored(answer: Answer) -> None:
        await end(answer)
        ended.set()

    monkeypatch.setattr(store, "end", stored)
    await ended.wait()
    assert (await http.post("/api/v1/query", json=QUESTION, headers=headers)).json()["status"] == "completed"


async def test_the_id_of_another_question_is_refused(http: httpx.AsyncClient) -> None:
    headers = {"X-Journey-ID": "night-report"}
    await http.post("/api/v1/query", json=QUESTION, headers=headers)
    refused = await http.post("/api/v1/query", json={"question": "How many hosts?"}, headers=headers)
    status, code, says = problem(refused)
    assert (status, code) == (409, "conflict")
    assert "is for another question: 'Which hosts are there?'" in says


@pytest.mark.parametrize("journey_id", ["", "a b", "../etc", "x" * 37, "-x", "a/b"])
async def test_a_malformed_id_is_refused(http: httpx.AsyncClient, journey_id: str) -> None:
    refused = await http.post("/api/v1/query", json=QUESTION, headers={"X-Journey-ID": journey_id})
    status, code, says = problem(refused)
    assert (status, code) == (422, "invalid_input")
    assert "is no journey id" in says


async def test_without_an_id_the_response_names_the_journey(http: httpx.AsyncClient) -> None:
    answered = await http.post("/api/v1/query", json=QUESTION)
    assert answered.headers["x-journey-id"] == answered.json()["journey_id"]


@pytest.mark.parametrize(("headers", "ends"), [({}, "cancelled"), ({"X-Journey-ID": "mine"}, "completed")])
async def test_a_client_that_leaves_ends_only_a_journey_that_nobody_can_find(
    lexiquery: LexiQuery, agents: ScriptedAgents, headers: dict[str, str], ends: str
) -> None:
    reached, go = asyncio.Event(), asyncio.Event()

    async def waits(_: dict[str, Any]) -> dict[str, Any]:
        reached.set()
        await go.wait()
        return an_answer()

    agents.replies["sql.query"] = waits
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with on_a_socket(build_app(lexiquery, url), listener), httpx.AsyncClient(base_url=url) as client:
        asking = asyncio.create_task(client.post("/api/v1/query", json=QUESTION, headers=headers, timeout=60))
        await reached.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        [journey] = (await client.get("/api/v1/journeys")).json()
        if ends == "completed":
            go.set()
        async with asyncio.timeout(60):
            answer = await lexiquery.product.answer(journey["journey_id"])
    assert answer.status == ends


async def test_a_silent_stream_shows_that_it_lives() -> None:
    go = asyncio.Event()

    async def events() -> AsyncIterator[Event]:
        yield Event(journey_id="j", sequence=1, kind="stage", data={})
        await go.wait()
        yield Event(journey_id="j", sequence=2, kind="answer", data={})

    stream = server_sent(events(), after=1, silence=0.01)
    assert await anext(stream) == ": nothing new\n\n"
    go.set()
    said = [line async for line in stream]
    assert [line.splitlines()[0] for line in said if not line.startswith(":")] == ["id: 2"]


async def test_conversations_are_listed_and_hold_their_journeys(http: httpx.AsyncClient) -> None:
    [first, second] = [(await http.post("/api/v1/conversations")).json()["conversation_id"] for _ in range(2)]
    for question in ("Which hosts are there?", "And which of them are idle?"):
        await http.post("/api/v1/query", json={"question": question, "conversation_id": first})
    listed = (await http.get("/api/v1/conversations")).json()
    assert [(one["conversation_id"], one["question"], one["journeys"]) for one in listed] == [
        (second, None, 0),
        (first, "Which hosts are there?", 2),
    ]
    held = (await http.get(f"/api/v1/conversations/{first}")).json()["journeys"]
    assert [one["question"] for one in held] == ["And which of them are idle?", "Which hosts are there?"]


PARTS: list[tuple[str, str, dict[str, Any]]] = [
    ("glossary", "term", {"term": "big", "meaning": "cores >= 32"}),
    (
        "tables",
        "description",
        {"name": "hosts", "description": "new", "columns": [{"name": "name", "type": "VARCHAR"}]},
    ),
    ("examples", "query", {"question": "Which hosts are there?", "query": HOSTS}),
]


@pytest.mark.parametrize(("part", "field", "item"), PARTS)
async def test_a_part_of_a_catalog_is_replaced(
    http: httpx.AsyncClient, part: str, field: str, item: dict[str, Any]
) -> None:
    before = (await http.get("/api/v1/catalog/estate")).json()
    report = await http.put(f"/api/v1/catalog/estate/{part}", json=[item])
    after = (await http.get("/api/v1/catalog/estate")).json()
    assert (report.status_code, report.json()["refused"]) == (200, [])
    assert [one[field] for one in after[part]] == [item[field]]
    assert {name: value for name, value in after.items() if name != part} == {
        name: value for name, value in before.items() if name != part
    }


async def test_an_example_that_can_not_be_proven_is_refused_with_its_proof(http: httpx.AsyncClient) -> None:
    examples = [{"question": "Which?", "query": HOSTS}, {"question": "Which hots?", "query": "SELECT nam FROM hosts"}]
    report = (await http.put("/api/v1/catalog/estate/examples", json=examples)).json()
    [refused] = report["refused"]
    assert (refused["question"], refused["proof"]["verdict"]) == ("Which hots?", "rejected")
    kept = (await http.get("/api/v1/catalog/estate/examples")).json()
    assert [one["question"] for one in kept] == ["Which?"]


WRONG_PARTS: list[tuple[str, list[dict[str, Any]], str]] = [
    ("relationships", [{"from": "hosts.name", "to": "host.name"}], "did you mean 'hosts.name'?"),
    ("tables", [], "tables: List should have at least 1 item"),
    ("glossary", [{"term": "big"}], "glossary.0.meaning: Field required"),
]


@pytest.mark.parametrize(("part", "items", "says"), WRONG_PARTS)
async def test_a_part_that_can_not_be_used_says_why(
    http: httpx.AsyncClient, part: str, items: list[dict[str, Any]], says: str
) -> None:
    status, code, told = problem(await http.put(f"/api/v1/catalog/estate/{part}", json=items))
    assert (status, code) == (422, "invalid_input")
    assert says in told


async def test_a_part_is_emptied_but_a_group_keeps_its_tables(http: httpx.AsyncClient) -> None:
    await http.put("/api/v1/catalog/estate/glossary", json=[{"term": "big", "meaning": "cores >= 32"}])
    await http.delete("/api/v1/catalog/estate/glossary")
    assert (await http.get("/api/v1/catalog/estate/glossary")).json() == []
    refused = await http.delete("/api/v1/catalog/estate/tables")
    assert problem(refused)[1:] == (
        "invalid_input",
        "schema group 'estate' can't be without tables; DELETE /api/v1/catalog/estate",
    )
    unknown = await http.put("/api/v1/catalog/estat/glossary", json=[])
    assert "did you mean 'estate'?" in problem(unknown)[2]


async def test_a_removed_group_is_gone_with_its_rows(http: httpx.AsyncClient, lexiquery: LexiQuery) -> None:
    rows = lexiquery.state.sandbox.path("estate")
    rows.parent.mkdir(parents=True)
    rows.write_bytes(b"rows")
    assert (await http.delete("/api/v1/catalog/estate")).status_code == 204
    assert (await http.get("/api/v1/catalog/estate")).status_code == 404
    assert not rows.exists()


async def test_a_proven_correction_becomes_an_example(http: httpx.AsyncClient) -> None:
    journey = (await http.post("/api/v1/query", json=QUESTION)).json()["journey_id"]
    corrected = {"journey_id": journey, "rating": -1, "corrected_query": "SELECT name FROM hosts ORDER BY name"}
    taken = (await http.post("/api/v1/feedback", json=corrected)).json()
    assert (taken["learned"], taken["proof"]["verdict"]) == (True, "proven")
    [example] = (await http.get("/api/v1/catalog/estate/examples")).json()
    assert (example["question"], example["query"], example["source"]) == (
        QUESTION["question"],
        corrected["corrected_query"],
        "feedback",
    )
    await http.post("/api/v1/feedback", json={**corrected, "corrected_query": HOSTS})
    [example] = (await http.get("/api/v1/catalog/estate/examples")).json()
    assert example["query"] == HOSTS, "the newest correction of a question stands"


async def test_a_correction_that_can_not_be_proven_is_kept_and_not_learnt(http: httpx.AsyncClient) -> None:
    journey = (await http.post("/api/v1/query", json=QUESTION)).json()["journey_id"]
    corrected = {"journey_id": journey, "corrected_query": "DELETE FROM hosts"}
    taken = await http.post("/api/v1/feedback", json=corrected)
    assert (taken.status_code, taken.json()["learned"], taken.json()["proof"]["verdict"]) == (201, False, "rejected")
    assert (await http.get("/api/v1/catalog/estate/examples")).json() == []


async def test_a_correction_of_a_journey_without_a_query_is_refused(
    http: httpx.AsyncClient, agents: ScriptedAgents
) -> None:
    agents.replies["sql.query"] = says({"clarification": {"question": "Which hosts?"}})
    journey = (await http.post("/api/v1/query", json=QUESTION)).json()["journey_id"]
    refused = await http.post("/api/v1/feedback", json={"journey_id": journey, "corrected_query": HOSTS})
    assert "has no query that could be corrected" in problem(refused)[2]
    assert (await http.post("/api/v1/feedback", json={"journey_id": journey, "rating": 0})).json()["learned"] is False


def call(number: int, **changes: Any) -> CallRecord:
    return model_call(f"c-{number:04}", journey_id="j-1", agent="kql").model_copy(update=changes)


async def test_every_call_is_exported_as_json_lines_and_csv(
    http: httpx.AsyncClient, lexiquery: LexiQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.ledger._PAGE", 2)
    first = call(0)
    for one in (first, call(1, started_at=first.started_at), call(2, started_at=first.started_at)):
        await lexiquery.state.ledger.begin(one)
    await lexiquery.state.ledger.begin(call(3, response='comma, "quote"\nline'))
    lines = (await http.get("/api/v1/cost/export")).text.splitlines()
    found = [CallRecord.model_validate_json(line) for line in lines]
    table = await http.get("/api/v1/cost/export", params={"format": "csv"})
    rows = list(csv.DictReader(table.text.splitlines(keepends=True)))
    assert [one.id for one in found] == ["c-0000", "c-0001", "c-0002", "c-0003"]
    assert [row["id"] for row in rows] == [one.id for one in found]
    assert next(row["response"] for row in rows if row["id"] == "c-0003") == 'comma, "quote"\nline'
    assert (await http.get("/api/v1/cost/export", params={"format": "xml"})).status_code == 422


async def test_every_route_is_documented(http: httpx.AsyncClient) -> None:
    page = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")
    routes = {
        (method.upper(), path)
        for path, methods in (await http.get("/openapi.json")).json()["paths"].items()
        for method in methods
    }
    told = {
        (method, path) for methods, path in re.findall(r"`([A-Z, ]+) (/[^`]*)`", page) for method in methods.split(", ")
    }
    assert routes == told


async def test_the_page_of_the_api_loads_nothing(http: httpx.AsyncClient) -> None:
    page = (await http.get("/docs")).text
    assert "/api/v1/journeys/{journey_id}/events" in page
    assert [mark for mark in ("<script", "//", "src=", "@import") if mark in page] == []
    assert "<code>Prefer: respond-async</code>" in page


async def test_a_body_that_is_not_json_is_said_to_be_none(http: httpx.AsyncClient) -> None:
    answer = await http.post("/api/v1/query", content=b'{"question": x}', headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["detail"].startswith("the body is not JSON: ")
    assert answer.json()["detail"].endswith(" at character 13")


async def test_readiness_knows_a_model_by_its_name_without_a_tag(
    http: httpx.AsyncClient, lexiquery: LexiQuery, scripted_ollama: ScriptedOllama
) -> None:
    assert lexiquery.state.settings.model == "tiny"
    assert "tiny" not in scripted_ollama.models
    assert (await http.get("/ready")).json()["status"] == "ready"
    scripted_ollama.models.clear()
    assert problem(await http.get("/ready"))[:2] == (503, "model_unavailable")


async def test_readiness_says_whether_the_chroma_server_is_away(
    http: httpx.AsyncClient, lexiquery: LexiQuery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "vectors" not in (await http.get("/ready")).json()
    with loopback_socket() as listener:
        port = listener.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}", f"127.0.0.1:{port}", "http://127.0.0.1:port"):
        monkeypatch.setattr(lexiquery.state.settings, "chroma_url", url)
        answer = (await http.get("/ready")).json()
        assert (answer["status"], answer["vectors"]) == ("ready", "away")
    monkeypatch.setattr(lexiquery.state.settings, "chroma_url", f"127.0.0.1:{port}")
    with chroma_served(tmp_path, port):
        assert (await http.get("/ready")).json()["vectors"] == "ready"
