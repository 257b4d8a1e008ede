"""Asking one agent: what a journey needs of the protocol interface, and how an agent's error is taken."""

from __future__ import annotations

from typing import Any, Protocol

import structlog

from core_engine.findings import Outcome, Task
from protocol_interface.a2a_client import AskedBack, Report
from protocol_interface.product import RegisteredAgent
from shared.errors import LexiQueryError, problem_detail
from shared.models import DataResult

log = structlog.get_logger(__name__)
PROBE_SECONDS = 120.0
"""Longest wait for an agent's first look at a question."""


class Agents(Protocol):
    async def discover(self) -> list[RegisteredAgent]: ...

    async def invoke(
        self,
        agent: str,
        skill: str,
        request: dict[str, Any],
        *,
        seconds: float | None = None,
        report: Report | None = None,
    ) -> dict[str, Any]: ...


async def ask(agents: Agents, task: Task, report: Report) -> Outcome:
    """What the agent gives, or the problem in its place. What a data agent asks back becomes a clarification."""
    seconds = PROBE_SECONDS if task.skill in ("link", "search") else None
    try:
        output = await agents.invoke(task.agent, task.skill, task.request, seconds=seconds, report=report)
    except LexiQueryError as error:
        if isinstance(error, AskedBack) and task.skill == "query":
            output = DataResult(clarification=error.clarification).model_dump()
        else:
            log.warning("agent failed", agent=task.agent, skill=task.skill, code=error.code, message=error.message)
            return Outcome(agent=task.agent, problem=problem_detail(error, instance=task.agent))
    return Outcome(agent=task.agent, output=output)
