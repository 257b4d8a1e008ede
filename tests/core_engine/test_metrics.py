"""GET /metrics: what Prometheus scrapes, from the sums of the ledger."""

from __future__ import annotations

import httpx

from core_engine.bootstrap import LexiQuery
from core_engine.metrics import exposition
from core_engine.server import build_app
from shared.ledger import Ledger
from shared.ledger.statistics import Statistics
from tests.shared.ledger.calls import call

URL = "http://127.0.0.1:8000"
COUNTED = {"prompt_tokens": 12, "cached_tokens": 8, "completion_tokens": 3, "cost": 0.25, "currency": "EUR"}
LABELS = 'agent="kql",provider="ollama",model="m",operation="chat",purpose="derive",status="success"'


async def scraped(ledger: Ledger) -> list[str]:
    statistics = Statistics(ledger.engine)
    return exposition({}, await statistics.kinds(), await statistics.latencies()).splitlines()


async def test_calls_are_summed_by_everything_but_who_asked_and_in_which_journey(ledger: Ledger) -> None:
    for number in range(2):
        await ledger.add(call(f"c-{number}", status="success", total_seconds=1.5, journey_id=f"j-{number}", **COUNTED))
    text = await scraped(ledger)
    assert [line for line in text if LABELS in line] == [
        f'lexiquery_model_calls_total{{{LABELS},currency="EUR"}} 2',
        f'lexiquery_model_tokens_total{{{LABELS},currency="EUR",kind="prompt"}} 24',
        f'lexiquery_model_tokens_total{{{LABELS},currency="EUR",kind="cached"}} 16',
        f'lexiquery_model_tokens_total{{{LABELS},currency="EUR",kind="completion"}} 6',
        f'lexiquery_model_uncounted_calls_total{{{LABELS},currency="EUR"}} 0',
        f'lexiquery_model_seconds_total{{{LABELS},currency="EUR"}} 3.0',
        f'lexiquery_model_cost_total{{{LABELS},currency="EUR"}} 0.5',
        f'lexiquery_model_unpriced_calls_total{{{LABELS},currency="EUR"}} 0',
    ]
    assert "j-0" not in "".join(text)


async def test_what_nobody_counted_or_priced_is_no_0(ledger: Ledger) -> None:
    await ledger.add(call("a", status="success"))
    text = await scraped(ledger)
    assert [line for line in text if LABELS in line] == [
        f"lexiquery_model_calls_total{{{LABELS}}} 1",
        f"lexiquery_model_uncounted_calls_total{{{LABELS}}} 1",
        f"lexiquery_model_unpriced_calls_total{{{LABELS}}} 1",
    ]


async def test_what_a_cache_answered_took_nothing_and_saved_something(ledger: Ledger) -> None:
    await ledger.add(call("a", status="cached", currency="EUR", saved_tokens=15, saved_cost=0.25))
    samples = [line for line in await scraped(ledger) if 'status="cached"' in line and not line.endswith(" 0")]
    assert [line.partition("{")[0] for line in samples] == [
        "lexiquery_model_calls_total",
        "lexiquery_model_saved_tokens_total",
        "lexiquery_model_saved_cost_total",
    ]


async def test_durations_are_a_histogram_of_each_model(ledger: Ledger) -> None:
    for number, seconds in enumerate((0.03, 0.3, 0.3, 7.0, 1000.0)):
        await ledger.add(call(f"c-{number}", status="success", total_seconds=seconds))
    await ledger.add(call("cached", status="cached"))
    family = "lexiquery_model_call_duration_seconds"
    lines = [line for line in await scraped(ledger) if line.startswith(family)]
    assert lines == [
        *(
            f'{family}_bucket{{model="m",le="{bound}"}} {below}'
            for bound, below in zip(
                ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "20", "40", "80", "160", "320", "+Inf"),
                (1, 1, 1, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 5),
                strict=True,
            )
        ),
        f'{family}_sum{{model="m"}} {0.03 + 0.3 + 0.3 + 7.0 + 1000.0}',
        f'{family}_count{{model="m"}} 5',
    ]


async def test_a_name_with_marks_of_the_format_is_escaped_and_a_stranger_names_nothing(ledger: Ledger) -> None:
    await ledger.add(call("a", status="success", model='od"d\\m'))
    await ledger.add(call("peer:guest:1", status="success", model="a name that a stranger made up"))
    text = "\n".join(await scraped(ledger))
    assert 'model="od\\"d\\\\m"' in text
    assert "stranger" not in text


async def test_the_server_shows_its_journeys_too(lexiquery: LexiQuery) -> None:
    await lexiquery.state.ledger.add(call("a", status="success", total_seconds=1.5))
    transport = httpx.ASGITransport(build_app(lexiquery, URL))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
        await http.post("/api/v1/query", json={"question": "Which hosts are there?"})
        scrape = await http.get("/metrics")
    assert scrape.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'lexiquery_journeys{status="completed"} 1\n' in scrape.text
    assert f"lexiquery_model_calls_total{{{LABELS}}} 1\n" in scrape.text
