"""LexiQuery met by a2a-sdk's own client, on each binding and in both protocol versions that its card names."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc  # type: ignore[import-untyped]
import httpx
import pytest
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.card_resolver import A2ACardResolver
from a2a.helpers import get_artifact_text, get_data_parts, get_message_text, new_data_message, new_text_message
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Role,
    SendMessageRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import MethodNotFoundError, TaskNotFoundError
from starlette.applications import Starlette

from protocol_interface.a2a_server import mount_a2a
from shared.a2a.grpc_server import GrpcPlace
from shared.a2a.wire import output_of
from shared.models import Answer
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.notebook import Notebook

PLACE = GrpcPlace(host="127.0.0.1", port=0, name="127.0.0.1", api_key=None, limit=2**20)
BINDINGS = [(binding, version) for version in ("1.0", "0.3") for binding in ("JSONRPC", "HTTP+JSON", "GRPC")]
each_binding = pytest.mark.parametrize(("binding", "version"), BINDINGS, ids=["-".join(one) for one in BINDINGS])


@asynccontextmanager
async def met(
    binding: str, version: str, product: Notebook | None = None, *, streaming: bool = True
) -> AsyncIterator[Client]:
    """The SDK's client of the one interface of LexiQuery's card."""
    listener = loopback_socket()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with mounted:
            yield

    host = Starlette(lifespan=lifespan)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    mounted = mount_a2a(host, product or Notebook(), url, place=PLACE if binding == "GRPC" else None)
    async with on_a_socket(host, listener), httpx.AsyncClient() as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        config = ClientConfig(
            streaming=streaming,
            httpx_client=http,
            supported_protocol_bindings=[binding],
            grpc_channel_factory=grpc.aio.insecure_channel,
        )
        client = ClientFactory(config).create(only(card, binding, version))
        yield client
        await client.close()


def only(card: AgentCard, binding: str, version: str) -> AgentCard:
    [found] = [
        one
        for one in card.supported_interfaces
        if one.protocol_binding == binding and one.protocol_version.startswith(version)
    ]
    reduced = AgentCard()
    reduced.CopyFrom(card)
    del reduced.supported_interfaces[:]
    reduced.supported_interfaces.append(found)
    return reduced


async def events(client: Client, message: Message) -> list[StreamResponse]:
    return [event async for event in client.send_message(SendMessageRequest(message=message))]


@each_binding
async def test_a_question_is_answered_with_its_stages_on_the_way(binding: str, version: str) -> None:
    async with met(binding, version) as client:
        seen = await events(client, new_text_message("How many failed sign-ins?", role=Role.ROLE_USER))
        kept = await client.get_task(GetTaskRequest(id=seen[0].task.id))
    updates = [event.status_update.status for event in seen if event.HasField("status_update")]
    said = [get_message_text(status.message) for status in updates if status.HasField("message")]
    assert (said[0], said[-1], len(said)) == ("discovery: started", "validation: completed", 10)
    assert updates[-1].state == TaskState.TASK_STATE_COMPLETED
    [artifact] = [event.artifact_update.artifact for event in seen if event.HasField("artifact_update")]
    assert "SigninLogs | count" in get_artifact_text(artifact)
    assert Answer.model_validate(output_of(artifact.parts)).answers[0].query == "SigninLogs | count"
    assert kept.status.state == TaskState.TASK_STATE_COMPLETED
    assert kept.artifacts[0].artifact_id == artifact.artifact_id


@each_binding
async def test_a_vague_question_is_asked_back_and_goes_on(binding: str, version: str) -> None:
    product = Notebook()
    async with met(binding, version, product, streaming=False) as client:
        first = (await events(client, new_text_message("How many?", role=Role.ROLE_USER)))[0].task
        assert first.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        reply = new_text_message("hosts", role=Role.ROLE_USER, task_id=first.id, context_id=first.context_id)
        [second] = await events(client, reply)
    assert second.task.id == first.id
    assert second.task.status.state == TaskState.TASK_STATE_COMPLETED
    assert product.asked[1].question == "How many? (hosts)"


@each_binding
async def test_a_journey_is_followed_by_a_second_stream_and_cancelled(binding: str, version: str) -> None:
    product = Notebook(hold=True)
    async with met(binding, version, product) as client:
        message = new_text_message("Failures?", role=Role.ROLE_USER)
        first = client.send_message(SendMessageRequest(message=message))
        task = (await anext(first)).task
        reading = asyncio.create_task(_last(first))
        await product.reached_data.wait()
        second = client.subscribe(SubscribeToTaskRequest(id=task.id))
        await anext(second)
        cancelled = await client.cancel_task(CancelTaskRequest(id=task.id))
        ends = [(await reading).status_update.status.state, (await _last(second)).status_update.status.state]
    assert cancelled.status.state == TaskState.TASK_STATE_CANCELED
    assert ends == [TaskState.TASK_STATE_CANCELED] * 2
    assert product.cancelled == ["journey-1"]


async def _last(stream: AsyncIterator[StreamResponse]) -> StreamResponse:
    return [event async for event in stream][-1]


@each_binding
async def test_a_mistake_comes_back_with_what_would_be_right(binding: str, version: str) -> None:
    asked = {"skill": "answer_question", "input": {"question": "Why?", "schema_group": "ops_log"}}
    async with met(binding, version, streaming=False) as client:
        [answered] = await events(client, new_data_message(asked, role=Role.ROLE_USER))
    task: Task = answered.task
    assert task.status.state == TaskState.TASK_STATE_FAILED
    [problem] = get_data_parts(task.status.message.parts)
    assert (problem["code"], problem["suggestion"]) == ("not_found", "did you mean 'ops_logs'?")


@each_binding
async def test_a_task_that_does_not_exist_is_not_found(binding: str, version: str) -> None:
    async with met(binding, version) as client:
        # The SDK's client of REST in 0.3 takes every 404 for a method that is not there.
        with pytest.raises((TaskNotFoundError, MethodNotFoundError)):
            await client.get_task(GetTaskRequest(id="nobody's"))
