"""Hybrid search over a collection: words and vectors, fused by rank; names that match exactly come first.

Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, k = 60.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.bm25 import BM25
from agents.knowledge import scoring
from agents.knowledge.store import Passage
from agents.knowledge.text import identifiers, sentences, terms

EXCERPT_CHARACTERS = 400
NEAREST = 100
_RRF_K = 60


@dataclass(frozen=True)
class Match:
    """A document, the passage of it that fits best, and how well. score, coverage, cosine: as scoring has them."""

    passage: Passage
    excerpt: str
    score: float
    coverage: float
    cosine: float | None


class SearchIndex:
    """The passages of one version of a collection, ready for search. Immutable; safe to share between threads."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages
        self.by_id = {passage.id: position for position, passage in enumerate(passages)}
        locations = {location: number for number, location in enumerate(dict.fromkeys(p.location for p in passages))}
        self._documents = len(locations)
        self._owner = np.array([locations[passage.location] for passage in passages], dtype=np.int32)
        self._bm25 = BM25([terms(f"{_stem_of(passage.source)} {passage.context}") for passage in passages])
        self._named: dict[str, set[int]] = {}
        self._mentioned: dict[str, set[int]] = {}
        for passage, owner in zip(passages, self._owner.tolist(), strict=True):
            _note(self._named, f"{_stem_of(passage.source)} {passage.title}", owner)
            _note(self._mentioned, passage.text, owner)

    def ranked(self, question: str, cosines: dict[str, float], limit: int, model: str) -> list[Match]:
        """At most `limit` documents, best first, whether they fit or not.

        cosines: of passages by id, the nearest at least; empty when there is no vector for the question.
        """
        query = terms(question)
        coverage, near = self._bm25.coverage(query), self._near(cosines)
        words = self._by_document(self._bm25.scores(query))
        fused = _reciprocal_ranks(words) + _reciprocal_ranks(self._by_document(near))
        named, mentioned = self._pointed_at(question)
        order = sorted(
            np.flatnonzero(fused > 0).tolist(),
            key=lambda document: (document not in named, document not in mentioned, -fused[document]),
        )
        pointed = dict.fromkeys(mentioned, scoring.FLOOR) | dict.fromkeys(named, scoring.NAMED)
        return [
            self._match(document, query, coverage, near if cosines else None, model, pointed.get(document, 0.0))
            for document in order[:limit]
        ]

    def _match(
        self,
        document: int,
        query: Sequence[str],
        coverage: NDArray[np.float32],
        near: NDArray[np.float32] | None,
        model: str,
        least: float,
    ) -> Match:
        own = np.flatnonzero(self._owner == document)
        covered, cosine = float(coverage[own].max()), None if near is None else float(near[own].max())
        fit = coverage[own] if near is None else coverage[own] + near[own]
        passage = self.passages[int(own[np.argmax(fit)])]
        score = max(least, scoring.score(covered, cosine, model))
        return Match(passage, self._excerpt(passage.text, query), round(score, 3), covered, cosine)

    def best_by_words(self, question: str, limit: int) -> list[str]:
        """Ids of the passages that share most with the question's words: their cosines are wanted too."""
        scores = self._bm25.scores(terms(question))
        best = np.argsort(-scores, kind="stable")[:limit]
        return [self.passages[position].id for position in best.tolist() if scores[position] > 0]

    def _near(self, cosines: dict[str, float]) -> NDArray[np.float32]:
        near = np.zeros(len(self.passages), dtype=np.float32)
        for key, cosine in cosines.items():
            if key in self.by_id:
                near[self.by_id[key]] = max(cosine, 0.0)
        return near

    def _by_document(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        best = np.zeros(self._documents, dtype=np.float32)
        np.maximum.at(best, self._owner, scores)
        return best

    def _pointed_at(self, question: str) -> tuple[set[int], set[int]]:
        """Documents whose title, or whose text, has a name of the question that few documents have."""
        few = max(3, self._documents // 20)
        named: set[int] = set()
        mentioned: set[int] = set()
        for name in identifiers(question):
            for found, documents in ((named, self._named.get(name)), (mentioned, self._mentioned.get(name))):
                if documents and len(documents) <= few:
                    found |= documents
        return named, mentioned

    def _excerpt(self, text: str, query: Sequence[str]) -> str:
        wanted = {term: self._bm25.idf(term) for term in query}
        return excerpt(text, wanted)


def excerpt(text: str, wanted: dict[str, float]) -> str:
    """The sentences around the one that holds most of `wanted` (weight by term), at most EXCERPT_CHARACTERS long."""
    parts = sentences(text)
    weights = [sum(wanted.get(term, 0.0) for term in set(terms(part))) for part in parts]
    first = last = max(range(len(parts)), key=weights.__getitem__)
    length = len(parts[first])
    while True:
        after, before = last + 1, first - 1
        if after < len(parts) and length + 1 + len(parts[after]) <= EXCERPT_CHARACTERS:
            last, length = after, length + 1 + len(parts[after])
        elif before >= 0 and length + 1 + len(parts[before]) <= EXCERPT_CHARACTERS:
            first, length = before, length + 1 + len(parts[before])
        else:
            break
    return shortened(" ".join(parts[first : last + 1]), EXCERPT_CHARACTERS)


def shortened(text: str, length: int) -> str:
    """The text, cut at a word with an ellipsis when it is longer than `length`."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + "…"


def _reciprocal_ranks(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    """1 / (k + rank) for what has a score above 0, else 0."""
    ranks = np.zeros(len(scores))
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] > 0]
    ranks[order] = 1.0 / (_RRF_K + np.arange(1, len(order) + 1))
    return ranks


def _stem_of(source: str) -> str:
    """The file's name without folders and ending, often the very name of the alert; or what follows a `#`."""
    return re.split(r"[/#]", source)[-1].rsplit(".", 1)[0]


def _note(names: dict[str, set[int]], text: str, owner: int) -> None:
    for name in identifiers(text):
        names.setdefault(name, set()).add(owner)
