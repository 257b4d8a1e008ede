"""Who can do what: Agent Cards in SQL, found by skill, platform and words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import structlog
from a2a.client.card_resolver import parse_agent_card
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from protocol_interface.card_fetch import check_card, fetch_card
from protocol_interface.hosts import HostRule
from protocol_interface.product import RegisteredAgent
from shared.errors import AgentUnavailable, Conflict, InvalidInput, NotFound

log = structlog.get_logger(__name__)
schema = MetaData()
_agents = Table(
    "a2a_agents",
    schema,
    Column("id", String(64), primary_key=True),
    Column("url", String(2048), nullable=False),
    Column("card", JSON, nullable=False),
    Column("words", Text, nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("healthy", Boolean),
    Column("registered_at", DateTime(timezone=True), nullable=False),
    Column("last_seen", DateTime(timezone=True)),
)
# One row a skill and tag; a skill without tags has one row with an empty tag.
_skills = Table(
    "a2a_skills",
    schema,
    Column("agent_id", String(64), ForeignKey(_agents.c.id, ondelete="CASCADE"), primary_key=True),
    Column("skill", String(128), primary_key=True),
    Column("tag", String(128), primary_key=True),
)
Index("a2a_skills_by_skill", _skills.c.skill, _skills.c.tag)
Index("a2a_skills_by_tag", _skills.c.tag)

PLATFORM = "platform:"
"""Prefix of the tag that names a data agent's platform."""


@dataclass(frozen=True)
class Entry:
    """A registered card. trusted: the operator or this process named it, so it may be sent the API key."""

    card: AgentCard
    url: str
    trusted: bool


class Registry:
    """Agents by name, in `a2a_agents` of the process's database. An agent's id is its card's name.

    hosts: where strangers may be; public addresses only, if not said.
    """

    def __init__(self, engine: AsyncEngine, *, hosts: HostRule | None = None) -> None:
        self._engine = engine
        self._hosts = hosts or HostRule()

    async def register(self, card: AgentCard, *, url: str, trusted: bool = True) -> RegisteredAgent:
        """Add or renew the agent at `url`.

        trusted: the operator's word, which also moves a known agent to another URL; without it a card that claims the
        name of an agent elsewhere is a Conflict. Raises InvalidInput for a card that can't be used.
        """
        check_card(card, url)
        try:
            await self._write(card, url.rstrip("/"), trusted)
        except IntegrityError:
            # Another process registered the same name between our look and our write: now there is a row to look at.
            await self._write(card, url.rstrip("/"), trusted)
        return await self.get(card.name)

    async def register_url(self, url: str) -> RegisteredAgent:
        """Fetch the card at `url` that somebody gave and register it, as an agent that nobody vouches for.

        The URL's host and those of the card's interfaces must be where strangers may be.
        Raises InvalidInput, AgentUnavailable, Conflict.
        """
        card = await fetch_card(url, hosts=self._hosts)
        for interface in card.supported_interfaces:
            await self._hosts.address(httpx.URL(interface.url))
        return await self.register(card, url=url, trusted=False)

    async def register_own(self, name: str, url: str) -> RegisteredAgent:
        """Fetch the card of LexiQuery's own agent `name` from where the operator says that it is, and register it.

        Raises AgentUnavailable, and InvalidInput when another agent is there.
        """
        card = await fetch_card(url)
        if card.name != name:
            raise InvalidInput(f"the agent at {url} is '{card.name}', not '{name}'", suggestion="mend LEXIQUERY_AGENTS")
        return await self.register(card, url=url)

    async def discover(
        self, skill: str | None = None, platform: str | None = None, q: str | None = None
    ) -> list[RegisteredAgent]:
        """Agents with the skill, on the platform, and with every word of q in their card.

        Trusted ones first, then by name: whatever name a stranger takes, it stands in front of none of ours.
        """
        return [_registered(row) for row in await self._rows(_discovery(skill, platform, q))]

    async def get(self, name: str) -> RegisteredAgent:
        """Raises NotFound with the nearest name."""
        return _registered(await self._row(name))

    async def entry(self, name: str) -> Entry:
        """The whole card of an agent. Raises NotFound with the nearest name."""
        row = await self._row(name)
        return Entry(card=parse_agent_card(row.card), url=row.url, trusted=row.trusted)

    async def remove(self, name: str) -> None:
        """Raises NotFound with the nearest name, Conflict for one of LexiQuery's own."""
        if (await self._row(name)).trusted:
            raise Conflict(
                f"agent '{name}' is LexiQuery's own", suggestion="only agents that were registered by URL go"
            )
        async with self._engine.begin() as connection:
            await connection.execute(delete(_skills).where(_skills.c.agent_id == name))
            await connection.execute(delete(_agents).where(_agents.c.id == name))

    async def mark(self, name: str, healthy: bool) -> None:
        """Write down how an agent was found; last_seen moves only when it was well."""
        seen = {"last_seen": datetime.now(UTC)} if healthy else {}
        async with self._engine.begin() as connection:
            await connection.execute(update(_agents).where(_agents.c.id == name).values(healthy=healthy, **seen))

    async def check_health(self, http: Callable[[str], httpx.AsyncClient], seconds: float = 5.0) -> dict[str, bool]:
        """Fetch every agent's card and mark the agent by whether it still is that agent's. http: how to reach one.

        seconds: the longest wait for each; all are asked at once.
        """
        rows = await self._rows(select(_agents).order_by(_agents.c.id))
        found = await asyncio.gather(*(self._is_well(row, http(row.id), seconds) for row in rows))
        health = {row.id: healthy for row, healthy in zip(rows, found, strict=True)}
        for row in rows:
            if row.healthy is not False and not health[row.id]:
                log.warning("agent does not answer", name=row.id, url=row.url)
            elif row.healthy is False and health[row.id]:
                log.info("agent answers again", name=row.id, url=row.url)
            await self.mark(row.id, health[row.id])
        return health

    async def _is_well(self, row: Row[Any], client: httpx.AsyncClient, seconds: float) -> bool:
        """A stranger's address is judged each time: its name may have come to mean another."""
        hosts = None if row.trusted else self._hosts
        try:
            card = await fetch_card(row.url, client=client, seconds=seconds, hosts=hosts)
        except (AgentUnavailable, InvalidInput):
            return False
        return bool(card.name == row.id)

    async def _write(self, card: AgentCard, url: str, trusted: bool) -> None:
        async with self._engine.begin() as connection:
            known = (await connection.execute(select(_agents).where(_agents.c.id == card.name))).one_or_none()
            if known and known.url != url and not trusted:
                message = f"agent '{card.name}' is registered at {known.url}, not {url}"
                raise Conflict(message, suggestion="remove it first, or give the other agent another name")
            values = {**_values(card, url), "trusted": trusted or bool(known and known.trusted)}
            if known:
                await connection.execute(delete(_skills).where(_skills.c.agent_id == card.name))
                await connection.execute(update(_agents).where(_agents.c.id == card.name).values(**values))
            else:
                await connection.execute(insert(_agents).values(**values))
            await connection.execute(insert(_skills), _skill_rows(card))

    async def _row(self, name: str) -> Row[Any]:
        found = await self._rows(select(_agents).where(_agents.c.id == name))
        if found:
            return found[0]
        known = await self._rows(select(_agents.c.id))
        raise NotFound.named("agent", name, [row.id for row in known])

    async def _rows(self, query: Select[Any]) -> list[Row[Any]]:
        async with self._engine.connect() as connection:
            return list((await connection.execute(query)).all())


def _discovery(skill: str | None, platform: str | None, q: str | None) -> Select[Any]:
    query = select(_agents).order_by(_agents.c.trusted.desc(), _agents.c.id)
    conditions = []
    if skill:
        conditions.append(_skills.c.skill == skill)
    if platform:
        conditions.append(_skills.c.tag == f"{PLATFORM}{platform}")
    if conditions:
        query = query.where(_agents.c.id.in_(select(_skills.c.agent_id).where(*conditions)))
    for word in (q or "").lower().split():
        query = query.where(_agents.c.words.contains(word, autoescape=True))
    return query


def _values(card: AgentCard, url: str) -> dict[str, Any]:
    return {
        "id": card.name,
        "url": url,
        "card": agent_card_to_dict(card),
        "words": " ".join(_words(card)).lower(),
        "healthy": None,
        "registered_at": datetime.now(UTC),
    }


def _words(card: AgentCard) -> Iterable[str]:
    yield from (card.name, card.description)
    for skill in card.skills:
        yield from (skill.id, skill.name, skill.description, *skill.tags)


def _skill_rows(card: AgentCard) -> list[dict[str, str]]:
    return [
        {"agent_id": card.name, "skill": skill.id, "tag": tag}
        for skill in card.skills
        for tag in sorted(set(skill.tags)) or [""]
    ]


def _registered(row: Row[Any]) -> RegisteredAgent:
    skills = [
        {"description": "", "tags": [], "examples": [], **{name: skill[name] for name in _SHOWN if name in skill}}
        for skill in row.card.get("skills", [])
    ]
    tags = (tag for skill in skills for tag in skill["tags"])
    return RegisteredAgent(
        id=row.id,
        name=row.card["name"],
        description=row.card.get("description", ""),
        url=row.url,
        version=row.card.get("version", ""),
        skills=skills,
        platform=next((tag.removeprefix(PLATFORM) for tag in tags if tag.startswith(PLATFORM)), None),
        healthy=row.healthy,
        trusted=row.trusted,
    )


_SHOWN = ("id", "name", "description", "tags", "examples")
