"""What LexiQuery tells an OpenTelemetry collector: journeys, agents' tasks and model calls that have ended.

Off unless LEXIQUERY_OTLP_ENDPOINT is set: then nothing is imported, opened or sent. Prompts, answers, queries, rows,
users, tags and the texts of errors are never sent.

The trace of a journey, and the span that is its root, follow from the journey's id, so the spans of every process join
one trace without these processes telling each other.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.calls import CallRecord
from shared.models import Answer
from shared.settings import Settings
from shared.telemetry.histograms import DURATION, MCP_DURATION, TOKENS, WORKFLOW_DURATION
from shared.telemetry.spans import call_span, failure, journey_span, task_span

if TYPE_CHECKING:
    from shared.telemetry.otlp import Sender

_task: ContextVar[str | None] = ContextVar("lexiquery_task_span", default=None)
"""The span of the agent's task that is at work: the parent of its model calls."""


def open_telemetry(settings: Settings) -> Telemetry:
    if settings.otlp_endpoint is None:
        return Telemetry()
    from shared.telemetry.otlp import Sender

    return Telemetry(Sender(settings.otlp_endpoint, settings.otlp_header_values))


class Telemetry:
    """Without a sender it tells nobody, at no cost."""

    def __init__(self, sender: Sender | None = None) -> None:
        self._sender = sender

    def call_ended(self, record: CallRecord) -> None:
        """For `Ledger(on_end=...)`. A call that a cache answered is a span, and no operation of a model."""
        if self._sender is None:
            return
        span = call_span(record, _task.get())
        self._sender.add(span)
        if record.status == "cached":
            return
        names = ("operation.name", "provider.name", "request.model", "response.model")
        of = {f"gen_ai.{name}": str(span.attributes[f"gen_ai.{name}"]) for name in names if f"gen_ai.{name}" in span}
        ended_by = {"error.type": span.problem} if span.problem else {}
        self._sender.record(DURATION, span.seconds, of | ended_by)
        for kind, count in (("input", record.prompt_tokens), ("output", record.completion_tokens)):
            if count is not None:
                self._sender.record(TOKENS, count, of | {"gen_ai.token.type": kind})

    @contextmanager
    def agent_task(self, agent: str, skill: str, journey_id: str | None) -> Iterator[None]:
        """The block is an agent's work on a task; model calls made in it are its children."""
        if self._sender is None or journey_id is None:
            yield
            return
        span_id, started, began = secrets.token_hex(8), datetime.now(UTC), time.monotonic()
        token, problem = _task.set(span_id), None
        try:
            yield
        except BaseException as error:
            problem = failure(error)
            raise
        finally:
            _task.reset(token)
            ended = started + timedelta(seconds=time.monotonic() - began)
            self._sender.add(task_span(span_id, agent, skill, journey_id, started, ended, problem))

    def journey_ended(self, answer: Answer, started: datetime, conversation_id: str | None) -> None:
        """For `open_journeys(on_end=...)`: what it ended with, when it began, its conversation."""
        if self._sender is None:
            return
        span = journey_span(answer, started, datetime.now(UTC), conversation_id)
        self._sender.add(span)
        ended_by = {"error.type": span.problem} if span.problem else {}
        self._sender.record(WORKFLOW_DURATION, span.seconds, {"gen_ai.workflow.name": "journey"} | ended_by)

    def mcp_request_ended(self, method: str, tool: str | None, seconds: float, problem: str | None) -> None:
        """method: as in MCP; tool: one of ours that was called; problem: what the request ended with, if not well."""
        if self._sender is None:
            return
        called = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool} if tool else {}
        ended_by = {"error.type": problem} if problem else {}
        self._sender.record(MCP_DURATION, seconds, {"mcp.method.name": method} | called | ended_by)

    async def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        if self._sender is not None:
            await asyncio.to_thread(self._sender.close)
