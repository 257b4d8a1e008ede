"""LexiQuery as an A2A agent, met by the SDK's own client over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import httpx
import pytest
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.compat.v0_3 import a2a_v0_3_pb2
from a2a.compat.v0_3.a2a_v0_3_pb2_grpc import A2AServiceStub
from a2a.helpers import get_artifact_text, get_data_parts, get_message_text, new_data_message, new_text_message
from a2a.types import CancelTaskRequest, Message, Role, SendMessageRequest, StreamResponse, Task, TaskState
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.applications import Starlette

from protocol_interface.a2a_server import mount_a2a
from shared.a2a.wire import EXTENSION, error_from, output_of
from shared.errors import InvalidInput, LexiQueryError, NotFound
from shared.models import Answer, Budget, Hits, Proof
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.a2a_requirements.conftest import endpoint, said
from tests.protocol_interface.a2a_requirements.wires import Grpc
from tests.protocol_interface.notebook import Notebook


@asynccontextmanager
async def peer(
    product: Notebook, *, engine: AsyncEngine | None = None, streaming: bool = True
) -> AsyncIterator[Client]:
    """A peer's client of LexiQuery."""
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with mounted:
            yield

    host = Starlette(lifespan=lifespan)
    mounted = mount_a2a(host, product, url, engine=engine)
    async with on_a_socket(host, listener), httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        yield ClientFactory(ClientConfig(streaming=streaming, httpx_client=http)).create(card)


def text(said: str, task: Task | None = None) -> Message:
    ids = {"task_id": task.id, "context_id": task.context_id} if task else {}
    return new_text_message(said, role=Role.ROLE_USER, **ids)


def asking(skill: str, given: object) -> Message:
    return new_data_message({"skill": skill, "input": given}, role=Role.ROLE_USER)


async def events(client: Client, message: Message) -> list[StreamResponse]:
    return [event async for event in client.send_message(SendMessageRequest(message=message))]


async def outcome(product: Notebook, message: Message) -> Task:
    async with peer(product, streaming=False) as client:
        [answered] = await events(client, message)
    return answered.task


async def test_stages_come_as_updates_and_the_answer_as_an_artifact() -> None:
    async with peer(Notebook()) as client:
        seen = await events(client, text("How many failed sign-ins?"))
    updates = [event.status_update for event in seen if event.HasField("status_update")]
    stages = [get_message_text(update.status.message) for update in updates if update.status.HasField("message")]
    assert stages[:2] == ["discovery: started", "discovery: completed"]
    assert stages[-1] == "validation: completed"
    assert len(stages) == 10
    [artifact] = [event.artifact_update.artifact for event in seen if event.HasField("artifact_update")]
    answer = Answer.model_validate(output_of(artifact.parts))
    assert answer.answers[0].query == "SigninLogs | count"
    assert "SigninLogs | count" in get_artifact_text(artifact)
    assert answer.cost.prompt_tokens == 811
    assert updates[-1].status.state == TaskState.TASK_STATE_COMPLETED


async def test_a_question_with_its_options_reaches_the_journey() -> None:
    product = Notebook()
    message = asking("answer_question", {"question": "Failures?", "platforms": ["kql"], "run": False})
    message.extensions.append(EXTENSION)
    message.metadata.update({EXTENSION: {"budget": {"calls": 4}}})
    await outcome(product, message)
    [question] = product.asked
    assert (question.platforms, question.run, question.budget) == (["kql"], False, Budget(calls=4))


async def test_a_vague_question_asks_back_and_the_reply_continues_it() -> None:
    product = Notebook()
    async with peer(product, streaming=False) as client:
        [first] = await events(client, text("How many?"))
        [second] = await events(client, text("sign-ins", first.task))
    assert first.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert "How many of what?" in get_message_text(first.task.status.message)
    assert get_data_parts(first.task.status.message.parts)[0]["options"] == ["sign-ins", "hosts"]
    assert second.task.id == first.task.id
    assert second.task.status.state == TaskState.TASK_STATE_COMPLETED
    assert product.asked[1].question == "How many? (sign-ins)"


async def test_a_clarification_is_answered_after_a_restart(engine: AsyncEngine) -> None:
    product = Notebook()
    async with peer(product, engine=engine, streaming=False) as client:
        [first] = await events(client, text("How many?"))
    async with peer(product, engine=engine, streaming=False) as client:
        [second] = await events(client, text("hosts", first.task))
    assert second.task.status.state == TaskState.TASK_STATE_COMPLETED
    assert product.asked[1].question == "How many? (hosts)"


async def test_cancelling_the_task_cancels_the_journey() -> None:
    product = Notebook(hold=True)
    async with peer(product) as client:
        stream = client.send_message(SendMessageRequest(message=text("Failures?")))
        task = (await anext(stream)).task
        reading = asyncio.create_task(_rest(stream))
        await product.reached_data.wait()
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        await reading
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
    assert product.cancelled == ["journey-1"]


async def _rest(stream: AsyncIterator[StreamResponse]) -> list[StreamResponse]:
    return [event async for event in stream]


async def test_a_query_is_proven() -> None:
    query = {"platform": "kql", "schema_group": "ops_logs", "query": "SigninLog | count"}
    task = await outcome(Notebook(), asking("prove_query", query))
    proof = Proof.model_validate(output_of(task.artifacts[0].parts))
    assert proof.problems[0].suggestion == "did you mean 'SigninLogs'?"
    assert task.status.state == TaskState.TASK_STATE_COMPLETED


async def test_a_plan_is_proven_instead_of_a_query() -> None:
    plan = {"source": {"kind": "table", "name": "SigninLogs"}}
    asked = {"platform": "kql", "schema_group": "ops_logs", "plan": plan}
    task = await outcome(Notebook(), asking("prove_query", asked))
    assert Proof.model_validate(output_of(task.artifacts[0].parts)).query == "SigninLogs"


async def test_procedures_are_found() -> None:
    task = await outcome(Notebook(), asking("search_procedures", {"question": "vpn", "limit": 1}))
    assert Hits.model_validate(output_of(task.artifacts[0].parts)).hits[0].title == "VPN outage"


MISTAKES: list[tuple[Message, type[LexiQueryError], str]] = [
    (asking("answer_question", {"question": " "}), InvalidInput, "the question is empty"),
    (asking("answer_question", {"questoin": "Why?"}), InvalidInput, "question: Field required"),
    (asking("answer_questions", {}), InvalidInput, "LexiQuery has no skill 'answer_questions'; did you mean"),
    (
        asking("answer_question", {"question": "Why?", "schema_group": "ops_log"}),
        NotFound,
        "unknown schema group 'ops_log'; did you mean 'ops_logs'?",
    ),
    (asking("search_procedures", {}), InvalidInput, "question: Field required"),
]


@pytest.mark.parametrize(("message", "cls", "says"), MISTAKES)
async def test_a_mistake_fails_the_task_with_the_same_error(
    message: Message, cls: type[LexiQueryError], says: str
) -> None:
    task = await outcome(Notebook(), message)
    assert task.status.state == TaskState.TASK_STATE_FAILED
    error = error_from(task.status.message, "lexiquery")
    assert type(error) is cls
    assert str(error).startswith(says)


FAULTS = [
    (RuntimeError("the secret of the house"), "LexiQuery failed with RuntimeError; its log has more"),
    (
        OperationalError("INSERT the secret", {}, OSError("disk I/O error")),
        "the database failed: disk I/O error; is its disk full, or the file damaged?",
    ),
]


@pytest.mark.parametrize(("fault", "says"), FAULTS)
async def test_a_fault_names_its_kind_and_keeps_its_secrets(fault: Exception, says: str) -> None:
    task = await outcome(Notebook(fault=fault), text("Why?"))
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert get_message_text(task.status.message).strip() == says


async def test_an_older_peer_asks_over_grpc(tmp_path: Path) -> None:
    """Protocol 0.3 is a service of its own on the same port; such peers name no version."""
    async with endpoint("lexiquery", tmp_path) as served:
        wire = served.wires["GRPC"]
        assert isinstance(wire, Grpc)
        stub = A2AServiceStub(wire.channel)  # type: ignore[no-untyped-call]
        asked = a2a_v0_3_pb2.Message(message_id="1", role=a2a_v0_3_pb2.ROLE_USER)
        asked.content.add(text="How many failed?")
        request = a2a_v0_3_pb2.SendMessageRequest(request=asked)
        answered = await stub.SendMessage(request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.SendMessage(request, metadata=[("a2a-version", "1.0")])
    assert answered.task.status.state == a2a_v0_3_pb2.TASK_STATE_COMPLETED
    assert "SigninLogs | count" in answered.task.artifacts[0].parts[0].text
    assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_an_answer_has_the_form_of_the_question(tmp_path: Path) -> None:
    """Text is answered in text; the JSON in it is exact, and as data for who accepts JSON."""
    async with endpoint("lexiquery", tmp_path) as served:
        wire, asked = served.wires["JSONRPC"], {"text": "How many failed?"}
        kinds = []
        for parts, accepted in (
            ([asked], []),
            ([asked], ["application/json"]),
            ([{"data": {"skill": "answer_question", "input": {"question": "?"}}}], []),
        ):
            configuration = {"acceptedOutputModes": accepted}
            answered = await wire.call(
                "SendMessage", {"message": said("", parts=parts), "configuration": configuration}
            )
            kinds.append(["data" if "data" in part else "text" for part in answered["task"]["artifacts"][0]["parts"]])
    assert kinds == [["text", "text"], ["text", "data", "text"], ["text", "data", "text"]]
