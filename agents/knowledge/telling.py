"""What the runbooks tell beside passages: the steps that come next, what words mean here, which tables to look at."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.glossary.store import Terms
from agents.knowledge.graph.store import Graph, Survey
from agents.knowledge.search.filtering import visible
from agents.knowledge.steps import next_steps
from agents.knowledge.store.passages import KnowledgeStore, Passage
from shared.models import Hits, KnowledgeHit, SearchRequest


class Telling:
    """Reads what was learned of the procedures; never asks a model."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._store = KnowledgeStore(engine, "procedures")
        self._terms = Terms(engine)
        self._graph = Graph(engine)

    async def told(self, request: SearchRequest, hits: Sequence[KnowledgeHit]) -> Hits:
        """The hits with their next steps, and hints: definitions of terms that the question says, tables that the
        procedures found, or those about a code that it names, read in their queries."""
        pages = await self._pages(request, hits)
        found = [_with_next(hit, pages.get(hit.source, [])) for hit in hits]
        locations = [pages[hit.source][0].location for hit in hits if pages.get(hit.source)]
        terms = await self._terms.said(request.question, request.labels)
        tables = await self._graph.hints(request.question, locations, request.labels)
        return Hits(hits=found, hints=[*terms, *tables])

    async def survey(self, request: SearchRequest) -> Survey:
        """Every procedure that bears on what the request names."""
        return await self._graph.about(request.question, request.labels, request.limit)

    async def _pages(self, request: SearchRequest, hits: Sequence[KnowledgeHit]) -> dict[str, list[Passage]]:
        """The passages of the documents that were found, by source."""
        wanted = {hit.source for hit in hits}
        known = await self._store.known() if wanted else {}
        places = [at for at, one in known.items() if one.source in wanted and visible(one.labels, request.labels)]
        pages: dict[str, list[Passage]] = {}
        for passage in await self._store.passages(places) if places else []:
            pages.setdefault(passage.source, []).append(passage)
        return pages


def _with_next(hit: KnowledgeHit, pages: Sequence[Passage]) -> KnowledgeHit:
    following = next_steps(pages, hit.title, hit.excerpt) if pages else []
    return hit.model_copy(update={"next": following})
