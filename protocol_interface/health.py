"""Looking after the agents that run elsewhere: who of them lives, and who has come up since."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.exc import DatabaseError

from protocol_interface.a2a_client import A2AClient
from protocol_interface.registry import Registry
from protocol_interface.registry.registry import place_of
from protocol_interface.registry.static import register_cards
from shared.errors import AgentUnavailable, Conflict, InvalidInput

log = structlog.get_logger(__name__)
LOOK_SECONDS = 1.0
"""How often it is looked whom to ask, whose lease is over, and what other processes changed."""


async def register_own(registry: Registry, name: str, urls: Sequence[str]) -> None:
    """Register LexiQuery's agent at its URLs, and nowhere else; one that does not answer now counts as unhealthy until
    it does.

    Raises InvalidInput when another agent is there.
    """
    reached = 0
    for url in urls:
        try:
            await registry.register_own(name, url)
            reached += 1
        except AgentUnavailable as error:
            log.warning("agent not registered", name=name, url=url, reason=str(error))
    await registry.keep_only(name, urls)
    if not reached:
        await registry.mark(name, healthy=False)


async def watch_agents(
    registry: Registry,
    client: A2AClient,
    own: Mapping[str, Sequence[str]],
    *,
    seconds: float,
    cards: Sequence[str] = (),
) -> None:
    """Ask each agent every `seconds`, give or take a half, whether it lives, until cancelled.

    own: URLs of each of LexiQuery's agents that runs elsewhere; cards: what LEXIQUERY_AGENT_CARDS names. Those not yet
    registered there are tried again.
    """
    find_at = 0.0
    while True:
        # Replicas that start together don't ask together.
        await asyncio.sleep(min(seconds, LOOK_SECONDS) * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter, not a secret
        try:
            if find_at <= time.monotonic():
                await _find(registry, own, cards)
                find_at = time.monotonic() + seconds
            await registry.check_due(client.http, every=seconds)
        except (DatabaseError, OSError) as error:
            log.warning("agents not checked", problem=str(error))
        except Exception:
            # The outermost of this task: nothing that one agent says ends it for the others.
            log.exception("agents not checked")


async def _find(registry: Registry, own: Mapping[str, Sequence[str]], cards: Sequence[str]) -> None:
    for name, urls in own.items():
        if not {place_of(url) for url in urls} <= await registry.places(name):
            try:
                await register_own(registry, name, urls)
            except (InvalidInput, Conflict) as error:
                log.warning("agent not registered", name=name, urls=urls, reason=str(error))
    await register_cards(registry, cards, again=True)
