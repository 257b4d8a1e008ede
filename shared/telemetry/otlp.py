"""Sends spans and histograms to a collector: OTLP 1.x over HTTP, as protobuf, from a thread of its own.

The wire format is written here rather than by OpenTelemetry's SDK. That obeys OTEL_SDK_DISABLED, which the planner must
set to keep crewai from calling home, takes headers, proxies and addresses from variables and files that are no settings
of ours, and drops what a collector missed for ten seconds.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

import httpx
import structlog
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from shared import __version__
from shared.telemetry.histograms import Attributes, Histograms, Instrument, Point
from shared.telemetry.spans import Span, Value

log = structlog.get_logger(__name__)
SPANS_SECONDS, METRICS_SECONDS = 5.0, 60.0
"""How often each is sent."""
FLUSH_SECONDS = 5.0
"""Longest wait for the last of them at the end."""
MOST_SPANS = 4096
"""How many wait for a collector that is down; later ones are lost."""
_AT_ONCE = 512
_TIMEOUT = 3.0
_AGAIN = (429, 502, 503, 504)
"""Answers after which the same is to be sent again (OTLP specification, 'OTLP/HTTP Response')."""
_KINDS = {"internal": trace_pb2.Span.SPAN_KIND_INTERNAL, "client": trace_pb2.Span.SPAN_KIND_CLIENT}
_SCOPE = InstrumentationScope(name="lexiquery", version=__version__)


class Sender:
    """endpoint: the collector's address, without `/v1/traces`. Nothing is opened before there is something to send.

    A collector that is down costs one warning, until it is there again, and no caller ever waits for it.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str], *, every: float = SPANS_SECONDS) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._headers = {**headers, "Content-Type": "application/x-protobuf"}
        self._every = every
        self._began = time.time_ns()
        # The instance tells processes apart whose histograms would otherwise be one.
        self._resource = Resource(
            attributes=_key_values(
                {
                    "service.name": "lexiquery",
                    "service.version": __version__,
                    "service.instance.id": str(uuid.uuid4()),
                }
            )
        )
        self._spans: deque[Span] = deque()
        self._lost = 0
        self._histograms = Histograms()
        self._failing: set[str] = set()
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, span: Span) -> None:
        if len(self._spans) < MOST_SPANS:
            self._spans.append(span)
        else:
            self._lost += 1
        self._start()

    def record(self, instrument: Instrument, value: float, attributes: Mapping[str, str]) -> None:
        self._histograms.record(instrument, value, attributes)
        self._start()

    def close(self) -> None:
        """Send what waits, for FLUSH_SECONDS at most."""
        self._ending.set()
        if self._thread is None:
            return
        self._thread.join(FLUSH_SECONDS)
        if left := len(self._spans) + self._lost:
            log.warning("spans were not sent", spans=left)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._ending.is_set():
                self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        # Of the environment (proxies, .netrc) nothing is taken.
        with httpx.Client(trust_env=False, timeout=_TIMEOUT) as client:
            due = time.monotonic() + METRICS_SECONDS
            while not self._ending.wait(self._every):
                self._send_spans(client)
                if time.monotonic() >= due:
                    self._send_metrics(client)
                    due += METRICS_SECONDS
            self._send_spans(client)
            self._send_metrics(client)

    def _send_spans(self, client: httpx.Client) -> None:
        while batch := [self._spans.popleft() for _ in range(min(len(self._spans), _AT_ONCE))]:
            scoped = trace_pb2.ScopeSpans(scope=_SCOPE, spans=map(_span, batch))
            spans = trace_pb2.ResourceSpans(resource=self._resource, scope_spans=[scoped])
            body = ExportTraceServiceRequest(resource_spans=[spans]).SerializeToString()
            if not self._post(client, "/v1/traces", body):
                self._spans.extendleft(reversed(batch))
                return

    def _send_metrics(self, client: httpx.Client) -> None:
        now = time.time_ns()
        found = [_metric(instrument, points, self._began, now) for instrument, points in self._histograms.read()]
        if found:
            scoped = metrics_pb2.ScopeMetrics(scope=_SCOPE, metrics=found)
            metrics = metrics_pb2.ResourceMetrics(resource=self._resource, scope_metrics=[scoped])
            body = ExportMetricsServiceRequest(resource_metrics=[metrics]).SerializeToString()
            self._post(client, "/v1/metrics", body)

    def _post(self, client: httpx.Client, path: str, body: bytes) -> bool:
        """Whether the body is done with: taken, or refused for good."""
        try:
            answer = client.post(self._endpoint + path, content=body, headers=self._headers)
        except httpx.HTTPError as error:
            self._note(path, type(error).__name__)
            return False
        self._note(path, None if answer.is_success else f"HTTP {answer.status_code}")
        return answer.status_code not in _AGAIN

    def _note(self, path: str, problem: str | None) -> None:
        """Say once that a collector takes one of the two no more, and once that it does again."""
        collector = f"{httpx.URL(self._endpoint).netloc.decode()}{path}"
        if problem and path not in self._failing:
            self._failing.add(path)
            log.warning("the collector takes no telemetry", collector=collector, problem=problem)
        elif not problem and path in self._failing:
            self._failing.discard(path)
            lost, self._lost = self._lost, 0
            log.info("the collector takes telemetry again", collector=collector, lost_spans=lost)


def _span(span: Span) -> trace_pb2.Span:
    failed = trace_pb2.Status(code=trace_pb2.Status.STATUS_CODE_ERROR)
    return trace_pb2.Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_id or ""),
        name=span.name,
        kind=_KINDS[span.kind],
        start_time_unix_nano=_nanoseconds(span.started),
        end_time_unix_nano=_nanoseconds(span.ended),
        attributes=_key_values(span.attributes),
        status=failed if span.problem else None,
    )


def _metric(
    instrument: Instrument, points: Iterable[tuple[Attributes, Point]], began: int, now: int
) -> metrics_pb2.Metric:
    """Counts since `began` (nanoseconds since 1970), so that one that is missed is no loss."""
    histogram = metrics_pb2.Histogram(
        aggregation_temporality=metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE,
        data_points=[
            metrics_pb2.HistogramDataPoint(
                attributes=_key_values(dict(attributes)),
                start_time_unix_nano=began,
                time_unix_nano=now,
                count=sum(point.counts),
                sum=point.sum,
                bucket_counts=point.counts,
                explicit_bounds=instrument.bounds,
            )
            for attributes, point in points
        ],
    )
    return metrics_pb2.Metric(
        name=instrument.name, unit=instrument.unit, description=instrument.description, histogram=histogram
    )


def _key_values(attributes: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=name, value=_any(value)) for name, value in attributes.items()]


def _any(value: Value) -> AnyValue:
    if isinstance(value, bool):  # before int, which it is one of
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    return AnyValue(array_value=ArrayValue(values=map(_any, value)))


def _nanoseconds(moment: datetime) -> int:
    """Since 1970; exact to the microsecond, which a float of seconds is not."""
    return round(moment.timestamp() * 1e6) * 1000
