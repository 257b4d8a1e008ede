"""Histograms by attributes, since the process began. Names, units and bounds are those of OpenTelemetry's conventions.

https://github.com/open-telemetry/semantic-conventions-genai: gen-ai-metrics.md and mcp.md. An attribute has few values:
never a journey's id, a user or a text.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

Attributes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Instrument:
    """bounds: the upper ends of the buckets, which hold them; one more bucket has what exceeds the last."""

    name: str
    unit: str
    description: str
    bounds: tuple[float, ...]


TOKENS = Instrument(
    "gen_ai.client.token.usage",
    "{token}",
    "Number of input and output tokens used.",
    tuple(4.0**power for power in range(14)),
)
DURATION = Instrument(
    "gen_ai.client.operation.duration",
    "s",
    "GenAI operation duration.",
    tuple(2**power / 100 for power in range(14)),
)
WORKFLOW_DURATION = Instrument(
    "gen_ai.workflow.duration",
    "s",
    "GenAI workflow duration.",
    (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200),
)
MCP_DURATION = Instrument(
    "mcp.server.operation.duration",
    "s",
    "MCP request or notification duration as observed on the receiver.",
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300),
)


@dataclass
class Point:
    """What was recorded under one set of attributes."""

    counts: list[int]
    sum: float = 0.0


@dataclass
class Histograms:
    """May be recorded to by one thread and read by another."""

    _points: dict[Instrument, dict[Attributes, Point]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, str]) -> None:
        key = tuple(sorted(attributes.items()))
        with self._lock:
            points = self._points.setdefault(instrument, {})
            point = points.setdefault(key, Point([0] * (len(instrument.bounds) + 1)))
            point.counts[bisect_left(instrument.bounds, value)] += 1
            point.sum += value

    def read(self) -> list[tuple[Instrument, list[tuple[Attributes, Point]]]]:
        """A copy of all there is."""
        with self._lock:
            return [
                (instrument, [(key, Point(list(point.counts), point.sum)) for key, point in points.items()])
                for instrument, points in self._points.items()
            ]
