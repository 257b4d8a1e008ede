"""The graph in SQL: kept document by document, asked for what is known about something.

Labels are those of the documents: a link of a document that somebody may not find is not followed for them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast

from sqlalchemy import Column, ColumnElement, Integer, MetaData, Row, String, Table, Text, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from agents.knowledge.graph.model import Link, LinkKind, Node, NodeKind
from agents.knowledge.search.filtering import visible
from agents.knowledge.text import identifiers, terms
from shared.models import KnowledgeHint, Model

schema = MetaData()
_nodes = Table(
    "knowledge_nodes",
    schema,
    Column("id", String(16), primary_key=True),
    Column("kind", String(16), nullable=False, index=True),
    Column("name", String(1200), nullable=False),
    Column("schema_group", String(64), nullable=False),
    Column("title", Text, nullable=False),
)
_links = Table(
    "knowledge_links",
    schema,
    Column("from_id", String(16), primary_key=True),
    Column("to_id", String(16), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("location", String(1024), primary_key=True, comment="of the document, or catalog:GROUP"),
    Column("step", String(16), primary_key=True, comment="empty where it is no step's"),
    Column("source", String(1024), nullable=False),
    Column("labels", Text, nullable=False, comment="JSON list"),
    Column("weight", Integer, nullable=False),
)
_OPEN: tuple[str, ...] = ()
_PASSING = 1
_MOST_TABLES = 8
_FEWEST_LETTERS = 3
_TOLD = re.compile(r"[\w.-]+")
_ALIKE = 0.75  # of a misspelt name, as difflib counts
_AT_ONCE = 500  # ids in a query
_ASKED_ABOUT = ("service", "alert", "error_code", "table", "column", "term")
_RELATED = ("service", "alert", "error_code", "term")
_OF_ANYTHING = frozenset(terms("service alert table term error code runbook procedure host server"))
_EXACT: tuple[NodeKind, ...] = ("error_code", "alert")


class Thing(Model):
    """A node of the graph, as an answer shows it."""

    kind: NodeKind
    name: str
    schema_group: str = ""
    title: str = ""


class Procedure(Model):
    """A document that bears on what was asked. steps: those that name it; why: what of it the document names; weight:
    how much (3 for each thing it is about, 1 for a word in passing)."""

    title: str
    source: str
    steps: list[str] = []
    why: list[str] = []
    weight: int


class Survey(Model):
    """All that is known about something: what was meant, the procedures that bear on it, the best first, and what else
    they name. Where nothing was meant: near, names like one of the text; procedures, those whose titles say most of its
    words."""

    about: list[Thing]
    near: list[str] = []
    procedures: list[Procedure] = []
    tables: list[Thing] = []
    related: list[Thing] = []

    def render(self) -> str:
        """For people."""
        if not self.about:
            near = f"; did you mean {' or '.join(self.near)}?" if self.near else ""
            known = "by that name nothing but titles is known" if self.procedures else "nothing is known about it"
            lines = [f"{known}{near}"]
        else:
            lines = [f"about: {_listed(self.about)}"]
        for one in self.procedures:
            steps = f" (step{'s' * (len(one.steps) > 1)} {', '.join(one.steps)})" if one.steps else ""
            lines.append(f"{one.title}  {one.source}{steps}: {', '.join(one.why)}")
        if self.tables:
            lines.append(f"tables: {_listed(self.tables)}")
        if self.related:
            lines.append(f"also: {_listed(self.related)}")
        if not self.about:
            lines.append("`lexiquery sop search` looks into the text of the runbooks")
        return "\n".join(lines)


class Counts(Model):
    """Nodes and links by kind."""

    nodes: dict[str, int]
    links: dict[str, int]


class Graph:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def replace(self, location: str, links: Sequence[Link], labels: Collection[str] = ()) -> None:
        """What the document (or the schema) at `location` says now, instead of what it said."""
        async with self._engine.begin() as connection:
            await connection.execute(delete(_links).where(_links.c.location == location))
            await self._add_nodes(connection, (node for link in links for node in (link.from_, link.to)))
            rows = {_key(link): _row(link, location, labels) for link in links}
            if rows:
                await connection.execute(_links.insert(), list(rows.values()))

    async def prune(self) -> None:
        """Remove the nodes that no link names any more."""
        named = select(_links.c.from_id).union(select(_links.c.to_id))
        async with self._engine.begin() as connection:
            await connection.execute(delete(_nodes).where(_nodes.c.id.not_in(named)))

    async def forget(self, locations: Iterable[str]) -> None:
        async with self._engine.begin() as connection:
            for location in locations:
                await connection.execute(delete(_links).where(_links.c.location == location))

    async def counts(self) -> Counts:
        async with self._engine.connect() as connection:
            nodes = (await connection.execute(select(_nodes.c.kind))).scalars().all()
            links = (await connection.execute(select(_links.c.kind))).scalars().all()
        return Counts(nodes=_tally(nodes), links=_tally(links))

    async def about(self, text: str, labels: Collection[str] = _OPEN, limit: int = 20) -> Survey:
        """Everything that is linked to the things that the text names: by exact name, else by its words.

        labels: of the one who asks; a thing that only documents name that they may not find is not there for them.
        """
        async with self._engine.connect() as connection:
            known = await _named(connection, labels)
            meant = _meant(text, known)
            if not meant:
                titled = await _titled(connection, labels, text)
                return Survey(about=[], near=_near(text, known), procedures=titled[:limit])
            same = await _read(connection, labels, _links.c.kind == "same_as", _either(meant))
            near = {*meant, *(end for link in same for end in (link.from_id, link.to_id))}
            naming = await _read(connection, labels, _links.c.kind == "mentions", _links.c.to_id.in_(near))
            nodes = await _nodes_of(connection, {*near, *(link.from_id for link in naming)})
            procedures = _procedures(near, nodes, naming)
            best = sorted(procedures, key=lambda key: (-procedures[key].weight, procedures[key].source))[:limit]
            reached = await _read(connection, labels, _links.c.from_id.in_(best), _links.c.weight > _PASSING)
            others = await _nodes_of(connection, {link.to_id for link in reached} - near)
        found = [_thing(row) for row in others.values()]
        return Survey(
            about=_sorted(_thing(nodes[key]) for key in meant),
            procedures=[procedures[key] for key in best],
            tables=_sorted(one for one in [*found, *(_thing(nodes[key]) for key in near)] if one.kind == "table"),
            related=_sorted(one for one in found if one.kind in _RELATED),
        )

    async def hints(self, text: str, locations: Sequence[str], labels: Collection[str] = _OPEN) -> list[KnowledgeHint]:
        """The tables that the procedures at `locations` read, and those about a code or an alert that the text names,
        each with its source; those that most of them read come first."""
        ids = [Node(kind, name).id for name in identifiers(text) for kind in _EXACT]
        about = select(_links.c.from_id).where(_links.c.to_id.in_(ids), _links.c.weight > _PASSING)
        of_these = _links.c.location.in_(locations) | _links.c.from_id.in_(about)
        async with self._engine.connect() as connection:
            links = await _read(connection, labels, _links.c.kind == "mentions", _links.c.weight > _PASSING, of_these)
            nodes = await _nodes_of(connection, {link.to_id for link in links})
        found: dict[str, list[str]] = defaultdict(list)
        for link in links:
            if nodes[link.to_id].kind == "table" and link.source not in found[link.to_id]:
                found[link.to_id].append(link.source)
        best = sorted((key for key in found if found[key]), key=lambda key: (-len(found[key]), nodes[key].name))
        return [
            KnowledgeHint(
                kind="table", subject=nodes[key].name[:200], schema_group=nodes[key].schema_group, source=found[key][0]
            )
            for key in best[:_MOST_TABLES]
        ]

    async def _add_nodes(self, connection: AsyncConnection, nodes: Iterable[Node]) -> None:
        wanted = {node.id: node for node in nodes}
        known = {key: row.title for key, row in (await _nodes_of(connection, wanted)).items()}
        for key, node in wanted.items():
            if key in known and node.title and node.title != known[key]:
                await connection.execute(_nodes.update().where(_nodes.c.id == key).values(title=node.title))
        new = [
            {"id": key, "kind": node.kind, "name": node.name, "schema_group": node.schema_group, "title": node.title}
            for key, node in wanted.items()
            if key not in known
        ]
        if new:
            await connection.execute(_nodes.insert(), new)


async def _read(connection: AsyncConnection, labels: Collection[str], *where: ColumnElement[bool]) -> list[Row[Any]]:
    """The links that may be followed."""
    links = (await connection.execute(select(_links).where(*where))).all()
    return [one for one in links if visible(json.loads(one.labels), labels)]


async def _named(connection: AsyncConnection, labels: Collection[str]) -> dict[str, Row[Any]]:
    """The nodes that people ask about and that a link which may be followed names, by id."""
    known = (await connection.execute(select(_links.c.labels).distinct())).scalars()
    may = _links.c.labels.in_([one for one in known if visible(json.loads(one), labels)])
    linked = select(_links.c.from_id).where(may).union(select(_links.c.to_id).where(may))
    rows = await connection.execute(select(_nodes).where(_nodes.c.kind.in_(_ASKED_ABOUT), _nodes.c.id.in_(linked)))
    return {row.id: row for row in rows}


async def _titled(connection: AsyncConnection, labels: Collection[str], text: str) -> list[Procedure]:
    """Those whose titles say most words of the text, by title."""
    said = set(terms(text)) - _OF_ANYTHING
    query = select(_nodes.c.title, _links.c.source, _links.c.labels).distinct()
    of_itself = (_links.c.from_id == _nodes.c.id) & (_links.c.location == _nodes.c.name)
    found = [
        Procedure(title=row.title, source=row.source, why=[f"title {' '.join(words)}"], weight=len(words))
        for row in await connection.execute(query.where(_nodes.c.kind == "procedure", of_itself))
        if (words := sorted(said & set(terms(row.title)))) and visible(json.loads(row.labels), labels)
    ]
    most = max((one.weight for one in found), default=0)
    return sorted((one for one in found if one.weight == most), key=lambda one: (one.title, one.source))


async def _nodes_of(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Row[Any]]:
    found: dict[str, Row[Any]] = {}
    keys = sorted(ids)
    for start in range(0, len(keys), _AT_ONCE):
        rows = await connection.execute(select(_nodes).where(_nodes.c.id.in_(keys[start : start + _AT_ONCE])))
        found |= {row.id: row for row in rows}
    return found


def _either(ids: Collection[str]) -> ColumnElement[bool]:
    return _links.c.from_id.in_(ids) | _links.c.to_id.in_(ids)


def _meant(text: str, nodes: Mapping[str, Row[Any]]) -> set[str]:
    """Ids of the nodes that the text names: by identifiers (codes, alerts, tables), else by all words of a name. An
    identifier that names none is not taken apart: PaymentGatewaySlow does not mean the service payments. A name of
    generic words (a table `services`) is meant where nothing else is said, or where it stands as it is written and no
    other word is nearly a name: `the paymnts service` is about neither."""
    named = identifiers(text) | {text.strip().lower()}
    said = {term for word in _TOLD.findall(text) if not identifiers(word) for term in terms(word)}
    exact = {key for key, node in nodes.items() if node.name.lower() in named}
    if exact:
        return exact
    words = {key: set(terms(node.name)) for key, node in nodes.items() if node.kind != "column"}
    found = {
        key for key, own in words.items() if own and own <= said and any(len(word) >= _FEWEST_LETTERS for word in own)
    }
    # `the payments service` is not about the table of all services.
    special = {key for key in found if not words[key] <= _OF_ANYTHING}
    if special or said <= _OF_ANYTHING:
        return special or found
    if not found or _near(text, nodes):
        return set()
    written = f" {' '.join(word.strip('.-') for word in _TOLD.findall(text.lower()))} "
    return {key for key in found if f" {nodes[key].name.lower()} " in written}


def _near(text: str, nodes: Mapping[str, Row[Any]]) -> list[str]:
    """Names that are nearly a word of the text, or nearly a part of a name in it; generic words are near nothing."""
    names = {node.name.lower(): node.name for node in nodes.values() if node.kind != "column"}
    parts = [part for word in _TOLD.findall(text) if identifiers(word) for part in terms(word)]
    words = [*_TOLD.findall(text.lower()), *parts]
    said = [word for word in words if len(word) > _FEWEST_LETTERS and not set(terms(word)) <= _OF_ANYTHING]
    found = [names[one] for word in said for one in get_close_matches(word, names, 2, _ALIKE)]
    return list(dict.fromkeys(found))[:3]


def _procedures(near: set[str], nodes: Mapping[str, Row[Any]], links: Sequence[Row[Any]]) -> dict[str, Procedure]:
    """Documents that name one of the things, with what they name and where; those that only say a word of it in passing
    count where no document is about it."""
    found: dict[str, Procedure] = {}
    for link in links:
        if link.to_id in near and link.from_id in nodes and nodes[link.from_id].kind == "procedure":
            known = found.setdefault(link.from_id, Procedure(title=nodes[link.from_id].title, source="", weight=0))
            known.source = known.source or link.source
            known.weight += link.weight
            why = f"{nodes[link.to_id].kind.replace('_', ' ')} {nodes[link.to_id].name}"
            known.why += [] if why in known.why else [why]
            known.steps += [link.step] if link.step and link.step not in known.steps else []
    for one in found.values():
        one.steps.sort(key=lambda step: [int(part) for part in re.findall(r"\d+", step)])
    strong = {key: one for key, one in found.items() if one.weight > _PASSING}
    return strong or found


def _key(link: Link) -> tuple[str, str, LinkKind, str]:
    return link.from_.id, link.to.id, link.kind, link.step or ""


def _row(link: Link, location: str, labels: Collection[str]) -> dict[str, Any]:
    return {
        "from_id": link.from_.id,
        "to_id": link.to.id,
        "kind": link.kind,
        "location": location,
        "step": (link.step or "")[:16],
        "source": link.source,
        "labels": json.dumps(sorted(labels)),
        "weight": link.weight,
    }


def _thing(row: Any) -> Thing:
    return Thing(kind=cast("NodeKind", row.kind), name=row.name, schema_group=row.schema_group, title=row.title)


def _sorted(things: Iterable[Thing]) -> list[Thing]:
    return sorted(things, key=lambda one: (one.kind, one.schema_group, one.name))


def _listed(things: Sequence[Thing]) -> str:
    return ", ".join(
        f"{one.kind.replace('_', ' ')} {one.name}{f' ({one.schema_group})' if one.schema_group else ''}"
        for one in things
    )


def _tally(kinds: Iterable[str]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for kind in kinds:
        counted[kind] = counted.get(kind, 0) + 1
    return dict(sorted(counted.items()))
