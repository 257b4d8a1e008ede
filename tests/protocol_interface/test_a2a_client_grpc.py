"""The A2A client over gRPC: as over HTTP, and within the same limits, whatever the server sends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import grpc  # type: ignore[import-untyped]
import httpx
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.helpers import new_data_part
from a2a.server.request_handlers import DefaultRequestHandler, GrpcHandler
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import AgentInterface, Part, StreamResponse, Task, TaskState, TaskStatus, a2a_pb2_grpc

from protocol_interface.a2a_client import A2AClient
from protocol_interface.a2a_client.bindings import grpc_url
from protocol_interface.bounded import ANSWER_LIMIT
from protocol_interface.registry import Registry
from shared.context import scoped
from shared.errors import AgentUnavailable
from shared.ledger import Ledger
from shared.settings import Settings
from tests.agents.scripted_agent import model_call
from tests.protocol_interface.foreign import Foreign
from tests.protocol_interface.registry.cards import as_fetched
from tests.protocol_interface.scripted_peer import peer_card

SERVICE = "lf.a2a.v1.A2AService"


@asynccontextmanager
async def serving(add: Callable[[grpc.aio.Server], None]) -> AsyncIterator[str]:
    server = grpc.aio.server()
    add(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop(grace=0)


@asynccontextmanager
async def foreign(registry: Registry, executor: Foreign, *, version: str = "1.0") -> AsyncIterator[None]:
    """The SDK's own gRPC server, registered as the operator's."""
    card = peer_card("foreign", "http://unused.example", binding="GRPC", version=version)
    requests = DefaultRequestHandler(executor, InMemoryTaskStore(), card)

    def add(server: grpc.aio.Server) -> None:
        if version == "1.0":
            a2a_pb2_grpc.add_A2AServiceServicer_to_server(GrpcHandler(requests), server)  # type: ignore[no-untyped-call]
        else:
            a2a_v0_3_pb2_grpc.add_A2AServiceServicer_to_server(CompatGrpcHandler(requests), server)  # type: ignore[no-untyped-call]

    async with serving(add) as url:
        await registry.register(peer_card("foreign", url, binding="GRPC", version=version), url=url)
        yield
    await requests.aclose()


@pytest.mark.parametrize("version", ["1.0", "0.3"])
async def test_a_server_of_grpc_is_asked_and_its_calls_are_counted(
    registry: Registry, remote_client: A2AClient, ledger: Ledger, version: str
) -> None:
    call = model_call("c-1", journey_id="j-1", agent="foreign").model_dump(mode="json")
    executor = Foreign([new_data_part({"n": 3})], calls=[call])
    async with foreign(registry, executor, version=version):
        with scoped(journey_id="j-1"):
            assert await remote_client.invoke("foreign", "echo", {"limit": 5}) == {"n": 3}
    assert executor.got == [{"skill": "echo", "input": {"limit": 5}}]
    assert (await ledger.journey_summary("j-1")).prompt_tokens == 12


async def test_an_agent_that_hangs_is_told_that_its_task_is_cancelled(
    registry: Registry, remote_client: A2AClient
) -> None:
    executor = Foreign(hold=True)
    async with foreign(registry, executor):
        with pytest.raises(AgentUnavailable, match=r"did not answer within 0\.3 s"):
            await remote_client.invoke("foreign", "echo", {}, seconds=0.3)
        await executor.cancelled.wait()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.example:50051", "http://a.example:50051"),
        ("https://a.example", "https://a.example"),
        ("a.example:50051", "http://a.example:50051"),
        ("a.example:443", "https://a.example:443"),
        ("[::1]:50051", "http://[::1]:50051"),
    ],
)
def test_the_address_of_a_server_is_read_as_cards_write_it(url: str, expected: str) -> None:
    assert grpc_url(AgentInterface(url=url, protocol_binding="GRPC")) == httpx.URL(expected)


async def test_a_strangers_server_is_only_called_where_strangers_may_be(
    registry: Registry, ledger: Ledger, settings: Settings
) -> None:
    """Its card was registered while its name meant another address."""
    client = A2AClient(registry, ledger=ledger, local={}, settings=settings.model_copy(update={"host": "0.0.0.0"}))
    executor = Foreign([new_data_part({})])
    async with foreign(registry, executor):
        card = (await registry.route("foreign")).card
        card.name = "stranger"
        await as_fetched(registry, card, "http://127.0.0.1:1")
        with pytest.raises(AgentUnavailable, match=r"can't reach agent 'stranger'.*not public"):
            await client.invoke("stranger", "echo", {})
    await client.close()
    assert executor.got is None


async def test_a_strangers_server_gets_no_key(registry: Registry, remote_client: A2AClient) -> None:
    executor = Foreign([new_data_part({"n": 1})])
    async with foreign(registry, executor):
        card = (await registry.route("foreign")).card
        card.name = "stranger"
        await as_fetched(registry, card, "http://127.0.0.1:1")
        assert await remote_client.invoke("stranger", "echo", {}) == {"n": 1}


Streaming = Callable[[bytes, grpc.aio.ServicerContext], AsyncIterator[bytes]]
Looking = Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]


@asynccontextmanager
async def raw(registry: Registry, stream: Streaming, look: Looking | None = None) -> AsyncIterator[None]:
    """A server whose streams, and whose tasks, are the bytes that a test gives."""
    methods = {"SendStreamingMessage": grpc.unary_stream_rpc_method_handler(stream)}
    if look:
        methods["GetTask"] = grpc.unary_unary_rpc_method_handler(look)

    def add(server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))

    async with serving(add) as url:
        await registry.register(peer_card("raw", url, binding="GRPC"), url=url)
        yield


def completed_task(answer: str) -> Task:
    status = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)
    task = Task(id="t-1", context_id="c-1", status=status)
    task.artifacts.add(artifact_id="a-1", parts=[Part(text=answer, media_type="application/json")])
    return task


def completed(answer: str) -> bytes:
    return bytes(StreamResponse(task=completed_task(answer)).SerializeToString())


async def breaks(_: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    yield StreamResponse(task=Task(id="t-1", context_id="c-1")).SerializeToString()
    await context.abort(grpc.StatusCode.UNAVAILABLE, "the server goes")


async def looked_at(_: bytes, __: grpc.aio.ServicerContext) -> bytes:
    return bytes(completed_task('{"n": 1}').SerializeToString())


async def not_looked_at(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
    await context.abort(grpc.StatusCode.CANCELLED, "by the server")
    return b""


async def test_the_task_of_a_stream_that_breaks_is_looked_at(registry: Registry, remote_client: A2AClient) -> None:
    async with raw(registry, breaks, looked_at):
        assert await remote_client.invoke("raw", "echo", {}) == {"n": 1}


async def test_a_call_that_the_server_cancels_is_no_cancellation_of_ours(
    registry: Registry, remote_client: A2AClient
) -> None:
    async with raw(registry, breaks, not_looked_at):
        with pytest.raises(AgentUnavailable, match="agent 'raw' answered nonsense"):
            await remote_client.invoke("raw", "echo", {})


async def invalid(_: bytes, __: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    yield b"\xff\xff\xff not protobuf"


async def huge(_: bytes, __: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    yield completed('{"a": "' + "x" * ANSWER_LIMIT + '"}')


async def bomb(_: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    context.set_compression(grpc.Compression.Gzip)
    yield completed('{"a": "' + "x" * 2 * ANSWER_LIMIT + '"}')


async def endless(_: bytes, __: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    event = StreamResponse()
    event.status_update.task_id = "t-1"
    event.status_update.status.message.parts.add(text="x" * 100_000)
    while True:
        yield event.SerializeToString()


async def cancelled(_: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    await context.abort(grpc.StatusCode.CANCELLED, "by the server")
    yield b""


async def unimplemented(_: bytes, context: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "no")
    yield b""


async def nothing(_: bytes, __: grpc.aio.ServicerContext) -> AsyncIterator[bytes]:
    return
    yield b""


FAULTS: list[tuple[Streaming, str]] = [
    (invalid, "agent 'raw' answered nonsense"),
    (huge, "agent 'raw' answered "),
    (bomb, "agent 'raw' answered nonsense"),
    (endless, "agent 'raw' answered more than 16 MiB"),
    (cancelled, "agent 'raw' answered nonsense: "),
    (unimplemented, "agent 'raw' answered nonsense: A2AClientError: gRPC Error UNIMPLEMENTED: no"),
    (nothing, "agent 'raw' answered nonsense"),
]


@pytest.mark.parametrize(("stream", "says"), FAULTS, ids=[stream.__name__ for stream, _ in FAULTS])
async def test_what_is_no_answer_is_told(
    registry: Registry, remote_client: A2AClient, stream: Streaming, says: str
) -> None:
    async with raw(registry, stream):
        with pytest.raises(AgentUnavailable) as raised:
            await remote_client.invoke("raw", "echo", {})
    assert str(raised.value).startswith(says)
