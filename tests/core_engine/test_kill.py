"""kill -9 in mid-journey: at the next start the journey ends by itself, and no answered model call is made twice."""

from __future__ import annotations

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama

pytestmark = pytest.mark.load

QUESTION = "How many orders are open?"
WRONG = "SELECT count(*) AS orders FROM orders WHERE zzyzx = 'open'"
RIGHT = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"


class DiesAtTheSecondCall:
    """Answers the first chat with a query that can't be bound; the second waits until the process is gone."""

    def __init__(self) -> None:
        self.second_call = threading.Event()
        self.process_gone = threading.Event()
        self.chats = 0

    def __call__(self, body: dict[str, Any]) -> str:
        self.chats += 1
        if self.chats == 1:
            return WRONG
        if self.chats == 2:
            self.second_call.set()
            self.process_gone.wait()
        return RIGHT


def test_a_journey_killed_in_the_middle_ends_after_the_restart(tmp_path: Path, scripted_ollama: ScriptedOllama) -> None:
    script = DiesAtTheSecondCall()
    scripted_ollama.reply = script
    lexiquery = Command(tmp_path, scripted_ollama.url)
    lexiquery.import_shop()

    with lexiquery.server() as server:
        started = server.client.post("/api/v1/query", json={"question": QUESTION}, headers={"Prefer": "respond-async"})
        journey_id = started.json()["journey_id"]
        assert script.second_call.wait(120)
        server.kill()
    script.process_gone.set()
    with lexiquery.server() as server:
        answer = server.wait_for(journey_id)
        calls = server.client.get("/api/v1/cost/calls", params={"journey_id": journey_id}).json()

    assert answer["status"] == "completed"
    assert answer["answers"][0]["result"]["rows"] == [[2]]
    times_sent = Counter(json.dumps(body["messages"]) for body in scripted_ollama.chats)
    assert sorted(times_sent.values()) == [1, 2], "only the call that was under way is made again"
    chats = [call["status"] for call in calls if call["operation"] == "chat"]
    assert sorted(chats) == ["lost", "success", "success"]
    embedded = Counter(json.dumps(body["input"]) for body in scripted_ollama.embeds)
    assert set(embedded.values()) == {1}


def test_a_server_that_is_told_to_end_closes_and_its_journey_goes_on_later(
    tmp_path: Path, scripted_ollama: ScriptedOllama
) -> None:
    script = DiesAtTheSecondCall()
    scripted_ollama.reply = script
    lexiquery = Command(tmp_path, scripted_ollama.url)
    lexiquery.import_shop()
    with lexiquery.server() as server:
        started = server.client.post("/api/v1/query", json={"question": QUESTION}, headers={"Prefer": "respond-async"})
        journey_id = started.json()["journey_id"]
        assert script.second_call.wait(120)
        server.process.terminate()
        assert server.process.wait(60) == 0
    assert not (tmp_path / "data" / "server.json").exists()
    script.process_gone.set()
    with lexiquery.server() as server:
        answer = server.wait_for(journey_id)
        calls = server.client.get("/api/v1/cost/calls", params={"journey_id": journey_id}).json()
    assert answer["status"] == "completed"
    assert sorted(call["status"] for call in calls if call["operation"] == "chat") == [
        "cancelled",
        "success",
        "success",
    ]


def test_who_waits_at_a_server_that_is_told_to_end_is_told_where_the_answer_will_be(
    tmp_path: Path, scripted_ollama: ScriptedOllama
) -> None:
    script = DiesAtTheSecondCall()
    scripted_ollama.reply = script
    lexiquery = Command(tmp_path, scripted_ollama.url)
    lexiquery.import_shop()
    with lexiquery.server() as server, ThreadPoolExecutor(2) as waiting:
        asked = waiting.submit(server.client.post, "/api/v1/query", json={"question": QUESTION})
        assert script.second_call.wait(120)
        [running] = server.client.get("/api/v1/journeys").json()
        journey_id = running["journey_id"]
        watched = waiting.submit(server.client.get, f"/api/v1/journeys/{journey_id}/events")
        server.process.terminate()
        told, events = asked.result(), watched.result()
        assert server.process.wait(60) == 0
    script.process_gone.set()
    assert (told.status_code, told.json()["code"]) == (503, "server_stopping")
    assert f"GET /api/v1/journeys/{journey_id}" in told.json()["suggestion"]
    assert "event: stage" in events.text
    assert "event: answer" not in events.text
    assert "Traceback" not in (tmp_path / "server.log").read_text()
    with lexiquery.server() as server:
        assert server.wait_for(journey_id)["status"] == "completed"
