"""What the registry keeps of an agent, and what it shows of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard

from protocol_interface.product import RegisteredAgent, Source
from protocol_interface.registry.signatures import UNSIGNED, Signature
from shared.models import Model

PLATFORM = "platform:"
"""Prefix of the tag that names a data agent's platform."""
_SHOWN = ("id", "name", "description", "tags", "examples")


@dataclass(frozen=True)
class Entry:
    """A registered card. trusted: the operator or this process named it, so it may be sent the API key.

    url: where the agent is served; of several replicas, where this one is.
    """

    card: AgentCard
    url: str
    trusted: bool

    @property
    def name(self) -> str:
        return str(self.card.name)


@dataclass(frozen=True)
class Admission:
    """A card that somebody wants registered. lease_until: seconds since 1970; for good if None; healthy: where it is
    known; given: not fetched from the agent's URL, so it is nobody's word but the caller's."""

    card: AgentCard
    url: str
    source: Source
    signature: Signature = UNSIGNED
    etag: str | None = None
    lease_until: float | None = None
    healthy: bool | None = None
    given: bool = False
    data: dict[str, Any] = field(init=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        data = agent_card_to_dict(self.card)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "digest", digest_of(data))

    @property
    def trusted(self) -> bool:
        return self.source == "own"


@dataclass(frozen=True)
class Replica:
    """A row of `a2a_replicas`. failures: probes in a row that found it dead; latency: seconds of one, on average."""

    agent_id: str
    url: str
    card: dict[str, Any]
    digest: str
    etag: str | None
    healthy: bool | None
    failures: int
    problem: str | None
    latency: float | None
    last_seen: float | None
    lease_until: float | None

    def entry(self, *, trusted: bool) -> Entry:
        # Parsing takes apart what it is given.
        return Entry(card=parse_agent_card(dict(self.card)), url=self.url, trusted=trusted)


class ReplicaState(Model):
    """How a replica is. in_flight, calls_failed, paused_until: as this process sees it, which calls it.

    seconds: what a call of each skill takes, on average; probe_seconds: what its card takes.
    """

    url: str
    healthy: bool | None
    problem: str | None
    failures: int
    probe_seconds: float | None
    last_seen: datetime | None
    lease_until: datetime | None
    in_flight: int = 0
    calls_failed: int = 0
    paused_until: datetime | None = None
    seconds: dict[str, float] = {}


class CardVersion(Model):
    """A card as it was first seen then. digest: of its content, without signatures."""

    digest: str
    version: str
    seen_at: datetime
    card: dict[str, Any]


class AgentDetails(Model):
    """An agent with its card, its replicas and the earlier versions of its card, the newest first."""

    agent: RegisteredAgent
    card: dict[str, Any]
    replicas: list[ReplicaState]
    versions: list[CardVersion]


def digest_of(card: dict[str, Any]) -> str:
    """Signatures stay out: some algorithms sign the same card differently each time."""
    unsigned = {name: value for name, value in card.items() if name != "signatures"}
    return hashlib.sha256(json.dumps(unsigned, sort_keys=True).encode()).hexdigest()


def words_of(card: dict[str, Any]) -> str:
    """Each word that a search can find, once, in small letters; what stands between blanks is a word."""
    words = {word for text in _texts(card) for word in text.lower().split()}
    return " ".join(sorted(words))


def _texts(card: dict[str, Any]) -> Iterable[str]:
    yield from (card.get("name", ""), card.get("description", ""))
    for skill in card.get("skills", []):
        yield from (skill["id"], skill.get("name", ""), skill.get("description", ""), *skill.get("tags", []))


def skills_of(card: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"description": "", "tags": [], "examples": [], **{name: skill[name] for name in _SHOWN if name in skill}}
        for skill in card.get("skills", [])
    ]


def platforms_of(skill: dict[str, Any]) -> list[str]:
    return [tag.removeprefix(PLATFORM) for tag in skill["tags"] if tag.startswith(PLATFORM)]


def moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
