"""Tools for the data agents of the registry: a question to one of them alone, as a journey of its own.

Each of LexiQuery's own has a tool. Those that nobody vouches for share one, `query_peer`: every client's model has to
read all tools, and anybody may register agents (docs/decisions/0012-one-tool-for-peers.md).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.tools import Tool
from mcp_types import CallToolResult, InputRequiredResult

from protocol_interface.mcp_server.agents import plain, shown_id
from protocol_interface.mcp_server.journeys import Journeys
from protocol_interface.mcp_server.tools import JourneyState, make_tool
from protocol_interface.product import Product, RegisteredAgent
from shared.errors import NotFound
from shared.models import Question

_SKILL = "query"
_PEER = "query_peer"
_NOT_OF_PLATFORMS = re.compile(r"[^a-z0-9]+")
_LONGEST_PLATFORM = 16
"""Of a stranger's: room for a name, and for hardly a sentence."""
_PLATFORMS_TOLD = 40
"""Characters of all strangers' platforms in the tool list; the rest is in `list_agents`."""


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
        own, peers = _data_agents(await self._product.list_agents())
        seen, before = self._version is not None, _shown(self.current)
        self.current = {name: self._of_own(name, agent) for name, agent in _named(own).items()}
        if peers:
            self.current[_PEER] = self._of_peers(peers)
        self._version = version
        return seen and _shown(self.current) != before

    def _of_own(self, name: str, agent: RegisteredAgent) -> Tool:
        async def query(
            question: str, ctx: Context[Any, Any], schema_group: str | None = None, run: bool | None = None
        ) -> CallToolResult | InputRequiredResult:
            asked = Question(question=question, schema_group=schema_group, agent=agent.id)
            return await self._journeys.ask(asked, ctx, run)

        query.__name__ = name
        query.__doc__ = f"Like ask, but only agent {plain(agent.name)} ({plain(agent.platform or '')}) answers."
        return make_tool(query, JourneyState, read_only=False)

    def _of_peers(self, peers: Sequence[RegisteredAgent]) -> Tool:
        async def query_peer(
            agent: str, question: str, ctx: Context[Any, Any], run: bool | None = None
        ) -> CallToolResult | InputRequiredResult:
            """Like ask, but an unvetted peer answers."""
            return await self._journeys.ask(Question(question=question, agent=_peer(agent, peers).id), ctx, run)

        tool = make_tool(query_peer, None, read_only=False)
        tool.parameters["properties"]["agent"]["description"] = f"its name in list_agents, or {_platforms(peers)}"
        return tool


def _data_agents(agents: Sequence[RegisteredAgent]) -> tuple[list[RegisteredAgent], list[RegisteredAgent]]:
    """Those that journeys ask: ours, and strangers by their ids.

    As in a journey, an agent that nobody vouches for counts only where no agent of ours has its platform.
    """
    able = [one for one in agents if one.platform and any(skill.get("id") == _SKILL for skill in one.skills)]
    ours = {one.platform for one in able if one.trusted}
    strangers = [one for one in able if not one.trusted and one.platform not in ours]
    return [one for one in able if one.trusted], sorted(strangers, key=lambda one: one.id)


def _named(own: Iterable[RegisteredAgent]) -> dict[str, RegisteredAgent]:
    """Each with a tool's name of its own: `query_kql`."""
    named: dict[str, RegisteredAgent] = {}
    for one in own:
        name, number = f"{_SKILL}_{plain(one.name)}", 2
        while name in named or name == _PEER:
            name, number = f"{_SKILL}_{plain(one.name)}_{number}", number + 1
        named[name] = one
    return named


def _peer(name: str, peers: Sequence[RegisteredAgent]) -> RegisteredAgent:
    """The peer of that name, as `list_agents` shows it or as it is registered; or one of that platform, rather one
    that answers. Raises NotFound with the nearest name."""
    by_name = {known: one for one in peers for known in (one.id, shown_id(one))}
    if name in by_name:
        return by_name[name]
    of_platform = [one for one in peers if name in (one.platform, _platform(one))]
    if not of_platform:
        raise NotFound.named("peer", name[:100], {*map(shown_id, peers), *map(_platform, peers)})
    return next((one for one in of_platform if one.healthy is not False), of_platform[0])


def _platform(agent: RegisteredAgent) -> str:
    return _NOT_OF_PLATFORMS.sub("_", (agent.platform or "").lower())[:_LONGEST_PLATFORM].strip("_")


def _platforms(peers: Sequence[RegisteredAgent]) -> str:
    """`graphql, promql (2)`: what there is to ask, and of how many; as many as fit, those that most have first."""
    told = ""
    counted = Counter(filter(None, map(_platform, peers)))
    for platform, count in sorted(counted.items(), key=lambda one: (-one[1], one[0])):
        word = f"{platform} ({count})" if count > 1 else platform
        if len(told) + len(word) > _PLATFORMS_TOLD:
            return f"{told}, …"
        told = f"{told}, {word}" if told else word
    return told or "its platform"


def _shown(tools: Mapping[str, Tool]) -> dict[str, tuple[str, Any]]:
    """What clients see change."""
    return {name: (tool.description, tool.parameters) for name, tool in tools.items()}
