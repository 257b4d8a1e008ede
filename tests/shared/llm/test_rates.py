"""A price comes from the rate card or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.calls import CallRecord
from shared.errors import InvalidInput
from shared.llm.rates import RateCard, TokenRate, price, read_card

WORKSTATION = {
    "name": "workstation",
    "providers": ["ollama"],
    "price": 2000,
    "life_years": 4,
    "utilisation": 0.25,
    "watts": 400,
    "idle_watts": 60,
    "pue": 1.2,
    "tariff_kwh": 0.30,
}
HOSTED = {"provider": "hosted", "model": "large", "prompt": 2.0, "completion": 10.0}


def call(**changes: Any) -> CallRecord:
    """10 seconds of computing on an Ollama, 30 on the wall."""
    known: dict[str, Any] = {
        "id": "a",
        "idempotency_key": "a",
        "journey_id": None,
        "agent": "sql",
        "operation": "chat",
        "purpose": "derive",
        "provider": "ollama",
        "model": "m",
        "status": "success",
        "started_at": datetime(2027, 1, 31, tzinfo=UTC),
        "total_seconds": 30.0,
        "load_seconds": 1.0,
        "prompt_seconds": 4.0,
        "generation_seconds": 5.0,
    }
    return CallRecord.model_validate(known | changes)


def paid(**changes: Any) -> CallRecord:
    return call(**{"provider": "hosted", "model": "large", "prompt_tokens": 5, "completion_tokens": 5} | changes)


def card(**sections: Any) -> RateCard:
    return RateCard.model_validate({"version": "7", "currency": "EUR"} | sections)


def cost(one: CallRecord, on: RateCard, **known: Any) -> float | None:
    found = price(one, on, **known)
    return found.cost if found else None


def test_a_call_costs_its_tokens() -> None:
    """A million at 2.00, and a tenth of a million at 10.00."""
    found = price(paid(prompt_tokens=1_000_000, completion_tokens=100_000), card(tokens=[HOSTED]))
    assert found
    assert (found.cost, found.currency, found.source, found.card) == (3.0, "EUR", "provider", "7")
    assert (found.energy, found.amortisation, found.idle) == (None, None, None)


@pytest.mark.parametrize(("cached", "expected"), [(400_000, 0.6 * 2.0 + 0.4 * 0.5), (None, 2.0), (0, 2.0)])
def test_cached_tokens_have_a_price_of_their_own_where_the_card_has_one(cached: int | None, expected: float) -> None:
    one = paid(prompt_tokens=1_000_000, cached_tokens=cached, completion_tokens=0)
    assert cost(one, card(tokens=[HOSTED | {"cached_prompt": 0.5}])) == pytest.approx(expected)
    assert cost(one, card(tokens=[HOSTED])) == pytest.approx(2.0)


@pytest.mark.parametrize("changes", [{"model": "small"}, {"provider": "ollama"}, {"completion_tokens": None}])
def test_without_a_rate_or_a_count_there_is_no_price(changes: dict[str, Any]) -> None:
    assert price(paid(**changes), card(tokens=[HOSTED])) is None


def test_an_embedding_needs_no_completion_tokens() -> None:
    embedding = paid(operation="embeddings", prompt_tokens=500_000, completion_tokens=None)
    assert cost(embedding, card(tokens=[HOSTED])) == pytest.approx(1.0)


def test_a_compute_second_is_one_of_the_server_not_of_the_wall() -> None:
    seconds = card(seconds=[{"provider": "ollama", "model": "*", "second": 0.02}])
    assert cost(call(), seconds) == pytest.approx(0.2)
    assert cost(call(load_seconds=None), seconds) == pytest.approx(0.18)
    assert cost(call(prompt_seconds=None), seconds) is None
    assert cost(call(generation_seconds=None), seconds) is None
    assert cost(call(operation="embeddings", generation_seconds=None), seconds) == pytest.approx(0.1)


def test_a_machine_costs_its_wear_its_energy_and_its_waiting() -> None:
    """Of 4 years it computes 1, 31,557,600 s: 2000 are 6.3376e-5 a second. 400 W for 10 s are 1/900 kWh, and 1.2 times
    that at 0.30 are 0.0004. For each second it waits 3, at 60 W: 1800 J, 1/2000 kWh, 0.00018."""
    found = price(call(), card(hardware=[WORKSTATION]))
    assert found
    assert (found.source, found.currency, found.card) == ("local", "EUR", "7")
    assert found.amortisation == pytest.approx(20_000 / 31_557_600)
    assert found.energy == pytest.approx(0.0004)
    assert found.idle == pytest.approx(0.00018)
    assert found.cost == pytest.approx(0.00063376 + 0.0004 + 0.00018, abs=1e-8)


def test_measured_joules_take_the_place_of_watts() -> None:
    """9000 J are 1/400 kWh: 1.2 times that at 0.30 are 0.0009."""
    found = price(call(), card(hardware=[WORKSTATION]), 9000.0)
    assert found
    assert found.energy == pytest.approx(0.0009)
    assert found.idle == pytest.approx(0.00018)


def test_without_the_servers_own_times_a_machine_has_no_price_even_if_energy_was_measured() -> None:
    assert price(call(prompt_seconds=None, generation_seconds=None), card(hardware=[WORKSTATION]), 9000.0) is None


def test_a_machine_that_always_computes_never_waits() -> None:
    found = price(call(), card(hardware=[WORKSTATION | {"utilisation": 1}]))
    assert found
    assert found.idle == 0.0


def test_the_rate_that_names_the_model_wins_then_the_providers_then_the_machine() -> None:
    named, any_model = HOSTED | {"provider": "ollama", "model": "m"}, HOSTED | {"provider": "ollama", "model": "*"}
    second = {"provider": "ollama", "model": "m", "second": 1.0}
    sections = {"tokens": [named, any_model], "seconds": [second], "hardware": [WORKSTATION]}
    every = card(**sections)
    assert every.rate("ollama", "m") == TokenRate.model_validate(named)
    assert every.rate("ollama", "other") == TokenRate.model_validate(any_model)
    assert card(**sections | {"tokens": [any_model]}).rate("ollama", "m") == every.seconds[0]
    assert card(hardware=[WORKSTATION]).rate("ollama", "m") == every.hardware[0]


def test_a_machine_is_chosen_by_the_host_that_makes_the_call() -> None:
    two = card(hardware=[WORKSTATION, WORKSTATION | {"name": "server", "hosts": ["rack-1"]}])
    workstation, server = two.hardware
    assert two.rate("ollama", "m", "rack-1") == server
    assert two.rate("ollama", "m", "desk") == workstation
    only = card(hardware=[WORKSTATION | {"hosts": ["rack-1"]}])
    assert only.rate("ollama", "m", "desk") is None
    assert cost(call(), only, host="rack-1") == pytest.approx(0.00121376, abs=1e-8)


def test_a_price_that_the_ledger_can_not_hold_is_none() -> None:
    assert price(call(), card(seconds=[{"provider": "ollama", "model": "*", "second": 1e9}])) is None


def test_the_shipped_card_prices_nothing() -> None:
    assert price(call(prompt_tokens=5, completion_tokens=5), read_card()) is None


@pytest.mark.parametrize(("written", "read"), [("2027-01-31", "2027-01-31"), ("7", "7"), ("'1.10'", "1.10")])
def test_a_version_may_be_a_day_or_a_number(tmp_path: Path, written: str, read: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(f"version: {written}\ncurrency: EUR\n")
    assert read_card(path).version == read


BROKEN = {
    "": "has no version and no currency; docs/costs.md shows a whole card",
    "version: [": "is not YAML: while parsing",
    "version: a": "currency: Field required; `currency` is one of ISO 4217's codes, such as EUR",
    "{version: 1.10, currency: EUR}": "version: Input should be a valid string; `version` is a text of your own",
    "{version: a, currency: euro}": "currency: String should match",
    "{version: a, currency: EUR, token: []}": "token: Extra inputs are not permitted; did you mean 'tokens'?",
    "{version: a, currency: EUR, tokens: [{provider: p, model: m, promt: 1, completion: 1}]}": (
        "tokens.0.prompt: Field required; `prompt` is the price of a million prompt tokens"
    ),
    "{version: a, currency: EUR, seconds: [{provider: p, model: m, second: -1}]}": (
        "seconds.0.second: Input should be greater than or equal to 0; `second` is the price of a second of computing"
    ),
    "{version: a, currency: EUR, seconds: [{provider: p, model: m, second: 1}, {provider: p, model: m, second: 2}]}": (
        "seconds of p m is there twice; leave one of them out"
    ),
    "{version: a, currency: EUR, hardware: [{utilisation: 25}]}": "hardware.0.name: Field required",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_card_that_can_not_be_used_is_named_with_its_field_and_what_it_should_be(tmp_path: Path, text: str) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput) as problem:
        read_card(path)
    assert str(path) in str(problem.value)
    assert BROKEN[text] in str(problem.value)


def test_a_card_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"can't read the rate card .*none\.yaml: No such file"):
        read_card(tmp_path / "none.yaml")


def test_a_utilisation_in_percent_is_refused_with_what_it_is() -> None:
    with pytest.raises(ValueError, match="less than or equal to 1"):
        card(hardware=[WORKSTATION | {"utilisation": 25}])
