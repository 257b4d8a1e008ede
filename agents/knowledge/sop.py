"""The knowledge agent for procedures."""

from __future__ import annotations

from typing import Any

from agents.agent import Agent, Skill
from agents.knowledge.procedures import Procedures
from agents.knowledge.search.filtering import Filters
from agents.knowledge.telling import Telling
from shared.documents import IngestRequest, RemovalRequest
from shared.errors import NotFound
from shared.models import SearchRequest


class Sop(Agent):
    name = "sop"
    description = "Knows the procedures (runbooks, SOPs): what to check and what to do when something happens."

    def __init__(self, procedures: Procedures, telling: Telling) -> None:
        self._procedures = procedures
        self._telling = telling

    def skills(self) -> list[Skill]:
        return [
            Skill(
                id="search",
                name="Find procedures",
                description="Passages of procedures that bear on a question, an alert or a symptom, best first, one a"
                " document, with the steps that follow; and what they say of the question's words. No hits when none"
                " fits.",
                tags=["knowledge"],
                examples=["What do we do when a certificate is about to expire?"],
            ),
            Skill(
                id="survey",
                name="Survey procedures",
                description="Every procedure that bears on a service, a table, an alert, an error code or a term, with"
                " the steps that name it, and what else is linked to it.",
                tags=["knowledge"],
                examples=["Which runbooks touch the payments service?"],
            ),
            Skill(
                id="ingest",
                name="Add procedures",
                description="Read in documents (Markdown, text, HTML, DOCX, PDF), sent by name and base64 content.",
                tags=["knowledge"],
            ),
            Skill(id="remove", name="Remove a procedure", description="Forget a document.", tags=["knowledge"]),
        ]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        if skill == "search":
            wanted = SearchRequest.model_validate(request)
            hits = await self._procedures.search(wanted.question, wanted.limit, Filters.of(wanted))
            return (await self._telling.told(wanted, hits)).model_dump(mode="json")
        if skill == "survey":
            return (await self._telling.survey(SearchRequest.model_validate(request))).model_dump(mode="json")
        if skill == "ingest":
            report = await self._procedures.ingest(IngestRequest.model_validate(request))
            return report.model_dump(mode="json")
        if skill == "remove":
            wanted_gone = RemovalRequest.model_validate(request)
            return (await self._procedures.remove(wanted_gone.document)).model_dump(mode="json")
        raise NotFound.named(f"skill of agent '{self.name}'", skill, [known.id for known in self.skills()])
