"""Spans in the names of OpenTelemetry's GenAI conventions (status Development, as of version 1.41).

https://github.com/open-telemetry/semantic-conventions-genai: gen-ai-spans.md and gen-ai-agent-spans.md. What these have
no name for is called `lexiquery.*`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.calls import CallRecord
from shared.errors import LexiQueryError
from shared.ledger.recording import trace_of
from shared.models import Answer

Value = str | bool | int | float | list[str]
_OPERATIONS = {"generate": "text_completion"}
"""The conventions' names of operations that the ledger calls otherwise."""


@dataclass(frozen=True)
class Span:
    """An operation that has ended. Ids: hexadecimal, 32 digits of a trace and 16 of a span (W3C Trace Context)."""

    name: str
    kind: Literal["internal", "client"]
    trace_id: str
    span_id: str
    parent_id: str | None
    started: datetime
    ended: datetime
    attributes: dict[str, Value]

    def __contains__(self, attribute: str) -> bool:
        return attribute in self.attributes

    @property
    def problem(self) -> str | None:
        """What it ended with, if not well; of few values, none of them a text of its own."""
        found = self.attributes.get("error.type")
        return None if found is None else str(found)

    @property
    def seconds(self) -> float:
        return (self.ended - self.started).total_seconds()


def journey_span_id(journey_id: str) -> str:
    """The root of the journey's trace, the same in every process."""
    return _span_id("journey", journey_id)


def journey_span(answer: Answer, started: datetime, ended: datetime, conversation_id: str | None) -> Span:
    attributes = {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "journey",
        "gen_ai.conversation.id": conversation_id,
        "lexiquery.journey.id": answer.journey_id,
        "lexiquery.journey.status": answer.status,
        "lexiquery.calls": answer.cost.calls,
        "lexiquery.cost": answer.cost.cost,
        "lexiquery.currency": answer.cost.currency,
        "error.type": _ended_by(answer),
    }
    return Span(
        name="invoke_workflow journey",
        kind="internal",
        trace_id=trace_of(answer.journey_id),
        span_id=journey_span_id(answer.journey_id),
        parent_id=None,
        started=started,
        ended=ended,
        attributes=_known(attributes),
    )


def task_span(
    span_id: str,
    agent: str,
    skill: str,
    journey_id: str,
    started: datetime,
    ended: datetime,
    problem: str | None,
) -> Span:
    """An agent's work on one task."""
    attributes = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": agent,
        "lexiquery.skill": skill,
        "lexiquery.journey.id": journey_id,
        "error.type": problem,
    }
    return Span(
        name=f"invoke_agent {agent}",
        kind="internal",
        trace_id=trace_of(journey_id),
        span_id=span_id,
        parent_id=journey_span_id(journey_id),
        started=started,
        ended=ended,
        attributes=_known(attributes),
    )


def call_span(record: CallRecord, parent_id: str | None) -> Span:
    """A model call that has ended. parent_id: the span of the task it was made for; the journey's root if None."""
    root = journey_span_id(record.journey_id) if record.journey_id else None
    attributes = _of_call(record)
    return Span(
        name=f"{attributes['gen_ai.operation.name']} {record.model}",
        kind="internal" if record.status == "cached" else "client",
        trace_id=record.trace_id or trace_of(record.id),
        span_id=_span_id("call", record.id),
        parent_id=(parent_id or root) if record.trace_id else None,
        started=record.started_at,
        ended=_end_of(record),
        attributes=attributes,
    )


def failure(error: BaseException) -> str:
    """The `error.type` of an exception: our code where it has one."""
    if isinstance(error, LexiQueryError):
        return error.code
    return "cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__


def _of_call(record: CallRecord) -> dict[str, Value]:
    finish = record.metadata.get("finish")
    first = record.first_token_at
    attributes = {
        "gen_ai.operation.name": _OPERATIONS.get(record.operation, record.operation),
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.model,
        "gen_ai.response.model": record.model if record.status == "success" else None,
        "gen_ai.response.finish_reasons": [finish] if isinstance(finish, str) else None,
        "gen_ai.response.time_to_first_chunk": (first - record.started_at).total_seconds() if first else None,
        "gen_ai.usage.input_tokens": record.prompt_tokens,
        "gen_ai.usage.cache_read.input_tokens": record.cached_tokens,
        "gen_ai.usage.output_tokens": record.completion_tokens,
        "gen_ai.agent.name": record.agent,
        "gen_ai.prompt.name": record.prompt_name,
        "lexiquery.prompt.version": record.prompt_version,
        "lexiquery.journey.id": record.journey_id,
        "lexiquery.call.id": record.id,
        "lexiquery.call.status": record.status,
        "lexiquery.purpose": record.purpose,
        "lexiquery.model.digest": record.model_digest,
        "lexiquery.queue_seconds": record.queue_seconds,
        "lexiquery.retries": record.retries or None,
        "lexiquery.cost": record.cost,
        "lexiquery.cost.source": record.cost_source,
        "lexiquery.currency": record.currency,
        "error.type": _problem_of(record),
    }
    return _known(attributes)


def _problem_of(record: CallRecord) -> str | None:
    """`error` is `CODE: text`; the text may quote a prompt, so it stays here."""
    if record.status == "error":
        return (record.error or "_OTHER").partition(":")[0]
    return "cancelled" if record.status == "cancelled" else None


def _ended_by(answer: Answer) -> str | None:
    if answer.status == "failed":
        return answer.problem.code if answer.problem else "_OTHER"
    return "cancelled" if answer.status == "cancelled" else None


def _end_of(record: CallRecord) -> datetime:
    """By the monotonic clock where that measured it: the other one may have been set meanwhile."""
    if record.total_seconds is not None:
        return record.started_at + timedelta(seconds=record.total_seconds)
    return record.completed_at or record.started_at


def _known(attributes: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in attributes.items() if value is not None}


def _span_id(kind: str, name: str) -> str:
    return hashlib.sha256(f"{kind}:{name}".encode()).hexdigest()[:16]
