"""The index of a collection in memory, and how a question is put to it.

Reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, k = 60.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.bm25 import BM25, Part, Postings
from agents.knowledge.search import scoring
from agents.knowledge.search.diversity import diverse
from agents.knowledge.search.excerpts import excerpt, reason
from agents.knowledge.search.filtering import EVERYBODY, Filters, visible
from agents.knowledge.store.passages import Passage
from agents.knowledge.text import bare_name, identifiers, terms, words_by_term

_RRF_K = 60
_RANKED = 200
"""Documents that a ranking tells apart; who comes later is in no answer."""
_TITLE_WEIGHT = 2
"""A word of a title counts as often, as BM25F weighs fields."""
_FEW, _MANY = 3, 20
_CLOSE = 10
"""Documents that are said to be close in meaning."""
_BY_WORDS = 50
"""Passages with most of a question's words, whose cosines are wanted beside those of the nearest."""
_VIEWS = 32


@dataclass(frozen=True)
class Match:
    """A document, the passage of it that fits best, how well, and why. score, coverage, cosine: as scoring has them."""

    passage: Passage
    excerpt: str
    reason: str
    score: float
    coverage: float
    cosine: float | None


@dataclass(frozen=True)
class View:
    """What a request may see. among: the visible passages; wanted: those of them that it asks for, None if all."""

    among: Part | None
    wanted: NDArray[np.bool_] | None
    documents: int


@dataclass(frozen=True)
class ByWords:
    """What the question's words say of each passage. best: ids of those that share most with it; scores, coverage: as
    BM25 has them, one a passage."""

    best: list[str]
    scores: NDArray[np.float32]
    coverage: NDArray[np.float32]


@dataclass(frozen=True)
class _Found:
    """What the rankings say: a number a document, and what each passage has of the question.

    order: documents, best first; fused: by document; named, mentioned: names of the question, by document;
    without: passages that have no vector yet.
    """

    order: list[int]
    fused: dict[int, float]
    named: dict[int, set[str]]
    mentioned: dict[int, set[str]]
    close: frozenset[int]
    coverage: NDArray[np.float32]
    near: NDArray[np.float32] | None
    without: frozenset[int]


class SearchIndex:
    """The passages of one version of a collection, ready for search. Immutable; safe to share between threads."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        passages = sorted(passages, key=lambda passage: passage.location)
        names = [list(identifiers(passage.text)) for passage in passages]
        titles = [list(identifiers(_head(passage))) for passage in passages]
        self._take(passages, BM25([_terms(passage) for passage in passages]), Postings(titles), Postings(names))

    def changed(self, gone: Collection[str], passages: Sequence[Passage]) -> Self:
        """Without the documents at the locations `gone`, and with these passages of whole documents."""
        passages = sorted(passages, key=lambda passage: passage.location)
        out = set(gone) | {passage.location for passage in passages}
        keep = np.array([passage.location not in out for passage in self.passages], dtype=np.bool_)
        new = type(self).__new__(type(self))
        new._take(
            [passage for passage in self.passages if passage.location not in out] + passages,
            self._bm25.changed(keep, [_terms(passage) for passage in passages]),
            self._titles.changed(keep, [list(identifiers(_head(passage))) for passage in passages]),
            self._names.changed(keep, [list(identifiers(passage.text)) for passage in passages]),
        )
        return new

    def _take(self, passages: Sequence[Passage], bm25: BM25, titles: Postings, names: Postings) -> None:
        self.passages = passages
        self.by_id = {passage.id: place for place, passage in enumerate(passages)}
        self._bm25, self._titles, self._names = bm25, titles, names
        sizes = [(location, sum(1 for _ in group)) for location, group in groupby(passages, lambda one: one.location)]
        self._starts = np.concatenate([[0], np.cumsum([size for _, size in sizes], dtype=np.int64)])
        self._owner = np.repeat(np.arange(len(sizes), dtype=np.int32), [size for _, size in sizes])
        self._everything = View(None, None, len(sizes))
        self._is_labelled = any(passage.labels for passage in passages)
        self._views: dict[Filters, View] = {}

    def view(self, filters: Filters) -> View:
        """What a request with these filters may see, and wants; of the last few filters it is kept. Raises NotFound
        for filters that name what is not there."""
        if not self._is_labelled and not filters.narrow:
            return self._everything
        if (view := self._views.get(filters)) is None:
            if len(self._views) >= _VIEWS:
                self._views = {}
            view = self._views[filters] = self._view(filters)
        return view

    def _view(self, filters: Filters) -> View:
        seen = [visible(passage.labels, filters.labels) for passage in self.passages]
        wanted = [sees and filters.wants(passage) for sees, passage in zip(seen, self.passages, strict=True)]
        if self.passages and not any(wanted):
            filters.check([passage for sees, passage in zip(seen, self.passages, strict=True) if sees])
        has = np.array(seen, dtype=np.bool_)
        documents = len(np.unique(self._owner[has]))
        return View(None if has.all() else self._bm25.part(has), np.array(wanted, dtype=np.bool_), documents)

    def ranked(
        self,
        question: str,
        cosines: Mapping[str, float | None],
        limit: int,
        model: str,
        *,
        filters: Filters = EVERYBODY,
        by_words: ByWords | None = None,
    ) -> list[Match]:
        """At most `limit` documents, best first, whether they fit or not.

        cosines: of passages by id, the nearest at least, None of one that has no vector yet; empty when there is no
        vector for the question. by_words: the same question's, where it is known.
        """
        view = self.view(filters)
        found = self._found(question, cosines, view, by_words or self.by_words(question, filters))
        shown = self._diverse(found, limit)
        wanted = words_by_term(question)
        return [self._match(document, found, wanted, view, model) for document in shown]

    def by_words(self, question: str, filters: Filters = EVERYBODY) -> ByWords:
        query, view = terms(question), self.view(filters)
        scores = _inside(self._bm25.scores(query, view.among), view)
        coverage = _inside(self._bm25.coverage(query, view.among), view)
        return ByWords([self.passages[place].id for place in _best(scores, _BY_WORDS)], scores, coverage)

    def wanted(self, filters: Filters, most: int) -> list[str] | None:
        """Ids of the passages that a request with these filters gets to see; None if it is all, or more than `most`."""
        wanted = self.view(filters).wanted
        if wanted is None or wanted.sum() > most:
            return None
        return [self.passages[place].id for place in np.flatnonzero(wanted).tolist()]

    def seen(self, ids: Iterable[str], filters: Filters) -> list[str]:
        """Those of the ids that a request with these filters gets to see, in their order."""
        wanted = self.view(filters).wanted
        return [key for key in ids if (place := self.by_id.get(key)) is not None and (wanted is None or wanted[place])]

    def _found(self, question: str, cosines: Mapping[str, float | None], view: View, by_words: ByWords) -> _Found:
        words = self._by_document(by_words.scores)
        near = self._near(cosines, view)
        close = _best(self._by_document(near), _RANKED)
        fused: dict[int, float] = {}
        for ranking in (_best(words, _RANKED), close):
            for rank, document in enumerate(ranking, 1):
                fused[document] = fused.get(document, 0.0) + 1 / (_RRF_K + rank)
        named, mentioned = (self._pointed_at(question, view, names) for names in (self._titles, self._names))
        for document in (*named, *mentioned):
            fused.setdefault(document, 0.0)
        order = sorted(fused, key=lambda one: (one not in named, one not in mentioned, -fused[one], one))
        nearest = frozenset(close[:_CLOSE])
        without = frozenset(self.by_id[key] for key, cosine in cosines.items() if cosine is None and key in self.by_id)
        return _Found(order, fused, named, mentioned, nearest, by_words.coverage, near if cosines else None, without)

    def _diverse(self, found: _Found, limit: int) -> list[int]:
        """The first `limit` documents of the order, without what repeats the ones before. Names keep their place."""
        pointed = [one for one in found.order if one in found.named or one in found.mentioned][:limit]
        others = found.order[len(pointed) :][: 3 * (limit - len(pointed))]
        best = max((found.fused[one] for one in others), default=1.0)
        texts = [self.passages[self._best_passage(one, found)].text for one in others]
        chosen = diverse([found.fused[one] / best for one in others], texts, limit - len(pointed))
        return pointed + [others[place] for place in chosen]

    def _best_passage(self, document: int, found: _Found) -> int:
        own = slice(self._starts[document], self._starts[document + 1])
        fit = found.coverage[own] if found.near is None else found.coverage[own] + found.near[own]
        return int(self._starts[document] + np.argmax(fit))

    def _match(self, document: int, found: _Found, wanted: Mapping[str, str], view: View, model: str) -> Match:
        own = slice(self._starts[document], self._starts[document + 1])
        best = self._best_passage(document, found)
        passage = self.passages[best]
        covered = float(found.coverage[own].max())
        cosine = None if found.near is None else float(found.near[own].max())
        waits = best in found.without and not cosine
        if waits:
            cosine = None
        names = found.named.get(document, set()) | found.mentioned.get(document, set())
        least = scoring.NAMED if document in found.named else scoring.FLOOR if names else 0.0
        score = round(max(least, scoring.score(covered, cosine, model)), 3)
        rarity = {term: self._bm25.idf(term, view.among) for term in wanted}
        there = set(_terms(passage))
        shared = sorted((term for term in wanted if term in there), key=lambda term: -rarity[term])
        words = [wanted[term] for term in shared if wanted[term].lower() not in names]
        why = reason(_as_written(names, wanted), words, document in found.close, waits)
        return Match(passage, excerpt(passage.text, rarity), why, score, covered, cosine)

    def _near(self, cosines: Mapping[str, float | None], view: View) -> NDArray[np.float32]:
        near = np.zeros(len(self.passages), dtype=np.float32)
        for key, cosine in cosines.items():
            if cosine is not None and key in self.by_id:
                near[self.by_id[key]] = max(cosine, 0.0)
        return _inside(near, view)

    def _by_document(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.maximum.reduceat(scores, self._starts[:-1]) if len(scores) else scores

    def _is_wanted(self, document: int, view: View) -> bool:
        own = slice(self._starts[document], self._starts[document + 1])
        return view.wanted is None or bool(view.wanted[own].any())

    def _pointed_at(self, question: str, view: View, names: Postings) -> dict[int, set[str]]:
        """Documents that have a name of the question which few of the visible ones have."""
        few = min(max(_FEW, view.documents // 20), _MANY)
        found: dict[int, set[str]] = {}
        for name in sorted(identifiers(question)):
            where, _ = names.of(name)
            if view.among is not None and view.among.has is not None:
                where = where[view.among.has[where]]
            documents = np.unique(self._owner[where]).tolist()
            if len(documents) <= few:
                for document in documents:
                    if self._is_wanted(document, view):
                        found.setdefault(document, set()).add(name)
        return found


def _inside(scores: NDArray[np.float32], view: View) -> NDArray[np.float32]:
    return scores if view.wanted is None else np.where(view.wanted, scores, np.float32(0))


def _best(scores: NDArray[np.float32], limit: int) -> list[int]:
    """Places of the highest scores above 0, best first; the earlier of equal ones first."""
    above = np.flatnonzero(scores > 0)
    if len(above) > limit:
        least = np.partition(scores[above], len(above) - limit)[len(above) - limit]
        above = above[scores[above] >= least]
    order = np.argsort(-scores[above], kind="stable")[:limit]
    return [int(place) for place in above[order]]


def _as_written(names: Iterable[str], wanted: Mapping[str, str]) -> list[str]:
    """The names as the question writes them where it is one word: `KubePodCrashLooping`."""
    written = {word.lower(): word for word in wanted.values()}
    return [written.get(name, name) for name in sorted(names)]


def _terms(passage: Passage) -> list[str]:
    """What is searched for words: the titles, the file's name with them, and the text."""
    head = terms(f"{bare_name(passage.source)} {' '.join(passage.path)}")
    return head * _TITLE_WEIGHT + terms(f"{passage.lead} {passage.text}")


def _head(passage: Passage) -> str:
    return f"{bare_name(passage.source)} {passage.title}"
