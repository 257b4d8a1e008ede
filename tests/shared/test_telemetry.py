"""Telemetry: what a collector gets of calls and tasks, one that is down or refuses, and none at all."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2
from pydantic import ValidationError
from structlog.testing import capture_logs

from shared.calls import CallRecord
from shared.errors import NotFound
from shared.ledger.recording import trace_of
from shared.settings import Settings
from shared.telemetry import Telemetry, open_telemetry
from shared.telemetry.otlp import Sender
from shared.telemetry.spans import journey_span_id
from tests.agents.serving import loopback_socket
from tests.otlp_collector import Collector, attributes, collecting
from tests.shared.ledger.calls import NOW, call

ENDED: dict[str, object] = {"status": "success", "trace_id": trace_of("j1"), "total_seconds": 1.5}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as opened:
        yield opened


def ended(call_id: str, **changes: object) -> CallRecord:
    return call(call_id, **(ENDED | changes))


async def told(collector: Collector, *records: CallRecord) -> None:
    telemetry = Telemetry(Sender(collector.url, {}))
    for record in records:
        telemetry.call_ended(record)
    await telemetry.close()


async def test_a_call_is_a_client_span_with_the_names_of_the_conventions(collector: Collector) -> None:
    counts = {"prompt_tokens": 120, "cached_tokens": 100, "completion_tokens": 9, "cost": 0.25, "currency": "EUR"}
    first = NOW + timedelta(seconds=0.5)
    await told(collector, ended("a", **counts, first_token_at=first, metadata={"finish": "stop"}))
    span = collector.named("chat m")
    assert (span.kind, span.status.code) == (trace_pb2.Span.SPAN_KIND_CLIENT, trace_pb2.Status.STATUS_CODE_UNSET)
    assert (span.end_time_unix_nano - span.start_time_unix_nano) == 1_500_000_000
    assert span.start_time_unix_nano // 1000 == round(NOW.timestamp() * 1e6)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (trace_of("j1"), journey_span_id("j1"))
    said = attributes(span)
    assert {name: value for name, value in said.items() if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.cache_read.input_tokens": 100,
        "gen_ai.usage.output_tokens": 9,
        "gen_ai.agent.name": "kql",
    }
    assert (said["lexiquery.cost"], said["lexiquery.currency"], said["lexiquery.purpose"]) == (0.25, "EUR", "derive")


async def test_the_two_histograms_have_the_conventions_bounds_and_no_journey(collector: Collector) -> None:
    failed = ended("b", status="error", error="model_unavailable: it is gone", total_seconds=0.01)
    await told(collector, ended("a", prompt_tokens=4, completion_tokens=5), failed, ended("c", operation="embeddings"))
    tokens = {attributes(one)["gen_ai.token.type"]: one for one in collector.points("gen_ai.client.token.usage")}
    durations = collector.points("gen_ai.client.operation.duration")
    assert list(durations[0].explicit_bounds)[:3] + list(durations[0].explicit_bounds)[-1:] == [0.01, 0.02, 0.04, 81.92]
    assert list(tokens["input"].explicit_bounds) == [4**power for power in range(14)]
    assert list(tokens["input"].bucket_counts)[:3] == [0, 1, 0], "4 is in the bucket up to 4"
    assert (tokens["output"].sum, tokens["output"].count) == (5, 1)
    of_failed = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "ollama", "gen_ai.request.model": "m"}
    assert of_failed | {"error.type": "model_unavailable"} in [attributes(one) for one in durations]
    assert sorted(one.sum for one in durations) == [0.01, 1.5, 1.5]
    assert b"j1" not in b"".join(one.SerializeToString() for one in collector.metrics)


async def test_a_failed_call_names_its_code_and_keeps_every_text_to_itself(collector: Collector) -> None:
    secrets = {"request": "the secret prompt", "response": "the secret answer", "user": "secret", "tags": ["secret"]}
    await told(collector, ended("a", status="error", error="context_exceeded: 'a secret' is too long", **secrets))
    span = collector.named("chat m")
    assert span.status.code == trace_pb2.Status.STATUS_CODE_ERROR
    assert attributes(span)["error.type"] == "context_exceeded"
    assert "gen_ai.response.model" not in attributes(span)
    assert b"secret" not in collector.bodies


async def test_what_a_cache_answered_is_a_span_and_no_operation_of_a_model(collector: Collector) -> None:
    await told(collector, ended("a", status="cached", total_seconds=None, saved_tokens=99))
    assert collector.named("chat m").kind == trace_pb2.Span.SPAN_KIND_INTERNAL
    assert collector.metrics == []


async def test_calls_of_a_task_are_its_children_and_those_outside_a_journey_have_their_own_trace(
    collector: Collector,
) -> None:
    telemetry = Telemetry(Sender(collector.url, {}))
    with suppress(NotFound), telemetry.agent_task("kql", "query", "j1"):
        telemetry.call_ended(ended("a"))
        raise NotFound("nothing there")
    telemetry.call_ended(ended("b", journey_id=None, trace_id=None, model="other"))
    await telemetry.close()
    task, alone = collector.named("invoke_agent kql"), collector.named("chat other")
    assert collector.named("chat m").parent_span_id == task.span_id
    assert (task.trace_id.hex(), task.parent_span_id.hex()) == (trace_of("j1"), journey_span_id("j1"))
    assert attributes(task)["error.type"] == "not_found"
    assert alone.trace_id != task.trace_id
    assert alone.parent_span_id == b""


async def test_a_cancelled_task_says_so(collector: Collector) -> None:
    telemetry = Telemetry(Sender(collector.url, {}))
    with pytest.raises(asyncio.CancelledError), telemetry.agent_task("kql", "query", "j1"):
        raise asyncio.CancelledError
    await telemetry.close()
    assert attributes(collector.named("invoke_agent kql"))["error.type"] == "cancelled"


async def test_the_variables_of_opentelemetry_change_nothing(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planner sets the first, or crewai would call home."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=another's")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("LEXIQUERY_OTLP_ENDPOINT", f"{collector.url}/")
    monkeypatch.setenv("LEXIQUERY_OTLP_HEADERS", "x-tenant=ops, x-key=a%20b%3D")
    telemetry = open_telemetry(Settings(data_dir=settings.data_dir))
    telemetry.call_ended(ended("a"))
    await telemetry.close()
    assert [path for path, _ in collector.requests] == ["/v1/traces", "/v1/metrics"]
    headers = collector.requests[0][1]
    assert (headers["x-tenant"], headers["x-key"], headers.get("authorization")) == ("ops", "a b=", None)
    assert headers["content-type"] == "application/x-protobuf"
    assert len(collector.spans) == 1


def test_wrong_headers_are_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(otlp_headers="authorization: Bearer s3cret")
    [problem] = refused.value.errors()
    assert "expected NAME=VALUE" in problem["msg"]
    assert "s3cret" not in problem["msg"]


async def test_a_dead_collector_costs_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    listener = loopback_socket()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    telemetry = Telemetry(Sender(f"http://user:s3cret@{address}", {}))
    with capture_logs() as logged:
        telemetry.call_ended(ended("a"))
        await telemetry.close()
    assert [(line["log_level"], line["event"]) for line in logged if "v1/traces" in line.get("collector", "")] == [
        ("warning", "the collector takes no telemetry")
    ]
    assert {"event": "spans were not sent", "log_level": "warning", "spans": 1} in logged
    assert "s3cret" not in str(logged)


async def test_a_collector_that_is_back_gets_what_it_missed(collector: Collector) -> None:
    collector.answers = [503, 503]
    sender = Sender(collector.url, {}, every=0.01)
    with capture_logs() as logged:
        Telemetry(sender).call_ended(ended("a"))
        assert await asyncio.to_thread(collector.taken.wait, 10)
        await Telemetry(sender).close()
    assert [span.name for span in collector.spans] == ["chat m"]
    assert [line["event"] for line in logged] == [
        "the collector takes no telemetry",
        "the collector takes telemetry again",
    ]


async def test_what_a_collector_refuses_for_good_is_not_sent_again(collector: Collector) -> None:
    collector.answers = [400]
    sender = Sender(collector.url, {}, every=0.01)
    with capture_logs() as logged:
        sender_of = Telemetry(sender)
        sender_of.call_ended(ended("a"))
        await sender_of.close()
    assert collector.spans == []
    assert [path for path, _ in collector.requests].count("/v1/traces") == 1
    assert [line["problem"] for line in logged] == ["HTTP 400"]


def test_without_a_collector_nothing_is_imported_or_opened() -> None:
    script = """
import sys, threading
from shared.settings import Settings
from shared.telemetry import open_telemetry
from tests.shared.ledger.calls import call
telemetry = open_telemetry(Settings())
telemetry.call_ended(call("a", status="success"))
with telemetry.agent_task("kql", "query", "j1"):
    pass
loaded = {name.partition(".")[0] for name in sys.modules} & {"opentelemetry", "httpx", "requests"}
print(sorted(loaded), [thread.name for thread in threading.enumerate()])
"""
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "PATH": ""}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout == "[] ['MainThread']\n"
