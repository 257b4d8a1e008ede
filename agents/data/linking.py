"""Which tables may hold the answer, why, and what the question's words mean in them. No chat call.

Signals of each table, 0..1 each and none relative to its neighbours, so that a score can be compared between groups and
platforms: likeness in meaning of the question to its name with description, and to its nearest column; BM25 over
everything said of it; the nearest solved example that reads it; known values and glossary terms in the question; its
name in a knowledge hit. One logistic combines them.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agents.bm25 import BM25
from agents.data.examples import ExampleIndex, Scored
from agents.data.phrases import Mention, Phrases
from agents.data.platform import Platform
from agents.data.vectors import Vectors, as_vectors, cosines
from agents.data.words import content_words, plain
from shared.catalog import Catalog, Table
from shared.llm.client import Models
from shared.models import KnowledgeHit, LinkedTable

LINK_FLOOR = 0.12  # below it a table has nothing to do with the question: better ask back than invent a query
_EMBEDDED_COLUMNS = 200  # of a table
_COLUMN_TEXT = 200  # characters
_KEPT_INDEXES = 64
_NEIGHBOURS = 5
_NEAR_IN_MEANING = 0.6  # cosine from which a column stands in for a name that does not exist

# Logistic weights over the signals, fitted (ridge, none negative) on NL2KQL's and Defog's dev halves and the seed
# examples, each question with and without its group's other examples. Fitted on NL2KQL and Defog alone, it puts the
# right table first for 91% of the seed examples (83% with rank fusion and the name in the question as signals), and the
# right one of three groups for 80% (63%). The bias puts 4% of a group's own questions below 0.2, the planner's floor.
WEIGHTS: Mapping[str, float] = {
    "meaning": 5.5,
    "columns": 4.0,
    "words": 3.6,
    "examples": 1.4,
    "values": 0.5,
    "knowledge": 0.5,
}
BIAS = -4.7


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
    terms; the nearest examples."""

    catalog: Catalog
    links: list[Link]
    mentions: list[Mention] = field(default_factory=list)
    examples: list[Scored] = field(default_factory=list)

    @property
    def score(self) -> float:
        return self.links[0].score if self.links else 0.0


@dataclass(frozen=True)
class _Index:
    """What linking needs of one version of a catalog."""

    meanings: Vectors
    columns: list[Vectors]
    bm25: BM25
    phrases: Phrases
    examples: ExampleIndex


class Linker:
    """Links questions to the tables of a platform's groups; indexes are kept by the catalog's version."""

    def __init__(self, platform: Platform, models: Models) -> None:
        self._platform = platform
        self._models = models
        self._indexes: dict[str, _Index] = {}
        self._building = asyncio.Lock()

    async def link(self, question: str, catalog: Catalog, knowledge: Sequence[KnowledgeHit] = ()) -> Linked:
        """Every table of the group with its score, best first."""
        index = await self.index(catalog)
        asked = (await self._models.embed([question], purpose="link"))[0]
        mentions = index.phrases.mentions(question)
        examples = await index.examples.nearest(question, self._models)
        signals = _signals(index, catalog, question, asked, mentions, examples, knowledge)
        links = [
            Link(table, _score(of_table), of_table, _why(of_table, table, mentions))
            for table, of_table in zip(catalog.tables, signals, strict=True)
        ]
        return Linked(catalog, sorted(links, key=lambda link: -link.score), mentions, examples)

    async def index(self, catalog: Catalog) -> _Index:
        """The group's vectors and words: embedded now, or found in the embedding cache."""
        async with self._building:
            if catalog.version not in self._indexes:
                self._indexes[catalog.version] = await self._build(catalog)
                if len(self._indexes) > _KEPT_INDEXES:
                    self._indexes.pop(next(iter(self._indexes)))
            return self._indexes[catalog.version]

    async def _build(self, catalog: Catalog) -> _Index:
        about = [f"{plain(table.name)}: {table.description}" for table in catalog.tables]
        columns = [_column_texts(table) for table in catalog.tables]
        return _Index(
            meanings=as_vectors(await self._models.embed(about, purpose="index")),
            columns=[as_vectors(await self._models.embed(texts, purpose="index")) for texts in columns],
            bm25=BM25([_all_words(table) for table in catalog.tables]),
            phrases=Phrases(catalog),
            examples=await ExampleIndex.build(catalog, self._platform, self._models),
        )


async def nearest_in_meaning(names: Sequence[str], tables: Sequence[Table], models: Models) -> dict[str, str]:
    """For each name the column of the tables that means most nearly the same; names that nothing is near to are left
    out. `client address` is near to `src_ip: where the request came from`."""
    columns = [column for table in tables for column in table.columns[:_EMBEDDED_COLUMNS]]
    texts = [text for table in tables for text in _column_texts(table)]
    if not columns:
        return {}
    vectors = as_vectors(await models.embed(texts, purpose="index"))
    wanted = await models.embed([plain(name) for name in names], purpose="repair")
    found = {}
    for name, vector in zip(names, wanted, strict=True):
        likeness = cosines(vector, vectors)
        best = max(range(len(columns)), key=likeness.__getitem__)
        if likeness[best] >= _NEAR_IN_MEANING and columns[best].name != name:
            found[name] = columns[best].name
    return found


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


def _column_texts(table: Table) -> list[str]:
    """`user principal name: who signed in`: a name in words, and what is said of it."""
    return [
        f"{plain(column.name)}: {column.description}"[:_COLUMN_TEXT] for column in table.columns[:_EMBEDDED_COLUMNS]
    ]


def _all_words(table: Table) -> list[str]:
    """The name counts twice: a question that says it means it."""
    words = content_words(table.name) * 2 + content_words(table.description)
    for column in table.columns:
        words += content_words(column.name) + content_words(column.description) + content_words(" ".join(column.values))
    return words


def _signals(
    index: _Index,
    catalog: Catalog,
    question: str,
    asked: Sequence[float],
    mentions: Sequence[Mention],
    examples: Sequence[Scored],
    knowledge: Sequence[KnowledgeHit],
) -> list[dict[str, float]]:
    meanings = cosines(asked, index.meanings)
    bm25 = index.bm25.shares(content_words(question)).tolist()
    by_example = _example_votes(examples)
    text = " ".join(f"{hit.title} {hit.excerpt}" for hit in knowledge)
    return [
        {
            "meaning": max(0.0, meanings[number]),
            "columns": max(0.0, *cosines(asked, index.columns[number])),
            "words": bm25[number],
            "examples": by_example.get(table.name, 0.0),
            "values": min(1.0, sum(mention.weight for mention in mentions if table.name in mention.tables)),
            "knowledge": float(table.name in text),
        }
        for number, table in enumerate(catalog.tables)
    ]


def _example_votes(examples: Sequence[Scored]) -> dict[str, float]:
    """How near the nearest example of each table is, 0..1."""
    votes: dict[str, float] = defaultdict(float)
    for scored in examples[:_NEIGHBOURS]:
        for table in scored.tables:
            votes[table] = max(votes[table], scored.score)
    return votes


def _score(signals: Mapping[str, float]) -> float:
    return 1 / (1 + math.exp(-BIAS - sum(WEIGHTS[name] * value for name, value in signals.items())))


def _why(signals: Mapping[str, float], table: Table, mentions: Iterable[Mention]) -> str:
    """The reasons that carry the score, the strongest first."""
    words = {
        "meaning": "its description is near the question",
        "columns": "a column of it is near the question",
        "words": "it shares words with the question",
        "examples": "similar solved questions use it",
        "knowledge": "a runbook names it",
    }
    reasons = {name: WEIGHTS[name] * value for name, value in signals.items() if name in words}
    strongest = sorted(reasons, key=lambda name: -reasons[name])[:2]
    found = [mention.in_words(table.name) for mention in mentions if table.name in mention.tables]
    return "; ".join([*found[:2], *(words[name] for name in strongest if reasons[name] > 0.3)])
