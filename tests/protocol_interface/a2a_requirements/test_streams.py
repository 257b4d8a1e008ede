"""Streams and subscriptions: how they begin, what they carry, and that they end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from tests.protocol_interface.a2a_requirements.conftest import Endpoint, said
from tests.protocol_interface.a2a_requirements.requirements import covers
from tests.protocol_interface.a2a_requirements.wires import JSONRPC, REST, V1, JsonRpc, Rest, Wire, _events

pytestmark = pytest.mark.asyncio(loop_scope="module")
Events = list[dict[str, Any]]


def states(events: Events) -> list[str]:
    return [event["statusUpdate"]["status"]["state"] for event in events if "statusUpdate" in event]


def kinds(events: Events) -> list[str]:
    for event in events:
        assert len(event) == 1
    return [next(iter(event)) for event in events]


async def rest_of(stream: AsyncIterator[dict[str, Any]]) -> Events:
    return [event async for event in stream]


@covers("A2A-STREAM-001")
async def test_a_stream_is_a_task_its_updates_and_an_end(served: Endpoint, wire: Wire) -> None:
    events = await rest_of(wire.stream("SendStreamingMessage", {"message": said("How many failed?")}))
    assert kinds(events)[0] == "task"
    assert set(kinds(events)[1:]) == {"statusUpdate", "artifactUpdate"}
    assert states(events)[-1] == "TASK_STATE_COMPLETED"
    ids = {one["taskId"] for event in events for one in event.values() if "taskId" in one}
    assert ids == {events[0]["task"]["id"]}


@covers("A2A-STREAM-002")
async def test_events_come_in_the_order_in_which_they_were_made(served: Endpoint, wire: Wire) -> None:
    if served.name == "agent":
        pytest.skip("an agent has no stages")
    events = await rest_of(wire.stream("SendStreamingMessage", {"message": said("How many failed?")}))
    updates = [event["statusUpdate"]["status"] for event in events if "statusUpdate" in event]
    stages = [one["message"]["parts"][0]["text"].partition(":")[0] for one in updates if "message" in one]
    assert stages == [name for name in ("discovery", "planning", "knowledge", "data", "validation") for _ in range(2)]
    made = [datetime.fromisoformat(one["timestamp"]) for one in updates]
    assert made == sorted(made)


@covers("A2A-STREAM-003", "A2A-STREAM-004", "A2A-SUB-001", "A2A-SUB-002")
async def test_streams_of_a_task_get_the_same_whoever_leaves(served: Endpoint, wire: Wire) -> None:
    task = await served.waiting(wire)
    streams = [one.stream("SubscribeToTask", {"id": task["id"]}) for one in (*served.wires.values(), wire)]
    firsts = [await anext(stream) for stream in streams]
    assert [first["task"]["id"] for first in firsts] == [task["id"]] * 4
    await streams.pop().aclose()  # type: ignore[attr-defined]  # an async generator
    reading = [asyncio.create_task(rest_of(stream)) for stream in streams]
    served.gate.set()
    seen = await asyncio.gather(*reading)
    assert seen[0] == seen[1] == seen[2]
    assert states(seen[0])[-1] == "TASK_STATE_COMPLETED"


@covers("A2A-STREAM-004")
async def test_a_task_goes_on_when_its_only_stream_is_closed(served: Endpoint, wire: Wire) -> None:
    served.gate.clear()
    stream = wire.stream("SendStreamingMessage", {"message": said("Wait")})
    task = (await anext(stream))["task"]
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator
    again = wire.stream("SubscribeToTask", {"id": task["id"]})
    assert (await anext(again))["task"]["status"]["state"] in ("TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")
    served.gate.set()
    assert states(await rest_of(again))[-1] == "TASK_STATE_COMPLETED"


@covers("A2A-SUB-002")
async def test_cancelling_ends_every_stream(served: Endpoint, wire: Wire) -> None:
    task = await served.waiting(wire)
    stream = wire.stream("SubscribeToTask", {"id": task["id"]})
    await anext(stream)
    reading = asyncio.create_task(rest_of(stream))
    await wire.call("CancelTask", {"id": task["id"]})
    assert states(await reading)[-1:] == ["TASK_STATE_CANCELED"]


@covers("A2A-RPC-003")
async def test_a_json_rpc_stream_is_of_json_rpc_answers(served: Endpoint) -> None:
    wire = served.wires["JSONRPC"]
    assert isinstance(wire, JsonRpc)
    body = {"jsonrpc": "2.0", "id": 9, "method": "SendStreamingMessage", "params": {"message": said("How many?")}}
    async with wire.http.stream("POST", JSONRPC, json=body, headers=V1) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [event async for event in _events(response)]
    assert {(event["jsonrpc"], event["id"]) for event in events} == {("2.0", 9)}


@covers("A2A-REST-003")
async def test_a_rest_stream_is_of_stream_responses(served: Endpoint) -> None:
    wire = served.wires["HTTP+JSON"]
    assert isinstance(wire, Rest)
    async with wire.http.stream(
        "POST", f"{REST}/message:stream", json={"message": said("How many?")}, headers=V1
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [event async for event in _events(response)]
    assert set(kinds(events)) <= {"task", "statusUpdate", "artifactUpdate"}
