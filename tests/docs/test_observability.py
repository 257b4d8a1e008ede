"""docs/observability.md names everything that is shown or sent."""

from __future__ import annotations

import re
from pathlib import Path

from core_engine.metrics import exposition
from shared.settings import Settings
from shared.telemetry import histograms
from shared.telemetry.otlp import FLUSH_SECONDS, METRICS_SECONDS, MOST_SPANS, SPANS_SECONDS
from shared.telemetry.spans import call_span, journey_span, task_span
from tests.shared.ledger.calls import NOW, call
from tests.shared.test_render import answer, cost

PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")


def test_every_family_is_on_the_page() -> None:
    families = re.findall(r"^# TYPE (\w+)", exposition({}, [], {}), re.MULTILINE)
    assert [name for name in families if f"`{name}`" not in PAGE] == []


def test_every_attribute_and_histogram_is_on_the_page() -> None:
    times = {"first_token_at": NOW, "queue_seconds": 0.5, "total_seconds": 1.0, "retries": 1}
    tokens = {"prompt_tokens": 2, "cached_tokens": 1, "completion_tokens": 1, "metadata": {"finish": "stop"}}
    money = {"cost": 0.5, "currency": "EUR", "cost_source": "local"}
    names = {"prompt_name": "plan", "prompt_version": "1", "model_digest": "d", "status": "success"}
    spans = [
        call_span(call("a", **times, **tokens, **money, **names), None),
        task_span("0" * 16, "kql", "query", "j1", NOW, NOW, "not_found"),
        journey_span(answer(status="failed", cost=cost(cost=1.0, currency="EUR")), NOW, NOW, "c1"),
    ]
    sent = {name for span in spans for name in span.attributes}
    sent |= {one.name for one in vars(histograms).values() if isinstance(one, histograms.Instrument)}
    assert len(sent) > 25
    assert {name for name in sent if not re.search(rf"`{re.escape(name)}[`=]", PAGE)} == set()


def test_the_figures_and_headers_of_the_page_are_those_of_the_code() -> None:
    told = (f"every {SPANS_SECONDS:g} seconds", f"{FLUSH_SECONDS:g} seconds at most", f"Up to {MOST_SPANS}\nspans")
    assert [one for one in told if one not in PAGE] == []
    assert METRICS_SECONDS == 60, "every minute"
    [headers] = re.findall(r"^LEXIQUERY_OTLP_HEADERS=(.*)$", PAGE, re.MULTILINE)
    assert Settings(otlp_headers=headers).otlp_header_values == {"authorization": "Bearer TOKEN"}
