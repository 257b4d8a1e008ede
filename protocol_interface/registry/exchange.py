"""The registry as JSON: to move agents to another LexiQuery, or to keep them."""

from __future__ import annotations

from typing import Any, Literal

from a2a.types import AgentCard

from protocol_interface.card_check import given_card
from protocol_interface.product import Source
from protocol_interface.registry.registry import Registry
from shared.errors import InvalidInput, LexiQueryError
from shared.models import Model

MOST = 10_000
"""Replicas of a file."""


class ExportedReplica(Model):
    url: str
    card: dict[str, Any]


class ExportedAgent(Model):
    name: str
    source: Source
    replicas: list[ExportedReplica]


class Export(Model):
    """Every agent with the cards of its replicas. Who is healthy is no part of it, nor who is trusted by whom."""

    format: Literal["lexiquery-agents/1"] = "lexiquery-agents/1"
    agents: list[ExportedAgent]


class Refused(Model):
    name: str
    reason: str


class Imported(Model):
    """skipped: LexiQuery's own, which the settings name, not a file."""

    registered: list[str] = []
    skipped: list[str] = []
    refused: list[Refused] = []

    def render(self) -> str:
        said = [f"registered {len(self.registered)}, skipped {len(self.skipped)} of LexiQuery's own"]
        return "\n".join([*said, *(f"refused {one.name}: {one.reason}" for one in self.refused)])


async def export_agents(registry: Registry) -> Export:
    agents = await registry.discover()
    found: dict[str, list[ExportedReplica]] = {agent.id: [] for agent in agents}
    for replica in await registry.replicas(list(found)):
        found[replica.agent_id].append(ExportedReplica(url=replica.url, card=replica.card))
    return Export(agents=[ExportedAgent(name=one.id, source=one.source, replicas=found[one.id]) for one in agents])


async def import_agents(registry: Registry, exported: Export) -> Imported:
    """Register each agent as one that somebody gives by its card: checked like any, trusted by nobody.

    Raises InvalidInput for a file of more than MOST replicas.
    """
    if sum(max(1, len(agent.replicas)) for agent in exported.agents) > MOST:
        raise InvalidInput(f"the file has more than {MOST} agents", suggestion="import it in parts")
    done = Imported()
    for agent in exported.agents:
        if agent.source == "own":
            done.skipped.append(agent.name)
            continue
        try:
            await registry.register_replicas(_cards(agent))
            done.registered.append(agent.name)
        except LexiQueryError as error:
            done.refused.append(Refused(name=agent.name, reason=str(error)))
    return done


def _cards(agent: ExportedAgent) -> list[tuple[str, AgentCard]]:
    """Raises InvalidInput for what is no card, or another agent's."""
    found = [(one.url, given_card(one.card, f"'{agent.name}' of the file")) for one in agent.replicas]
    if not found:
        raise InvalidInput(f"'{agent.name}' of the file has no replica")
    if other := next((card.name for _, card in found if card.name != agent.name), None):
        raise InvalidInput(f"'{agent.name}' of the file has the card of '{other}'")
    return found
