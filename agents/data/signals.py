"""What speaks for each table of a group, given a question: numbers from 0 to 1 that can be compared between groups."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from agents.bm25 import BM25
from agents.data.columns import ColumnMention, ColumnNames
from agents.data.entities import Entity, Kind, column_kinds, read_entities
from agents.data.examples import Scored, Solved
from agents.data.phrases import Mention, Phrases
from agents.data.samples import Samples
from agents.data.times import time_places
from agents.data.vectors import Vectors, cosines
from agents.data.words import content_words, pieces, subjects
from shared.catalog import Catalog, Table
from shared.models import KnowledgeHint, KnowledgeHit

SIGNALS: Mapping[str, str] = {
    "meaning": "mean cosine of the question, without literals and times, to the three nearest columns, each with the "
    "meaning of its table's name and description",
    "words": "BM25 of the question's words over all that is said of the table, its columns and their values",
    "value_words": "BM25 of the question's words over the known values of the table's columns",
    "description": "BM25 over name and description, with words for the same subject as one",
    "name": "share of the name's words that the question says, rare ones counting more; names of one word count half",
    "name_run": "longest run of the name's words in the question (`process events`), rare ones counting more",
    "named": "columns of the table that the question names, rare ones counting more",
    "values": "known values of its columns in the question; those of many tables count less",
    "terms": "terms of the glossary in the question that speak of it",
    "kinds": "share of the things in the question (addresses, hashes, hosts, files) that it has columns for",
    "seen": "share of those things that are known values of its columns",
    "examples": "votes of the nearest solved questions for the tables that they read",
    "example_words": "BM25 over the words of the solved questions that read the table",
    "knowledge": "1 if a runbook that was found names the table, or its queries read it",
}
_NEAREST_COLUMNS = 3
_LONGEST_NAME = 12  # words of a table's name in a row that are looked for
_VOTERS = 8  # solved questions
_NEAR_COUNTS = 3  # the power of likeness that a vote weighs
_NO_KIND = ("text", "number")
_ASKING = re.compile(
    r"\b(?:can|could)\s+you\b|\b(?:show|give|tell|get|find|list|display|provide)\s+(?:me\s+)?(?:all|the|a\s+list\s+of)?\b"
    r"|\bplease\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Heard:
    """What was read of a question without a model: bare, its text without literals, times and `show me`; known values
    and terms; things by their form; columns by their names."""

    question: str
    bare: str
    mentions: list[Mention]
    entities: list[Entity]
    columns: list[ColumnMention]


class TableIndex:
    """What linking needs of one version of a catalog. meanings: a unit vector a table; columns: unit vectors of each
    table's column names."""

    def __init__(self, catalog: Catalog, meanings: Vectors, columns: Sequence[Vectors], samples: Samples) -> None:
        tables = catalog.tables
        self.phrases = Phrases(catalog, samples)
        self.column_names = ColumnNames(catalog)
        self.columns = [_with_table(meaning, own) for meaning, own in zip(meanings, columns, strict=True)]
        self.words = BM25([_all_words(table) for table in tables])
        self.value_words = BM25([content_words(" ".join(_values(table))) for table in tables])
        self.descriptions = BM25([subjects(table.name) * 2 + subjects(table.description) for table in tables])
        self.names = [set(subjects(table.name)) for table in tables]
        self.runs = [_runs(pieces(table.name)[:_LONGEST_NAME]) for table in tables]
        self.run_counts = Counter(run for runs in self.runs for run in runs)
        self.kinds = [_kinds(table, samples) for table in tables]

    def hear(self, question: str) -> Heard:
        entities = read_entities(question)
        return Heard(
            question=question,
            bare=bare(question, entities),
            mentions=self.phrases.mentions(question),
            entities=entities,
            columns=self.column_names.mentions(question),
        )


def bare(question: str, entities: Sequence[Entity]) -> str:
    """The question without literals, times and what every question says; the question itself where nothing is left."""
    for start, end in sorted([*time_places(question), *(one.place for one in entities)], reverse=True):
        question = f"{question[:start]} {question[end:]}"
    return " ".join(_ASKING.sub(" ", question).split()) or question


def signals(
    index: TableIndex,
    catalog: Catalog,
    heard: Heard,
    asked: Sequence[float],
    solved: Solved,
    told: Collection[str],
) -> list[dict[str, float]]:
    """SIGNALS of each table of the catalog, in its order. asked: the unit vector of what was heard, bare; solved: the
    solved questions that may speak; told: the tables that runbooks name."""
    words, said = content_words(heard.bare), subjects(heard.bare)
    nearest = _example_votes(solved.examples)
    named = index.column_names.rarity(heard.columns)
    by_signal = {
        "meaning": [_nearest_columns(asked, own) for own in index.columns],
        "words": index.words.shares(words).tolist(),
        "value_words": index.value_words.shares(words).tolist(),
        "description": index.descriptions.shares(said).tolist(),
        "name": _name_shares(index.names, set(said)),
        "name_run": _longest_runs(index, pieces(heard.question)),
        "named": [named.get(table.name, 0.0) for table in catalog.tables],
        "values": [_known(heard.mentions, table, terms=False) for table in catalog.tables],
        "terms": [_known(heard.mentions, table, terms=True) for table in catalog.tables],
        "kinds": [_kinds_held(heard.entities, kinds) for kinds in index.kinds],
        "seen": [_seen(heard, table) for table in catalog.tables],
        "examples": [nearest.get(table.name, 0.0) for table in catalog.tables],
        "example_words": solved.words.shares(words).tolist(),
        "knowledge": [float(table.name in told) for table in catalog.tables],
    }
    return [
        {name: max(0.0, float(values[number])) for name, values in by_signal.items()}
        for number in range(len(catalog.tables))
    ]


def named_by(catalog: Catalog, knowledge: Sequence[KnowledgeHit], hints: Sequence[KnowledgeHint]) -> frozenset[str]:
    """The group's tables whose names the passages hold, and those that the hints name as this group's."""
    text = " ".join(f"{hit.title} {hit.excerpt}" for hit in knowledge)
    hinted = {one.subject for one in hints if one.kind == "table" and one.schema_group == catalog.schema_group}
    return frozenset(table.name for table in catalog.tables if table.name in hinted or table.name in text)


def _with_table(meaning: Vectors, columns: Vectors) -> Vectors:
    """Column names are short and alike everywhere: each with its table's meaning tells tables apart."""
    if not len(columns):
        return columns
    both = columns + meaning
    return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True), dtype=np.float32)


def _nearest_columns(asked: Sequence[float], columns: Vectors) -> float:
    best = sorted(cosines(asked, columns), reverse=True)[:_NEAREST_COLUMNS]
    return sum(best) / len(best) if best else 0.0


def _all_words(table: Table) -> list[str]:
    """The name counts twice: a question that says it means it."""
    words = content_words(table.name) * 2 + content_words(table.description)
    for column in table.columns:
        words += content_words(column.name) + content_words(column.description)
    return words + content_words(" ".join(_values(table)))


def _values(table: Table) -> list[str]:
    return [value for column in table.columns for value in column.values]


def _name_shares(names: Sequence[set[str]], said: set[str]) -> list[float]:
    counts = Counter(word for name in names for word in name)
    rarity = {word: math.log(1 + len(names) / count) for word, count in counts.items()}
    return [
        min(1.0, len(name) / 2)
        * sum(rarity[word] for word in name & said)
        / (sum(rarity[word] for word in name) or 1.0)
        for name in names
    ]


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    """Two and more words in a row, no more than a name has: a question may have a thousand."""
    lengths = range(2, min(_LONGEST_NAME, len(words)) + 1)
    return {tuple(words[first : first + length]) for length in lengths for first in range(len(words) - length + 1)}


def _longest_runs(index: TableIndex, said: Sequence[str]) -> list[float]:
    """A run counts by its share of the name and its rarity; a whole name that only one table has is 1."""
    spoken = _runs(said) & index.run_counts.keys()
    rarity = {
        run: math.log(1 + len(index.runs) / index.run_counts[run]) / math.log(1 + len(index.runs)) for run in spoken
    }
    return [
        max((rarity[run] * len(run) / max(map(len, runs)) for run in runs & spoken), default=0.0) for runs in index.runs
    ]


def _known(mentions: Sequence[Mention], table: Table, *, terms: bool) -> float:
    own = (one for one in mentions if table.name in one.tables and (one.kind == "term") == terms)
    return min(1.0, sum(mention.weight for mention in own))


def _seen(heard: Heard, table: Table) -> float:
    typed = {one.text.lower() for one in heard.entities if one.kind not in _NO_KIND}
    known = {one.text.lower() for one in heard.mentions if one.kind == "value" and table.name in one.tables}
    return len(typed & known) / len(typed) if typed else 0.0


def _kinds(table: Table, samples: Samples) -> frozenset[Kind]:
    return frozenset(
        kind for column in table.columns for kind in column_kinds(column, samples.get((table.name, column.name), ()))
    )


def _kinds_held(entities: Sequence[Entity], kinds: frozenset[Kind]) -> float:
    typed = [one.kind for one in entities if one.kind not in _NO_KIND]
    return sum(kind in kinds for kind in typed) / len(typed) if typed else 0.0


def _example_votes(examples: Sequence[Scored]) -> dict[str, float]:
    """The nearest solved questions vote for the tables they read, near ones much more than far ones; where none is near
    all votes are small."""
    votes: dict[str, float] = defaultdict(float)
    for scored in examples[:_VOTERS]:
        for table in scored.tables:
            votes[table] += scored.score**_NEAR_COUNTS
    return {table: vote / (1 + sum(votes.values())) for table, vote in votes.items()}
