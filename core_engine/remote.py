"""A running LexiQuery, over its HTTP API: what the CLI and stdio MCP use when a server owns the data directory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from pydantic import TypeAdapter

from core_engine.agent_directory import RemoteDirectory
from protocol_interface.product import Event, Explanation, GroupSummary, RegisteredAgent
from shared.catalog import Catalog
from shared.documents import DocumentText, IngestReport, IngestRequest, StoredDocument
from shared.errors import AgentUnavailable, LexiQueryError, error_of
from shared.models import (
    Answer,
    ExecuteRequest,
    JourneyCostSummary,
    JourneySummary,
    KnowledgeHit,
    LinkedTable,
    ProblemDetail,
    Proof,
    ProveRequest,
    QueryRequest,
    Question,
    Rows,
    SearchScope,
)

_hits = TypeAdapter(list[KnowledgeHit])
_tables = TypeAdapter(list[LinkedTable])
_groups = TypeAdapter(list[GroupSummary])
_journeys = TypeAdapter(list[JourneySummary])
_documents = TypeAdapter(list[StoredDocument])


class RemoteProduct:
    """`protocol_interface.product.Product` over HTTP. Errors are those that the server answered."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """client: with the server's base_url, its API key, and no read timeout (journeys take what they take)."""
        self._client = client
        self._agents_seen = ""

    async def start(self, question: Question) -> str:
        found = await self._send(
            "POST", "/api/v1/query", question.model_dump(mode="json"), headers={"Prefer": "respond-async"}
        )
        return str(found["journey_id"])

    async def answer(self, journey_id: str) -> Answer:
        async for _ in self.events(journey_id):
            pass
        return Answer.heard(await self._send("GET", _journey(journey_id)))

    async def cancel(self, journey_id: str) -> None:
        await self._send("POST", f"{_journey(journey_id)}/cancel")

    async def replay(self, journey_id: str) -> str:
        found = await self._send("POST", f"{_journey(journey_id)}/replay")
        return str(found["journey_id"])

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        """Raises AgentUnavailable also when they end before the answer: the server was stopped."""
        kind = ""
        with self._reached():
            async with self._client.stream("GET", f"{_journey(journey_id)}/events") as response:
                if response.is_error:
                    await response.aread()
                    raise _error(response)
                with suppress(httpx.RemoteProtocolError):  # it broke off
                    async for line in response.aiter_lines():
                        if line.startswith("data: "):
                            event = Event.model_validate_json(line.removeprefix("data: "), extra="ignore")
                            kind = event.kind
                            yield event
        if kind != "answer":
            ended = f"the server at {self._client.base_url} ended before journey '{journey_id}' did"
            later = f"it goes on when the server starts again; `lexiquery journey show {journey_id}` says how far it is"
            raise AgentUnavailable(ended, suggestion=later)

    async def prove(self, request: ProveRequest) -> Proof:
        return Proof.heard(await self._send("POST", "/api/v1/prove", request.model_dump(exclude_none=True)))

    async def execute(self, request: ExecuteRequest) -> Rows:
        return Rows.heard(await self._send("POST", "/api/v1/execute", request.model_dump()))

    async def explain(self, request: QueryRequest) -> Explanation:
        return Explanation.heard(await self._send("POST", "/api/v1/explain", request.model_dump()))

    async def find_tables(self, question: str, schema_group: str | None = None, limit: int = 5) -> list[LinkedTable]:
        body = {"question": question, "schema_group": schema_group, "limit": limit}
        return _tables.validate_python(await self._send("POST", "/api/v1/tables/search", body))

    async def groups(self) -> list[GroupSummary]:
        return _groups.validate_python(await self._send("GET", "/api/v1/catalog"))

    async def catalog(self, group: str) -> Catalog:
        return Catalog.heard(await self._send("GET", f"/api/v1/catalog/{quote(group, safe='')}"))

    async def journeys(self, limit: int = 50) -> list[JourneySummary]:
        return _journeys.validate_python(await self._send("GET", f"/api/v1/journeys?limit={limit}"))

    async def peek(self, journey_id: str) -> Answer | None:
        found = await self._send("GET", _journey(journey_id))
        return Answer.heard(found) if "plan" in found else None

    async def procedures(self) -> list[StoredDocument]:
        return _documents.validate_python(await self._send("GET", "/api/v1/procedures"))

    async def procedure(self, name: str) -> DocumentText:
        return DocumentText.heard(await self._send("GET", f"/api/v1/procedures/{quote(name)}"))

    async def agents_version(self) -> str:
        asked = {"skill": "query", "limit": "1000"}
        with self._reached():
            seen = {"If-None-Match": self._agents_seen}
            response = await self._client.get("/a2a/agents/discover", params=asked, headers=seen)
        if response.status_code != httpx.codes.NOT_MODIFIED:
            _json(response)
            self._agents_seen = response.headers.get("etag", "")
        return self._agents_seen

    async def search_procedures(
        self, question: str, limit: int = 5, scope: SearchScope | None = None
    ) -> list[KnowledgeHit]:
        within = scope.model_dump(include=set(SearchScope.model_fields)) if scope else {}
        body = {"question": question, "limit": limit, **within}
        return _hits.validate_python(await self._send("POST", "/api/v1/procedures/search", body))

    async def add_procedures(self, request: IngestRequest) -> IngestReport:
        return IngestReport.heard(await self._send("POST", "/api/v1/procedures", request.model_dump()))

    async def remove_procedure(self, name: str, labels: Collection[str] = ()) -> IngestReport:
        path = f"/api/v1/procedures/{quote(name)}?{urlencode([('labels', one) for one in labels])}"
        return IngestReport.heard(await self._send("DELETE", path))

    async def list_agents(self) -> list[RegisteredAgent]:
        return await self.agents.find()

    @property
    def agents(self) -> RemoteDirectory:
        return RemoteDirectory(self._send)

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary:
        path = f"/api/v1/cost/journey/{quote(journey_id, safe='')}"
        return JourneyCostSummary.heard(await self._send("GET", path))

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


def _journey(journey_id: str) -> str:
    return f"/api/v1/journeys/{quote(journey_id, safe='')}"


def _json(response: httpx.Response) -> Any:
    if response.is_error:
        raise _error(response)
    return response.json() if response.content else None


def _error(response: httpx.Response) -> LexiQueryError:
    try:
        problem = ProblemDetail.heard(response.json())
    except ValueError:
        return LexiQueryError(f"the server answered {response.status_code}: {response.text[:200]}")
    return error_of(problem)
