"""What a client gets wrong, or does on purpose: each is answered by its error, and no other task is touched."""

from __future__ import annotations

import asyncio
import json
import platform
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import httpx
import pytest
from a2a.types import TaskPushNotificationConfig
from a2a.utils.errors import InvalidParamsError
from sqlalchemy import insert

from agents.serve import agent_app
from protocol_interface.a2a_server import webhooks_of
from shared.a2a.push import KeptPushConfig
from shared.a2a.tasks import KeptTask, schema
from shared.database import create_tables, open_database
from shared.serving import BodyLimited
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent
from tests.protocol_interface.a2a_requirements.conftest import Endpoint, endpoint, said
from tests.protocol_interface.a2a_requirements.wires import JSONRPC, REST, V1, Grpc, Refused, Wire

SEND = f"{REST}/message:send"
JSON = {**V1, "Content-Type": "application/json"}
CREATE = "CreateTaskPushNotificationConfig"
AT_WORK = ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Endpoint]:
    async with endpoint("lexiquery", tmp_path) as opened:
        yield opened


def rpc(params: str) -> str:
    return f'{{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {params}}}'


def message(part: str) -> str:
    return f'{{"message": {{"messageId": "m", "role": "ROLE_USER", "parts": [{part}]}}}}'


BODIES: list[tuple[str, bytes]] = [
    ("no JSON", b"{"),
    ("no text", b"\xff\xfe{}"),
    ("deep lists", b"[" * 100_000),
    ("deep objects", message('{"data": ' + '{"a":' * 5000 + "1" + "}" * 5001).encode()),
    ("objects a little too deep", message('{"data": ' + '{"a":' * 150 + "1" + "}" * 151).encode()),
    ("NaN", message('{"data": {"n": NaN}}').encode()),
    ("a number without end", message('{"data": {"n": 1e999}}').encode()),
    ("an integer that no double holds", message('{"data": {"n": 1' + "0" * 400 + "}}").encode()),
    ("an integer of 5000 digits", message('{"data": {"n": 1' + "0" * 5000 + "}}").encode()),
    ("a part of the wrong kind", message('{"text": 7}').encode()),
    ("a message that is a list", b'{"message": []}'),
    ("no object", b"[]"),
    ("nothing", b""),
]


@pytest.mark.parametrize(("what", "body"), BODIES, ids=[name for name, _ in BODIES])
async def test_a_body_that_makes_no_sense_is_the_client_s_mistake(served: Endpoint, what: str, body: bytes) -> None:
    rest = await served.http.post(SEND, content=body, headers=JSON)
    assert rest.status_code == 400
    assert rest.json()["error"]["status"] == "INVALID_ARGUMENT"
    wrapped = rpc(body.decode("latin-1")).encode("latin-1") if body else b""
    answered = (await served.http.post(JSONRPC, content=wrapped, headers=JSON)).json()
    assert answered["error"]["code"] in (-32700, -32600, -32602)
    assert (await served.completed(served.wires["GRPC"]))["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_part_without_content_fails_its_task_and_says_why(served: Endpoint) -> None:
    for wire in served.wires.values():
        answered = await wire.call("SendMessage", {"message": said("", parts=[{}])})
        status = answered["task"]["status"]
        assert status["state"] == "TASK_STATE_FAILED"
        assert "neither text nor a data part" in status["message"]["parts"][0]["text"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_that_is_not_called_json_is_not_read(served: Endpoint, kind: str) -> None:
    """So no form of a web page is ever a request."""
    headers = {**V1, "Content-Type": kind}
    rest = await served.http.post(SEND, content=message('{"text": "?"}'), headers=headers)
    assert rest.status_code == 415
    answered = await served.http.post(JSONRPC, content=rpc(message('{"text": "?"}')), headers=headers)
    assert answered.json()["error"]["code"] == -32005


async def test_bytes_that_are_no_protocol_buffer_end_that_call_only(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    assert isinstance(wire, Grpc)
    raw = wire.channel.unary_unary("/lf.a2a.v1.A2AService/SendMessage")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw(b"\xff" * 1000, metadata=[("a2a-version", "1.0")])
    assert caught.value.code() == grpc.StatusCode.UNKNOWN  # grpcio's own answer, before anything of ours
    assert (await served.completed(wire))["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_message_over_the_limit_is_refused_on_the_grpc_port_too(tmp_path: Path) -> None:
    async with endpoint("agent", tmp_path, limit_mb=1) as served:
        wire = served.wires["GRPC"]
        with pytest.raises(Refused) as caught:
            await wire.call("SendMessage", {"message": said("x" * 2_000_000)})
        assert caught.value.code == "RESOURCE_EXHAUSTED"
        assert (await served.completed(wire))["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_hundred_megabytes_over_http_are_not_read() -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b" " * 1_000_000

    app = agent_app(ScriptedAgent(), url="http://a.test")
    guarded = httpx.ASGITransport(BodyLimited(app, limit=2**20))
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=guarded, base_url="http://a.test") as http:
        for path in (SEND, JSONRPC):
            answered = await http.post(path, content=pieces(), headers=JSON)
            assert (answered.status_code, answered.json()["code"]) == (413, "request_too_large")
        assert (await http.post(SEND, json={"message": said("?")}, headers=V1)).json()["task"]
    assert taken < 10


async def test_a_client_that_leaves_a_stream_leaves_the_journey_running(served: Endpoint) -> None:
    served.gate.clear()
    async with served.http.stream(
        "POST", f"{REST}/message:stream", json={"message": said("Wait")}, headers=V1
    ) as response:
        lines = response.aiter_lines()
        task = json.loads((await anext(lines)).removeprefix("data:"))["task"]
    wire = served.wires["JSONRPC"]
    assert (await wire.call("GetTask", {"id": task["id"]}))["status"]["state"] in AT_WORK
    stream = wire.stream("SubscribeToTask", {"id": task["id"]})
    await anext(stream)
    served.gate.set()
    last = [event async for event in stream][-1]
    assert last["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_client_that_leaves_while_it_waits_leaves_the_journey_running(served: Endpoint) -> None:
    served.gate.clear()
    asking = asyncio.create_task(served.http.post(SEND, json={"message": said("Wait", contextId="c-1")}, headers=V1))
    wire = served.wires["JSONRPC"]
    listed: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while not listed:
            listed = (await wire.call("ListTasks", {"contextId": "c-1"}))["tasks"]
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    served.gate.set()
    await _until_ended(wire, listed[0]["id"])


async def _until_ended(wire: Wire, task_id: str) -> None:
    async with asyncio.timeout(20):
        while (await wire.call("GetTask", {"id": task_id}))["status"]["state"] in AT_WORK:
            pass


async def test_the_same_message_again_is_another_task(served: Endpoint) -> None:
    """A server may look for messages that came twice (3.3.1); ours does within a task only."""
    asked = {"message": said("How many failed?")}
    tasks = [(await wire.call("SendMessage", asked))["task"]["id"] for wire in served.wires.values()]
    assert len({*tasks}) == 3


async def test_a_reply_that_comes_twice_is_refused_and_harms_nothing(served: Endpoint) -> None:
    wire = served.wires["HTTP+JSON"]
    first = said("How many?")
    task = (await wire.call("SendMessage", {"message": first}))["task"]
    with pytest.raises(Refused) as caught:
        await wire.call("SendMessage", {"message": {**first, "taskId": task["id"]}})
    assert "has had this message" in caught.value.message
    answered = await wire.call("SendMessage", {"message": said("hosts", taskId=task["id"])})
    assert answered["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_client_that_calls_every_message_the_same_is_understood(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    task = (await wire.call("SendMessage", {"message": said("How many?", messageId="1")}))["task"]
    answered = await wire.call("SendMessage", {"message": said("hosts", messageId="1", taskId=task["id"])})
    [artifact] = answered["task"]["artifacts"]
    assert json.loads(artifact["parts"][-1]["text"])["question"] == "How many? (hosts)"
    heard = [one["parts"][0]["text"] for one in answered["task"]["history"] if one["role"] == "ROLE_USER"]
    assert heard == ["How many?", "hosts"]


async def test_a_message_for_a_task_at_work_is_refused(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    task = await served.waiting(wire)
    with pytest.raises(Refused) as caught:
        await wire.call("SendMessage", {"message": said("faster!", taskId=task["id"])})
    assert caught.value.reason == "UNSUPPORTED_OPERATION"
    assert "is at work" in caught.value.message
    served.gate.set()
    await _until_ended(wire, task["id"])


async def test_sixty_tasks_at_once_all_end_and_are_listed(served: Endpoint) -> None:
    wires = [*served.wires.values()]
    sending = (served.completed(wires[number % 3], contextId="many") for number in range(60))
    ended = await asyncio.gather(*sending)
    assert {task["status"]["state"] for task in ended} == {"TASK_STATE_COMPLETED"}
    page = await wires[0].call("ListTasks", {"contextId": "many", "pageSize": 40})
    assert (len(page["tasks"]), page["totalSize"]) == (40, 60)


async def test_thousands_of_kept_tasks_are_read_a_page_at_a_time(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path).sqlalchemy_url)
    await create_tables(engine, schema)
    async with engine.begin() as connection:
        await connection.execute(insert(KeptTask), [_ended(number) for number in range(5000)])
    await engine.dispose()
    async with endpoint("lexiquery", tmp_path) as served:
        page = await served.wires["HTTP+JSON"].call("ListTasks", {})
        assert (len(page["tasks"]), page["pageSize"], page["totalSize"]) == (50, 50, 5000)
        second = await served.wires["GRPC"].call("ListTasks", {"pageToken": page["nextPageToken"]})
        assert not {one["id"] for one in page["tasks"]} & {one["id"] for one in second["tasks"]}


def _ended(number: int) -> dict[str, Any]:
    return {
        "id": f"t-{number}",
        "context_id": "c",
        "kind": "task",
        "owner": "lexiquery/",
        "status": {"state": "TASK_STATE_COMPLETED"},
        "protocol_version": "1.0",
        "host": "h",
        "pid": 1,
        "process_started": "boot:1",
    }


HOOKS = [
    ("http://10.0.0.7/hook", "is at 10.0.0.7, which is not public"),
    ("http://169.254.169.254/latest", "where clouds hand out a machine's credentials"),
    ("http://[::ffff:192.168.1.1]/", "which is not public"),
    ("ftp://hooks.example/", "an http or https URL without a password"),
    ("https://me:secret@hooks.example/", "an http or https URL without a password"),
    ("no address", "an http or https URL without a password"),
    ("https://hooks.example/\u0001", "is too long, or not ASCII"),
    ("https://hooks.example/" + "x" * 5000, "is too long, or not ASCII"),
]


@pytest.mark.parametrize(("url", "says"), HOOKS)
async def test_a_webhook_that_leads_astray_is_refused(url: str, says: str) -> None:
    rule = webhooks_of(Settings(host="0.0.0.0"))
    with pytest.raises(InvalidParamsError) as caught:
        await rule.check(TaskPushNotificationConfig(url=url))
    assert says in caught.value.message


async def test_this_machine_s_webhooks_are_for_a_server_of_this_machine() -> None:
    here = TaskPushNotificationConfig(url="http://127.0.0.1:9/hook")
    await webhooks_of(Settings()).check(here)
    with pytest.raises(InvalidParamsError):
        await webhooks_of(Settings(host="0.0.0.0")).check(here)
    listed = Settings(host="0.0.0.0", allow_hosts="127.0.0.1/32")
    await webhooks_of(listed).check(here)


async def test_a_webhook_s_name_is_judged_again_when_it_is_called() -> None:
    hooks = webhooks_of(Settings(host="0.0.0.0"))
    async with httpx.AsyncClient(transport=hooks.transport) as http:
        with pytest.raises(httpx.ConnectError, match="not public"):
            await http.post("http://10.0.0.7/hook")


async def test_a_task_has_no_more_webhooks_than_are_bearable(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    task = await served.waiting(wire)
    for number in range(16):
        await wire.call(CREATE, {"taskId": task["id"], "id": f"{number}", "url": "https://hooks.example/a"})
    with pytest.raises(Refused, match="at most 16"):
        await wire.call(CREATE, {"taskId": task["id"], "id": "one more", "url": "https://hooks.example/a"})
    await wire.call(CREATE, {"taskId": task["id"], "id": "3", "url": "https://hooks.example/b"})
    served.gate.set()
    await _until_ended(wire, task["id"])


async def test_a_killed_server_s_tasks_fail_and_their_webhooks_are_told(tmp_path: Path) -> None:
    engine = open_database(Settings(data_dir=tmp_path).sqlalchemy_url)
    await create_tables(engine, schema)
    lost = {**_ended(1), "status": {"state": "TASK_STATE_WORKING"}, "host": platform.node(), "pid": 2**22 + 1}
    hook = {"task_id": "t-1", "config_id": "h", "owner": "lexiquery/", "protocol_version": "1.0"}
    async with engine.begin() as connection:
        await connection.execute(insert(KeptTask), [lost])
        await connection.execute(insert(KeptPushConfig), [{**hook, "config_data": b'{"url": "https://h.example"}'}])
    await engine.dispose()
    async with endpoint("agent", tmp_path) as whichever_starts_first:
        [(_, told, _)] = await whichever_starts_first.hook.until(1)
    assert told["statusUpdate"]["status"]["state"] == "TASK_STATE_FAILED"
    async with endpoint("lexiquery", tmp_path) as served:
        wire = served.wires["HTTP+JSON"]
        assert (await wire.call("GetTask", {"id": "t-1"}))["status"]["state"] == "TASK_STATE_FAILED"
        with pytest.raises(Refused) as caught:
            await anext(wire.stream("SubscribeToTask", {"id": "t-1"}))
    assert caught.value.reason == "UNSUPPORTED_OPERATION"


async def test_a_server_that_stops_leaves_no_task_at_work(tmp_path: Path) -> None:
    async with endpoint("agent", tmp_path) as served:
        task = await served.waiting(served.wires["GRPC"])
    async with endpoint("agent", tmp_path) as served:
        seen = await served.wires["GRPC"].call("GetTask", {"id": task["id"]})
    assert seen["status"]["state"] == "TASK_STATE_FAILED"
    assert seen["status"]["message"]["parts"][0]["text"] == "the server of this task was stopped"
