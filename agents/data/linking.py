"""Which tables may hold the answer, why, and what the question's words mean in them. No chat call.

The signals of each table (signals.py) are combined by one logistic, whose weights are in linking.json; `python -m
core_engine.evaluation.linking` fits and measures them.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import Field

from agents.data.columns import ColumnMention
from agents.data.entities import Entity
from agents.data.examples import ExampleIndex, Scored
from agents.data.keys import inferred_relationships
from agents.data.phrases import Mention
from agents.data.platform import Platform
from agents.data.reasons import why
from agents.data.samples import Samples, sample_values
from agents.data.sandbox import Sandbox
from agents.data.signals import Heard, TableIndex, named_by, signals
from agents.data.times import TimeRange, read_times
from agents.data.vectors import as_vectors, cosines
from agents.data.words import pieces, plain
from shared.catalog import Catalog, Column, Relationship, Table
from shared.llm.client import Models
from shared.models import KnowledgeHint, KnowledgeHit, LinkedTable, Model

# Below it a table has nothing to do with the question: better ask back than invent a query. Of the 45 seed questions
# one lies below; of 48 pairs of a group and a question about something else, four lie above.
LINK_FLOOR = 0.05
WEIGHTS_FILE = Path(__file__).parent / "linking.json"
_EMBEDDED_COLUMNS = 200  # of a table
_LONGEST_TEXT = 200  # characters of what is said of a table or a column
_KEPT_INDEXES = 64
_NEAR_IN_MEANING = 0.6  # cosine from which a column stands in for a name that does not exist


class Weight(Model):
    """Of one signal. about: what the signal says."""

    weight: float = Field(ge=0)
    about: str


class Weights(Model):
    """score = 1 / (1 + exp(-(bias + sum of weight * signal))); trained_on, embedding_model: what they fit."""

    made: str
    trained_on: str
    embedding_model: str
    bias: float
    signals: dict[str, Weight]

    def total(self, values: Mapping[str, float]) -> float:
        return self.bias + sum(self.signals[name].weight * value for name, value in values.items())


@cache
def read_weights() -> Weights:
    """Those that ship."""
    return Weights.model_validate_json(WEIGHTS_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Link:
    """A table of a group with its score (0..1), its signals, and the reasons in words."""

    table: Table
    score: float
    signals: Mapping[str, float]
    why: str


@dataclass(frozen=True)
class Linked:
    """What linking found in one group: its tables, best first; words of the question that are known values or glossary
    terms; the nearest examples; its times, read against the group's clock; things by their form; columns it names; the
    group's relationships, those that its rows show too; values that occur in columns that list none. as_database: the
    catalog is that of logs, shown as if they were a database; aside: columns that the question does not speak of
    (`Platform.collection`)."""

    catalog: Catalog
    links: list[Link]
    mentions: list[Mention] = field(default_factory=list)
    examples: list[Scored] = field(default_factory=list)
    times: list[TimeRange] = field(default_factory=list)
    entities: list[Entity] = field(default_factory=list)
    columns: list[ColumnMention] = field(default_factory=list)
    relationships: list[Relationship] = field(default_factory=list)
    samples: Samples = field(default_factory=dict)
    as_database: bool = False
    aside: frozenset[str] = frozenset()

    @property
    def is_database(self) -> bool:
        """Whether its tables are those of a database, and not logs that are asked through SQL."""
        return self.catalog.platform == "sql" and not self.as_database

    @property
    def score(self) -> float:
        return self.links[0].score if self.links else 0.0


@dataclass(frozen=True)
class _Index:
    tables: TableIndex
    examples: ExampleIndex
    inferred: list[Relationship]
    samples: Samples


class Linker:
    """Links questions to the tables of a platform's groups; indexes are kept by the version of catalog and rows.

    sandbox: whose rows values are sampled from; without one only the values that catalogs list are known.
    """

    def __init__(
        self, platform: Platform, models: Models, sandbox: Sandbox | None = None, weights: Weights | None = None
    ) -> None:
        self._platform = platform
        self._models = models
        self._sandbox = sandbox
        self._weights = weights or read_weights()
        self._indexes: dict[tuple[str, int], _Index] = {}
        self._building = asyncio.Lock()

    async def link(
        self,
        question: str,
        catalog: Catalog,
        knowledge: Sequence[KnowledgeHit] = (),
        hints: Sequence[KnowledgeHint] = (),
        *,
        hold_out: bool = False,
    ) -> Linked:
        """Every table of the group with its score, best first. hold_out: as if this very question were not solved."""
        index = await self.index(catalog)
        heard = index.tables.hear(question)
        asked = (await self._models.embed([heard.bare], purpose="link"))[0]
        solved = await index.examples.nearest(question, self._models)
        solved = solved.without(question, catalog) if hold_out else solved
        aside = _unnamed(self._platform.collection, question)
        heard = replace(heard, mentions=_within(heard, aside))
        found = signals(index.tables, catalog, heard, asked, solved, named_by(catalog, knowledge, hints))
        return Linked(
            catalog=catalog,
            links=self._links(catalog, heard, found),
            mentions=heard.mentions,
            examples=solved.examples,
            times=read_times(question, catalog.clock or datetime.now(UTC)),
            entities=heard.entities,
            columns=heard.columns,
            relationships=[*catalog.relationships, *index.inferred],
            samples=index.samples,
            aside=aside,
        )

    def _links(self, catalog: Catalog, heard: Heard, found: Sequence[Mapping[str, float]]) -> list[Link]:
        weights = {name: one.weight for name, one in self._weights.signals.items()}
        links = [
            Link(
                table,
                1 / (1 + math.exp(-self._weights.total(of_table))),
                of_table,
                why(table, of_table, found, weights, heard),
            )
            for table, of_table in zip(catalog.tables, found, strict=True)
        ]
        return sorted(links, key=lambda link: -link.score)

    async def index(self, catalog: Catalog) -> _Index:
        """The group's vectors, words and values: embedded and sampled now, or kept from an earlier question."""
        key = (catalog.version, self._sandbox.stamp(catalog) if self._sandbox else 0)
        async with self._building:
            if key not in self._indexes:
                self._indexes[key] = await self._build(catalog)
                if len(self._indexes) > _KEPT_INDEXES:
                    self._indexes.pop(next(iter(self._indexes)))
            return self._indexes[key]

    async def _build(self, catalog: Catalog) -> _Index:
        about = [f"{plain(table.name)}: {table.description}" for table in catalog.tables]
        names = [[plain(column.name) for column in table.columns[:_EMBEDDED_COLUMNS]] for table in catalog.tables]
        meanings = as_vectors(await self._models.embed(about, purpose="index"))
        every = as_vectors(await self._models.embed([name for own in names for name in own], purpose="index"))
        columns = np.split(every, np.cumsum([len(own) for own in names])[:-1])
        samples = await asyncio.to_thread(sample_values, catalog, self._sandbox) if self._sandbox else {}
        tables = await asyncio.to_thread(TableIndex, catalog, meanings, columns, samples)
        inferred = await asyncio.to_thread(inferred_relationships, catalog, self._sandbox) if self._sandbox else []
        examples = await ExampleIndex.build(catalog, self._platform, self._models)
        return _Index(tables, examples, inferred, samples)


def _unnamed(columns: Iterable[str], question: str) -> frozenset[str]:
    said = {*pieces(question), "id", "name"}
    return frozenset(name for name in columns if not said.issuperset(pieces(name)))


def _within(heard: Heard, aside: frozenset[str]) -> list[Mention]:
    """What the question's words mean, other than values of the columns aside; a thing by its form is meant anywhere."""
    things = {one.text for one in heard.entities}
    kept = [
        replace(one, places=tuple(place for place in one.places if place[1] not in aside or one.text in things))
        for one in heard.mentions
    ]
    return [one for one in kept if one.places or one.kind == "term"]


async def nearest_in_meaning(names: Sequence[str], tables: Sequence[Table], models: Models) -> dict[str, str]:
    """For each name the column of the tables that means most nearly the same; names that nothing is near to are left
    out. `client address` is near to `src_ip: where the request came from`."""
    columns = _embedded_columns(tables)
    if not columns:
        return {}
    vectors = as_vectors(await models.embed([_about(column) for column in columns], purpose="index"))
    wanted = await models.embed([plain(name) for name in names], purpose="repair")
    found = {}
    for name, vector in zip(names, wanted, strict=True):
        alike = cosines(vector, vectors)
        best = max(range(len(columns)), key=alike.__getitem__)
        if alike[best] >= _NEAR_IN_MEANING and columns[best].name != name:
            found[name] = columns[best].name
    return found


async def likeness(things: Sequence[str], tables: Sequence[Table], models: Models) -> list[float]:
    """For each thing the cosine to the table or column that means most nearly the same. Raises ModelUnavailable."""
    about = [*map(_about, tables), *map(_about, _embedded_columns(tables))]
    vectors = as_vectors(await models.embed(about, purpose="index"))
    return [max(cosines(vector, vectors)) for vector in await models.embed([*things], purpose="link")]


def _embedded_columns(tables: Sequence[Table]) -> list[Column]:
    return [column for table in tables for column in table.columns[:_EMBEDDED_COLUMNS]]


def _about(one: Table | Column) -> str:
    return f"{plain(one.name)}: {one.description}"[:_LONGEST_TEXT]


def linked_tables(linked: Linked, limit: int) -> list[LinkedTable]:
    """The best tables, as the planner reads them."""
    return [
        LinkedTable(
            platform=linked.catalog.platform,
            schema_group=linked.catalog.schema_group,
            table=link.table.name,
            score=round(link.score, 3),
            why=link.why,
        )
        for link in linked.links[:limit]
    ]
