"""What LexiQuery does, as its faces (HTTP, MCP, A2A) see it. `core_engine.bootstrap` builds the one implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol

from shared.models import (
    Answer,
    ExecuteRequest,
    JourneyCostSummary,
    KnowledgeHit,
    Model,
    Proof,
    ProveRequest,
    Question,
    Rows,
)

Stage = Literal["discovery", "planning", "knowledge", "data", "validation"]


class Event(Model):
    """Something that happened in a journey. `sequence` counts from 1 in the journey.

    kind: `stage` (data: {stage, status: started|completed}), `step` (an agent's task), `call` (a model call's usage),
    `answer` (the Answer; the last event).
    """

    journey_id: str
    sequence: int
    kind: Literal["stage", "step", "call", "answer", "cost"]
    data: dict[str, Any]


class RegisteredAgent(Model):
    """An agent of the registry, as people and clients see it.

    trusted: the operator or this process named it; anybody may have registered the others.
    """

    id: str
    name: str
    description: str
    url: str
    version: str
    skills: list[dict[str, Any]]
    platform: str | None = None
    healthy: bool | None = None
    trusted: bool = False

    @property
    def health(self) -> str:
        """For people: how it was when it was last asked whether it lives."""
        return {True: "answers", False: "does not answer", None: "not asked yet"}[self.healthy]


class Product(Protocol):
    """Every method raises LexiQueryError for what the caller can mend."""

    async def start(self, question: Question) -> str:
        """Start a journey; its id. The journey goes on by itself, also after a crash."""

    async def answer(self, journey_id: str) -> Answer:
        """Wait for the journey's end; its answer. Raises NotFound."""

    async def cancel(self, journey_id: str) -> None: ...

    def events(self, journey_id: str) -> AsyncIterator[Event]:
        """The journey's events from its start, ending with `answer`. StorageFailed if its end can't be stored."""

    async def prove(self, request: ProveRequest) -> Proof: ...

    async def execute(self, request: ExecuteRequest) -> Rows: ...

    async def search_procedures(self, question: str, limit: int = 5) -> list[KnowledgeHit]: ...

    async def list_agents(self) -> list[RegisteredAgent]: ...

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary: ...
