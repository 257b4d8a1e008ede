"""The planner as an agent. Its Flow is imported at the first plan, in a thread: it takes seconds and 250 MB."""

from __future__ import annotations

import asyncio
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from agents.agent import Agent, Skill
from shared.context import scoped
from shared.errors import AgentUnavailable, InvalidInput, NotFound, StorageFailed, first_problem
from shared.llm.client import Models
from shared.llm.prompts import load_prompt
from shared.models import Plan, PlanRequest

_FLOW = "agents.planner.flow"


class Planner(Agent):
    """Says which agents work on a question. It asks a model only where the evidence does not decide."""

    name = "planner"
    description = "Plans which knowledge and data agents work on a question, from what they say they hold"

    def __init__(self, models: Models, prompts_dir: Path | None = None) -> None:
        self._models = models
        self._prompt = load_prompt("plan", prompts_dir)
        self._loading = asyncio.Lock()
        self._flow: ModuleType | None = None

    def skills(self) -> list[Skill]:
        return [
            Skill(
                id="plan",
                name="Plan a question",
                description="Question, available agents, linked tables and knowledge hits in; steps with reasons out",
                tags=["planning"],
                examples=["Which accounts had failed sign-ins before the VPN outage?"],
            )
        ]

    async def run(self, skill: str, request: dict[str, Any]) -> dict[str, Any]:
        if skill != "plan":
            raise NotFound.named("skill", skill, ["plan"])
        try:
            asked = PlanRequest.model_validate(request)
        except ValidationError as error:
            raise InvalidInput(f"not a plan request: {first_problem(error, whole='request')}") from error
        flow = await self.warm()
        with scoped(agent=self.name):
            plan: Plan = await flow.PlanFlow.plan(asked, self._models, self._prompt)
        return plan.model_dump(mode="json")

    async def warm(self) -> ModuleType:
        """Import the Flow, once, without stopping the event loop. A server may call it at its start.

        Raises AgentUnavailable when crewai is not installed, StorageFailed when the home directory can't be written
        (crewai keeps a key file there, used or not).
        """
        async with self._loading:
            if self._flow is None:
                try:
                    self._flow = await asyncio.to_thread(import_module, _FLOW)
                except ImportError as error:
                    raise AgentUnavailable(
                        f"the planner can't start: {error}", suggestion="install the dependency group 'planner'"
                    ) from error
                except OSError as error:
                    raise StorageFailed(
                        f"the planner can't start: {error}", suggestion="set HOME to a directory that can be written"
                    ) from error
        return self._flow
