"""What clients are told of the registry's agents. A model reads it, and anybody may have registered an agent: of one
that nobody vouches for, names are cut to letters and digits, and its description is marked as its own words."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from protocol_interface.product import RegisteredAgent
from shared.models import Model
from shared.render import cut

AGENTS_TOLD = 100
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 40
_SKILLS_TOLD = 20
_OWN_WORDS = 200
"""Characters of what a stranger says of itself, and of its URL."""


class Agents(Model):
    """more: how many agents are left out."""

    agents: list[RegisteredAgent]
    more: int = 0

    @classmethod
    def of(cls, agents: Sequence[RegisteredAgent]) -> Agents:
        """Those that the operator vouches for first, so that no number of others crowds them out."""
        ordered = sorted(agents, key=lambda one: not one.trusted)
        told = [one if one.trusted else _careful(one) for one in ordered[:AGENTS_TOLD]]
        return cls(agents=told, more=len(ordered) - len(told))

    def render(self) -> str:
        lines = [_line(agent) for agent in self.agents]
        if self.more:
            lines.append(f"and {self.more} more agents, which are not listed")
        return "\n".join(lines) or "no agents"


def plain(name: str, longest: int = _LONGEST_NAME) -> str:
    """A name of letters, digits, `_` and `-` alone."""
    return _NOT_IN_NAMES.sub("_", name)[:longest]


def shown_id(agent: RegisteredAgent) -> str:
    """What it is told and asked by: its id; where that holds other characters, or more, the plain one and a number
    that stays its own."""
    if agent.trusted or (name := plain(agent.id)) == agent.id:
        return agent.id
    return f"{name}_{hashlib.sha256(agent.id.encode()).hexdigest()[:8]}"


def _careful(agent: RegisteredAgent) -> RegisteredAgent:
    words = _one_line(agent.description).replace('"', "'")
    return agent.model_copy(
        update={
            "id": shown_id(agent),
            "name": shown_id(agent),
            "description": f'says of itself: "{cut(words, _OWN_WORDS)}"',
            "url": cut(_one_line(agent.url), _OWN_WORDS),
            "version": plain(agent.version),
            "skills": [{"id": plain(str(skill.get("id")))} for skill in agent.skills[:_SKILLS_TOLD]],
            "platform": agent.platform and plain(agent.platform),
            "clashes": [cut(_one_line(clash), _OWN_WORDS) for clash in agent.clashes[:_SKILLS_TOLD]],
        }
    )


def _one_line(text: str) -> str:
    """Without control characters, those that nobody sees (directions, zero width), and breaks of lines."""
    shown = (" " if unicodedata.category(one) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") else one for one in text)
    return " ".join("".join(shown).split())


def _line(agent: RegisteredAgent) -> str:
    skills = ", ".join(str(skill.get("id")) for skill in agent.skills)
    platform = f", platform {agent.platform}" if agent.platform else ""
    return f"{agent.name} ({skills}{platform}; {agent.health}): {_one_line(agent.description)}"
