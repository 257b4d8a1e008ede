"""An agent as an A2A server, met by the SDK's own client: in memory and over a socket, protocols 1.0 and 0.3."""

from __future__ import annotations

import asyncio
import os
import platform
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.helpers import get_data_parts, get_message_text, new_data_message, new_text_message
from a2a.types import CancelTaskRequest, Message, Role, SendMessageRequest, Task, TaskState
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from agents.serve import agent_app, run_agent_server
from shared.a2a.tasks import KeptTask
from shared.a2a.tasks import schema as tasks_schema
from shared.a2a.wire import EXTENSION, error_from, metadata_of, output_of
from shared.database import create_tables
from shared.errors import InvalidInput, LexiQueryError, NotFound, StorageFailed
from shared.ledger import Ledger
from shared.process import process_started
from tests.agents.scripted_agent import COUNTED, ScriptedAgent
from tests.agents.serving import loopback_socket

URL = "http://scripted.agents.localhost"
KEY = "a key of the test"
FAILED, COMPLETED = TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_COMPLETED


@asynccontextmanager
async def in_memory(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=httpx.ASGITransport(app)) as http:
        yield http


async def send(http: httpx.AsyncClient, message: Message, *, binding: str = "JSONRPC", version: str = "1.0") -> Task:
    """What the SDK's client gets for a message, over one of the card's interfaces."""
    card = await A2ACardResolver(http, URL).get_agent_card()
    offered = card.supported_interfaces
    wanted = [one for one in offered if (one.protocol_binding, one.protocol_version) == (binding, version)]
    del card.supported_interfaces[:]
    card.supported_interfaces.extend(wanted)
    config = ClientConfig(streaming=False, httpx_client=http, supported_protocol_bindings=[binding])
    client = ClientFactory(config).create(card)
    async for response in client.send_message(SendMessageRequest(message=message)):
        return response.task
    raise AssertionError("no answer")


def asking(skill: str, given: Any, **metadata: Any) -> Message:
    message = new_data_message({"skill": skill, "input": given}, role=Role.ROLE_USER)
    if metadata:
        message.extensions.append(EXTENSION)
        message.metadata.update({EXTENSION: metadata})
    return message


def output(task: Task) -> dict[str, Any] | None:
    [artifact] = task.artifacts
    return output_of(artifact.parts)


@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_a_skill_answers_over_each_binding_and_version(binding: str, version: str) -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking("echo", {"table": "T"}), binding=binding, version=version)
    assert task.status.state == COMPLETED
    assert output(task) == {"table": "T"}


async def test_numbers_come_back_exactly_as_the_agent_gave_them() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking("count", {}))
    answered = output(task) or {}
    assert answered["rows"] == [COUNTED]
    assert [type(value) for value in answered["rows"][0]] == [type(value) for value in COUNTED]


async def test_a_client_that_reads_only_data_parts_finds_the_output() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking("echo", {"n": 1}))
    assert get_data_parts(task.artifacts[0].parts) == [{"n": 1.0}]


async def test_the_card_says_what_the_agent_does_and_where() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        card = await A2ACardResolver(http, URL).get_agent_card()
    assert card.name == "scripted"
    assert card.skills[0].id == "echo"
    assert "platform:kql" in card.skills[0].tags
    assert [extension.uri for extension in card.capabilities.extensions] == [EXTENSION]
    assert {one.protocol_version for one in card.supported_interfaces} == {"1.0", "0.3"}
    assert all(one.url.startswith(URL) for one in card.supported_interfaces)


async def test_plain_text_is_a_question_for_the_default_skill() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, new_text_message("How many?", role=Role.ROLE_USER))
    assert output(task) == {"question": "How many?"}


MISTAKES: list[tuple[Message, type[LexiQueryError], str]] = [
    (asking("miss", {"table": "SigninLog"}), NotFound, "unknown table 'SigninLog'; did you mean 'SigninLogs'?"),
    (asking("ecko", {}), InvalidInput, "agent 'scripted' has no skill 'ecko'; did you mean 'echo'?"),
    (asking("search", {"limit": 3}), InvalidInput, "search: question: Field required"),
    (asking("echo", [1]), InvalidInput, "the data part's input is no object but [1]"),
    (new_data_message({"table": "T"}, role=Role.ROLE_USER), InvalidInput, "the data part names no skill"),
    (asking("echo", {}, budget={"tokens": -1}), InvalidInput, "metadata budget: tokens: Input should be greater"),
    (asking("echo", {}, journey_id=7), InvalidInput, "metadata journey_id is no text but 7"),
]


@pytest.mark.parametrize(("message", "cls", "says"), MISTAKES)
async def test_a_mistake_comes_back_as_the_same_error(message: Message, cls: type[LexiQueryError], says: str) -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, message)
    assert task.status.state == FAILED
    error = error_from(task.status.message, "scripted")
    assert type(error) is cls
    assert str(error).startswith(says)


@pytest.mark.parametrize(("skill", "fault"), [("break", "KeyError"), ("lie", "TypeError")])
async def test_a_fault_names_its_kind_and_keeps_its_secrets(skill: str, fault: str) -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking(skill, {}))
    [problem] = get_data_parts(task.status.message.parts)
    assert problem["code"] == "internal_error"
    assert problem["message"] == f"agent 'scripted' failed with {fault}; its log has more"
    assert "secret" not in get_message_text(task.status.message)


class OnAFullDisk(ScriptedAgent):
    async def _echo(self, request: dict[str, Any]) -> dict[str, Any]:
        raise OperationalError("INSERT", {}, sqlite3.OperationalError("database or disk is full"))


async def test_a_full_disk_is_said_to_be_one() -> None:
    async with in_memory(agent_app(OnAFullDisk(), url=URL)) as http:
        task = await send(http, asking("echo", {}))
    error = error_from(task.status.message, "scripted")
    assert type(error) is StorageFailed
    assert "database or disk is full" in error.message


async def test_the_agent_knows_who_asks() -> None:
    who = {"journey_id": "j-1", "parent_call_id": "c-1", "budget": {"tokens": 100}}
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking("who", {}, **who))
    seen = {**who, "agent": "scripted", "budget": {"tokens": 100, "seconds": None, "calls": None, "money": None}}
    assert output(task) == seen


async def test_a_peer_without_a_journey_gets_its_context_as_one() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL)) as http:
        task = await send(http, asking("who", {}))
    answered = output(task)
    assert answered is not None
    assert answered["journey_id"] == task.context_id


async def test_the_calls_of_a_task_are_reported_without_their_texts(ledger: Ledger) -> None:
    app = agent_app(ScriptedAgent(ledger=ledger), url=URL, ledger=ledger)
    async with in_memory(app) as http:
        await send(http, asking("call_model", {"call": "earlier"}, journey_id="j-1"))
        task = await send(http, asking("call_model", {"call": "c-1"}, journey_id="j-1"))
    [call] = metadata_of(task.artifacts[0])[EXTENSION]["calls"]
    assert (call["id"], call["prompt_tokens"], call["journey_id"]) == ("c-1", 12, "j-1")
    assert not {"request", "response"} & call.keys()


async def test_a_failed_task_reports_its_calls_too(ledger: Ledger) -> None:
    app = agent_app(ScriptedAgent(ledger=ledger), url=URL, ledger=ledger)
    async with in_memory(app) as http:
        task = await send(http, asking("call_model", {"call": "c-1", "then_fail": True}, tags=["t"]))
    assert task.status.state == FAILED
    [call] = metadata_of(task.status.message)[EXTENSION]["calls"]
    assert call["id"] == "c-1"


async def test_cancelling_a_task_cancels_the_run() -> None:
    agent = ScriptedAgent()
    async with in_memory(agent_app(agent, url=URL)) as http:
        card = await A2ACardResolver(http, URL).get_agent_card()
        client = ClientFactory(ClientConfig(streaming=False, polling=True, httpx_client=http)).create(card)
        request = SendMessageRequest(message=asking("hang", {}))
        [task] = [response.task async for response in client.send_message(request)]
        await agent.started.wait()
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        await agent.cancelled.wait()
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED


async def test_an_agent_with_a_key_answers_nobody_without_it() -> None:
    async with in_memory(agent_app(ScriptedAgent(), url=URL, api_key=KEY)) as http:
        card = await A2ACardResolver(http, URL).get_agent_card()
        refused = await http.post(f"{URL}/a2a/jsonrpc", json={})
        health = await http.get(f"{URL}/health")
        http.headers["X-API-Key"] = KEY
        task = await send(http, asking("echo", {}))
    assert set(card.security_schemes) == {"bearer", "api_key"}
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
    assert health.json() == {"status": "ok", "agent": "scripted"}
    assert task.status.state == COMPLETED


async def test_an_agent_is_served_on_a_socket() -> None:
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving = asyncio.create_task(run_agent_server(ScriptedAgent(), listener, url=url, request_limit=2**20))
    try:
        async with httpx.AsyncClient() as http:
            foreign = await http.post(f"{url}/a2a/jsonrpc", json={}, headers={"Host": "evil.example"})
            long = await http.post(f"{url}/a2a/jsonrpc", content=b"x" * (2**20 + 1))
            card = await A2ACardResolver(http, url).get_agent_card()
            client = ClientFactory(ClientConfig(streaming=True, httpx_client=http)).create(card)
            request = SendMessageRequest(message=asking("echo", {"n": 1}))
            events = [event.WhichOneof("payload") async for event in client.send_message(request)]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert events == ["task", "status_update", "artifact_update", "status_update"]
    assert [(foreign.status_code, foreign.json()["code"])] == [(421, "wrong_host")]
    assert [(long.status_code, long.json()["code"])] == [(413, "request_too_large")]


async def test_tasks_are_kept_apart_by_agent_on_one_database(engine: AsyncEngine) -> None:
    first, second = (agent_app(ScriptedAgent(name), url=URL, engine=engine) for name in ("first", "second"))
    async with in_memory(first) as http, in_memory(second) as other:
        task = await send(http, asking("echo", {"n": 1}))
        kept = await http.get(f"{URL}/a2a/rest/tasks/{task.id}", headers={"A2A-Version": "1.0"})
        foreign = await other.get(f"{URL}/a2a/rest/tasks/{task.id}", headers={"A2A-Version": "1.0"})
    assert kept.json()["status"]["state"] == "TASK_STATE_COMPLETED"
    assert foreign.status_code == 404


async def test_tasks_of_a_killed_server_are_closed_at_the_next_start(engine: AsyncEngine) -> None:
    await create_tables(engine, tasks_schema)
    async with engine.begin() as connection:
        await connection.execute(insert(KeptTask), [_working("dead", 2**22 + 1), _working("alive", os.getppid())])
    async with in_memory(agent_app(ScriptedAgent(), url=URL, engine=engine)) as http:
        states = {}
        for name in ("dead", "alive"):
            found = await http.get(f"{URL}/a2a/rest/tasks/{name}", headers={"A2A-Version": "1.0"})
            states[name] = found.json()["status"]["state"]
    assert states == {"dead": "TASK_STATE_FAILED", "alive": "TASK_STATE_WORKING"}


def _working(task_id: str, pid: int) -> dict[str, Any]:
    """A row as a server leaves it that is killed at work."""
    return {
        "id": task_id,
        "context_id": "context",
        "kind": "task",
        "owner": "scripted/",
        "status": {"state": "TASK_STATE_WORKING"},
        "protocol_version": "1.0",
        "host": platform.node(),
        "pid": pid,
        "process_started": process_started(pid) or "boot:1",
    }
