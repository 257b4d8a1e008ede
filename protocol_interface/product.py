"""What LexiQuery does, as its faces (HTTP, MCP, A2A) see it. `core_engine.bootstrap` builds the one implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import ConfigDict

from shared.catalog import Catalog
from shared.documents import DocumentText, StoredDocument
from shared.models import (
    Answer,
    ExecuteRequest,
    JourneyCostSummary,
    JourneySummary,
    KnowledgeHit,
    LinkedTable,
    Model,
    Proof,
    ProveRequest,
    QueryRequest,
    Question,
    Rows,
    SearchScope,
)

Stage = Literal["discovery", "planning", "knowledge", "data", "validation"]
Source = Literal["own", "static", "url", "card", "lease"]
SignatureState = Literal["none", "unverified", "verified"]


class Event(Model):
    """Something that happened in a journey. `sequence` counts from 1 in the journey.

    kind: `stage` (data: {stage, status: started|completed}), `step` (an agent's task;
    with status `working`, `said` is what the agent says meanwhile), `call` (a model call's usage),
    `answer` (the Answer; the last event).
    """

    journey_id: str
    sequence: int
    kind: Literal["stage", "step", "call", "answer", "cost"]
    data: dict[str, Any]


def health_in_words(healthy: bool | None) -> str:
    """Of an agent, or of a replica of one."""
    return {True: "answers", False: "does not answer", None: "not asked yet"}[healthy]


class RegisteredAgent(Model):
    """An agent of the registry, as people and clients see it.

    trusted: the operator or this process named it; anybody may have registered the others. source: one of LexiQuery's
    own, in a static card of the operator's, or registered by its URL, by a card, or for a lease (until lease_until).
    signature: of its card, verified by the trusted key `signer` or not. replicas: at how many URLs it is served.
    clashes: skills on a platform that one of LexiQuery's own agents serves too, and is asked for instead.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    description: str
    url: str
    version: str
    skills: list[dict[str, Any]]
    platform: str | None = None
    healthy: bool | None = None
    trusted: bool = False
    source: Source = "own"
    signature: SignatureState = "none"
    signer: str | None = None
    lease_until: datetime | None = None
    replicas: int = 1
    clashes: list[str] = []

    @property
    def health(self) -> str:
        """For people: how it was when it was last asked whether it lives."""
        return health_in_words(self.healthy)


class GroupSummary(Model):
    """A schema group, its platform, and how many tables it has."""

    schema_group: str
    platform: str
    tables: int


class Explanation(Model):
    """What a query does, in one sentence read from its text, and the tables that it reads."""

    explanation: str
    tables: list[str]


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

    async def explain(self, request: QueryRequest) -> Explanation:
        """No model is asked. Raises QueryRejected for what can't be read."""

    async def search_procedures(
        self, question: str, limit: int = 5, scope: SearchScope | None = None
    ) -> list[KnowledgeHit]: ...

    async def procedures(self) -> list[StoredDocument]:
        """The runbooks that everybody may read."""

    async def procedure(self, name: str) -> DocumentText:
        """By its id, or as answers cite it. Raises NotFound."""

    async def find_tables(self, question: str, schema_group: str | None = None, limit: int = 5) -> list[LinkedTable]:
        """The tables that may hold the answer, best first. No chat call."""

    async def groups(self) -> list[GroupSummary]: ...

    async def catalog(self, group: str) -> Catalog:
        """Raises NotFound with the nearest name."""

    async def journeys(self, limit: int = 50) -> list[JourneySummary]:
        """The newest first."""

    async def peek(self, journey_id: str) -> Answer | None:
        """The journey's answer; None while it runs. Raises NotFound."""

    async def list_agents(self) -> list[RegisteredAgent]: ...

    async def agents_version(self) -> str:
        """Another text whenever an agent came, changed or went."""

    async def journey_cost(self, journey_id: str) -> JourneyCostSummary: ...
