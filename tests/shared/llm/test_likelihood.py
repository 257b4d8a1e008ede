"""How likely an answer was to the model: told by the server, kept on the ledger, the same from there."""

from __future__ import annotations

import math

import pytest

from shared.context import scoped
from shared.ledger import Ledger
from shared.llm.client import Models
from shared.llm.providers.base import Likelihood
from tests.scripted_ollama import ScriptedOllama
from tests.shared.llm.providers.conftest import HELLO

_THREE_WORDS = "select 1 one"


def test_it_is_the_mean_and_the_least_of_the_logarithms() -> None:
    assert Likelihood.of([-0.5, -1.5, -1.0]) == Likelihood(mean=-1.0, least=-1.5)
    assert Likelihood.of([1e-7]) == Likelihood(0.0, 0.0)  # a rounding


@pytest.mark.parametrize("told", [[], [-0.5, math.nan], [-math.inf], [-1e308, -1e308]])
def test_no_token_and_what_is_no_logarithm_tell_nothing(told: list[float]) -> None:
    assert Likelihood.of(told) is None


@pytest.mark.parametrize("journey", [None, "journey-1"])
async def test_an_answer_that_is_not_asked_for_again_is_as_likely_as_before(
    models: Models, ledger: Ledger, scripted_ollama: ScriptedOllama, journey: str | None
) -> None:
    """Across journeys from the cache, within one from its log."""
    scripted_ollama.reply, scripted_ollama.logprob = _THREE_WORDS, -0.25
    with scoped(journey_id=journey):
        first, second = [await models.chat(HELLO.messages, purpose="derive") for _ in range(2)]
    assert first.likelihood == second.likelihood == Likelihood(-0.25, -0.25)
    assert len(scripted_ollama.chats) == 1
    row = await ledger.call(first.call.id)
    assert row is not None
    assert (row.metadata["mean_logprob"], row.metadata["least_logprob"]) == (-0.25, -0.25)


async def test_of_a_server_that_tells_nothing_it_is_unknown(models: Models, scripted_ollama: ScriptedOllama) -> None:
    answer = await models.chat(HELLO.messages, purpose="derive")
    assert answer.likelihood is None
    assert "mean_logprob" not in answer.call.metadata
