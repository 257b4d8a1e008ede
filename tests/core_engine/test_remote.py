"""The product over HTTP: what a command sees of a server that answers, breaks off, or is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from core_engine.bootstrap import LexiQuery
from core_engine.remote import RemoteProduct
from core_engine.server import build_app
from shared.documents import IngestRequest
from shared.errors import AgentUnavailable, NotFound
from shared.models import Question
from tests.agents.serving import loopback_socket, on_a_socket

URL = "http://127.0.0.1:8000"


async def test_a_question_is_answered_as_by_the_product_itself(lexiquery: LexiQuery) -> None:
    transport = httpx.ASGITransport(build_app(lexiquery, URL))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        product = RemoteProduct(client)
        journey_id = await product.start(Question(question="Which hosts are there?"))
        assert await product.answer(journey_id) == await lexiquery.product.answer(journey_id)
        with pytest.raises(NotFound, match="unknown journey 'nope'"):
            await product.answer("nope")


async def test_a_server_that_is_gone_is_named_whatever_was_asked_of_it() -> None:
    gone = loopback_socket()
    url = f"http://127.0.0.1:{gone.getsockname()[1]}"
    gone.close()
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        product = RemoteProduct(client)
        with pytest.raises(AgentUnavailable, match=f"the server at {url} does not answer"):
            await anext(product.events("j-1"))
        with pytest.raises(AgentUnavailable, match=f"the server at {url} does not answer"):
            await product.add_procedures(IngestRequest())


async def _breaks() -> AsyncIterator[str]:
    yield ": nothing new\n\n"
    raise ConnectionResetError


async def _ends() -> AsyncIterator[str]:
    yield ": nothing new\n\n"


@pytest.mark.parametrize("stream", [_breaks, _ends])
async def test_a_stream_that_ends_before_the_answer_is_an_error_not_an_end(
    stream: Callable[[], AsyncIterator[str]],
) -> None:
    async def events(_: Request) -> Response:
        return StreamingResponse(stream(), media_type="text/event-stream")

    host = Starlette(routes=[Route("/api/v1/journeys/{journey_id}/events", events)])
    async with on_a_socket(host, loopback_socket()) as url, httpx.AsyncClient(base_url=url) as client:
        with pytest.raises(AgentUnavailable, match=r"ended before journey 'j-1' did; it goes on when .*"):
            await anext(RemoteProduct(client).events("j-1"))
