"""What would save most is counted from the ledger, and what the ledger does not tell is not made up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.schema import CreateSchema, DropSchema

from core_engine.analysis_commands import cost_analyze, cost_card
from core_engine.cost_analysis import Saving, analyse
from core_engine.cost_commands import budgets, set_budget
from shared.calls import CallRecord
from shared.ledger import PEER, schema
from shared.ledger.tables import calls
from shared.settings import Settings

POSTGRESQL = "postgresql+asyncpg://root@127.0.0.1/test"
NOW = datetime(2027, 1, 31, 12, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """An empty ledger; on PostgreSQL in a schema of its own."""
    if request.param == "sqlite":
        yield engine
        return
    name = f"lexiquery_{uuid4().hex}"
    opened = create_async_engine(POSTGRESQL, connect_args={"server_settings": {"search_path": name}})
    try:
        async with opened.begin() as connection:
            await connection.execute(CreateSchema(name))
    except (DBAPIError, OSError) as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {error}")
    async with opened.begin() as connection:
        await connection.run_sync(schema.create_all, tables=[calls])
    yield opened
    async with opened.begin() as connection:
        await connection.execute(DropSchema(name, cascade=True))
    await opened.dispose()


def call(**changes: Any) -> dict[str, Any]:
    call_id = uuid4().hex
    known: dict[str, Any] = {
        "id": call_id,
        "idempotency_key": call_id,
        "journey_id": "j",
        "agent": "sql",
        "operation": "chat",
        "purpose": "derive",
        "provider": "ollama",
        "model": "m",
        "status": "success",
        "started_at": NOW - timedelta(hours=1),
    }
    record = CallRecord.model_validate(known | changes)
    return {**record.model_dump(), "day": record.started_at.date().isoformat()}


def asked(content: str, max_tokens: int = 512) -> str:
    return json.dumps({"messages": [{"role": "user", "content": content}], "options": {"num_predict": max_tokens}})


async def savings(engine: AsyncEngine, *rows: dict[str, Any]) -> dict[str, Saving]:
    """By kind, of which there is one at most."""
    async with engine.begin() as connection:
        await connection.execute(insert(calls), list(rows))
    found = await analyse(engine, days=30, now=NOW)
    assert len({one.kind for one in found}) == len(found)
    return {one.kind: one for one in found}


async def test_the_same_request_to_the_same_model_is_a_repeat_from_the_second_on(database: AsyncEngine) -> None:
    local = {"cost": 0.5, "currency": "EUR", "cost_source": "local"}
    first = call(request=asked("a"), started_at=NOW - timedelta(hours=2), prompt_tokens=90, total_seconds=9.0, **local)
    again = call(request=asked("a"), prompt_tokens=10, completion_tokens=2, total_seconds=1.5, **local)
    others = [
        call(request=asked("b"), prompt_tokens=7),
        call(request=asked("a"), model="other", prompt_tokens=7),
        call(request=None),
        call(request=None),
        call(request=asked("a"), status="cached", cache_of="x"),
    ]
    found = (await savings(database, first, again, *others))["repeated"]
    assert found.what == "sql, derive on m: 1 call asked again what had been answered before (1 different)"
    assert (found.calls, found.tokens, found.seconds) == (1, 12, 1.5)
    assert (found.cost, found.currency, found.unpriced_calls) == (0.5, "EUR", 0)


async def test_repeats_are_known_by_their_digest_where_no_text_is_kept(database: AsyncEngine) -> None:
    first, again, other = (call(request=None, metadata={"content": digest}) for digest in ("a", "a", "b"))
    assert (await savings(database, first, again, other))["repeated"].calls == 1


async def test_a_prompt_far_above_the_median_could_save_what_is_beyond_twice_of_it(database: AsyncEngine) -> None:
    """800 of 1000 tokens, hence 8 of the 10 seconds that they were read in, and 8 of 20 seconds' cost."""
    usual = [call(prompt_name="p", prompt_tokens=100, completion_tokens=10) for _ in range(20)]
    times = {"load_seconds": 1.0, "prompt_seconds": 10.0, "generation_seconds": 9.0}
    large = call(
        prompt_name="p", prompt_tokens=1000, **times, cost=2.0, currency="EUR", cost_source="local", rate_card="7"
    )
    found = (await savings(database, *usual, large))["oversized"]
    assert (found.calls, found.tokens, found.seconds) == (1, 800, 8.0)
    assert found.cost == pytest.approx(0.8)
    assert found.currency == "EUR"
    assert found.what == (
        "sql, derive on m (prompt p): 1 prompt of more than 2 times the median of 100 tokens; all of them are 100% of "
        "the prompt tokens, 152 tokens an answer"
    )


async def test_what_tokens_are_of_a_providers_price_is_not_told(engine: AsyncEngine) -> None:
    usual = [call(prompt_tokens=100) for _ in range(20)]
    large = call(prompt_tokens=1000, prompt_seconds=10.0, cost=2.0, currency="USD", cost_source="provider")
    found = (await savings(engine, *usual, large))["oversized"]
    assert (found.cost, found.unpriced_calls, found.seconds) == (None, 1, 8.0)


async def test_a_median_is_taken_of_enough_calls(engine: AsyncEngine) -> None:
    usual = [call(prompt_tokens=100, total_seconds=1.0) for _ in range(18)]
    assert await savings(engine, *usual, call(prompt_tokens=1000, total_seconds=50.0)) == {}


async def test_slow_calls_say_what_their_time_went_to(database: AsyncEngine) -> None:
    usual = [call(total_seconds=1.0, prompt_seconds=0.5, generation_seconds=0.5) for _ in range(20)]
    slow = call(total_seconds=12.0, queue_seconds=2.0, prompt_seconds=1.0, generation_seconds=7.0)
    found = (await savings(database, *usual, slow))["slow"]
    assert (found.calls, found.tokens, found.seconds, found.cost) == (1, None, 10.0, None)
    assert found.what == (
        "derive on m (ollama): 1 call took more than 2 times the median of 1.0 s (p95 1.0 s), 70% of it generation"
    )
    assert found.advice.startswith("a smaller model")


async def test_a_load_of_a_second_or_more_is_one_that_a_kept_model_saves(database: AsyncEngine) -> None:
    warm = call(load_seconds=0.02, total_seconds=16.0)
    cold = call(
        load_seconds=4.0,
        prompt_seconds=2.0,
        generation_seconds=2.0,
        total_seconds=8.5,
        cost=0.5,
        currency="EUR",
        cost_source="local",
    )
    found = (await savings(database, warm, cold))["cold"]
    assert (found.calls, found.seconds, found.cost) == (1, 4.0, 0.25)
    assert found.what.endswith("waited 1 s or more for the model to be loaded, 16% of all seconds")


@pytest.mark.parametrize(
    ("provider", "cure", "not_it"),
    [
        ("embedded", "`lexiquery up`", "OLLAMA"),
        ("ollama", "OLLAMA_MAX_LOADED_MODELS", "OLLAMA_KEEP_ALIVE="),
        ("vllm", "on that server", "OLLAMA"),
    ],
)
async def test_what_keeps_a_model_loaded_is_told_for_the_provider_that_has_it(
    engine: AsyncEngine, provider: str, cure: str, not_it: str
) -> None:
    usual = [call(provider=provider, total_seconds=1.0) for _ in range(20)]
    cold = call(provider=provider, load_seconds=9.0, total_seconds=9.5)
    found = await savings(engine, *usual, cold)
    for kind in ("cold", "slow"):
        assert cure in found[kind].advice
        assert not_it not in found[kind].advice


async def test_failed_calls_are_told_by_their_cause(database: AsyncEngine) -> None:
    rows = [call(status="error", error=f"model_unavailable: {why}", total_seconds=2.0) for why in ("gone", "busy")]
    found = (await savings(database, *rows))["failed"]
    assert found.what == "m (ollama): 2 calls failed with model_unavailable"
    assert (found.calls, found.tokens, found.seconds, found.cost, found.unpriced_calls) == (2, None, 4.0, None, 2)


async def test_a_lost_call_is_known_to_be_lost_and_nothing_else(engine: AsyncEngine) -> None:
    found = (await savings(engine, call(status="lost")))["failed"]
    assert found.what == "m (ollama): 1 call lost with the process"
    assert (found.tokens, found.seconds, found.cost) == (None, None, None)


async def test_tries_cost_the_time_that_the_server_does_not_account_for(database: AsyncEngine) -> None:
    times = {"queue_seconds": 1.0, "load_seconds": 0.5, "prompt_seconds": 1.5, "generation_seconds": 2.0}
    found = (await savings(database, call(retries=3, total_seconds=10.0, **times), call(retries=0)))["retried"]
    assert (found.calls, found.seconds) == (1, 5.0)
    assert found.what == "m (ollama): 1 call took 3 further tries"


async def test_an_answer_of_as_many_tokens_as_allowed_was_truncated(database: AsyncEngine) -> None:
    rows = [
        call(request=asked("a", 64), completion_tokens=64, total_seconds=2.0),
        call(request=asked("b", 64), completion_tokens=63),
        call(request=asked('say "num_predict": 3', 64), completion_tokens=5),
        call(request="not JSON", completion_tokens=64),
    ]
    found = (await savings(database, *rows))["truncated"]
    assert (found.calls, found.tokens, found.seconds) == (1, 64, 2.0)


async def test_repairs_are_told_with_their_share(engine: AsyncEngine) -> None:
    repair = call(purpose="repair", prompt_tokens=50, completion_tokens=5, total_seconds=3.0)
    found = (await savings(engine, repair, call(total_seconds=9.0)))["repaired"]
    assert found.what == "sql on m: 1 call repaired an earlier answer, 25% of all seconds"
    assert (found.calls, found.tokens, found.seconds) == (1, 55, 3.0)


async def test_calls_that_are_open_older_or_a_strangers_are_left_out(engine: AsyncEngine) -> None:
    wasteful = {"status": "error", "total_seconds": 5.0}
    rows = [
        call(status="pending", retries=2),
        call(started_at=NOW - timedelta(days=31), **wasteful),
        call(id=f"{PEER}kql:1", **wasteful),
    ]
    assert await savings(engine, *rows) == {}


async def test_the_greatest_saving_comes_first_by_seconds(engine: AsyncEngine) -> None:
    quick, slow = call(status="error", total_seconds=1.0), call(purpose="repair", total_seconds=9.0)
    assert list(await savings(engine, quick, slow, call(retries=1))) == ["repaired", "failed", "retried"]


async def test_a_cost_is_in_the_currency_of_most_priced_calls_and_the_others_have_no_price(
    database: AsyncEngine,
) -> None:
    costs = [(1.0, "EUR"), (2.0, "EUR"), (4.0, "USD"), (None, None), (None, "USD"), (None, "USD")]
    rows = [call(status="error", cost=cost, currency=currency, total_seconds=1.5) for cost, currency in costs]
    counted = call(status="error", prompt_tokens=7, completion_tokens=1, retries=0)
    found = (await savings(database, *rows, counted))["failed"]
    assert (found.cost, found.currency, found.unpriced_calls) == (3.0, "EUR", 5)
    assert (found.calls, found.seconds, found.tokens, found.uncounted_calls) == (7, 9.0, 8, 6)


async def test_each_finding_has_the_currency_of_its_own_calls(database: AsyncEngine) -> None:
    """After the card's currency changed: what is of the new one only has its whole cost."""
    same = {"request": asked("a"), "total_seconds": 1.0}
    first = call(**same, cost=1.0, currency="EUR", retries=1, started_at=NOW - timedelta(hours=2))
    old = [call(**same, cost=1.0, currency="EUR", retries=1) for _ in range(3)]
    new = [call(cost=0.5, currency="USD", purpose="repair", total_seconds=3.0) for _ in range(2)]
    found = await savings(database, first, *old, *new, call(**same, cost=9.0, currency="USD", retries=2))
    repaired, repeated, retried = found["repaired"], found["repeated"], found["retried"]
    assert (repaired.cost, repaired.currency, repaired.unpriced_calls) == (1.0, "USD", 0)
    assert repaired.what.endswith("55% of all seconds")
    assert repeated.what.endswith(": 4 calls asked again what had been answered before (1 different)")
    assert (repeated.calls, repeated.cost, repeated.currency, repeated.unpriced_calls) == (4, 3.0, "EUR", 1)
    assert (retried.cost, retried.currency, retried.unpriced_calls) == (None, None, 5)
    assert retried.what == "m (ollama): 5 calls took 6 further tries"


async def test_slow_and_oversized_calls_in_two_currencies_are_one_finding_each(database: AsyncEngine) -> None:
    usual = [call(prompt_tokens=100, total_seconds=1.0) for _ in range(20)]
    times = {"prompt_seconds": 10.0, "generation_seconds": 10.0, "total_seconds": 20.0, "queue_seconds": 0.5}
    paid = {"cost": 2.0, "cost_source": "provider", "currency": "EUR"}
    far = [call(prompt_tokens=1000, **times, **paid) for _ in range(2)]
    own = call(prompt_tokens=1000, **times, cost=2.0, cost_source="local", currency="USD")
    found = await savings(database, *usual, *far, own)
    oversized, slow = found["oversized"], found["slow"]
    assert (oversized.calls, oversized.tokens, oversized.seconds, oversized.uncounted_calls) == (3, 2400, 24.0, 0)
    assert oversized.cost == pytest.approx(0.8)
    assert (oversized.currency, oversized.unpriced_calls) == ("USD", 2)
    assert (slow.calls, slow.seconds, slow.cost, slow.unpriced_calls) == (3, 54.0, None, 3)
    assert slow.what.endswith("3 calls took more than 2 times the median of 1.0 s (p95 20.0 s), 49% of it prompt")


@pytest.fixture
def card(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A card for the model m, in the environment of a command."""
    path = tmp_path / "card.yaml"
    path.write_text("{version: '7', currency: EUR, tokens: [{provider: ollama, model: m, prompt: 1, completion: 1}]}\n")
    monkeypatch.setenv("LEXIQUERY_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("LEXIQUERY_RATE_CARD", str(path))
    return path


async def test_the_commands_say_what_would_save_and_what_has_no_price(engine: AsyncEngine, card: Path) -> None:
    recent = datetime.now(UTC) - timedelta(hours=1)
    rows = [
        call(started_at=recent, cost=0.25, currency="EUR"),
        call(started_at=recent, status="error", error="model_unavailable: gone", total_seconds=2.0),
        call(started_at=recent, status="cancelled", model="e", prompt_tokens=5, completion_tokens=1, total_seconds=1.5),
        call(started_at=recent, status="cancelled", model="e"),
        call(started_at=recent, model="e"),
        call(started_at=recent, model="f", status="cached"),
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(calls), rows)
    assert (await cost_analyze(30)).text == (
        "m (ollama): 1 call failed with model_unavailable\n"
        "  up to tokens unknown, 2.0 s, cost unknown (no price for 1 of 1)\n"
        "  `lexiquery cost calls` shows each with its error\n"
        "e (ollama): 2 calls cancelled\n"
        "  up to 6 tokens (without 1 uncounted), 1.5 s, cost unknown (no price for 2 of 2)\n"
        "  see which budget, timeout or client ends journeys early"
    )
    report = await cost_card()
    assert [(one.model, one.calls, one.unpriced_calls, one.by) for one in report.value.models] == [
        ("e", 3, 3, None),
        ("m", 2, 1, "tokens"),
    ]
    assert report.text.startswith(f"rate card 7 (EUR): 1 rate, {card}\n")


@pytest.mark.usefixtures("card")
async def test_a_cost_that_is_not_nothing_is_never_told_as_zero(engine: AsyncEngine) -> None:
    row = call(started_at=datetime.now(UTC), status="error", cost=2.437e-06, currency="EUR", total_seconds=2.0)
    async with engine.begin() as connection:
        await connection.execute(insert(calls), [row])
    assert "up to tokens unknown, 2.0 s, 2.437e-06 EUR\n" in (await cost_analyze(30)).text


@pytest.mark.usefixtures("card")
async def test_a_budget_of_money_names_the_card_s_currency(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await set_budget("day", {"money": 0.001}, 0.8)).text == "day: 0.001 EUR"
    assert " 0 of 0.001 EUR " in (await budgets()).text
    monkeypatch.delenv("LEXIQUERY_RATE_CARD")
    assert (await set_budget("day", {"money": 0.001}, 0.8)).text == "day: 0.001 money"
    assert "EUR" not in (await budgets()).text


async def test_without_a_call_there_is_nothing_to_save(card: Path) -> None:
    assert (await cost_analyze(7)).text == "nothing to save among the calls of the last 7 days"
    assert (await cost_card()).text.endswith("no call on the ledger yet")
