"""Agents that speak A2A 0.3 and nothing newer: their card has its old form, and no method of 1.0 answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from a2a.compat.v0_3.jsonrpc_adapter import JSONRPC03Adapter
from a2a.compat.v0_3.rest_adapter import REST03Adapter
from a2a.helpers import new_data_part
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import Part
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from protocol_interface.a2a_client import A2AClient
from protocol_interface.registry import Registry
from shared.context import scoped
from shared.errors import AgentUnavailable
from shared.ledger import Ledger
from tests.agents.scripted_agent import model_call
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.foreign import Foreign
from tests.protocol_interface.scripted_peer import peer_card

TRANSPORTS = ["JSONRPC", "HTTP+JSON"]


@asynccontextmanager
async def older(
    registry: Registry, executor: Foreign, transport: str = "JSONRPC", *, streaming: bool = True
) -> AsyncIterator[None]:
    """The SDK's adapters for 0.3 alone, registered by a stranger."""
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    card = peer_card("foreign", url, version="0.3", streaming=streaming)
    requests = DefaultRequestHandler(executor, InMemoryTaskStore(), card)

    async def old_card(_: Request) -> Response:
        skill = {"id": "echo", "name": "echo", "description": "echoes", "tags": ["test"]}
        modes = {"defaultInputModes": ["application/json"], "defaultOutputModes": ["application/json"]}
        about = {"name": "foreign", "description": "from before", "version": "7", "protocolVersion": "0.3.0"}
        place = {"url": url, "preferredTransport": transport, "capabilities": {"streaming": streaming}}
        return JSONResponse({**about, **place, **modes, "skills": [skill]})

    adapter = JSONRPC03Adapter(requests)

    async def old_methods(request: Request) -> Response:
        body = await request.json()
        if not adapter.supports_method(body["method"]):
            return JSONResponse({"jsonrpc": "2.0", "id": body["id"], "error": {"code": -32601, "message": "no"}})
        return await adapter.handle_request(body["id"], body["method"], body, request)

    rest = REST03Adapter(http_handler=requests).routes()
    routes = [Route(path, endpoint, methods=[method]) for (path, method), endpoint in rest.items()]
    routes += [Route("/.well-known/agent-card.json", old_card), Route("/", old_methods, methods=["POST"])]
    async with on_a_socket(Starlette(routes=routes), listener):
        await registry.register_url(url)
        yield
        await requests.aclose()


@pytest.mark.parametrize("streaming", [True, False], ids=["streams", "answers at once"])
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_older_agent_is_asked_and_its_calls_are_counted(
    registry: Registry, remote_client: A2AClient, ledger: Ledger, transport: str, streaming: bool
) -> None:
    call = model_call("c-1", journey_id="j-1", agent="foreign").model_dump(mode="json")
    executor = Foreign([new_data_part({"n": 3})], calls=[call])
    async with older(registry, executor, transport, streaming=streaming):
        with scoped(journey_id="j-1"):
            assert await remote_client.invoke("foreign", "echo", {"limit": 5}) == {"n": 3}
    assert executor.got == [{"skill": "echo", "input": {"limit": 5}}]
    assert (await ledger.journey_summary("j-1")).prompt_tokens == 12


async def test_an_answer_of_text_that_is_json_is_read(registry: Registry, remote_client: A2AClient) -> None:
    async with older(registry, Foreign([Part(text='{"n": 3}', media_type="application/json")])):
        assert await remote_client.invoke("foreign", "echo", {}) == {"n": 3}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_an_older_agent_that_hangs_is_told_that_its_task_is_cancelled(
    registry: Registry, remote_client: A2AClient, transport: str
) -> None:
    """0.3 has no list of tasks: the id comes with the first event."""
    executor = Foreign(hold=True)
    async with older(registry, executor, transport):
        with pytest.raises(AgentUnavailable, match=r"did not answer within 0\.3 s"):
            await remote_client.invoke("foreign", "echo", {}, seconds=0.3)
        await executor.cancelled.wait()
