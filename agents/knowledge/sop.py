"""The knowledge agent for procedures."""

from __future__ import annotations

from typing import Any

from agents.agent import Agent, Skill
from agents.knowledge.procedures import Procedures
from shared.documents import IngestRequest
from shared.errors import NotFound
from shared.models import Hits, SearchRequest


class Sop(Agent):
    name = "sop"
    description = "Knows the procedures (runbooks, SOPs): what to check and what to do when something happens."

    def __init__(self, procedures: Procedures) -> None:
        self._procedures = procedures

    def skills(self) -> list[Skill]:
        return [
            Skill(
                id="search",
                name="Find procedures",
                description="Passages of procedures that bear on a question, an alert or a symptom, best first, one a"
                " document. No hits when none fits.",
                tags=["knowledge"],
                examples=["What do we do when a certificate is about to expire?"],
            ),
            Skill(
                id="ingest",
                name="Add procedures",
                description="Read in documents (Markdown, text, HTML, DOCX, PDF), sent by name and base64 content.",
                tags=["knowledge"],
            ),
        ]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        if skill == "search":
            wanted = SearchRequest.model_validate(request)
            hits = await self._procedures.search(wanted.question, wanted.limit)
            return Hits(hits=hits).model_dump(mode="json")
        if skill == "ingest":
            report = await self._procedures.ingest(IngestRequest.model_validate(request))
            return report.model_dump(mode="json")
        raise NotFound.named(f"skill of agent '{self.name}'", skill, [known.id for known in self.skills()])
