"""BM25 over passages in memory, with the weights of every posting computed once.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), k1 = 1.2, b = 0.75.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75


class BM25:
    """An index of `passages`, each a list of terms. 100,000 passages of 60 terms take about 50 MB."""

    def __init__(self, passages: Sequence[Sequence[str]]) -> None:
        self.size = len(passages)
        lengths = np.array([len(passage) for passage in passages], dtype=np.float32)
        norms = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if self.size else 1.0, 1.0))
        counts: dict[str, list[tuple[int, int]]] = {}
        for position, passage in enumerate(passages):
            for term, count in Counter(passage).items():
                counts.setdefault(term, []).append((position, count))
        self._postings = {term: self._posting(found, norms) for term, found in counts.items()}

    def _posting(
        self, found: list[tuple[int, int]], norms: NDArray[np.float32]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        where = np.array([position for position, _ in found], dtype=np.int32)
        count = np.array([count for _, count in found], dtype=np.float32)
        return where, (self._idf(len(found)) * count * (K1 + 1) / (count + norms[where])).astype(np.float32)

    def _idf(self, frequency: int) -> float:
        return math.log(1 + (self.size - frequency + 0.5) / (frequency + 0.5))

    def idf(self, term: str) -> float:
        """How rare the term is; of a term that no passage has, as rare as can be."""
        posting = self._postings.get(term)
        return self._idf(len(posting[0]) if posting else 0)

    def scores(self, query: Sequence[str]) -> NDArray[np.float32]:
        """One score a passage; 0 where no term of the query occurs."""
        total = np.zeros(self.size, dtype=np.float32)
        for term in set(query):
            if posting := self._postings.get(term):
                where, weights = posting
                total[where] += weights
        return total

    def shares(self, query: Sequence[str]) -> NDArray[np.float32]:
        """The scores as shares, 0 to 1, of the best that a passage could get: they compare between collections."""
        return self.scores(query) / (sum(self.idf(term) for term in set(query)) * (K1 + 1) or 1.0)

    def coverage(self, query: Sequence[str]) -> NDArray[np.float32]:
        """The share of the query's terms, weighted by rarity, that a passage has: 0 to 1, one a passage."""
        total = np.zeros(self.size, dtype=np.float32)
        wanted = set(query)
        for term in wanted:
            if posting := self._postings.get(term):
                total[posting[0]] += self.idf(term)
        return total / (sum(self.idf(term) for term in wanted) or 1.0)
