"""The knowledge agent for procedures."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from agents.agent import Agent, Skill
from agents.knowledge.documents import MAX_BYTES
from agents.knowledge.procedures import Procedures
from agents.knowledge.requests import parsed
from shared.errors import InvalidInput, NotFound
from shared.models import Hits, Model, SearchRequest


class IngestRequest(Model):
    """Skill `ingest`: one document. It answers an IngestReport."""

    filename: str
    content_base64: str


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
                name="Add a procedure",
                description="Read in one document (Markdown, text, HTML, DOCX, PDF), sent by name and base64 content.",
                tags=["knowledge"],
            ),
        ]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        if skill == "search":
            wanted = parsed(SearchRequest, request)
            hits = await self._procedures.search(wanted.question, wanted.limit)
            return Hits(hits=hits).model_dump(mode="json")
        if skill == "ingest":
            sent = parsed(IngestRequest, request)
            report = await self._procedures.upload(sent.filename, _decoded(sent.content_base64))
            return report.model_dump(mode="json")
        raise NotFound.named(f"skill of agent '{self.name}'", skill, [known.id for known in self.skills()])


def _decoded(content: str) -> bytes:
    if len(content) > MAX_BYTES * 4 // 3 + 4:
        raise InvalidInput(f"content_base64 holds more than the {MAX_BYTES:,} bytes a document may have")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"content_base64 is not base64: {error}") from error
