"""What every agent is: a name, skills, and `run`. How it is reached (A2A) is serve.py's business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from shared.models import Model


class Skill(Model):
    """tags: free words, plus `platform:NAME` for a data agent's platform."""

    id: str
    name: str
    description: str
    tags: list[str] = []
    examples: list[str] = []


class Agent(ABC):
    """An agent answers requests for its skills.

    `run` gets one of `skills()`' ids and the skill's input as a JSON object, and returns the skill's output as a JSON
    object. It raises LexiQueryError for what a caller can mend; anything else is a fault of the agent. It must be safe
    to call concurrently, and idempotent: the same request may arrive again after a crash.
    """

    name: str
    description: str
    version = "1"
    default_skill: str | None = None
    """The skill for a peer that sends a question as plain text; the first of `skills()` if not set."""

    @abstractmethod
    def skills(self) -> list[Skill]: ...

    @abstractmethod
    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]: ...
