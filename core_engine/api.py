"""The HTTP API of architecture.md: routes, and no logic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Header, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse

from core_engine.bootstrap import LexiQuery
from shared.catalog import Catalog
from shared.errors import InvalidInput
from shared.models import (
    Answer,
    CallRecord,
    Conversation,
    ExecuteRequest,
    Feedback,
    IngestReport,
    IngestRequest,
    JourneyCostSummary,
    JourneySummary,
    KnowledgeHit,
    Model,
    Proof,
    ProveRequest,
    Question,
    Rows,
    SearchRequest,
    SentDocument,
)

UPLOAD_LIMIT = 20 * 1024 * 1024
"""Bytes of one uploaded document."""


class RetryRequest(Model):
    """feedback: why the answers of the journey are not what the user wanted."""

    feedback: str


def api_router(lexiquery: LexiQuery) -> APIRouter:
    """Every route under /api/v1."""
    router = APIRouter(prefix="/api/v1")
    _add_journeys(router, lexiquery)
    _add_proofs(router, lexiquery)
    _add_conversations(router, lexiquery)
    _add_catalogs(router, lexiquery)
    _add_procedures(router, lexiquery)
    _add_costs(router, lexiquery)
    return router


def _add_journeys(router: APIRouter, lexiquery: LexiQuery) -> None:
    product, store = lexiquery.product, lexiquery.state.store

    @router.post("/query", response_model=Answer)
    async def query(request: Request, question: Question, prefer: Annotated[str, Header()] = "") -> Response | Answer:
        journey_id = await product.start(question)
        if "respond-async" not in prefer:
            return await product.answer(journey_id)
        location = f"/api/v1/journeys/{journey_id}"
        return JSONResponse({"journey_id": journey_id, "url": location}, 202, headers={"Location": location})

    @router.get("/journeys")
    async def journeys(
        conversation_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> list[JourneySummary]:
        return await store.journeys(conversation_id=conversation_id, limit=limit, offset=offset)

    @router.get("/journeys/{journey_id}", response_model=None)
    async def journey(journey_id: str) -> dict[str, Any]:
        """The Answer; while the journey runs, its id and status."""
        answer = await store.answer(journey_id)
        if answer is None:
            return {"journey_id": journey_id, "status": await store.status(journey_id)}
        return answer.model_dump(mode="json")

    @router.get("/journeys/{journey_id}/events")
    async def events(journey_id: str, last_event_id: Annotated[int, Header()] = 0) -> StreamingResponse:
        await store.status(journey_id)
        return StreamingResponse(_server_sent(lexiquery, journey_id, last_event_id), media_type="text/event-stream")

    @router.post("/journeys/{journey_id}/cancel", status_code=202)
    async def cancel(journey_id: str) -> dict[str, str]:
        await product.cancel(journey_id)
        return {"journey_id": journey_id}

    @router.post("/journeys/{journey_id}/retry")
    async def retry(journey_id: str, request: RetryRequest) -> Answer:
        return await product.answer(await product.retry(journey_id, request.feedback))


async def _server_sent(lexiquery: LexiQuery, journey_id: str, after: int) -> AsyncIterator[str]:
    async for event in lexiquery.product.events(journey_id):
        if event.sequence > after:
            yield f"id: {event.sequence}\nevent: {event.kind}\ndata: {event.model_dump_json()}\n\n"


def _add_proofs(router: APIRouter, lexiquery: LexiQuery) -> None:
    @router.post("/prove")
    async def prove(request: ProveRequest) -> Proof:
        return await lexiquery.product.prove(request)

    @router.post("/execute")
    async def execute(request: ExecuteRequest) -> Rows:
        return await lexiquery.product.execute(request)


def _add_conversations(router: APIRouter, lexiquery: LexiQuery) -> None:
    store = lexiquery.state.store

    @router.post("/conversations", status_code=201)
    async def open_conversation() -> Conversation:
        return await store.open_conversation()

    @router.get("/conversations/{conversation_id}")
    async def conversation(conversation_id: str) -> Conversation:
        return await store.conversation(conversation_id)

    @router.post("/feedback", status_code=201)
    async def feedback(given: Feedback) -> Feedback:
        await store.add_feedback(given)
        return given


def _add_catalogs(router: APIRouter, lexiquery: LexiQuery) -> None:
    catalogs = lexiquery.state.catalogs

    @router.get("/catalog")
    async def groups() -> list[dict[str, Any]]:
        return [
            {"schema_group": one.schema_group, "platform": one.platform, "tables": len(one.tables)}
            for one in await catalogs.all()
        ]

    @router.get("/catalog/{group}")
    async def catalog(group: str) -> dict[str, Any]:
        return (await catalogs.get(group)).model_dump(mode="json", by_alias=True)

    @router.get("/catalog/{group}/{part}")
    async def part(
        group: str, part: Literal["tables", "glossary", "examples", "relationships"]
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await catalogs.get(group)).model_dump(mode="json", by_alias=True)[part]
        return found

    @router.put("/catalog/{group}")
    async def put_catalog(group: str, catalog: Catalog) -> dict[str, Any]:
        """Replace the group's catalog. Rows stay where they are: `lexiquery catalog import` loads rows."""
        from agents.data.importing import store_catalog

        if catalog.schema_group != group:
            raise InvalidInput(f"the catalog names group '{catalog.schema_group}', the address '{group}'")
        report = await store_catalog(catalog, catalogs=catalogs, sandbox=lexiquery.state.sandbox)
        return report.model_dump(mode="json")

    @router.delete("/catalog/{group}", status_code=204)
    async def remove_catalog(group: str) -> None:
        await catalogs.remove(group)


def _add_procedures(router: APIRouter, lexiquery: LexiQuery) -> None:
    @router.post("/procedures", status_code=201)
    async def add(request: IngestRequest) -> IngestReport:
        return await lexiquery.product.add_procedures(request)

    @router.post("/procedures/upload", status_code=201)
    async def upload(files: Annotated[list[UploadFile], File()]) -> IngestReport:
        documents = []
        for file in files:
            content = await file.read(UPLOAD_LIMIT + 1)
            if len(content) > UPLOAD_LIMIT:
                raise InvalidInput(f"{file.filename} is larger than {UPLOAD_LIMIT} bytes")
            documents.append(SentDocument.of(file.filename or "", content))
        report = await lexiquery.product.add_procedures(IngestRequest(documents=documents))
        if len(report.failed) == len(documents):
            raise InvalidInput("; ".join(f"{failure.source}: {failure.reason}" for failure in report.failed))
        return report

    @router.post("/procedures/search")
    async def search(request: SearchRequest) -> list[KnowledgeHit]:
        return await lexiquery.product.search_procedures(request.question, request.limit)


def _add_costs(router: APIRouter, lexiquery: LexiQuery) -> None:
    ledger = lexiquery.state.ledger

    @router.get("/cost/journey/{journey_id}")
    async def journey_cost(journey_id: str) -> JourneyCostSummary:
        return await lexiquery.product.journey_cost(journey_id)

    @router.get("/cost/recent")
    async def recent(limit: Annotated[int, Query(ge=1, le=500)] = 20) -> list[JourneyCostSummary]:
        journeys = await lexiquery.state.store.journeys(limit=limit)
        return [await ledger.journey_summary(one.journey_id) for one in journeys]

    @router.get("/cost/stats", response_model=None)
    async def stats(days: Annotated[int, Query(ge=1, le=3650)] = 30) -> Any:
        return await ledger.stats(days=days)

    @router.get("/cost/calls")
    async def calls(
        journey_id: str | None = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
        offset: Annotated[int, Query(ge=0, le=1_000_000_000)] = 0,
    ) -> list[CallRecord]:
        return await ledger.calls(journey_id, limit=limit, offset=offset)
