"""kill -9 at random points under load: what the model servers counted is what the ledger holds, and nothing twice.

Each process has a model server of its own, so every request has a known sender, and a call is known by its process and
its prompt, which holds a question that no other journey has. Then:

1. Every request that came whole has exactly one row, of the process that sent it.
2. Every row that says that a model was asked has its request, but for rows of status `lost`. Such a row is written
   before anything is sent, so a process that dies in between, or while the call waits for its turn, leaves one without
   a request; whether it went out died with the process. So rows - lost <= requests <= rows is as much as any ledger on
   this side of the wire can know, and the rest is exact.
3. A prompt has one row of status `success` at most, a chat's exactly one, and nothing is sent for it afterwards: what
   was answered and written down is never asked, nor billed, again. A prompt is sent again only if the process that sent
   it died before its row said how the call ended; an embedding whose vectors were kept just before that isn't either.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row

from shared.ledger.tables import FAILED
from tests.core_engine.load import Book, Clients, Kill, Life, Lives, lives_on
from tests.core_engine.processes import Command, Server

pytestmark = [pytest.mark.load, pytest.mark.timeout(900)]
SEED = int(os.environ.get("LOAD_SEED") or random.SystemRandom().randrange(1 << 32))


def test_of_200_journeys_no_call_is_missing_on_the_ledger_and_none_is_made_twice(tmp_path: Path) -> None:
    run_load(tmp_path, journeys=200, running=4, starting=2)


def test_the_same_on_postgresql(tmp_path: Path, postgresql: str) -> None:
    run_load(tmp_path, postgresql, journeys=30, running=2, starting=1)


def run_load(folder: Path, database: str | None = None, *, journeys: int, running: int, starting: int) -> None:
    kills = Kill.some(random.Random(SEED), journeys, running=running, starting=starting)
    print(f"LOAD_SEED={SEED}", *kills, sep="\n")
    ids = [f"journey-{number}" for number in range(journeys)]
    lexiquery = Command(folder, "")
    if database:
        lexiquery.environment["LEXIQUERY_DATABASE_URL"] = database
    with Clients(ids) as clients, Lives(lexiquery, clients) as lives, Book(lexiquery) as book:
        importing = lives.prepare()
        for kill in kills:
            lives.until(kill, book)
        model = lives.model()
        with lexiquery.server(OLLAMA_HOST=model.url) as server:
            book.check_owner(server)
            clients.turn_to(server)
            clients.wait()
            while book.running():
                lives_on(server, 0.25)
            print(f"{clients.sent} questions sent for {journeys} journeys")
            check_answers(server, ids)
            rows = book.calls()
            check_calls([importing, *lives.all, Life(server.process.pid, model)], rows)
            check_sums(server, rows)
            check_budget(server, rows)


def check_answers(server: Server, journeys: Sequence[str]) -> None:
    for journey_id in journeys:
        answer = server.client.get(f"/api/v1/journeys/{journey_id}").json()
        assert answer["status"] == "completed", answer
        assert answer["answers"][0]["result"]["rows"] == [[2]]


def check_calls(lives: Sequence[Life], rows: Sequence[Row[Any]]) -> None:
    """The three statements above. rows: first to last."""
    asked = [row for row in rows if row.status != "cached"]
    assert {row.status for row in asked} <= {"success", "lost"}
    assert not any(row.retries for row in asked), "a retry is another request of the same row"
    written = {(row.owner_pid, *prompt(row.operation, json.loads(row.request))): row.status for row in asked}
    requests = [(life.pid, *prompt(path, body)) for life in lives for path, body in life.model.requests]
    came = set(requests)
    print(f"{len(requests)} requests, {len(asked)} rows, {len(written.keys() - came)} of them lost before it was sent")
    assert (len(came), len(written)) == (len(requests), len(asked)), "a process makes a call once"
    assert came <= written.keys(), f"requests without a row: {came - written.keys()}"
    assert {written[key] for key in written.keys() - came} <= {"lost"}
    statuses: dict[tuple[str, str], list[str]] = {}
    for (_, operation, text), status in written.items():
        statuses.setdefault((operation, text), []).append(status)
    for (operation, text), ends in statuses.items():
        assert set(ends[:-1]) <= {"lost"}, f"asked again after it was answered and written down: {text}"
        assert operation == "embeddings" or ends[-1] == "success", text


def prompt(kind: str, body: dict[str, Any]) -> tuple[str, str]:
    """kind: an operation of the ledger, or a path of Ollama's API."""
    if kind in ("chat", "/api/chat"):
        return "chat", json.dumps(body["messages"])
    assert kind in ("embeddings", "/api/embed")
    return "embeddings", json.dumps(body["input"])


def check_sums(server: Server, rows: Sequence[Row[Any]]) -> None:
    """The sums of the days are those over the rows."""
    for by in ("day", "model", "operation", "agent"):
        said = server.client.get("/api/v1/cost/stats", params={"by": by}).json()
        values = {"" if by == "day" else getattr(row, by) for row in rows}
        assert {line["value"]: sums_of(line) for line in said} == {
            value: sums_over([row for row in rows if value in ("", getattr(row, by, ""))]) for value in values
        }


def check_budget(server: Server, rows: Sequence[Row[Any]]) -> None:
    """The day's budget counts what was asked, and holds nothing back any more."""
    asked = [row for row in rows if row.status != "cached" and row.day == rows[-1].day]
    [day] = server.client.get("/api/v1/cost/budgets").json()
    assert (day["calls"], day["held_tokens"]) == (len(asked), 0)
    assert day["tokens"] == sum((row.prompt_tokens or 0) + (row.completion_tokens or 0) for row in asked)


def sums_of(line: dict[str, Any]) -> dict[str, Any]:
    names = ("calls", "failed", "cached", "prompt_tokens", "completion_tokens")
    return {name: line[name] or 0 for name in names} | {"seconds": pytest.approx(line["seconds"])}


def sums_over(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {
        "calls": len(rows),
        "failed": sum(row.status in FAILED for row in rows),
        "cached": sum(row.status == "cached" for row in rows),
        "prompt_tokens": sum(row.prompt_tokens or 0 for row in rows),
        "completion_tokens": sum(row.completion_tokens or 0 for row in rows),
        "seconds": sum(row.total_seconds or 0 for row in rows),
    }
