"""What a client may send is bounded in number, and no fault of ours tells it of our database."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as older
from a2a.compat.v0_3.a2a_v0_3_pb2_grpc import A2AServiceStub as OlderStub
from a2a.types import Message, Part, TaskPushNotificationConfig
from a2a.utils.errors import InvalidParamsError
from google.protobuf.json_format import MessageToDict, ParseDict
from grpc.aio import AioRpcError  # type: ignore[import-untyped, unused-ignore]  # it ships no types

from protocol_interface.a2a_server import webhooks_of
from shared.a2a.sizes import has_more_values
from shared.a2a.tasks import KeptTasks
from shared.a2a.wire import EXTENSION, TEXT_VALUES, VALUES, asked, asking
from shared.errors import InvalidInput
from shared.ledger import Ledger
from shared.models import KnowledgeHit
from shared.settings import Settings
from tests.agents.scripted_agent import model_call
from tests.protocol_interface.a2a_requirements.conftest import Desk, Endpoint, endpoint, said
from tests.protocol_interface.a2a_requirements.wires import STREAMS, Grpc, Refused, Wire

NUL = "a\u0000b"
IDS: list[tuple[str, dict[str, Any]]] = [
    ("GetTask", {"id": NUL}),
    ("GetTask", {"id": "x" * 300}),
    ("CancelTask", {"id": NUL}),
    ("SubscribeToTask", {"id": NUL}),
    ("ListTasks", {"contextId": NUL}),
    ("ListTasks", {"pageToken": NUL}),
    ("ListTasks", {"pageToken": "YQBi"}),
    ("GetTaskPushNotificationConfig", {"taskId": NUL, "id": "h"}),
    ("ListTaskPushNotificationConfigs", {"taskId": NUL}),
    ("DeleteTaskPushNotificationConfig", {"taskId": NUL, "id": "h"}),
    ("SendMessage", {"message": said("?", taskId=NUL)}),
]


@pytest.fixture
async def served(tmp_path: Path, ledger: Ledger) -> AsyncIterator[Endpoint]:
    async with endpoint("lexiquery", tmp_path, ledger=ledger) as opened:
        yield opened


def listing(numbers: int) -> dict[str, Any]:
    return {"message": said("", parts=[{"data": {"skill": "prove_query", "input": {"a": [1] * numbers}}}])}


async def answer(wire: Wire, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    """The first event, of an operation that gives events."""
    if operation in STREAMS:
        return await anext(wire.stream(operation, params))
    return await wire.call(operation, params)


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON", "GRPC"])
async def test_a_message_of_very_many_values_is_refused_and_one_of_many_is_read(served: Endpoint, binding: str) -> None:
    wire = served.wires[binding]
    with pytest.raises(Refused) as caught:
        await wire.call("SendMessage", listing(VALUES + 1))
    assert f"more than {VALUES:,}" in caught.value.message
    answered = await wire.call("SendMessage", listing(1000))
    assert "platform" in answered["task"]["status"]["message"]["parts"][0]["text"]


async def test_a_message_of_very_many_values_is_refused_over_the_older_grpc(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    assert isinstance(wire, Grpc)
    content = [{"data": {"data": {"a": [1] * (VALUES + 1)}}}]
    message = {"messageId": "m", "role": "ROLE_USER", "content": content}
    request = ParseDict({"request": message}, older.SendMessageRequest())
    with pytest.raises(AioRpcError, match="more than 20,000 values"):
        await OlderStub(wire.channel).SendMessage(request)  # type: ignore[no-untyped-call]


def test_values_are_counted_outside_texts_and_within_bounded_time() -> None:
    assert not has_more_values(json.dumps(["," * 1000, '\\"' * 1000, "a:b"] * 2).encode(), 10)
    assert has_more_values(b"[" + b"1," * 11 + b"1]", 10)
    assert has_more_values(b'{"a":1,' * 6, 10)
    assert has_more_values(b'""' * 1_000_000 + b"," * 11, 10)
    assert not has_more_values(b'"' + b'\\"' * 1_000_000 + b"," * 11, 10)


async def test_an_agent_of_ours_is_told_of_as_many_documents_as_are_ever_sent(tmp_path: Path) -> None:
    """As JSON text: as data they would be refused, for they'd hold the agent for seconds."""
    seen = [{"filename": "a,b:c", "location": f"/d/{n}", "content_hash": "0" * 64} for n in range(20_000)]
    many = said("", parts=[MessageToDict(asking("echo", {"seen": seen}))])
    as_data = said("", parts=[{"data": {"skill": "echo", "input": {"n": [1] * VALUES}}}])
    async with endpoint("agent", tmp_path) as served:
        answered = await served.wires["JSONRPC"].call("SendMessage", {"message": many})
        [artifact] = answered["task"]["artifacts"]
        assert json.loads(artifact["parts"][-1]["text"]) == {"seen": seen}
        for wire in served.wires.values():
            with pytest.raises(Refused, match="more than 20,000"):
                await wire.call("SendMessage", {"message": as_data})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"skill": "echo", "input": {"n": [' + "1," * TEXT_VALUES + "1]}}", "more than 200,000 commas and colons"),
        ('{"skill": "echo", "input": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deep"),
        ('{"skill": "echo", "input": ' + '{"a":' * 100 + "1" + "}" * 100 + "}", "nested deeper than 64"),
    ],
    ids=["many values", "very deep", "deep"],
)
def test_a_json_text_that_asks_is_bounded(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        asked(Message(parts=[Part(text=text, media_type="application/json")]), "echo")


def test_a_json_text_that_names_no_skill_is_a_question() -> None:
    given = Part(text='{"error": "disk full"}', media_type="application/json")
    assert asked(Message(parts=[given]), "echo") == ("echo", {"question": '{"error": "disk full"}'})


async def test_a_message_has_at_most_a_hundred_parts(served: Endpoint) -> None:
    for wire in served.wires.values():
        with pytest.raises(Refused, match="101 parts"):
            await wire.call("SendMessage", {"message": said("", parts=[{"text": "a"}] * 101)})


async def test_a_skill_s_name_is_compared_by_its_first_characters_only(served: Endpoint) -> None:
    parts = [{"data": {"skill": "x" * 1_000_000, "input": {}}}]
    answered = await served.wires["HTTP+JSON"].call("SendMessage", {"message": said("", parts=parts)})
    text = answered["task"]["status"]["message"]["parts"][0]["text"]
    assert text.startswith(f"LexiQuery has no skill '{'x' * 128}'")


@pytest.mark.parametrize(("operation", "params"), IDS)
@pytest.mark.parametrize("binding", ["JSONRPC", "GRPC"])
async def test_an_id_that_no_database_takes_is_the_client_s_mistake(
    served: Endpoint, binding: str, operation: str, params: dict[str, Any]
) -> None:
    wire = served.wires[binding]
    with pytest.raises(Refused) as caught:
        await answer(wire, operation, params)
    assert caught.value.code in (-32602, "INVALID_ARGUMENT")
    assert "SELECT" not in caught.value.message


async def test_a_fault_of_ours_tells_nothing_of_the_database(served: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(*_: Any) -> None:
        raise RuntimeError("SELECT secret FROM tasks")

    monkeypatch.setattr(KeptTasks, "get", failing)
    for wire in served.wires.values():
        for operation in ("GetTask", "SubscribeToTask"):
            with pytest.raises(Refused) as caught:
                await answer(wire, operation, {"id": "t"})
            assert "the server failed; its log has more" in caught.value.message
            assert "secret" not in str(caught.value.details)


@pytest.mark.parametrize("port", [0, 65536, 99999999])
async def test_a_webhook_s_port_is_one_that_exists(port: int) -> None:
    with pytest.raises(InvalidParamsError, match="none of 1 to 65535"):
        await webhooks_of(Settings()).check(TaskPushNotificationConfig(url=f"http://127.0.0.1:{port}/"))


async def test_a_search_reports_its_own_calls_and_no_others_of_the_journey(
    served: Endpoint, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ledger.begin(model_call("before", journey_id="theirs", agent="sop"))

    async def searching(self: Any, *_: Any) -> list[KnowledgeHit]:
        for agent in ("sop", "kql"):
            await ledger.begin(model_call(f"by {agent}", journey_id="theirs", agent=agent))
        sop = self.agents[0].model_copy(update={"id": "sop", "skills": [{"id": "search"}]})
        self.agents.append(sop)
        return []

    monkeypatch.setattr(Desk, "search_procedures", searching)
    parts = [{"data": {"skill": "search_procedures", "input": {"question": "vpn"}}}]
    asked = said("", parts=parts, extensions=[EXTENSION], metadata={EXTENSION: {"journey_id": "theirs"}})
    answered = await served.wires["JSONRPC"].call("SendMessage", {"message": asked})
    [artifact] = answered["task"]["artifacts"]
    assert [call["id"] for call in artifact["metadata"][EXTENSION]["calls"]] == ["by sop"]
