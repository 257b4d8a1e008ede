"""Looking after the agents that run elsewhere: who of them lives, and who has come up since."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import DatabaseError

from protocol_interface.a2a_client import A2AClient
from protocol_interface.registry import Registry
from shared.errors import AgentUnavailable, InvalidInput, NotFound

log = structlog.get_logger(__name__)


async def register_own(registry: Registry, name: str, url: str) -> None:
    """Register LexiQuery's agent at `url`; one that does not answer now counts as unhealthy until it does.

    Raises InvalidInput when another agent is there.
    """
    try:
        await registry.register_own(name, url)
    except AgentUnavailable as error:
        log.warning("agent not registered", name=name, url=url, reason=str(error))
        await registry.mark(name, healthy=False)


async def watch_agents(registry: Registry, client: A2AClient, own: Mapping[str, str], *, seconds: float) -> None:
    """Ask all agents every `seconds`, give or take a half, whether they live, until cancelled.

    own: URL of each of LexiQuery's agents that runs elsewhere; those not yet registered there are tried again.
    """
    while True:
        # Replicas that start together don't ask together.
        await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter, not a secret
        try:
            for name, url in own.items():
                await _find(registry, name, url)
            await client.check_health()
        except (DatabaseError, OSError) as error:
            log.warning("agents not checked", problem=str(error))


async def _find(registry: Registry, name: str, url: str) -> None:
    try:
        if (await registry.entry(name)).url == url.rstrip("/"):
            return
    except NotFound:
        pass
    try:
        await register_own(registry, name, url)
    except InvalidInput as error:
        log.warning("agent not registered", name=name, url=url, reason=str(error))
