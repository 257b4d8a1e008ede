"""Which passages a search may see, and which it was asked to keep to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from agents.knowledge.documents.code import language_of
from agents.knowledge.store.passages import Passage
from shared.errors import NotFound
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
        language = language_of(request.language) if request.language else None
        return cls(frozenset(request.labels), request.folder, request.kind, language)

    @property
    def narrow(self) -> bool:
        """Whether anything beside labels is asked for."""
        return bool(self.folder or self.kind or self.language)

    def wants(self, passage: Passage) -> bool:
        """Whether a visible passage is what was asked for."""
        return (
            self._is_within(passage)
            and (not self.kind or passage.kind == self.kind or (self.kind, passage.kind) == ("text", "front"))
            and (not self.language or passage.language == self.language)
        )

    def check(self, seen: Sequence[Passage]) -> None:
        """Raises NotFound for a folder or a language that none of the passages has: nothing found would say that no
        runbook fits. seen: all that a request may see."""
        if self.folder and not any(self._is_within(passage) for passage in seen):
            sources = {passage.source for passage in seen}
            folders = {str(above) for one in sources for above in PurePosixPath(one).parents} - {"."}
            raise NotFound.named("folder or document", self.folder, sorted(folders | sources))
        if self.language and all(passage.language != self.language for passage in seen):
            languages = {passage.language for passage in seen if passage.language}
            raise NotFound.named("language of code", self.language, sorted(languages))

    def _is_within(self, passage: Passage) -> bool:
        return not self.folder or f"{passage.source}/".startswith(f"{self.folder.strip('/')}/")


EVERYBODY = Filters()
"""What a request without labels sees."""
