"""Push notifications: who is told, of what, how, and who may not be."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from a2a.types import StreamResponse
from google.protobuf.json_format import ParseDict

from tests.protocol_interface.a2a_requirements.conftest import Endpoint, endpoint, said
from tests.protocol_interface.a2a_requirements.requirements import covers
from tests.protocol_interface.a2a_requirements.wires import Refused, Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")


def config(task_id: str = "", **fields: Any) -> dict[str, Any]:
    return {"taskId": task_id, "url": f"https://hooks.example/{uuid4()}", **fields}


@covers("A2A-PUSH-001", "A2A-PUSH-003", "A2A-PUSH-004", "A2A-PUSH-005")
async def test_configs_are_created_read_listed_and_deleted(served: Endpoint, wire: Wire) -> None:
    task = await served.waiting(wire)
    made = [
        await wire.call("CreateTaskPushNotificationConfig", config(task["id"], id=name, token="t")) for name in "ab"
    ]
    assert [one["id"] for one in made] == ["a", "b"]
    unnamed = await wire.call("CreateTaskPushNotificationConfig", config(task["id"]))
    assert unnamed["id"]
    listed = await wire.call("ListTaskPushNotificationConfigs", {"taskId": task["id"]})
    assert sorted(one["id"] for one in listed["configs"]) == sorted(["a", "b", unnamed["id"]])
    of_a = {"taskId": task["id"], "id": "a"}
    assert await wire.call("GetTaskPushNotificationConfig", of_a) == made[0]
    for _ in range(2):
        await wire.call("DeleteTaskPushNotificationConfig", of_a)
    with pytest.raises(Refused) as caught:
        await wire.call("GetTaskPushNotificationConfig", of_a)
    assert caught.value.reason == "TASK_NOT_FOUND"
    served.gate.set()


@covers("A2A-PUSH-007", "A2A-PUSH-008", "A2A-PUSH-009")
async def test_each_webhook_is_told_with_its_credentials(served: Endpoint, wire: Wire) -> None:
    inline = config(token="mine", authentication={"scheme": "Bearer", "credentials": "secret"})
    task = await served.waiting(wire, taskPushNotificationConfig=inline)
    second = config(task["id"], id="second", authentication={"scheme": "Basic", "credentials": "dTpw"})
    await wire.call("CreateTaskPushNotificationConfig", second)
    served.gate.set()
    while _state(served.hook.of(second["url"][-36:])) != "TASK_STATE_COMPLETED":
        await served.hook.until(len(served.hook.of(second["url"][-36:])) + 1, second["url"][-36:])
    while _state(served.hook.of(inline["url"][-36:])) != "TASK_STATE_COMPLETED":
        await served.hook.until(len(served.hook.of(inline["url"][-36:])) + 1, inline["url"][-36:])
    for url, authorization, token in ((inline, "Bearer secret", "mine"), (second, "Basic dTpw", None)):
        for _, body, headers in served.hook.of(url["url"][-36:]):
            assert headers["authorization"] == authorization
            assert headers.get("x-a2a-notification-token") == token
            assert headers["content-type"] == "application/a2a+json"
            assert ParseDict(body, StreamResponse()).WhichOneof("payload")
    assert {*served.hook.of(inline["url"][-36:])[0][1]} == {"task"}


def _state(told: list[tuple[str, dict[str, Any], dict[str, str]]]) -> str:
    updates = [body["statusUpdate"]["status"]["state"] for _, body, _ in told if "statusUpdate" in body]
    return updates[-1] if updates else ""


@covers("A2A-PUSH-007")
async def test_a_webhook_that_fails_at_first_is_told_again(served: Endpoint) -> None:
    wire = served.wires["JSONRPC"]
    served.hook.failing = 2
    hook = config()
    await wire.call(
        "SendMessage", {"message": said("How many failed?"), "configuration": {"taskPushNotificationConfig": hook}}
    )
    told = await served.hook.until(3, hook["url"][-36:])
    assert [body for _, body, _ in told[:3]] == [told[0][1]] * 3


@covers("A2A-PUSH-002")
async def test_a_config_outlives_the_server_until_the_task_ends(tmp_path: Path) -> None:
    hook = config()
    async with endpoint("lexiquery", tmp_path) as first:
        asked = {"message": said("How many?"), "configuration": {"taskPushNotificationConfig": hook}}
        task = (await first.wires["JSONRPC"].call("SendMessage", asked))["task"]
    async with endpoint("lexiquery", tmp_path) as second:
        wire = second.wires["HTTP+JSON"]
        listed = await wire.call("ListTaskPushNotificationConfigs", {"taskId": task["id"]})
        assert [one["url"] for one in listed["configs"]] == [hook["url"]]
        await wire.call("SendMessage", {"message": said("hosts", taskId=task["id"])})
        while _state(second.hook.told) != "TASK_STATE_COMPLETED":
            await second.hook.until(len(second.hook.told) + 1)
