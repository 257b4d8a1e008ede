"""LexiQuery as its faces use it, in this process: journeys, proofs, procedures, agents, costs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

import structlog

from agents.data.platform import platform_names
from agents.data.sandbox import Sandbox
from agents.knowledge.search.filtering import visible
from agents.knowledge.store.passages import KnowledgeStore
from core_engine.agent_directory import LocalDirectory
from core_engine.conversations import TURNS, follow_up
from core_engine.groups import Groups
from core_engine.journey import Journeys
from core_engine.proving import explain_request, prove_request
from core_engine.store import Store
from protocol_interface.a2a_client import A2AClient
from protocol_interface.product import Event, Explanation, GroupSummary, RegisteredAgent
from protocol_interface.registry import Registry
from shared.catalog import Catalog, Catalogs
from shared.documents import (
    DocumentText,
    DocumentVersion,
    IngestReport,
    IngestRequest,
    RemovalRequest,
    StoredDocument,
)
from shared.errors import AgentUnavailable, Conflict, InvalidInput, LexiQueryError, NotFound
from shared.ids import time_ordered
from shared.ledger import Ledger
from shared.models import (
    Answer,
    ExecuteRequest,
    Feedback,
    FeedbackTaken,
    Hits,
    JourneyCostSummary,
    JourneySummary,
    KnowledgeHit,
    LinkedTable,
    LinkRequest,
    Links,
    Proof,
    ProveRequest,
    QueryRequest,
    Question,
    Rows,
    SearchRequest,
    SearchScope,
)
from shared.settings import Settings

log = structlog.get_logger(__name__)
_JOURNEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
POLL_SECONDS = 0.25
"""How often a waiting reader looks for events that another process may have written."""


async def asked_again(store: Store, journey_id: str) -> tuple[Question, list[tuple[str, str]]]:
    """The question of a journey that has ended, as its agents were asked it, outside of its conversation; and what was
    rejected before. Raises NotFound, and Conflict for a journey that still runs."""
    await _ended(store, journey_id)
    question, rejected = await store.question(journey_id)
    question = follow_up(question, await store.earlier(journey_id, TURNS))
    return question.model_copy(update={"conversation_id": None, "budget": None}), rejected


async def _ended(store: Store, journey_id: str) -> Answer:
    answer = await store.answer(journey_id)
    if answer is None:
        raise Conflict(f"journey '{journey_id}' still runs", suggestion="wait for its end or cancel it")
    return answer


def _refused(failures: Sequence[BaseException]) -> LexiQueryError | None:
    """The first failure that is the request's own fault, not the agent's."""
    return next((one for one in failures if isinstance(one, NotFound | InvalidInput)), None)


class LocalProduct:
    """The one implementation of `protocol_interface.product.Product`; bootstrap builds it."""

    def __init__(
        self,
        *,
        settings: Settings,
        store: Store,
        journeys: Journeys,
        ledger: Ledger,
        catalogs: Catalogs,
        sandbox: Sandbox,
        groups: Groups,
        registry: Registry,
        client: A2AClient,
    ) -> None:
        self._settings = settings
        self._store = store
        self._journeys = journeys
        self._ledger = ledger
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._groups = groups
        self._registry = registry
        self._client = client
        self._runbooks = KnowledgeStore(ledger.engine, "procedures")

    async def start(
        self,
        question: Question,
        rejected: list[tuple[str, str]] | None = None,
        *,
        journey_id: str | None = None,
    ) -> str:
        """journey_id: chosen by the caller; asked again with the same question, it is the same journey.

        Raises Conflict for the id of another question's journey.
        """
        if journey_id is not None and not _JOURNEY_ID.fullmatch(journey_id):
            shown = f"'{journey_id[:40]}' is no journey id"
            raise InvalidInput(shown, suggestion="send 1 to 36 letters, digits, '-', '_' or '.', such as a UUID")
        question = await self._checked(question)
        chosen = journey_id or str(time_ordered())
        try:
            await self._journeys.start(chosen, question, rejected or [])
        except Conflict:
            known, _ = await self._store.question(chosen)
            if known != question:
                other = f"journey '{chosen}' is for another question: '{known.question[:80]}'"
                raise Conflict(other, suggestion="send another journey id") from None
        return chosen

    async def retry(self, journey_id: str, feedback: str) -> str:
        """A new journey for the same question that avoids the queries of the old one, for the reason given."""
        answer = await _ended(self._store, journey_id)
        question, rejected = await self._store.question(journey_id)
        return await self.start(question, [*rejected, *((one.query, feedback) for one in answer.answers)])

    async def replay(self, journey_id: str) -> str:
        """A new journey for the same question, whose model calls are answered from the log of the old one; its id.

        Raises NotFound, and Conflict for a journey that still runs.
        """
        question, rejected = await asked_again(self._store, journey_id)
        return await self.start(question.model_copy(update={"replay_of": journey_id}), rejected)

    async def answer(self, journey_id: str) -> Answer:
        async for _ in self.events(journey_id):
            pass
        answer = await self._store.answer(journey_id)
        assert answer is not None, "the answer is stored before its event"
        return answer

    async def cancel(self, journey_id: str) -> None:
        if await self._store.status(journey_id) != "running":
            raise Conflict(f"journey '{journey_id}' has ended")
        await self._journeys.cancel(journey_id)

    async def events(self, journey_id: str) -> AsyncIterator[Event]:
        await self._store.status(journey_id)
        seen = 0
        while True:
            for event in await self._store.events(journey_id, after=seen):
                yield event
                if event.kind == "answer":
                    return
                seen = event.sequence
            if failure := self._journeys.unstored.get(journey_id):
                raise failure
            await self._journeys.wait_for_event(POLL_SECONDS)

    async def feedback(self, given: Feedback) -> FeedbackTaken:
        """Keep what a user said of a journey; a corrected query that can be proven becomes an example of its group.

        Raises NotFound, and InvalidInput for a correction of a journey without a query.
        """
        targets = await self._targets(given.journey_id) if given.corrected_query else []
        await self._store.add_feedback(given)
        taken = FeedbackTaken.model_validate(given.model_dump())
        if given.corrected_query is None:
            return taken
        asked, _ = await self._store.question(given.journey_id)
        asked = follow_up(asked, await self._store.earlier(given.journey_id, TURNS))
        for platform, group in targets:
            request = QueryRequest(platform=platform, schema_group=group, query=given.corrected_query)
            taken.proof = await self._groups.learn(request, asked.question)
            taken.learned = taken.proof.verdict == "proven"
            if taken.learned:
                break
        return taken

    async def _targets(self, journey_id: str) -> list[tuple[str, str]]:
        """(platform, schema group) of the journey's queries: what a correction of one is proven against."""
        answer = await self._store.answer(journey_id)
        found = [(one.platform, one.schema_group) for one in answer.answers] if answer else []
        if not found:
            why = f"journey '{journey_id}' has no query that could be corrected"
            raise InvalidInput(why, suggestion="put the pair with PUT /api/v1/catalog/{group}/examples")
        return list(dict.fromkeys(found))

    async def prove(self, request: ProveRequest) -> Proof:
        return await prove_request(request, self._catalogs, self._sandbox)

    async def execute(self, request: ExecuteRequest) -> Rows:
        agent = await self._agent_for("execute", request.platform)
        return Rows.heard(await self._client.invoke(agent, "execute", request.model_dump()))

    async def explain(self, request: QueryRequest) -> Explanation:
        return await explain_request(request, self._catalogs)

    async def search_procedures(
        self, question: str, limit: int = 5, scope: SearchScope | None = None
    ) -> list[KnowledgeHit]:
        """The best passages of all knowledge agents. Where none has any, raises what one of them says is wrong with the
        request itself (NotFound for an unknown folder): an empty answer would say that no runbook fits."""
        if not question.strip():
            raise InvalidInput("the search text is empty")
        within = scope.model_dump(include=set(SearchScope.model_fields)) if scope else {}
        request = SearchRequest(question=question, limit=limit, **within).model_dump()
        found, failures = await self._heard(await self._own("search"), "search", request)
        hits = [hit for one in found for hit in Hits.heard(one).hits]
        if not hits and (refused := _refused(failures)):
            raise refused
        return sorted(hits, key=lambda hit: -hit.score)[:limit]

    async def find_tables(self, question: str, schema_group: str | None = None, limit: int = 5) -> list[LinkedTable]:
        question = self._read(question)
        platform = (await self._catalogs.get(schema_group)).platform if schema_group else None
        request = LinkRequest(question=question, schema_group=schema_group, limit=limit).model_dump()
        found, _ = await self._heard(await self._own("link", platform), "link", request)
        tables = [table for one in found for table in Links.heard(one).tables]
        return sorted(tables, key=lambda table: -table.score)[:limit]

    async def _heard(
        self, agents: list[RegisteredAgent], skill: str, request: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], list[BaseException]]:
        """What those agents say that answer, and what the others failed with. Raises one of the failures if none
        answers: what is wrong with the request, if one says so, else the first."""
        asked = (self._client.invoke(agent.id, skill, request) for agent in agents)
        found = await asyncio.gather(*asked, return_exceptions=True)
        heard = [one for one in found if not isinstance(one, BaseException)]
        failures = [one for one in found if isinstance(one, BaseException)]
        if failures:
            if faults := [str(failure) for failure in failures if not _refused([failure])]:
                log.warning("agents failed", skill=skill, reasons=faults)
            if not heard:
                raise _refused(failures) or failures[0]
        return heard, failures

    async def groups(self) -> list[GroupSummary]:
        return [GroupSummary.model_validate(one) for one in await self._groups.summaries()]

    async def catalog(self, group: str) -> Catalog:
        return await self._catalogs.get(group)

    async def journeys(self, limit: int = 50) -> list[JourneySummary]:
        return await self._store.journeys(limit=limit)

    async def peek(self, journey_id: str) -> Answer | None:
        return await self._store.answer(journey_id)

    async def procedures(self) -> list[StoredDocument]:
        return [one for one in await self._runbooks.documents() if not one.labels]

    async def procedure(self, name: str) -> DocumentText:
        known = await self.procedures()
        for one in known:
            if name in (one.id, one.source):
                return DocumentText(document=one, text=await self._runbooks.text(one.id, None))
        raise NotFound.named("procedure", name, [one.source for one in known])

    async def add_procedures(self, request: IngestRequest) -> IngestReport:
        """Give documents to the agent that keeps the runbooks."""
        [keeper, *_] = await self._own("ingest")
        return IngestReport.heard(await self._client.invoke(keeper.id, "ingest", request.model_dump()))

    async def remove_procedure(self, name: str, labels: Collection[str] = ()) -> IngestReport:
        """name: the document's id or source; labels: carried. Raises NotFound also for one that they don't show."""
        document = await self._shown(name, labels)
        [keeper, *_] = await self._own("remove")
        request = RemovalRequest(document=document.id).model_dump()
        return IngestReport.heard(await self._client.invoke(keeper.id, "remove", request))

    async def procedure_history(self, name: str, labels: Collection[str] = ()) -> list[DocumentVersion]:
        return await self._runbooks.history((await self._shown(name, labels)).id)

    async def _shown(self, name: str, labels: Collection[str]) -> StoredDocument:
        """Of the documents that everybody may find, or who carries these labels."""
        known = [one for one in await self._runbooks.documents() if visible(one.labels, labels)]
        found = [one for one in known if one.id == name] or [one for one in known if one.source == name]
        if not found:
            raise NotFound.named("document", name, [one.source for one in known])
        if len(found) > 1:
            ids = ", ".join(one.id for one in found)
            raise InvalidInput(f"{len(found)} documents are cited as '{name}'", suggestion=f"name one by its id: {ids}")
        return found[0]

    async def upload_procedures(self, request: IngestRequest) -> IngestReport:
        """Raises InvalidInput when none of the documents can be read; else the report names those that can't."""
        report = await self.add_procedures(request)
        if len(report.failed) == len(request.documents):
            raise InvalidInput("; ".join(f"{failure.source}: {failure.reason}" for failure in report.failed))
        return report

    async def list_agents(self) -> list[RegisteredAgent]:
        return await self._registry.discover()

    async def agents_version(self) -> str:
        return str(await self._registry.version())

    @property
    def agents(self) -> LocalDirectory:
        return LocalDirectory(self._registry)

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary:
        await self._store.status(journey_id)
        return await self._ledger.journey_summary(journey_id)

    async def _agent_for(self, skill: str, platform: str) -> str:
        if platform not in platform_names():
            raise NotFound.named("platform", platform, platform_names())
        return (await self._own(skill, platform))[0].id

    async def _own(self, skill: str, platform: str | None = None) -> list[RegisteredAgent]:
        """LexiQuery's agents with the skill that answer. Raises AgentUnavailable when there is none."""
        own = [agent for agent in await self._registry.discover(skill, platform) if agent.trusted]
        if answering := [agent for agent in own if agent.healthy is not False]:
            return answering
        silent = ", ".join(f"'{agent.id}' at {agent.url}" for agent in own)
        raise AgentUnavailable(f"agent {silent} does not answer" if own else f"no agent has the skill '{skill}'")

    async def _checked(self, question: Question) -> Question:
        """The question, usable; raises InvalidInput or NotFound naming what is not."""
        text = self._read(question.question)
        for platform in question.platforms or []:
            await self._check_platform(platform)
        platforms = question.platforms
        if question.schema_group:
            catalog = await self._catalogs.get(question.schema_group, platforms or ())
            platforms = [catalog.platform]
        if question.agent:
            await self._registry.get(question.agent)
        if question.conversation_id:
            await self._store.conversation(question.conversation_id)
        return question.model_copy(update={"question": text, "platforms": platforms})

    async def _check_platform(self, platform: str) -> None:
        """Raises NotFound for a platform that neither LexiQuery nor an agent of others writes queries for."""
        if platform in platform_names() or await self._registry.discover("query", platform):
            return
        others = [one.platform for one in await self._registry.discover("query") if one.platform]
        raise NotFound.named("platform", platform, {*platform_names(), *others})

    def _read(self, question: str) -> str:
        """Raises InvalidInput for a question that is empty or too long."""
        text, limit = question.strip(), self._settings.question_limit
        if not text:
            raise InvalidInput("the question is empty")
        if len(text) > limit:
            raise InvalidInput(
                f"the question has {len(text)} characters, the limit is {limit}",
                suggestion="ask what you want to know; put logs and documents into procedures",
            )
        return text
