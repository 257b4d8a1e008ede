"""The registry with many agents: finding some of them, and keeping up with what changes."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.databases import Place
from benchmarks.figures import Taken, ms
from protocol_interface.registry import Registry, schema
from protocol_interface.registry.records import Admission, words_of
from protocol_interface.registry.tables import agents, replicas
from shared.database import create_tables

_PLATFORMS = ("kql", "spl", "sql", "esql", "logql", "promql", "osquery", "opensearch")
_SKILLS = ("query", "prove", "link", "search", "explain", "summarise", "translate", "forecast", "triage", "enrich")
_TEXT = """finds sign-ins processes orders invoices alerts tickets hosts accounts runbooks incidents metrics traces logs
    events for the finance network security storage billing identity endpoint mail cloud warehouse team in Europe"""
_WORDS = _TEXT.split()
_PAGE = 101
"""A page, and one more to see whether there is another."""
_AT_ONCE = 1000
_CHANGES = 20


async def discovery(place: Place, count: int, runs: int = 200) -> list[list[str]]:
    """A row a kind of search, on an index that is current; then the first of a process, and those after a change."""
    engine = place.open()
    await create_tables(engine, schema)
    await _fill(engine, count)
    registry, began = Registry(engine), time.perf_counter()
    await registry.discover(limit=1)
    first = ms(time.perf_counter() - began)
    rows = [await _row(what, search, runs) for what, search in _searches(registry, count)]
    rows.append(await _after_changes(registry, Registry(engine)))
    await engine.dispose()
    return [*rows, ["the first one of a process", "", first, "", "", ""]]


def _searches(registry: Registry, count: int) -> Iterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Each kind with values that change from run to run."""
    find, dice = registry.discover, random.Random(7)
    names = cycle(dice.sample(range(count), min(count, 500)))
    platforms, skills, words = cycle(_PLATFORMS), cycle(_SKILLS), cycle(_WORDS)
    yield "everybody, a page", lambda: find(limit=_PAGE)
    yield "everybody, the last page", lambda: find(limit=_PAGE, after=f"agent-{count - 50:05}")
    yield "a skill", lambda: find(next(skills), limit=_PAGE)
    yield "a platform", lambda: find(platform=next(platforms), limit=_PAGE)
    yield "a skill on a platform", lambda: find(next(skills), next(platforms), limit=_PAGE)
    yield "a tag", lambda: find(tag=f"team-{next(names) % 97}", limit=_PAGE)
    yield "a common word", lambda: find(q=next(words), limit=_PAGE)
    yield "three words", lambda: find(q=f"{next(words)} {next(words)} {next(words)}", limit=_PAGE)
    yield "a word of one card", lambda: find(q=f"agent-{next(names):05}", limit=_PAGE)
    yield "a word of no card", lambda: find(q=f"nothing{next(names)}", limit=_PAGE)
    yield "those that are dead", lambda: find(healthy=False, limit=_PAGE)
    yield "dead, with two words", lambda: find(q=f"{next(words)} {next(words)}", healthy=False, limit=_PAGE)
    yield "everybody, all at once", find
    yield "where to call one of ten", lambda: registry.route(f"agent-{next(names) % 10:05}", "query")


async def _row(what: str, search: Callable[[], Awaitable[Any]], runs: int) -> list[str]:
    taken = Taken()
    for _ in range(runs):
        with taken.one():
            found = await search()
    return [what, str(len(found) if isinstance(found, list) else 1), *taken.ranks, taken.cpu_each]


async def _after_changes(registry: Registry, other: Registry) -> list[str]:
    """other: of a process that changes something before each search."""
    taken = Taken()
    for number in range(_CHANGES):
        await other.mark(f"agent-{number + 1:05}", healthy=number % 2 == 0)
        with taken.one():
            found = await registry.discover(platform="kql", limit=_PAGE)
    return ["a platform, after a change by another process", str(len(found)), *taken.ranks, taken.cpu_each]


async def _fill(engine: AsyncEngine, count: int) -> None:
    """As registrations leave it, but many in one transaction."""
    dice = random.Random(42)
    for start in range(0, count, _AT_ONCE):
        some = [_card(number, dice) for number in range(start, min(start + _AT_ONCE, count))]
        made = [Admission(card, card.supported_interfaces[0].url, "url") for card in some]
        async with engine.begin() as connection:
            await connection.execute(insert(agents), [_agent(one) for one in made])
            await connection.execute(insert(replicas), [_replica(one, dice.random() > 0.05) for one in made])


def _card(number: int, dice: random.Random) -> AgentCard:
    platform = f"platform:{dice.choice(_PLATFORMS)}"
    skills = [
        {"id": skill, "name": skill, "description": _sentence(dice), "tags": [platform, f"team-{number % 97}", skill]}
        for skill in dice.sample(_SKILLS, 5)
    ]
    url = f"https://agent-{number:05}.example"
    return parse_agent_card(
        {
            "name": f"agent-{number:05}",
            "description": _sentence(dice),
            "version": "1.0.0",
            "capabilities": {"streaming": True},
            "defaultInputModes": ["application/json"],
            "defaultOutputModes": ["application/json"],
            "supportedInterfaces": [{"url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
            "skills": skills,
        }
    )


def _sentence(dice: random.Random) -> str:
    return " ".join(dice.choices(_WORDS, k=15))


def _agent(one: Admission) -> dict[str, Any]:
    return {
        "id": one.card.name,
        "url": one.url,
        "card": one.data,
        "words": words_of(one.data),
        "trusted": False,
        "registered_at": datetime.now(UTC),
        "source": one.source,
        "digest": one.digest,
    }


def _replica(one: Admission, healthy: bool) -> dict[str, Any]:
    return {
        "agent_id": one.card.name,
        "url": one.url,
        "card": one.data,
        "digest": one.digest,
        "healthy": healthy,
        "failures": 0 if healthy else 1,
        "last_seen": time.time(),
    }
