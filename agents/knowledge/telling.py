"""What the runbooks tell beside passages: the steps that come next, what words mean here, which tables to look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.glossary.store import Terms
from agents.knowledge.graph.store import Graph, Survey
from agents.knowledge.search.filtering import visible
from agents.knowledge.steps import next_steps
from agents.knowledge.store.passages import KnowledgeStore, Passage
from shared.models import Hits, KnowledgeHit, SearchRequest

_ENOUGH = 40  # characters by which a passage is known again in an excerpt


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
        own = [_page_of(hit, pages.get(hit.source, [])) for hit in hits]
        found = [_with_next(hit, page) for hit, page in zip(hits, own, strict=True)]
        locations = [page[0].location for page in own if page]
        terms = await self._terms.said(request.question, request.labels)
        tables = await self._graph.hints(request.question, locations, request.labels)
        return Hits(hits=found, hints=[*terms, *tables])

    async def survey(self, request: SearchRequest) -> Survey:
        """Every procedure that bears on what the request names."""
        return await self._graph.about(request.question, request.labels, request.limit)

    async def _pages(self, request: SearchRequest, hits: Sequence[KnowledgeHit]) -> dict[str, list[list[Passage]]]:
        """The passages of each document that may have been found, by source: several may be cited alike."""
        wanted = {hit.source for hit in hits}
        cited = await self._store.cited(wanted) if wanted else {}
        places = [location for location, labels in cited.items() if visible(labels, request.labels)]
        pages: dict[str, list[list[Passage]]] = {}
        passages = await self._store.passages(places) if places else []
        for _, page in groupby(passages, key=lambda one: one.location):
            own = list(page)
            pages.setdefault(own[0].source, []).append(own)
        return pages


def _page_of(hit: KnowledgeHit, pages: Sequence[list[Passage]]) -> list[Passage]:
    """The one that says what the hit does; the first where all do."""
    start = " ".join(hit.excerpt.split())[:_ENOUGH]
    said = [page for page in pages if any(start in " ".join(one.text.split()) for one in page)]
    return next(iter([*said, *pages]), [])


def _with_next(hit: KnowledgeHit, pages: Sequence[Passage]) -> KnowledgeHit:
    following = next_steps(pages, hit.title, hit.excerpt) if pages else []
    return hit.model_copy(update={"next": following})
