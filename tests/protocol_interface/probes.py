"""Every agent of a registry is asked whether it lives."""

from __future__ import annotations

from protocol_interface.registry import Registry
from protocol_interface.registry.probing import Http


async def ask_all(registry: Registry, http: Http) -> dict[str, bool]:
    """Which of them does, by name. http: how to reach one."""
    await registry.check_due(http, every=0.0)
    return {agent.id: agent.healthy is True for agent in await registry.discover()}
