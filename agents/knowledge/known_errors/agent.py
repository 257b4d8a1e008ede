"""The knowledge agent for errors that were met before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agents.agent import Agent, Skill
from agents.knowledge.known_errors.index import ForgetRequest, FoundError, KeepRequest, KnownErrorIndex
from agents.knowledge.search.filtering import Filters
from shared.errors import NotFound
from shared.models import Hits, KnowledgeHint, SearchRequest


class KnownErrors(Agent):
    name = "known_errors"
    description = "Knows errors that were met before: from a log line, an error code or a symptom to cause and fix."

    def __init__(self, index: KnownErrorIndex) -> None:
        self._index = index

    def skills(self) -> list[Skill]:
        return [
            Skill(
                id="search",
                name="Find known errors",
                description="Known errors whose signature a quoted log line or error code matches, or that fit a"
                " symptom, each with its cause and fix. No hits when none fits.",
                tags=["knowledge"],
                examples=["What does 'ORA-12514: TNS:listener does not currently know of service' mean?"],
            ),
            Skill(
                id="keep",
                name="Add known errors",
                description="Known errors with signature, cause and fix; each replaces the one that has its id.",
                tags=["knowledge"],
            ),
            Skill(id="forget", name="Remove a known error", description="By its id.", tags=["knowledge"]),
        ]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        if skill == "keep":
            report = await self._index.keep(KeepRequest.model_validate(request).errors)
            return report.model_dump(mode="json")
        if skill == "forget":
            return (await self._index.forget(ForgetRequest.model_validate(request).id)).model_dump(mode="json")
        if skill != "search":
            raise NotFound.named(f"skill of agent '{self.name}'", skill, [known.id for known in self.skills()])
        wanted = SearchRequest.model_validate(request)
        # They lie in no folder and hold no code.
        found = [] if Filters.of(wanted).narrow else await self._index.search(wanted.question, wanted.limit)
        return Hits(hits=[one.hit for one in found], hints=_hints(found)).model_dump(mode="json")


def _hints(found: Sequence[FoundError]) -> list[KnowledgeHint]:
    """The codes of the errors that the question quotes: logs are marked with them. What is only like a known error in
    words or meaning says nothing of what the logs hold."""
    return [KnowledgeHint(kind="value", subject=one.code, source=one.hit.source) for one in found if one.quoted]
