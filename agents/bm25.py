"""BM25 over passages in memory: an inverted index of numpy arrays, searched as a whole or in part.

Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), k1 = 1.2, b = 0.75.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75

_Found = tuple[NDArray[np.int32], NDArray[np.uint16]]


class Postings:
    """Which passages have a term, and how often. Immutable; 6 bytes for each term of each passage."""

    def __init__(self, passages: Iterable[Sequence[str]]) -> None:
        self._numbers: dict[str, int] = {}
        self._take(*self._read(passages, 0))

    def of(self, term: str) -> _Found:
        """Places of the passages that have the term, rising, and how often each has it."""
        number = self._numbers.get(term, len(self._starts))
        if number + 1 >= len(self._starts):
            return self._where[:0], self._count[:0]
        posting = slice(self._starts[number], self._starts[number + 1])
        return self._where[posting], self._count[posting]

    def changed(self, keep: NDArray[np.bool_], added: Sequence[Sequence[str]]) -> Self:
        """Those of the passages that `keep` says, in their order, and then the `added` ones: no term is read again."""
        new = type(self).__new__(type(self))
        new._numbers = self._numbers  # grows only: an older index has no postings of the newer terms
        stays = keep[self._where]
        terms = np.repeat(np.arange(len(self._starts) - 1, dtype=np.int32), np.diff(self._starts))[stays]
        where = (np.cumsum(keep, dtype=np.int32) - 1)[self._where[stays]]
        more = new._read(added, int(keep.sum()))
        old = (terms, where, self._count[stays].astype(np.int32))
        new._take(*(np.concatenate([one, other]) for one, other in zip(old, more, strict=True)))
        return new

    def _read(self, passages: Iterable[Sequence[str]], first: int) -> tuple[NDArray[np.int32], ...]:
        """Term, place and count of each posting, in the order of the passages."""
        terms, where, count = array("i"), array("i"), array("i")
        for place, passage in enumerate(passages, first):
            counted = Counter(passage)
            terms.extend(self._numbers.setdefault(term, len(self._numbers)) for term in counted)
            where.extend([place] * len(counted))
            count.extend(counted.values())
        return tuple(np.array(values, dtype=np.int32) for values in (terms, where, count))

    def _take(self, *postings: NDArray[np.int32]) -> None:
        terms, where, count = postings
        order = np.argsort(terms, kind="stable")
        self._where, self._count = where[order], np.minimum(count[order], 65_535).astype(np.uint16)
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(terms, minlength=len(self._numbers)))])


@dataclass(frozen=True)
class Part:
    """Some of the passages. What is computed among them is what it would be if there were no others.

    has: whether it holds the passage, one a passage; norms: BM25's of the lengths, one a passage.
    """

    has: NDArray[np.bool_] | None
    size: int
    norms: NDArray[np.float32]


class BM25:
    """An index of `passages`, each a list of terms. Immutable. 100,000 passages of 60 terms take about 40 MB."""

    def __init__(self, passages: Sequence[Sequence[str]]) -> None:
        self._index(Postings(passages), np.array([len(passage) for passage in passages], dtype=np.float32))

    def changed(self, keep: NDArray[np.bool_], added: Sequence[Sequence[str]]) -> Self:
        """See Postings.changed."""
        new = type(self).__new__(type(self))
        lengths = np.array([len(passage) for passage in added], dtype=np.float32)
        new._index(self._postings.changed(keep, added), np.concatenate([self._lengths[keep], lengths]))
        return new

    def part(self, has: NDArray[np.bool_]) -> Part:
        """The passages that it says, one a passage."""
        return self._part(has, self._lengths[has])

    def idf(self, term: str, part: Part | None = None) -> float:
        """How rare the term is; of a term that no passage has, as rare as can be."""
        part = part or self._whole
        return _idf(len(self._posting(term, part)[0]), part.size)

    def scores(self, query: Sequence[str], part: Part | None = None) -> NDArray[np.float32]:
        """One score a passage; 0 where no term of the query occurs."""
        part = part or self._whole
        total = np.zeros(self.size, dtype=np.float32)
        for term in dict.fromkeys(query):
            where, count = self._posting(term, part)
            weights = count * np.float32(K1 + 1) / (count + part.norms[where])
            total[where] += np.float32(_idf(len(where), part.size)) * weights
        return total

    def shares(self, query: Sequence[str]) -> NDArray[np.float32]:
        """The scores as shares, 0 to 1, of the best that a passage could get: they compare between collections."""
        return self.scores(query) / (sum(self.idf(term) for term in set(query)) * (K1 + 1) or 1.0)

    def coverage(self, query: Sequence[str], part: Part | None = None) -> NDArray[np.float32]:
        """The share of the query's terms, weighted by rarity, that a passage has: 0 to 1, one a passage."""
        part = part or self._whole
        total, most = np.zeros(self.size, dtype=np.float32), 0.0
        for term in dict.fromkeys(query):
            where, _ = self._posting(term, part)
            rarity = _idf(len(where), part.size)
            total[where] += np.float32(rarity)
            most += rarity
        return total / np.float32(most or 1.0)

    def _index(self, postings: Postings, lengths: NDArray[np.float32]) -> None:
        self.size = len(lengths)
        self._postings, self._lengths = postings, lengths
        self._whole = self._part(None, lengths)

    def _part(self, has: NDArray[np.bool_] | None, lengths: NDArray[np.float32]) -> Part:
        mean = max(float(lengths.mean()) if len(lengths) else 1.0, 1.0)
        return Part(has, len(lengths), (K1 * (1 - B + B * self._lengths / mean)).astype(np.float32))

    def _posting(self, term: str, part: Part) -> _Found:
        where, count = self._postings.of(term)
        if part.has is None:
            return where, count
        inside = part.has[where]
        return where[inside], count[inside]


def _idf(frequency: int, size: int) -> float:
    return math.log(1 + (size - frequency + 0.5) / (frequency + 0.5))
