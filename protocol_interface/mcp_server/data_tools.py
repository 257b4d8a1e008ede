"""One tool for each data agent of the registry: a question to this agent alone, as a journey of its own."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult

from protocol_interface.mcp_server.agents import plain
from protocol_interface.mcp_server.journeys import Journeys
from protocol_interface.mcp_server.tools import JourneyState, make_tool
from protocol_interface.product import Product, RegisteredAgent
from shared.models import Question

_SKILL = "query"
_STRANGERS = 10
"""Most tools of agents that nobody vouches for: every client's model has to read them all."""
_NOT_OF_PLATFORMS = re.compile(r"[^a-z0-9]+")
_LONGEST_PLATFORM = 16
"""Of a stranger's: room for a name, and for hardly a sentence."""


class DataTools:
    """The tools of the registry as it was last read, by name."""

    def __init__(self, product: Product, journeys: Journeys) -> None:
        self._product = product
        self._journeys = journeys
        self._version: str | None = None
        self.current: dict[str, Tool] = {}

    async def refresh(self) -> bool:
        """Read the registry again if it has changed; whether its tools are others now than clients may have seen."""
        version = await self._product.agents_version()
        if version == self._version:
            return False
        agents = _named(await self._product.list_agents())
        seen, before = self._version is not None, _shown(self.current)
        self.current = {name: self._tool(name, agent) for name, agent in agents.items()}
        self._version = version
        return seen and _shown(self.current) != before

    def _tool(self, name: str, agent: RegisteredAgent) -> Tool:
        async def query(
            question: str, ctx: Context[Any, Any], schema_group: str | None = None, run: bool | None = None
        ) -> CallToolResult | InputRequiredResult:
            asked = Question(question=question, schema_group=schema_group, agent=agent.id)
            return await self._journeys.ask(asked, ctx, run)

        query.__name__ = name
        # Models read descriptions, and anybody may register a card: of a stranger's nothing is repeated here.
        whose = f"agent {plain(agent.name)} ({plain(agent.platform or '')})" if agent.trusted else "this unvetted peer"
        query.__doc__ = f"Like ask, but only {whose} answers."
        return make_tool(query, JourneyState if agent.trusted else None, read_only=False)


def _named(agents: Sequence[RegisteredAgent]) -> dict[str, RegisteredAgent]:
    """The data agents that journeys ask, each with a tool's name of its own: `query_kql`; those vouched for first.

    As in a journey, an agent that nobody vouches for counts only where no agent of ours has its platform. Of these
    there are the first few by their ids."""
    able = [one for one in agents if one.platform and any(skill.get("id") == _SKILL for skill in one.skills)]
    ours = {one.platform for one in able if one.trusted}
    named: dict[str, RegisteredAgent] = {}
    for one in (one for one in able if one.trusted):
        name, number = f"{_SKILL}_{plain(one.name)}", 2
        while name in named:
            name, number = f"{_SKILL}_{plain(one.name)}_{number}", number + 1
        named[name] = one
    strangers = sorted((one for one in able if not one.trusted and one.platform not in ours), key=lambda one: one.id)
    return {**named, **{_peer(one): one for one in strangers[:_STRANGERS] if _peer(one) not in named}}


def _peer(agent: RegisteredAgent) -> str:
    """`query_peer_graphql_3fa2c19b`: it stays this agent's whoever else comes or goes, and says little of its card."""
    platform = _NOT_OF_PLATFORMS.sub("_", (agent.platform or "").lower())[:_LONGEST_PLATFORM].strip("_")
    return f"{_SKILL}_peer_{platform}_{hashlib.sha256(agent.id.encode()).hexdigest()[:8]}"


def _shown(tools: Mapping[str, Tool]) -> dict[str, str]:
    """What clients see change: they all take the same."""
    return {name: tool.description for name, tool in tools.items()}
