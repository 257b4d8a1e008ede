"""What is made of the runbooks: their queries checked, their definitions proposed, the graph drawn, and what was proven
or accepted put into the catalogs. Only what changed since the last time is looked at again."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from agents.knowledge.checks import store as checks_store
from agents.knowledge.checks.check import CheckedQuery, check_query, queries_of, stamp_of
from agents.knowledge.checks.store import Checks
from agents.knowledge.glossary import store as glossary_store
from agents.knowledge.glossary.binding import bound
from agents.knowledge.glossary.defining import definitions
from agents.knowledge.glossary.store import Term, Terms
from agents.knowledge.graph import store as graph_store
from agents.knowledge.graph.extract import Page, document_links, known_error_links
from agents.knowledge.graph.model import Link, Names, Node, schema_links
from agents.knowledge.graph.store import Graph
from agents.knowledge.known_errors.index import KnownError
from agents.knowledge.store import tables as knowledge_store
from agents.knowledge.store.passages import KnowledgeStore, Passage
from agents.knowledge.store.tables import known_errors_table
from core_engine.groups import Groups
from shared import __version__
from shared.catalog import Catalog, Catalogs, Directive, Example, GlossaryTerm
from shared.database import create_tables
from shared.documents import StoredDocument

_KNOWN_ERRORS = "known_errors"  # where links of the known errors come from
_AT_ONCE = 200
"""Documents that are learned before somebody else who waits gets a turn."""
_LABELS = 8
"""Characters of a digest that are those of the document's labels."""
_LEARNING = 0x1E92
"""Key of PostgreSQL's advisory lock that is held while a part is learned."""
L = TypeVar("L", CheckedQuery, Passage, Term, Link)


class Learning:
    """What was learned of the runbooks of a data directory. `prepare` makes the tables."""

    def __init__(self, engine: AsyncEngine, catalogs: Catalogs, sandbox: Sandbox, groups: Groups) -> None:
        self._engine = engine
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._groups = groups
        self._store = KnowledgeStore(engine, "procedures")
        self._known_errors = KnowledgeStore(engine, _KNOWN_ERRORS)
        self.checks = Checks(engine)
        self.terms = Terms(engine)
        self.graph = Graph(engine)
        self._turn = asyncio.Lock()

    async def prepare(self) -> None:
        await create_tables(
            self._engine,
            knowledge_store.schema,
            checks_store.schema,
            glossary_store.schema,
            graph_store.schema,
        )

    async def version(self) -> tuple[int, int]:
        """Moves with every change of the runbooks, or of the known errors."""
        return await self._store.version(), await self._known_errors.version()

    async def learn(self) -> list[CheckedQuery]:
        """Look at what changed: runbooks, known errors, schemas. Gives every query with its last check."""
        while True:
            async with self._my_turn():
                catalogs = await self._catalogs.all()
                documents = {one.location: one for one in await self._store.documents()}
                if await self._learn_some(documents, catalogs):
                    continue
                await self._draw_schema(catalogs, documents.values())
                await self.project()
                await self.checks.done()
                return await self.checks.all()

    async def withdraw(self) -> None:
        """Forget what was learned of documents that are gone, or whose labels are others now, without learning anew:
        for who has just taken a document away from somebody, and waits."""
        async with self._my_turn():
            documents = {one.location: one for one in await self._store.documents()}
            known = await self.checks.digests()
            out = [place for place, digest in known.items() if _is_withdrawn(place, digest, documents.get(place))]
            if out:
                labels = {place: documents[place].labels for place in out if place in documents}
                await self._forget(out, labels)
                await self.project()

    async def project(self) -> None:
        """Put proven queries, accepted terms and rules into their groups' catalogs, and take out those that are no
        more. Of documents with labels nothing: a catalog is everybody's."""
        checked = await self.checks.all()
        accepted = await self.terms.all(status=("accepted",))
        for catalog in await self._catalogs.all():
            group = catalog.schema_group
            proven = [one for one in checked if one.status == "proven" and group in one.groups and not one.labels]
            own = [one for one in accepted if one.schema_group == group]
            await self._groups.put_runbooks(
                group,
                _examples(proven, catalog),
                [_glossary_term(one) for one in own if one.kind == "term"],
                [_directive(one) for one in own if one.kind == "directive"],
            )

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        """One learns at a time, of this process and, on PostgreSQL, of all replicas."""
        async with self._turn:
            if self._engine.dialect.name != "postgresql":
                yield
                return
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LEARNING})
                try:
                    yield
                finally:
                    await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LEARNING})

    async def _learn_some(self, documents: Mapping[str, StoredDocument], catalogs: Sequence[Catalog]) -> bool:
        """Whether there was anything to learn."""
        known = await self.checks.digests()
        digests = {location: _digest(one, catalogs) for location, one in documents.items()}
        changed = [location for location, digest in digests.items() if known.get(location) != digest][:_AT_ONCE]
        gone = [place for place in known.keys() - digests.keys() if not _is_schema(place)]
        if gone:
            await self._forget(gone, {})
        if changed:
            await self._read(changed, {one: documents[one].labels for one in changed}, catalogs)
            await self.checks.note({location: digests[location] for location in changed})
        return bool(changed)

    async def _forget(self, locations: Sequence[str], labels: Mapping[str, Collection[str]]) -> None:
        """labels: by location, of the documents that are still there."""
        await self.checks.replace([], gone=[one.id for one in await self.checks.of(locations)])
        await self.terms.replace(locations, [], labels)
        await self.graph.forget(locations)
        await self.graph.prune()
        await self.checks.note({}, locations)

    async def _read(
        self, changed: Sequence[str], labels: Mapping[str, Collection[str]], catalogs: Sequence[Catalog]
    ) -> None:
        """The changed documents, anew. labels: by location."""
        passages = await self._store.passages(changed)
        before = await self.checks.of(changed)
        checked = await asyncio.to_thread(self._checked, passages, catalogs, {one.id: one for one in before})
        there = {one.id for one in checked}
        await self.checks.replace(checked, gone=[one.id for one in before if one.id not in there])
        by_location = _by_location(checked)
        found = await asyncio.to_thread(self._terms_of, passages, by_location, catalogs)
        await self.terms.replace(changed, found, labels)
        names, pages, terms = Names.of(catalogs), _by_location(passages), _by_location(found)
        for location in changed:
            links = document_links(pages[location], by_location[location], terms[location], names)
            await self.graph.replace(location, links, labels[location])
        await self.graph.prune()

    def _checked(
        self, passages: Sequence[Passage], catalogs: Sequence[Catalog], kept: Mapping[str, CheckedQuery]
    ) -> list[CheckedQuery]:
        """Blocks: a proof takes milliseconds. What is as it was at its last check is not proven again."""
        found = []
        for query in queries_of(passages, catalogs):
            groups = [one for one in catalogs if one.platform == query.platform]
            last = kept.get(query.id)
            same = last is not None and last.stamp == stamp_of(query, groups)
            found.append(last if same and last else check_query(query, groups, self._sandbox, last))
        return found

    def _terms_of(
        self, passages: Sequence[Passage], queries: dict[str, list[CheckedQuery]], catalogs: Sequence[Catalog]
    ) -> list[Term]:
        """Without those that their group's catalog defines itself."""
        own = {(one.schema_group, term.term.lower()) for one in catalogs for term in one.glossary if not term.source}
        found = [
            term for one in definitions(passages) for term in bound(one, queries[one.location], catalogs, self._sandbox)
        ]
        return [one for one in found if (one.schema_group, one.term.lower()) not in own]

    async def _draw_schema(self, catalogs: Sequence[Catalog], documents: Iterable[StoredDocument]) -> None:
        """What catalogs and known errors say. They are small: all catalogs are drawn anew when one of them changed, for
        what is the same in two groups depends on both."""
        links = _by_location(schema_links(catalogs))
        # Known errors are everybody's.
        pages = [
            Page(Node("procedure", one.location, title=one.title), one.source) for one in documents if not one.labels
        ]
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(known_errors_table))).all()
        errors = [(row.location, KnownError.model_validate_json(row.content)) for row in rows]
        drawn = await self.checks.digests()
        schemas = _hashed(*sorted(f"{one.schema_group} {one.as_imported.version}" for one in catalogs))
        wanted = {f"catalog:{one.schema_group}": schemas for one in catalogs}
        there = sorted(f"{one.procedure.name} {one.source}" for one in pages)
        wanted[_KNOWN_ERRORS] = _hashed(*(f"{row.location} {row.content}" for row in rows), *there)
        links[_KNOWN_ERRORS] = known_error_links(errors, pages)
        gone = [place for place in drawn if _is_schema(place) and place not in wanted]
        stale = {place: digest for place, digest in wanted.items() if drawn.get(place) != digest}
        await self.graph.forget(gone)
        for place in stale:
            await self.graph.replace(place, links[place])
        if gone or stale:
            await self.graph.prune()
        await self.checks.note(stale, gone)


def _is_schema(place: str) -> bool:
    return place.startswith("catalog:") or place == _KNOWN_ERRORS


def _is_withdrawn(place: str, digest: str, document: StoredDocument | None) -> bool:
    if _is_schema(place):
        return False
    return document is None or digest[:_LABELS] != _hashed(*document.labels)[:_LABELS]


def _digest(document: StoredDocument, catalogs: Sequence[Catalog]) -> str:
    """Of the labels first, then of all that is learned from."""
    versions = [f"{one.schema_group} {one.as_imported.version}" for one in catalogs]
    rest = _hashed(__version__, document.content_hash, document.source, document.title, *sorted(versions))
    return _hashed(*document.labels)[:_LABELS] + rest[_LABELS:]


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _by_location(items: Iterable[L]) -> dict[str, list[L]]:
    found: dict[str, list[L]] = defaultdict(list)
    for one in items:
        found[one.location].append(one)
    return found


def _examples(proven: Sequence[CheckedQuery], catalog: Catalog) -> list[Example]:
    """One a question and one a query; none that the catalog has itself, and none that reads no table."""
    own = [one for one in catalog.examples if one.source != "runbook"]
    asked = {one.question.lower() for one in own}
    told = {" ".join(one.query.split()) for one in own}
    found = []
    for one in proven:
        query = " ".join(one.query.split())
        if one.reads and one.question.lower() not in asked and query not in told:
            asked.add(one.question.lower())
            told.add(query)
            found.append(one.example)
    return found


def _glossary_term(term: Term) -> GlossaryTerm:
    return GlossaryTerm(
        term=term.term, meaning=term.meaning, condition=term.condition, table=term.table, source=term.source
    )


def _directive(term: Term) -> Directive:
    return Directive(text=term.meaning, condition=term.condition, table=term.table, source=term.source)
