"""`lexiquery cache`: what is kept, what it spared, and how to be rid of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from core_engine.cache_commands import cache_clear, cache_stats
from core_engine.state import State, open_state
from shared.calls import CallRecord
from shared.errors import SourceUnavailable
from shared.llm.caching import open_stores
from shared.settings import Settings


def hit(number: int, cost: float | None = None) -> CallRecord:
    return CallRecord(
        id=f"hit-{number}",
        idempotency_key=f"hit-{number}",
        journey_id="j",
        agent="kql",
        operation="chat",
        purpose="derive",
        provider="ollama",
        model="m",
        status="cached",
        started_at=datetime.now(UTC),
        completed_at=datetime.now(UTC),
        cache_of="call-1",
        saved_tokens=100,
        saved_seconds=1.5,
        saved_cost=cost,
        currency="EUR" if cost else None,
    )


@pytest.fixture
def _here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))


@asynccontextmanager
async def filled(settings: Settings) -> AsyncIterator[State]:
    """A state whose caches hold two answers and a vector."""
    async with open_state(settings) as state:
        stores = open_stores(settings, state.engine)
        await stores.responses.put("chat", {"a": b"x" * 10, "b": b"y" * 20})
        await stores.embeddings.put("m", {"a": b"aaaa"})
        yield state


@pytest.mark.usefixtures("_here")
async def test_stats_say_what_is_kept_and_what_it_spared(settings: Settings) -> None:
    async with filled(settings) as state:
        await state.ledger.merge([hit(1, cost=0.25), hit(2, cost=0.5), hit(3)])
    result = await cache_stats()
    assert [(line.cache, line.entries, line.bytes) for line in result.value.caches] == [
        ("responses", 2, 30),
        ("embeddings", 1, 4),
    ]
    assert result.text.splitlines()[-1] == "3 calls spared: 300 tokens, 4.5 s, 0.7500 EUR"


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize(("vectors", "others"), [(1, "other 1 was"), (3, "other 3 were")])
async def test_savings_say_of_how_many_calls_they_are(settings: Settings, vectors: int, others: str) -> None:
    nothing = {"saved_tokens": None, "saved_seconds": None, "operation": "embeddings", "cache_of": None}
    async with open_state(settings) as state:
        spared = [hit(3 + number).model_copy(update=nothing) for number in range(vectors)]
        await state.ledger.merge([hit(1, cost=2e-06), hit(2), *spared])
    result = await cache_stats()
    assert (result.value.saved.hits, result.value.saved.vectors) == (2 + vectors, vectors)
    said = f"{2 + vectors} calls spared: 200 tokens, 3.0 s, 2e-06 EUR"
    assert result.text.splitlines()[-1] == f"{said} (of 2; the {others} for vectors, which tell none of it)"


@pytest.mark.usefixtures("_here")
async def test_what_nobody_told_of_a_spared_call_is_unknown(settings: Settings) -> None:
    async with open_state(settings) as state:
        await state.ledger.merge([hit(1).model_copy(update={"saved_tokens": None, "saved_seconds": None})])
    assert (await cache_stats()).text.splitlines()[-1] == "1 call spared: tokens unknown, time unknown"


@pytest.mark.usefixtures("_here")
async def test_one_cache_is_cleared_or_both(settings: Settings) -> None:
    async with filled(settings):
        assert (await cache_clear(responses=True)).value == {"responses": 2}
        cleared = await cache_clear()
    assert cleared.value == {"responses": 0, "embeddings": 1}
    assert cleared.text.startswith("0 responses dropped; 1 embeddings dropped; ")


@pytest.mark.usefixtures("_here")
async def test_stats_say_why_answers_are_not_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_CALL_TEXT", "off")
    result = await cache_stats()
    assert "answers are kept in memory only: LEXIQUERY_CALL_TEXT is off" in result.text
    monkeypatch.setenv("LEXIQUERY_RESPONSE_CACHE_DAYS", "0")
    assert "answers are not kept: LEXIQUERY_RESPONSE_CACHE_DAYS is 0" in (await cache_stats()).text
    assert result.text.splitlines()[-1] == "no call was spared yet"


@pytest.mark.usefixtures("_here")
async def test_stats_of_a_redis_that_is_down_are_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEXIQUERY_CACHE_URL", "redis://:hush@127.0.0.1:1/0")
    with pytest.raises(SourceUnavailable, match=r"redis://127\.0\.0\.1:1/0") as raised:
        await cache_stats()
    assert "hush" not in str(raised.value)
