"""The journey extension as docs/a2a-extension.md has it: its messages are sent, and what comes back is read by it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from a2a.types import Artifact, Message, SendMessageRequest
from a2a.types.a2a_pb2_grpc import A2AServiceStub
from google.protobuf.json_format import ParseDict
from pydantic import ValidationError

from shared.a2a.wire import CALLS, EXTENSION, asked_by, calls_by, calls_of, metadata_of
from shared.calls import CallRecord, CallStatus
from shared.context import Scope
from shared.ledger import Ledger
from shared.models import Budget
from tests.agents.scripted_agent import model_call
from tests.protocol_interface.a2a_requirements.conftest import Endpoint, endpoint, said
from tests.protocol_interface.a2a_requirements.wires import JSONRPC, V1, Grpc

PAGE = (Path(__file__).parents[2] / "docs/a2a-extension.md").read_text(encoding="utf-8")
MESSAGE, ARTIFACT = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))
HEADER = {**V1, "A2A-Extensions": f"urn:other:1, {EXTENSION}"}


@pytest.fixture
async def served(tmp_path: Path, ledger: Ledger) -> AsyncIterator[Endpoint]:
    async with endpoint("lexiquery", tmp_path, ledger=ledger) as opened:
        yield opened


def test_the_page_has_the_extension_s_uri_and_all_its_fields() -> None:
    assert f"    {EXTENSION}\n" in PAGE
    asked = PAGE.split("## In: the client's message")[1].split("```")[0]
    names = {"journey_id", "parent_call_id", "budget", "user", "tags", "replay_of"}
    assert {*re.findall(r"^\| `(\w+)`", asked, re.MULTILINE)} == names
    told = set(re.findall(r"`(\w+)`", PAGE.split("| field of a call | |")[1].split("```")[0]))
    required = {name for name, field in CallRecord.model_fields.items() if field.is_required()}
    assert required <= told
    assert told - {"chat", "generate", "embeddings", "success", *get_args(CallStatus)} <= {*CallRecord.model_fields}
    assert f"up to {CALLS:,}" in PAGE


def test_the_page_s_message_says_who_asks() -> None:
    scope = asked_by(ParseDict(MESSAGE, Message()), (), otherwise="its context")
    assert scope == Scope(
        journey_id="j-42",
        parent_call_id="c-7",
        budget=Budget(tokens=20000, calls=10, seconds=120),
        user="ada",
        tags=("oncall",),
    )


def test_the_page_s_report_is_read() -> None:
    [call] = calls_of("weather", metadata_of(ParseDict(ARTIFACT, Artifact())))
    assert (call.id, call.journey_id, call.parent_id, call.prompt_tokens) == ("call-1", "j-42", "c-7", 812)


def test_a_field_that_only_the_agent_knows_costs_no_call() -> None:
    report = json.loads(json.dumps(ARTIFACT))
    report["metadata"][EXTENSION]["calls"][0] |= {"gpu": "H100", "carbon_grams": 3}
    [call] = calls_of("weather", metadata_of(ParseDict(report, Artifact())))
    assert call.prompt_tokens == 812


@pytest.mark.parametrize("calls", [["no call"], [{"id": "c"}]])
def test_what_is_no_call_is_no_report(calls: list[object]) -> None:
    with pytest.raises(ValidationError):
        calls_of("weather", {EXTENSION: {"calls": calls}})


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON", "GRPC"])
async def test_the_page_s_message_is_answered_with_a_report(served: Endpoint, binding: str) -> None:
    answered = await served.wires[binding].call("SendMessage", {"message": MESSAGE}, A2A_Extensions=EXTENSION)
    [artifact] = answered["task"]["artifacts"]
    assert artifact["extensions"] == [EXTENSION]
    report = artifact["metadata"][EXTENSION]
    assert set(report) == {"calls", "journey_id", "cost"}
    [call] = report["calls"]
    assert (call["id"], call["journey_id"], call["parent_id"]) == ("call-of-journey-1", "j-42", "c-7")
    assert not {"request", "response"} & call.keys()
    assert CallRecord.model_validate(call).prompt_tokens == 12


async def test_a_question_asked_back_is_reported_too(served: Endpoint) -> None:
    vague = said("How many?", extensions=[EXTENSION], metadata={EXTENSION: {"journey_id": "j-9"}})
    task = (await served.wires["HTTP+JSON"].call("SendMessage", {"message": vague}))["task"]
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    [call] = task["status"]["message"]["metadata"][EXTENSION]["calls"]
    assert call["journey_id"] == "j-9"


def asking(text: str, **fields: Any) -> dict[str, Any]:
    metadata = {EXTENSION: {"journey_id": "j-9", "parent_call_id": "p-1"}}
    return {"message": said(text, extensions=[EXTENSION], metadata=metadata, **fields)}


def reported(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls that a task's end reports."""
    message = task["status"]["message"]
    assert message["extensions"] == [EXTENSION]
    return list(message["metadata"][EXTENSION]["calls"])


@pytest.mark.parametrize("binding", ["JSONRPC", "HTTP+JSON", "GRPC"])
async def test_a_cancelled_question_is_reported_too(served: Endpoint, binding: str) -> None:
    served.gate.clear()
    wire = served.wires[binding]
    stream = wire.stream("SendStreamingMessage", asking("Wait"))
    task = (await anext(stream))["task"]
    async for event in stream:
        if "discovery: started" in json.dumps(event):
            break
    cancelled = await wire.call("CancelTask", {"id": task["id"]})
    kept = await wire.call("GetTask", {"id": task["id"]})
    assert [one["status"]["state"] for one in (cancelled, kept)] == ["TASK_STATE_CANCELED"] * 2
    for one in (cancelled, kept):
        [call] = reported(one)
        assert (call["id"], call["journey_id"], call["parent_id"]) == ("call-of-journey-1", "j-9", "p-1")


async def test_a_question_whose_journey_fails_is_reported_too(tmp_path: Path, ledger: Ledger) -> None:
    async with endpoint("lexiquery", tmp_path, ledger=ledger) as served:
        task = (await served.wires["JSONRPC"].call("SendMessage", asking("Fail")))["task"]
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert [call["journey_id"] for call in reported(task)] == ["j-9"]


async def test_a_proof_costs_nothing_and_says_so(served: Endpoint) -> None:
    query = {"platform": "kql", "schema_group": "ops_logs", "query": "SigninLogs | count"}
    parts = [{"data": {"skill": "prove_query", "input": query}}]
    task = (await served.wires["HTTP+JSON"].call("SendMessage", asking("", parts=parts)))["task"]
    assert task["artifacts"][0]["metadata"][EXTENSION]["calls"] == []


async def test_an_agent_s_cancelled_task_reports_its_calls(tmp_path: Path, ledger: Ledger) -> None:
    """The call that was under way, too: it ends with the run, before the task does."""
    async with endpoint("agent", tmp_path, ledger=ledger) as served:
        wire = served.wires["JSONRPC"]
        stream = wire.stream("SendStreamingMessage", asking("Call"))
        task = (await anext(stream))["task"]
        async with asyncio.timeout(20):
            while not await ledger.calls("j-9"):
                pass
        cancelled = await wire.call("CancelTask", {"id": task["id"]})
    assert cancelled["status"]["state"] == "TASK_STATE_CANCELED"
    assert [(call["journey_id"], call["status"]) for call in reported(cancelled)] == [("j-9", "cancelled")]


async def test_nothing_is_reported_to_who_did_not_ask(served: Endpoint) -> None:
    task = await served.completed(served.wires["JSONRPC"], metadata={"journey_id": 7, "tags": "a client's own"})
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert not task["artifacts"][0].get("extensions")


async def test_what_is_active_is_named_in_the_answer_over_http(served: Endpoint) -> None:
    rpc = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": said("?")}}
    calls: list[tuple[str, dict[str, Any]]] = [
        (JSONRPC, rpc),
        (JSONRPC, {**rpc, "method": "SendStreamingMessage"}),
        ("/a2a/rest/message:send", rpc["params"]),  # type: ignore[list-item]  # a dict of dicts
    ]
    for path, body in calls:
        answered: httpx.Response = await served.http.post(path, json=body, headers=HEADER)
        assert answered.headers["A2A-Extensions"] == EXTENSION
        for others in (V1, {**V1, "A2A-Extensions": f"{EXTENSION}0"}):
            without = await served.http.post(path, json=body, headers=others)
            assert "A2A-Extensions" not in without.headers


async def test_what_is_active_is_named_in_the_answer_over_grpc(served: Endpoint) -> None:
    wire = served.wires["GRPC"]
    assert isinstance(wire, Grpc)
    stub = A2AServiceStub(wire.channel)  # type: ignore[no-untyped-call]
    request = ParseDict({"message": said("?")}, SendMessageRequest())
    for method in (stub.SendMessage, stub.SendStreamingMessage):
        for asked, named in ((EXTENSION, EXTENSION), ("urn:other:1", None)):
            call = method(request, metadata=[("a2a-version", "1.0"), ("a2a-extensions", asked)])
            assert dict(await call.initial_metadata()).get("a2a-extensions") == named
            call.cancel()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"budget": {"tokens": -1}}, "metadata budget: tokens"),
        ({"journey_id": "x" * 65}, "metadata journey_id has more than 64 characters"),
        ({"tags": "one"}, "metadata tags is no list"),
    ],
)
async def test_a_field_of_another_form_fails_the_task_and_is_named(
    served: Endpoint, given: dict[str, Any], says: str
) -> None:
    asking = said("How many failed?", extensions=[EXTENSION], metadata={EXTENSION: given})
    task = (await served.wires["JSONRPC"].call("SendMessage", {"message": asking}))["task"]
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert says in task["status"]["message"]["parts"][0]["text"]


def test_what_a_stranger_reports_is_kept_within_what_can_be() -> None:
    since = datetime.now(UTC) - timedelta(seconds=60)
    far = {"started_at": datetime(2001, 1, 1, tzinfo=UTC), "completed_at": datetime(8000, 1, 1, tzinfo=UTC)}
    forged = model_call("c", journey_id="j", agent="kql").model_copy(
        update={
            **far,
            "user": "ada",
            "tags": ["theirs"],
            "parent_id": "a call of ours",
            "cost": 1e8,
            "prompt_tokens": 2**31 - 1,
            "total_seconds": 1e9,
            "saved_cost": 5.0,
            "metadata": {"a": "b"},
        }
    )
    scope = Scope(journey_id="j", parent_call_id="p", user="bob", tags=("oncall",))
    [call] = calls_by("stranger", [forged], scope=scope, since=since)
    assert (call.user, call.tags, call.agent, call.parent_id) == ("bob", ["oncall"], "stranger", "p")
    assert since == call.started_at
    assert call.completed_at is not None
    assert call.completed_at <= datetime.now(UTC)
    assert (call.cost, call.saved_cost, call.prompt_tokens, call.metadata) == (None, None, 10**9, {})
    assert call.total_seconds is not None
    assert 60 <= call.total_seconds < 1e6
