"""What is made of the runbooks: their queries checked, their definitions proposed, the graph drawn, and what was proven
or accepted put into the catalogs. Only what changed since the last time is looked at again."""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.data.sandbox import Sandbox
from agents.knowledge.checks import store as checks_store
from agents.knowledge.checks.check import CheckedQuery, check_query, queries_of, stamp_of
from agents.knowledge.checks.store import CheckReport, Checks, report_of
from agents.knowledge.glossary import store as glossary_store
from agents.knowledge.glossary.binding import bound
from agents.knowledge.glossary.conditions import checked_condition
from agents.knowledge.glossary.defining import definitions
from agents.knowledge.glossary.store import Status, Term, Terms
from agents.knowledge.graph import store as graph_store
from agents.knowledge.graph.extract import document_links, known_error_links
from agents.knowledge.graph.model import Link, Names, Node, schema_links
from agents.knowledge.graph.store import Graph
from agents.knowledge.known_errors.index import KnownError
from agents.knowledge.search.filtering import visible
from agents.knowledge.store import tables as knowledge_store
from agents.knowledge.store.passages import KnowledgeStore, Passage
from agents.knowledge.store.tables import known_errors_table
from core_engine.groups import Groups
from shared import __version__
from shared.catalog import Catalog, Catalogs, Directive, Example, GlossaryTerm
from shared.database import create_tables
from shared.documents import StoredDocument
from shared.errors import Conflict, InvalidInput, NotFound

log = structlog.get_logger(__name__)
_KNOWN_ERRORS = "known_errors"  # where links of the known errors come from
L = TypeVar("L", CheckedQuery, Passage, Term, Link)


class Runbooks:
    """The runbooks of a data directory. `prepare` makes the tables."""

    def __init__(self, engine: AsyncEngine, catalogs: Catalogs, sandbox: Sandbox, groups: Groups) -> None:
        self._engine = engine
        self._catalogs = catalogs
        self._sandbox = sandbox
        self._groups = groups
        self._store = KnowledgeStore(engine, "procedures")
        self._checks = Checks(engine)
        self.terms = Terms(engine)
        self.graph = Graph(engine)
        self._learning = asyncio.Lock()

    async def prepare(self) -> None:
        await create_tables(
            self._engine,
            knowledge_store.schema,
            checks_store.schema,
            glossary_store.schema,
            graph_store.schema,
        )

    async def version(self) -> int:
        """Moves with every change of the runbooks."""
        return await self._store.version()

    async def learn(self) -> list[CheckedQuery]:
        """Look at what changed: runbooks, and schemas. Gives every query with its last check."""
        async with self._learning:
            catalogs = await self._catalogs.all()
            documents = {one.location: one for one in await self._store.documents()}
            known = await self._checks.digests()
            digests = {location: _digest(one, catalogs) for location, one in documents.items()}
            changed = [location for location, digest in digests.items() if known.get(location) != digest]
            gone = {place for place in known.keys() - digests.keys() if not _is_schema(place)}
            before = await self._checks.all()
            if changed or gone:
                passages = await self._store.passages(changed)
                await self._read(changed, sorted(gone), passages, catalogs, before)
            await self._draw_schema(catalogs, documents.values())
            checked = await self._checks.all()
            await self._checks.note({location: digests[location] for location in changed}, gone)
            await self.project(checked)
            return checked

    async def check(
        self, group: str | None = None, *, every: bool = False, labels: Collection[str] | None = ()
    ) -> CheckReport:
        """Learn, and report. labels: of the asker; None is the operator, who is told of all runbooks. Raises NotFound
        for a group that isn't there."""
        if group is not None:
            await self._catalogs.get(group)
        report = report_of(_seen(await self.learn(), labels), every=every, group=group)
        decided = await self.terms.all(group=group, status=("accepted",), labels=labels)
        stale = [one for one in decided if not one.current]
        withheld = [one for one in decided if one.labels]
        problems = await self._lost_conditions(decided)
        return report.model_copy(update={"stale": stale, "withheld": withheld, "problems": problems})

    async def broken_since(self, before: Iterable[CheckedQuery]) -> list[str]:
        """What a change of a schema broke, a line a query: learns, and compares with the checks from before it."""
        good = {one.id for one in before if one.status in ("proven", "plausible")}
        broken = [one for one in await self.learn() if one.status == "broken" and one.id in good]
        lines = [f"breaks the runbook {one.place}: {one.problems[0].message}" for one in broken if one.problems]
        return lines + await self._lost_conditions(await self.terms.all(status=("accepted",)))

    async def last(self, labels: Collection[str] | None = ()) -> list[CheckedQuery]:
        """The last check of every query that the asker may see. labels: as `check` has them."""
        return _seen(await self._checks.all(), labels)

    async def accept(
        self,
        wanted: str,
        *,
        condition: str | None = None,
        table: str | None = None,
        group: str | None = None,
        labels: Collection[str] | None = (),
    ) -> Term:
        """Make a proposal part of its group's glossary or rules. condition, table, group: instead of the proposed ones;
        an empty condition accepts the words alone. labels: as `check` has them.

        Raises NotFound, Conflict for a term that the group has, InvalidInput for a condition that can't be proven, or
        for a proposal of no group.
        """
        term = await self.terms.get(wanted, labels)
        chosen = group or term.schema_group
        if not chosen:
            raise InvalidInput(f"no schema group was found for '{term.term}'", suggestion="name it with --group")
        if term.labels:
            raise InvalidInput(
                f"{term.source} is only for {', '.join(term.labels)}, a glossary is everybody's",
                suggestion="take the labels off the runbook",
            )
        catalog = await self._catalogs.get(chosen)
        term = term.model_copy(update={"schema_group": chosen})
        text = term.condition if condition is None else condition
        if text.strip():
            where = table or (term.table if condition is None else None) or None
            held = await asyncio.to_thread(checked_condition, text, catalog, self._sandbox, where)
            term = term.model_copy(update={"condition": held.sql, "table": held.table})
        else:
            term = term.model_copy(update={"condition": "", "table": ""})
        await self._check_free(term, catalog)
        return await self._decided(term, "accepted")

    async def reject(self, wanted: str, labels: Collection[str] | None = ()) -> Term:
        """Also of what was accepted before: it leaves its group's glossary. labels: as `check` has them. Raises
        NotFound."""
        return await self._decided(await self.terms.get(wanted, labels), "rejected")

    async def _decided(self, term: Term, status: Status) -> Term:
        decided = await self.terms.decide(term, status)
        await self.project(await self._checks.all())
        return decided

    async def _check_free(self, term: Term, catalog: Catalog) -> None:
        taken = [one.term for one in catalog.glossary if not one.source]
        accepted = await self.terms.all(group=catalog.schema_group, status=("accepted",))
        taken += [one.term for one in accepted if one.id != term.id]
        if term.term and term.term.lower() in {one.lower() for one in taken if one}:
            why = f"schema group '{catalog.schema_group}' has a meaning of '{term.term}' already"
            raise Conflict(why, suggestion="reject that one first, or change the catalog's glossary")

    async def project(self, checked: Sequence[CheckedQuery]) -> None:
        """Put proven queries, accepted terms and rules into their groups' catalogs, and take out those that are no
        more. Of documents with labels nothing: a catalog is everybody's."""
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

    async def _read(
        self,
        changed: Sequence[str],
        gone: Sequence[str],
        passages: Sequence[Passage],
        catalogs: Sequence[Catalog],
        before: Sequence[CheckedQuery],
    ) -> None:
        """The changed documents, anew."""
        kept = {one.id: one for one in before}
        checked = await asyncio.to_thread(self._checked, passages, catalogs, kept)
        there = {one.id for one in checked}
        stale = [one.id for one in before if one.location in {*changed, *gone} and one.id not in there]
        await self._checks.replace(checked, gone=stale)
        by_location = _by_location(checked)
        found = await asyncio.to_thread(self._terms_of, passages, by_location, catalogs)
        names, pages = Names.of(catalogs), _by_location(passages)
        labels_of = {location: found_here[0].labels for location, found_here in pages.items()}
        await self.terms.replace([*changed, *gone], found, labels_of)
        await self.graph.forget(gone)
        terms = _by_location(found)
        for location in changed:
            links = document_links(pages[location], by_location[location], terms[location], names)
            await self.graph.replace(location, links, labels_of.get(location, ()))
        await self.graph.prune()

    def _checked(
        self, passages: Sequence[Passage], catalogs: Sequence[Catalog], kept: dict[str, CheckedQuery]
    ) -> list[CheckedQuery]:
        """Blocks: a proof takes milliseconds. What is as it was at its last check is not proven again."""
        found = []
        for query in queries_of(passages):
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
        procedures = {
            one.source.rsplit("/", 1)[-1]: Node("procedure", one.location, title=one.title)
            for one in documents
            if not one.labels  # known errors are everybody's
        }
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(known_errors_table))).all()
        errors = [(row.location, KnownError.model_validate_json(row.content)) for row in rows]
        drawn = await self._checks.digests()
        schemas = _hashed(*sorted(f"{one.schema_group} {one.as_imported.version}" for one in catalogs))
        wanted = {f"catalog:{one.schema_group}": schemas for one in catalogs}
        wanted[_KNOWN_ERRORS] = _hashed(*(f"{row.location} {row.content}" for row in rows), *sorted(procedures))
        links[_KNOWN_ERRORS] = known_error_links(errors, procedures)
        gone = [place for place in drawn if _is_schema(place) and place not in wanted]
        await self.graph.forget(gone)
        for place, version in wanted.items():
            if drawn.get(place) != version:
                await self.graph.replace(place, links[place])
        await self._checks.note(wanted, gone)

    async def _lost_conditions(self, decided: Sequence[Term]) -> list[str]:
        """Accepted conditions that their group's schema no longer has the columns for."""
        lost = []
        for one in decided:
            if not one.condition:
                continue
            try:
                catalog = await self._catalogs.get(one.schema_group)
                await asyncio.to_thread(checked_condition, one.condition, catalog, self._sandbox, one.table)
            except (InvalidInput, NotFound) as error:
                lost.append(
                    f"broken: '{one.term or one.meaning}' of {one.schema_group} ({one.source}): {error.message}"
                )
        return lost


def _seen(checked: Iterable[CheckedQuery], labels: Collection[str] | None) -> list[CheckedQuery]:
    return [one for one in checked if labels is None or visible(one.labels, labels)]


def _is_schema(place: str) -> bool:
    return place.startswith("catalog:") or place == _KNOWN_ERRORS


def _digest(document: StoredDocument, catalogs: Sequence[Catalog]) -> str:
    versions = [f"{one.schema_group} {one.as_imported.version}" for one in catalogs]
    return _hashed(__version__, document.content_hash, document.source, *document.labels, *sorted(versions))


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
