"""Solved questions, by likeness: the strongest single help a small model can get."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass

from agents.bm25 import BM25
from agents.data.platform import Platform
from agents.data.shape import alike, forms
from agents.data.vectors import Vectors, as_vectors, cosines
from agents.data.words import content_words, pieces
from shared.catalog import Catalog, Example
from shared.llm.client import Models

# What makes two questions look different though they ask the same: names of things, addresses, numbers.
_LITERAL = re.compile(
    r"\"[^\"]*\"|'[^']*'|\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b|\b\d+(?:\.\d+){3}\b|\b[A-Za-z]+-\d+\b|\b\d[\d.,:/-]*\b"
)
_MASK = "thing"
_SAME = 0.9  # two examples this alike teach the same
_LONGEST = 700  # characters of a query that is worth its tokens
_WORD_SHARE = 0.3
# Of the choice of examples. On NL2KQL and the seed questions 0.3 brings the steps of the examples' queries nearest to
# the steps of the right query (Jaccard of the best of four up by 0.01 to 0.09).
_FORM_SHARE = 0.3


@dataclass(frozen=True)
class Scored:
    """An example, how near its question is (0..1), and the tables that its query reads."""

    example: Example
    score: float
    tables: frozenset[str]
    vector: Vectors


@dataclass(frozen=True)
class Solved:
    """A group's examples for one question, nearest first. words: a passage a table, the questions that read it."""

    examples: list[Scored]
    words: BM25

    def without(self, question: str, catalog: Catalog) -> Solved:
        """As if this very question had not been solved."""
        kept = [scored for scored in self.examples if not same_question(scored.example.question, question)]
        return Solved(kept, _said_of(catalog, [(one.example, one.tables) for one in kept]))


@dataclass(frozen=True)
class ExampleIndex:
    """A catalog's examples with the vectors of their masked questions."""

    examples: list[Example]
    vectors: Vectors
    tables: list[frozenset[str]]
    words: list[set[str]]
    said_of: BM25

    @classmethod
    async def build(cls, catalog: Catalog, platform: Platform, models: Models) -> ExampleIndex:
        examples = catalog.examples
        vectors = await models.embed([masked(example.question) for example in examples], purpose="index")
        tables = await asyncio.to_thread(_tables, examples, catalog, platform)
        words = [set(content_words(example.question)) for example in examples]
        said_of = _said_of(catalog, list(zip(examples, tables, strict=True)))
        return cls(examples, as_vectors(vectors), tables, words, said_of)

    async def nearest(self, question: str, models: Models) -> Solved:
        """All examples, the nearest first: by meaning of the masked questions, and shared words."""
        if not self.examples:
            return Solved([], self.said_of)
        asked = (await models.embed([masked(question)], purpose="retrieve"))[0]
        said = set(content_words(question))
        found = [
            Scored(example, _nearness(cosine, said, words), tables, vector)
            for example, cosine, vector, tables, words in zip(
                self.examples, cosines(asked, self.vectors), self.vectors, self.tables, self.words, strict=True
            )
        ]
        return Solved(sorted(found, key=lambda scored: -scored.score), self.said_of)


def masked(question: str) -> str:
    """The question with its literals replaced, so that it is near to the same question about another thing."""
    return _LITERAL.sub(_MASK, question)


def same_question(one: str, other: str) -> bool:
    """Whether two questions say the same words in the same order."""
    return pieces(one) == pieces(other)


def choose(scored: Sequence[Scored], question: str, tables: set[str], limit: int) -> list[Scored]:
    """First the examples that read only the given tables (they show its columns and values); where there are few,
    others show the form of the answer. Each by subject and form, no two alike, none long. The nearest comes first."""
    asked = forms(question)
    fit = {one.example.question: _fit(one, asked) for one in scored}
    short = [one for one in scored if len(one.example.query) <= _LONGEST]
    ranked = sorted(short, key=lambda one: -fit[one.example.question])
    within = [one for one in ranked if one.tables and one.tables <= tables]
    chosen: list[Scored] = []
    for pool, most in ((within, limit), (ranked, limit)):
        for one in pool:
            if len(chosen) < most and all(float(one.vector @ other.vector) < _SAME for other in chosen):
                chosen.append(one)
    return sorted(chosen, key=lambda one: -fit[one.example.question])


def _fit(one: Scored, asked: frozenset[str]) -> float:
    return (1 - _FORM_SHARE) * one.score + _FORM_SHARE * alike(asked, forms(one.example.question))


def _nearness(cosine: float, said: set[str], words: set[str]) -> float:
    shared = len(said & words) / max(1, min(len(said), len(words)))
    return max(0.0, min(1.0, (1 - _WORD_SHARE) * cosine + _WORD_SHARE * shared))


def _said_of(catalog: Catalog, examples: Sequence[tuple[Example, frozenset[str]]]) -> BM25:
    """A passage a table of the catalog: the words of the questions whose queries read it."""
    said: dict[str, list[str]] = {table.name: [] for table in catalog.tables}
    for example, tables in examples:
        for table in tables:
            said[table] += content_words(example.question)
    return BM25(list(said.values()))


def _tables(examples: Sequence[Example], catalog: Catalog, platform: Platform) -> list[frozenset[str]]:
    return [
        frozenset(table.name for table in platform.tables_of(example.query, catalog))
        if platform.parse(example.query, catalog).status == "passed"
        else frozenset()
        for example in examples
    ]
