"""Which passages a search may see, and which it was asked to keep to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from agents.knowledge.store.passages import Passage
from shared.models import SearchRequest


def visible(labels: Collection[str], carried: Collection[str]) -> bool:
    """Whether a document with these labels may be found by a request that carries those: one without labels is for
    everybody, one with labels for who carries at least one of them."""
    return not labels or not set(carried).isdisjoint(labels)


@dataclass(frozen=True)
class Filters:
    """labels: what the request carries; folder: a folder or document as it is cited; kind, language: of the passage."""

    labels: frozenset[str] = frozenset()
    folder: str | None = None
    kind: str | None = None
    language: str | None = None

    @classmethod
    def of(cls, request: SearchRequest) -> Filters:
        return cls(frozenset(request.labels), request.folder, request.kind, request.language)

    @property
    def narrow(self) -> bool:
        """Whether anything beside labels is asked for."""
        return bool(self.folder or self.kind or self.language)

    def wants(self, passage: Passage) -> bool:
        """Whether a visible passage is what was asked for."""
        return (
            (not self.folder or f"{passage.source}/".startswith(f"{self.folder.strip('/')}/"))
            and (not self.kind or passage.kind == self.kind)
            and (not self.language or passage.language == self.language)
        )


EVERYBODY = Filters()
"""What a request without labels sees."""
