"""What a task that has ended gives: its output, the model calls that it made, or the error that it ended with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

import structlog
from a2a.helpers import get_data_parts, get_text_parts
from a2a.types import Artifact, Message, Part, Task, TaskState
from pydantic import ValidationError

from protocol_interface.a2a_client.failures import SHOWN
from shared.a2a.wire import CALLS, calls_by, calls_of, error_from, metadata_of, output_of
from shared.context import current
from shared.errors import AgentUnavailable, LexiQueryError, first_problem
from shared.ledger import Ledger
from shared.models import Clarification

log = structlog.get_logger(__name__)
_OPTIONS = 10
_BIG = 64 * 1024
"""Bytes from which on parts are read beside the event loop: a megabyte of small values takes a second."""


class AskedBack(AgentUnavailable):
    """The agent wants to know more before it goes on; `clarification` is what it asks."""

    def __init__(self, agent: str, clarification: Clarification) -> None:
        super().__init__(f"agent '{agent}' asks back: {clarification.question}", suggestion="say so in what you ask")
        self.clarification = clarification


async def output(agent: str, answer: Task | Message) -> dict[str, object]:
    """The JSON object that an agent answered. Raises AgentUnavailable if there is none, and what `output_of` raises."""
    carriers = [answer] if isinstance(answer, Message) else answer.artifacts
    for carrier in carriers:
        if (found := await _object_in(carrier.parts)) is not None:
            return found
    parts = [part for carrier in carriers for part in carrier.parts]
    raise AgentUnavailable(f"agent '{agent}' answered nonsense: no JSON object in {_said(parts)}")


async def _object_in(parts: Sequence[Part]) -> dict[str, object] | None:
    if sum(part.ByteSize() for part in parts) > _BIG:
        return await asyncio.to_thread(output_of, parts)
    return output_of(parts)


def _said(parts: Sequence[Part]) -> str:
    said = " ".join(get_text_parts(parts))
    return f"'{said[:SHOWN]}'" if said else f"{len(parts)} parts"


def ended_otherwise(agent: str, task: Task, *, trusted: bool) -> LexiQueryError:
    """Why a task that has not completed has ended, or waits."""
    state = task.status.state
    if state in (TaskState.TASK_STATE_FAILED, TaskState.TASK_STATE_REJECTED):
        return error_from(task.status.message, agent, trusted=trusted)
    said = " ".join(get_text_parts(task.status.message.parts))[:SHOWN]
    if state == TaskState.TASK_STATE_INPUT_REQUIRED and (asked := _clarification(task.status.message, said)):
        return AskedBack(agent, asked)
    name = TaskState.Name(state).removeprefix("TASK_STATE_").lower()
    return AgentUnavailable(f"agent '{agent}' left the task {name}" + (f": {said}" if said else ""))


def _clarification(message: Message, said: str) -> Clarification | None:
    """As LexiQuery's own agents ask it, in a data part; else the text."""
    for data in get_data_parts(message.parts):
        if not isinstance(data, dict) or not isinstance(data.get("question"), str):
            continue
        given = data.get("options")
        options = [one[:SHOWN] for one in given if isinstance(one, str)] if isinstance(given, list) else []
        return Clarification(question=data["question"][:SHOWN], options=options[:_OPTIONS])
    return Clarification(question=said) if said else None


async def merge_calls(
    ledger: Ledger, agent: str, journey_id: str, answer: Task | Message, *, trusted: bool, since: datetime
) -> None:
    """Add the calls that an agent reports to the ledger; a report that can't be read is logged and left out.

    since: when it was asked.
    """
    carriers: Sequence[Message | Artifact] = [answer] if isinstance(answer, Message) else answer.artifacts
    if isinstance(answer, Task) and answer.status.state != TaskState.TASK_STATE_COMPLETED:
        carriers = [answer.status.message]
    try:
        calls = [call for carrier in carriers for call in calls_of(agent, metadata_of(carrier))]
    except ValidationError as error:
        log.warning("agent reports calls that can't be read", agent=agent, problem=first_problem(error))
        return
    # A peer reports what it did for us; it doesn't write into other journeys.
    ours = [call for call in calls if call.journey_id == journey_id][:CALLS]
    # A trusted agent may share our database: its ids stay, so that its rows aren't written twice.
    await ledger.merge(ours if trusted else calls_by(agent, ours, scope=current(), since=since))
