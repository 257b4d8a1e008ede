"""Errors, versions and addresses: how each binding says what all of them mean."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from a2a.types.a2a_pb2 import DESCRIPTOR

from tests.protocol_interface.a2a_requirements.conftest import Endpoint, said
from tests.protocol_interface.a2a_requirements.requirements import covers
from tests.protocol_interface.a2a_requirements.wires import (
    JSONRPC,
    REQUESTS,
    REST,
    STREAMS,
    V1,
    Grpc,
    JsonRpc,
    Refused,
    Rest,
    Wire,
    rest_request,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
CODES = {
    "TASK_NOT_FOUND": (-32001, 404, "NOT_FOUND"),
    "TASK_NOT_CANCELABLE": (-32002, 400, "FAILED_PRECONDITION"),
    "UNSUPPORTED_OPERATION": (-32004, 400, "FAILED_PRECONDITION"),
    "CONTENT_TYPE_NOT_SUPPORTED": (-32005, 400, "INVALID_ARGUMENT"),
    "VERSION_NOT_SUPPORTED": (-32009, 400, "FAILED_PRECONDITION"),
}
PLACE = {"JSONRPC": 0, "HTTP+JSON": 1, "GRPC": 2}


async def error(wire: Wire, operation: str, params: dict[str, Any], **headers: str) -> Refused:
    with pytest.raises(Refused) as caught:
        await wire.call(operation, params, **headers)
    return caught.value


@covers("A2A-ERR-002", "A2A-ERR-003", "A2A-ERR-004")
@pytest.mark.parametrize("reason", CODES)
async def test_an_error_has_its_code_and_says_its_reason(served: Endpoint, wire: Wire, reason: str) -> None:
    ended = await served.completed(wire)
    image = said("", parts=[{"raw": "dGNr", "mediaType": "image/x-unknown"}])
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "TASK_NOT_FOUND": ("GetTask", {"id": str(uuid4())}),
        "TASK_NOT_CANCELABLE": ("CancelTask", {"id": ended["id"]}),
        "UNSUPPORTED_OPERATION": ("SendMessage", {"message": said("?", taskId=ended["id"])}),
        "CONTENT_TYPE_NOT_SUPPORTED": ("SendMessage", {"message": image}),
        "VERSION_NOT_SUPPORTED": ("ListTasks", {}),
    }
    version = "9.9" if reason == "VERSION_NOT_SUPPORTED" else "1.0"
    found = await error(wire, *calls[reason], A2A_Version=version)
    assert found.code == CODES[reason][PLACE[wire.binding]]
    assert found.message
    assert all(one["@type"] for one in found.details)
    [info] = [one for one in found.details if one["@type"].endswith("google.rpc.ErrorInfo")]
    assert (info["reason"], info["domain"]) == (reason, "a2a-protocol.org")


@covers("A2A-VER-001", "A2A-VER-002", "A2A-VER-003", "A2A-VER-004", "A2A-GRPC-002")
async def test_a_version_is_served_or_refused(served: Endpoint, wire: Wire) -> None:
    for version in ("1.0", "1.0.7"):
        assert "tasks" in await wire.call("ListTasks", {}, A2A_Version=version)
    for version in ("", "0.3", "1.1", "2.0", "99", "one"):
        found = await error(wire, "ListTasks", {}, A2A_Version=version)
        assert found.reason == "VERSION_NOT_SUPPORTED", version


@covers("A2A-VER-001")
@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON"])
async def test_the_version_may_be_in_the_address(served: Endpoint, binding: str) -> None:
    wire = served.wires[binding]
    assert isinstance(wire, JsonRpc | Rest)
    path = JSONRPC if binding == "JSONRPC" else "/a2a/rest/message:send"
    body: dict[str, Any] = {"message": said("How many failed?")}
    if binding == "JSONRPC":
        body = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": body}
    answered = await wire.http.post(f"{path}?A2A-Version=1.0", json=body)
    assert "TASK_STATE_COMPLETED" in answered.text


@covers("A2A-RPC-002")
@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", -32700),
        ("[" * 2000, -32600),
        ('{"jsonrpc": "2.0", "id": 1}', -32600),
        ("[]", -32600),
        ('"text"', -32600),
        ('{"jsonrpc": "1.0", "id": 1, "method": "ListTasks"}', -32600),
        ('{"jsonrpc": "2.0", "id": 1, "method": "NoSuchThing"}', -32601),
        ('{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": 7}}', -32602),
        ('{"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": []}', -32602),
    ],
)
async def test_what_is_no_request_has_json_rpc_s_code(served: Endpoint, body: str, code: int) -> None:
    wire = served.wires["JSONRPC"]
    assert isinstance(wire, JsonRpc)
    headers = {**V1, "Content-Type": "application/json"}
    answered = (await wire.http.post(JSONRPC, content=body, headers=headers)).json()
    assert answered["error"]["code"] == code
    assert "result" not in answered


@covers("A2A-REST-001")
@pytest.mark.parametrize("operation", REQUESTS)
async def test_every_operation_has_its_address(served: Endpoint, operation: str) -> None:
    """Where nothing is, a server of HTTP answers without an A2A error."""
    wire = served.wires["HTTP+JSON"]
    assert isinstance(wire, Rest)
    params: dict[str, Any] = {"id": "t-1", "taskId": "t-1"} if operation not in ("ListTasks",) else {}
    method, path, _ = rest_request(operation, params)
    answered = await wire.http.request(method, path, json={}, headers=V1)
    assert answered.status_code == 200 or answered.json()["error"]["details"]


@covers("A2A-REST-002")
async def test_get_takes_its_parameters_from_the_address(served: Endpoint) -> None:
    wire = served.wires["HTTP+JSON"]
    assert isinstance(wire, Rest)
    task = await served.completed(wire, contextId=str(uuid4()))
    after = "2020-01-01T00:00:00Z"
    asked = (
        f"contextId={task['contextId']}&pageSize=5&includeArtifacts=true&historyLength=0&status=TASK_STATE_COMPLETED"
    )
    answered = await wire.http.get(f"/a2a/rest/tasks?{asked}&statusTimestampAfter={after}", headers=V1)
    [listed] = answered.json()["tasks"]
    assert [one["artifactId"] for one in listed["artifacts"]] == [task["artifacts"][0]["artifactId"]]
    assert not listed.get("history")


@covers("A2A-GRPC-001")
async def test_every_operation_is_a_method_of_the_service(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    assert isinstance(wire, Grpc)
    methods = [method.name for method in DESCRIPTOR.services_by_name["A2AService"].methods]
    assert sorted(methods) == sorted(REQUESTS)
    for name in set(methods) - {*STREAMS}:
        assert await _code(wire, name) != "UNIMPLEMENTED", name


async def _code(wire: Wire, operation: str) -> object:
    try:
        await wire.call(operation, {})
    except Refused as refused:
        return refused.code
    return None


@covers("A2A-REST-004")
@pytest.mark.parametrize(
    ("sent", "accepted", "answered"),
    [
        ("application/a2a+json", "*/*", "application/a2a+json"),
        ("application/json", "*/*", "application/json"),
        ("application/json", "application/a2a+json", "application/a2a+json"),
        (None, "application/json", "application/json"),
        (None, "*/*", "application/a2a+json"),
    ],
)
async def test_rest_calls_json_what_its_client_calls_it(
    served: Endpoint, sent: str | None, accepted: str, answered: str
) -> None:
    """1.0.0 has application/json, 1.0.1 would have application/a2a+json (11.1)."""
    headers = {**V1, "Accept": accepted, **({"Content-Type": sent} if sent else {})}
    body = json.dumps({"message": said("?")}) if sent else None
    path = f"{REST}/message:send" if sent else f"{REST}/tasks"
    response = await served.http.request("POST" if sent else "GET", path, content=body, headers=headers)
    assert (response.status_code, response.headers["content-type"]) == (200, answered)
