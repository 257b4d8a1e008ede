"""The HTTP API of architecture.md: routes, and no logic."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse

from agents.data.importing import ImportReport
from core_engine.api_costs import add_costs
from core_engine.api_knowledge import add_knowledge, add_known_errors
from core_engine.bootstrap import LexiQuery
from core_engine.groups import Part
from core_engine.mending import known_parameters_only
from core_engine.waiting import answer_while_awaited, server_sent, while_awaited
from protocol_interface.product import Explanation
from shared.catalog import Catalog
from shared.context import scoped
from shared.documents import (
    DocumentText,
    DocumentVersion,
    IngestReport,
    IngestRequest,
    Label,
    SentDocument,
    StoredDocument,
)
from shared.models import (
    Answer,
    Conversation,
    ConversationSummary,
    ExecuteRequest,
    Feedback,
    FeedbackTaken,
    JourneySummary,
    KnowledgeHit,
    LinkedTable,
    LinkRequest,
    Model,
    Proof,
    ProveRequest,
    QueryRequest,
    Question,
    Rows,
    SearchRequest,
)

JOURNEY_HEADER = "X-Journey-ID"
Limit = Annotated[int, Query(ge=1, le=500)]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]


class RetryRequest(Model):
    """feedback: why the answers of the journey are not what the user wanted."""

    feedback: str


_Carried = Annotated[list[Label] | None, Query()]
"""Labels that the request carries, once for each."""


def api_router(lexiquery: LexiQuery) -> APIRouter:
    """Every route under /api/v1."""
    router = APIRouter(prefix="/api/v1", dependencies=[Depends(known_parameters_only)])
    _add_journeys(router, lexiquery)
    _add_proofs(router, lexiquery)
    _add_conversations(router, lexiquery)
    _add_catalogs(router, lexiquery)
    _add_procedures(router, lexiquery)
    add_knowledge(router, lexiquery.runbooks)
    add_known_errors(router, lexiquery.client, lexiquery.state.engine)
    add_costs(router, lexiquery)
    return router


def _add_journeys(router: APIRouter, lexiquery: LexiQuery) -> None:
    product, store = lexiquery.product, lexiquery.state.store

    @router.post("/query", response_model=Answer)
    async def query(
        request: Request,
        question: Question,
        prefer: Annotated[str, Header()] = "",
        x_journey_id: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Ask. With `Prefer: respond-async` 202 and the journey's URL at once, otherwise its Answer when it ends.

        `X-Journey-ID` names the journey: sent again with the same question, it is the same journey, and it goes on when
        its client leaves. A journey without one is cancelled when the client that waits for it leaves.
        """
        with scoped(journey_id=x_journey_id):
            journey_id = await product.start(question, journey_id=x_journey_id)
        if "respond-async" in prefer:
            location = f"/api/v1/journeys/{journey_id}"
            headers = {JOURNEY_HEADER: journey_id, "Location": location}
            return JSONResponse({"journey_id": journey_id, "url": location}, 202, headers=headers)
        answer = await answer_while_awaited(request, product, journey_id, keep=x_journey_id is not None)
        return _answered(journey_id, answer)

    @router.get("/journeys")
    async def journeys(
        conversation_id: str | None = None, limit: Limit = 50, offset: Offset = 0
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
        """Server-sent events: stage, step, call, cost, and at the end answer; a comment when nothing happens."""
        await store.status(journey_id)
        stream = server_sent(product.events(journey_id), after=last_event_id)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.post("/journeys/{journey_id}/cancel", status_code=202)
    async def cancel(journey_id: str) -> dict[str, str]:
        await product.cancel(journey_id)
        return {"journey_id": journey_id}

    @router.post("/journeys/{journey_id}/retry", response_model=Answer)
    async def retry(request: Request, journey_id: str, body: RetryRequest) -> Response:
        """Ask again, without the queries of this journey; like a query, cancelled when its client leaves."""
        again = await product.retry(journey_id, body.feedback)
        answer = await answer_while_awaited(request, product, again, keep=False)
        return _answered(again, answer)

    @router.post("/journeys/{journey_id}/replay", status_code=202)
    async def replay(journey_id: str) -> dict[str, str]:
        """Ask again, with the model's answers from the log of this journey: a new journey, without a model."""
        again = await product.replay(journey_id)
        return {"journey_id": again, "url": f"/api/v1/journeys/{again}"}


def _answered(journey_id: str, answer: Answer | None) -> Response:
    """answer: None when nobody is there any more to read it."""
    headers = {JOURNEY_HEADER: journey_id}
    if answer is None:
        return Response(status_code=204, headers=headers)
    return JSONResponse(answer.model_dump(mode="json"), headers=headers)


def _add_proofs(router: APIRouter, lexiquery: LexiQuery) -> None:
    @router.post("/prove")
    async def prove(request: ProveRequest) -> Proof:
        return await lexiquery.product.prove(request)

    @router.post("/explain")
    async def explain(request: QueryRequest) -> Explanation:
        """What a query does, read from its text; no model is asked."""
        return await lexiquery.product.explain(request)

    @router.post("/execute", response_model=Rows)
    async def execute(request: Request, query: ExecuteRequest) -> Rows | Response:
        """The rows of a query that can be proven; it is stopped, on its platform too, when its client leaves."""
        rows = await while_awaited(request, lexiquery.product.execute(query))
        return Response(status_code=204) if rows is None else rows


def _add_conversations(router: APIRouter, lexiquery: LexiQuery) -> None:
    store = lexiquery.state.store

    @router.post("/conversations", status_code=201)
    async def open_conversation() -> Conversation:
        return await store.open_conversation()

    @router.get("/conversations")
    async def conversations(limit: Limit = 50, offset: Offset = 0) -> list[ConversationSummary]:
        return await store.conversations(limit=limit, offset=offset)

    @router.get("/conversations/{conversation_id}")
    async def conversation(conversation_id: str) -> Conversation:
        return await store.conversation(conversation_id)

    @router.post("/feedback", status_code=201)
    async def feedback(given: Feedback) -> FeedbackTaken:
        """A corrected query is proven; a proven one becomes an example of its schema group."""
        return await lexiquery.product.feedback(given)


def _add_catalogs(router: APIRouter, lexiquery: LexiQuery) -> None:
    known = lexiquery.groups

    async def changed(change: Awaitable[ImportReport]) -> ImportReport:
        """With the runbooks that the change breaks among its notes."""
        before = await lexiquery.runbooks.last()
        report = await change
        return report.model_copy(update={"notes": [*report.notes, *await lexiquery.runbooks.broken_since(before)]})

    @router.get("/catalog")
    async def groups() -> list[dict[str, Any]]:
        return await known.summaries()

    @router.post("/tables/search")
    async def find_tables(wanted: LinkRequest) -> list[LinkedTable]:
        """The tables that may hold a question's answer, best first; no chat call."""
        return await lexiquery.product.find_tables(wanted.question, wanted.schema_group, wanted.limit)

    @router.get("/catalog/{group}")
    async def catalog(group: str) -> dict[str, Any]:
        return await known.get(group)

    @router.put("/catalog/{group}")
    async def put_catalog(group: str, catalog: Catalog) -> ImportReport:
        """Replace the group's catalog. Rows stay where they are: `lexiquery catalog import` loads rows."""
        return await changed(known.put(group, catalog))

    @router.delete("/catalog/{group}", status_code=204)
    async def remove_catalog(group: str) -> None:
        """Remove the group with its rows."""
        await known.remove(group)
        await lexiquery.runbooks.learn()

    @router.get("/catalog/{group}/{part}")
    async def part(group: str, part: Part) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await known.get(group))[part]
        return found

    @router.put("/catalog/{group}/{part}")
    async def put_part(group: str, part: Part, items: list[dict[str, Any]]) -> ImportReport:
        """Replace a part of the group's catalog. Examples that can't be proven are refused, with their proofs."""
        return await changed(known.put_part(group, part, items))

    @router.delete("/catalog/{group}/{part}")
    async def remove_part(group: str, part: Part) -> ImportReport:
        return await changed(known.remove_part(group, part))


def _add_procedures(router: APIRouter, lexiquery: LexiQuery) -> None:
    async def told(change: Awaitable[IngestReport]) -> IngestReport:
        """When this is answered, nobody is told any more what was learned of a document that is gone, or not theirs."""
        report = await change
        if report.removed or report.updated or report.renamed:
            await lexiquery.runbooks.withdraw()
        return report

    @router.post("/procedures", status_code=201)
    async def add(request: IngestRequest) -> IngestReport:
        return await told(lexiquery.product.add_procedures(request))

    @router.get("/procedures")
    async def procedures() -> list[StoredDocument]:
        """The runbooks that everybody may read."""
        return await lexiquery.product.procedures()

    @router.get("/procedures/history")
    async def history(name: str, labels: _Carried = None) -> list[DocumentVersion]:
        """The versions of a runbook that are kept, the newest first."""
        return await lexiquery.product.procedure_history(name, labels or ())

    @router.delete("/procedures/{name:path}")
    async def remove(name: str, labels: _Carried = None) -> IngestReport:
        """Forget a runbook and its history; one with labels for who carries one of them."""
        return await told(lexiquery.product.remove_procedure(name, labels or ()))

    @router.get("/procedures/{name:path}")
    async def procedure(name: str) -> DocumentText:
        """A runbook, by its id or as answers cite it."""
        return await lexiquery.product.procedure(name)

    @router.post("/procedures/upload", status_code=201)
    async def upload(
        files: Annotated[list[UploadFile], File()],
        labels: Annotated[list[Label] | None, Form()] = None,
        carried: Annotated[list[Label] | None, Form()] = None,
    ) -> IngestReport:
        """`labels`, once for each: who may find the documents; `carried`: what else shows the request documents that
        have labels, and that it may replace."""
        documents = [SentDocument.of(file.filename or "", await file.read()) for file in files]
        request = IngestRequest(documents=documents, labels=labels, carried=carried or [])
        return await told(lexiquery.product.upload_procedures(request))

    @router.post("/procedures/search")
    async def search(request: SearchRequest) -> list[KnowledgeHit]:
        return await lexiquery.product.search_procedures(request.question, request.limit, request)
