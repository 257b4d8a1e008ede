"""A running LexiQuery, over its HTTP API: what the CLI and stdio MCP use when a server owns the data directory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from pydantic import TypeAdapter

from protocol_interface.product import Event, RegisteredAgent
from shared.documents import IngestReport, IngestRequest
from shared.errors import AgentUnavailable, LexiQueryError, error_of
from shared.models import (
    Answer,
    ExecuteRequest,
    JourneyCostSummary,
    KnowledgeHit,
    ProblemDetail,
    Proof,
    ProveRequest,
    Question,
    Rows,
)

_hits = TypeAdapter(list[KnowledgeHit])
_agents = TypeAdapter(list[RegisteredAgent])


class RemoteProduct:
    """`protocol_interface.product.Product` over HTTP. Errors are those that the server answered."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """client: with the server's base_url, its API key, and no read timeout (journeys take what they take)."""
        self._client = client

    async def start(self, question: Question) -> str:
        found = await self._send(
            "POST", "/api/v1/query", question.model_dump(mode="json"), headers={"Prefer": "respond-async"}
        )
        return str(found["journey_id"])

    async def answer(self, journey_id: str) -> Answer:
        async for _ in self.events(journey_id):
            pass
        return Answer.model_validate(await self._send("GET", f"/api/v1/journeys/{journey_id}"))

    async def cancel(self, journey_id: str) -> None:
        await self._send("POST", f"/api/v1/journeys/{journey_id}/cancel")

    async def replay(self, journey_id: str) -> str:
        found = await self._send("POST", f"/api/v1/journeys/{journey_id}/replay")
        return str(found["journey_id"])

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        with self._reached():
            async with self._client.stream("GET", f"/api/v1/journeys/{journey_id}/events") as response:
                if response.is_error:
                    await response.aread()
                    raise _error(response)
                async for line in response.aiter_lines():
                    if line.startswith("data: "):
                        yield Event.model_validate_json(line.removeprefix("data: "))

    async def prove(self, request: ProveRequest) -> Proof:
        return Proof.model_validate(await self._send("POST", "/api/v1/prove", request.model_dump()))

    async def execute(self, request: ExecuteRequest) -> Rows:
        return Rows.model_validate(await self._send("POST", "/api/v1/execute", request.model_dump()))

    async def search_procedures(self, question: str, limit: int = 5) -> list[KnowledgeHit]:
        body = {"question": question, "limit": limit}
        return _hits.validate_python(await self._send("POST", "/api/v1/procedures/search", body))

    async def add_procedures(self, request: IngestRequest) -> IngestReport:
        return IngestReport.model_validate(await self._send("POST", "/api/v1/procedures", request.model_dump()))

    async def list_agents(self) -> list[RegisteredAgent]:
        return _agents.validate_python(await self._send("GET", "/a2a/agents/discover"))

    async def register_agent(self, url: str) -> RegisteredAgent:
        return RegisteredAgent.model_validate(await self._send("POST", "/a2a/agents/register", {"url": url}))

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary:
        return JourneyCostSummary.model_validate(await self._send("GET", f"/api/v1/cost/journey/{journey_id}"))

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        with self._reached():
            return _json(await self._client.request(method, path, json=body, headers=headers))

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise AgentUnavailable(f"the server at {self._client.base_url} does not answer: {said}") from error


def _json(response: httpx.Response) -> Any:
    if response.is_error:
        raise _error(response)
    return response.json()


def _error(response: httpx.Response) -> LexiQueryError:
    try:
        problem = ProblemDetail.model_validate(response.json())
    except (json.JSONDecodeError, ValueError):
        return LexiQueryError(f"the server answered {response.status_code}: {response.text[:200]}")
    return error_of(problem)
