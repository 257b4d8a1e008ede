"""What runbooks define, and what a person decided of it, in SQL.

A definition is `proposed` for a schema group until somebody accepts or rejects it; what was decided stays decided, also
where the runbook changes: then it is no longer `current`, and the list says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sqlalchemy import Boolean, Column, DateTime, MetaData, String, Table, Text, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.knowledge.glossary.defining import Kind
from agents.knowledge.search.filtering import visible
from agents.knowledge.text import terms
from shared.errors import NotFound
from shared.models import KnowledgeHint, Model

Status = Literal["proposed", "accepted", "rejected"]
_MOST_HINTS = 6
_MOST_SAID = 500  # terms of a question that are looked at

schema = MetaData()
_terms = Table(
    "knowledge_terms",
    schema,
    Column("id", String(12), primary_key=True),
    Column("kind", String(12), nullable=False),
    Column("schema_group", String(64), nullable=False, index=True, comment="empty where no group was found for it"),
    Column("term", String(64), nullable=False, comment="empty for a rule"),
    Column("words", String(200), nullable=False, comment="the term's stems, sorted"),
    Column("meaning", Text, nullable=False),
    Column("condition", Text, nullable=False, comment="SQL, checked; empty where there is none"),
    Column("table_name", String(256), nullable=False),
    Column("location", String(1024), nullable=False, index=True),
    Column("source", String(1100), nullable=False, comment="how it is cited, with its step"),
    Column("labels", Text, nullable=False, comment="JSON list, of the document"),
    Column("status", String(10), nullable=False, index=True),
    Column("current", Boolean, nullable=False, comment="whether the runbook still says so"),
    Column("decided_at", DateTime(timezone=True)),
    info={"retired": ("ix_knowledge_terms_words",)},
)


class Term(Model):
    """A definition of a runbook for a schema group (empty: none was found), or a rule (`directive`, without a term).

    condition: in SQL over columns of `table`, checked; empty where the words say none. current: false once the runbook
    says something else, or is gone.
    """

    id: str
    kind: Kind
    schema_group: str
    term: str
    meaning: str
    condition: str = ""
    table: str = ""
    location: str
    source: str
    labels: list[str] = []
    status: Status = "proposed"
    current: bool = True
    decided_at: datetime | None = None

    @property
    def in_words(self) -> str:
        what = f"{self.term}: {self.meaning}" if self.term else self.meaning
        held = f" [{self.condition} of {self.table}]" if self.condition else ""
        return f"{what}{held} ({self.source})"


def term_id(kind: Kind, group: str, term: str, meaning: str, location: str) -> str:
    text = "\0".join((kind, group, term.lower(), meaning, location))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


class Terms:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def all(
        self,
        *,
        group: str | None = None,
        status: Sequence[Status] = (),
        labels: Collection[str] | None = (),
    ) -> list[Term]:
        """By group, term and source. labels: of the asker; None is the operator, who sees the terms of all runbooks."""
        query = select(_terms).order_by(_terms.c.schema_group, _terms.c.term, _terms.c.source)
        if group is not None:
            query = query.where(_terms.c.schema_group == group)
        if status:
            query = query.where(_terms.c.status.in_(status))
        async with self._engine.connect() as connection:
            found = [_term(row) for row in (await connection.execute(query)).mappings()]
        return [one for one in found if labels is None or visible(one.labels, labels)]

    async def said(self, question: str, labels: Collection[str] = ()) -> list[KnowledgeHint]:
        """What runbooks that the asker may find say of terms that the question says, in any order of their words, and
        that nobody has decided on, and the tables whose columns it names. labels: of the asker."""
        said = set(terms(question))
        # A row is read whole only where it is wanted: most are not.
        query = select(_terms.c.id, _terms.c.words).where(_terms.c.status == "proposed", _terms.c.words != "")
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).all()
            ids = [key for key, words in rows if said.issuperset(words.split())][:_MOST_SAID]
            wanted = (await connection.execute(select(_terms).where(_terms.c.id.in_(ids)))).mappings()
            found = [_term(row) for row in wanted]
        seen = [one for one in found if visible(one.labels, labels)]
        longest = sorted(seen, key=lambda one: (-len(one.term.split()), one.term, one.source))
        return [hint for one in longest[:_MOST_HINTS] for hint in _hints(one)]

    async def get(self, wanted: str, labels: Collection[str] | None = ()) -> Term:
        """labels: as `all` has them. Raises NotFound with the nearest known id."""
        known = {one.id: one for one in await self.all(labels=labels)}
        if wanted not in known:
            raise NotFound.named("term", wanted, known)
        return known[wanted]

    async def replace(
        self, locations: Iterable[str], found: Sequence[Term], labels: Mapping[str, Collection[str]] | None = None
    ) -> None:
        """What the documents at `locations` say now. Proposals that they no longer make are gone; what was decided
        stays as it is, with the labels that its document has now. labels: by location, of the documents."""
        async with self._engine.begin() as connection:
            for location in locations:
                here = _terms.c.location == location
                await connection.execute(delete(_terms).where(here, _terms.c.status == "proposed"))
                changes: dict[str, Any] = {"current": False}
                if labels is not None and location in labels:
                    changes["labels"] = json.dumps(sorted(labels[location]))
                await connection.execute(update(_terms).where(here).values(changes))
            decided = set((await connection.execute(select(_terms.c.id))).scalars())
            for one in {term.id: term for term in found}.values():
                if one.id in decided:
                    await connection.execute(update(_terms).where(_terms.c.id == one.id).values(current=True))
                else:
                    await connection.execute(_terms.insert().values(_row(one)))

    async def decide(self, term: Term, status: Status) -> Term:
        """Keep the term as it is given, with that status."""
        decided = term.model_copy(update={"status": status, "decided_at": datetime.now(UTC)})
        async with self._engine.begin() as connection:
            await _put(connection, decided)
        return decided


async def _put(connection: AsyncConnection, term: Term) -> None:
    await connection.execute(delete(_terms).where(_terms.c.id == term.id))
    await connection.execute(_terms.insert().values(_row(term)))


def _hints(term: Term) -> Iterator[KnowledgeHint]:
    """What the term means, and the table that its words name columns of."""
    source, group = term.source[:1000], term.schema_group or None
    yield KnowledgeHint(kind="term", subject=term.term, text=term.meaning[:500], source=source, schema_group=group)
    if term.table:
        yield KnowledgeHint(kind="table", subject=term.table[:200], source=source, schema_group=group)


def _row(term: Term) -> dict[str, Any]:
    row = term.model_dump(exclude={"table", "labels"})
    words = " ".join(sorted(set(terms(term.term))))[:200]
    return row | {"table_name": term.table, "labels": json.dumps(term.labels), "words": words}


def _term(row: Any) -> Term:
    values = {name: row[name] for name in Term.model_fields if name not in ("table", "labels")}
    labels = cast("list[str]", json.loads(row["labels"]))
    return Term(**values, table=row["table_name"], labels=labels)
