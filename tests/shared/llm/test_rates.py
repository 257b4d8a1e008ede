"""A price comes from the rate card or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.llm.rates import price, read_rates
from tests.shared.test_ledger import call

CARD = """
rates:
  - {provider: hosted, model: large, prompt: 2.0, completion: 10.0, currency: EUR}
"""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "rates.yaml"
    path.write_text(CARD)
    return path


def test_a_rated_call_costs_its_tokens(card: Path) -> None:
    paid = call("a", provider="hosted", model="large", prompt_tokens=1_000_000, completion_tokens=100_000)
    assert price(paid, read_rates(card)) == (3.0, "EUR")


@pytest.mark.parametrize("changes", [{"model": "small"}, {"provider": "ollama"}, {"completion_tokens": None}])
def test_without_a_rate_or_a_count_there_is_no_price(card: Path, changes: dict[str, object]) -> None:
    known = {"provider": "hosted", "model": "large", "prompt_tokens": 5, "completion_tokens": 5}
    assert price(call("a", **known | changes), read_rates(card)) is None


def test_a_local_model_has_no_price_on_the_shipped_card() -> None:
    assert price(call("a", prompt_tokens=5, completion_tokens=5), read_rates()) is None
