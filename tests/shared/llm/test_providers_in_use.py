"""The metered client on several providers: who answers, and what the ledger says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shared.context import scoped
from shared.errors import ModelUnavailable
from shared.ledger import Ledger
from shared.llm.providers import stream
from shared.llm.runtime import open_models
from shared.settings import Settings
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI

HELLO = [{"role": "user", "content": "how many failed sign-ins did alice@corp.example have from 10.1.2.3?"}]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BACKOFF_SECONDS", 0.0)


@pytest.fixture
def two(settings: Settings, scripted_ollama: ScriptedOllama) -> Settings:
    """A provider that is not there, and then an Ollama."""
    providers = {"vllm": "http://127.0.0.1:9/v1", "ollama": ""}
    return settings.model_copy(
        update={"providers": providers, "ollama_host": scripted_ollama.url, "embedding_model": "all-minilm"}
    )


async def test_the_next_provider_answers_and_both_tries_are_on_the_ledger(two: Settings, ledger: Ledger) -> None:
    async with open_models(two, ledger, ledger.engine) as models:
        with scoped(journey_id="j1"):
            completion = await models.chat(HELLO, purpose="derive")
    failed, made = await ledger.calls("j1")
    assert (failed.provider, failed.status, failed.prompt_tokens) == ("vllm", "error", None)
    assert (made.provider, made.status, made.metadata["after"]) == ("ollama", "success", ["vllm"])
    assert completion.call.id == made.id


async def test_when_every_provider_fails_the_first_one_s_reason_is_given(
    two: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    scripted_ollama.fail(500, times=3)
    async with open_models(two, ledger, ledger.engine) as models:
        with scoped(journey_id="j1"), pytest.raises(ModelUnavailable, match=r"127\.0\.0\.1:9"):
            await models.chat(HELLO, purpose="derive")
    assert [call.status for call in await ledger.calls("j1")] == ["error", "error"]


async def test_an_openai_compatible_server_is_counted_priced_and_timed(
    settings: Settings, ledger: Ledger, tmp_path: Path
) -> None:
    card = tmp_path / "card.yaml"
    card.write_text('{version: "1", currency: EUR, tokens: [{provider: lab, model: "*", prompt: 2, completion: 4}]}')
    server = ScriptedOpenAI().start()
    changes = {"providers": {"lab": server.url}, "rate_card": card}
    async with open_models(settings.model_copy(update=changes), ledger, ledger.engine) as models:
        with scoped(journey_id="j1"):
            await models.chat(HELLO, purpose="derive")
    server.stop()
    [call] = await ledger.calls("j1")
    assert call.prompt_tokens is not None
    assert call.completion_tokens is not None
    assert call.cost == pytest.approx((2 * call.prompt_tokens + 4 * call.completion_tokens) / 1e6)
    assert (call.provider, call.cost_source, call.rate_card, call.currency) == ("lab", "provider", "1", "EUR")
    assert call.first_token_at is not None
    assert call.started_at <= call.first_token_at
    assert call.queue_seconds is not None


async def test_a_provider_without_the_embedding_model_leaves_vectors_to_the_next(
    settings: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    server = ScriptedOpenAI().start()
    server.models = ["qwen2.5-coder:1.5b"]
    changes = {"providers": {"lab": server.url, "ollama": ""}, "ollama_host": scripted_ollama.url}
    async with open_models(settings.model_copy(update=changes), ledger, ledger.engine) as models:
        with scoped(journey_id="j1"):
            await models.chat(HELLO, purpose="derive")
            await models.embed([f"disk {number}" for number in range(70)], purpose="link")
        with scoped(journey_id="j2"):
            await models.embed(["disk 1"], purpose="link")
    server.stop()
    made = [(call.operation, call.provider, call.status) for call in await ledger.calls("j1")]
    assert made == [("chat", "lab", "success"), *[("embeddings", "ollama", "success")] * 2]
    [known] = await ledger.calls("j2")
    [*_, first] = await ledger.calls("j1")
    assert (known.status, known.provider, known.model_digest) == ("cached", "ollama", first.model_digest)


async def test_masked_texts_name_nobody_and_are_replayed_for_nobody(
    two: Settings, ledger: Ledger, scripted_ollama: ScriptedOllama
) -> None:
    masked = two.model_copy(update={"call_text": "masked", "providers": {}})
    async with open_models(masked, ledger, ledger.engine) as models:
        with scoped(journey_id="j1"):
            await models.chat(HELLO, purpose="derive")
    [call] = await ledger.calls("j1")
    assert json.loads(call.request or "")["messages"][0]["content"] == (
        "how many failed sign-ins did <mail> have from <address>?"
    )
    assert await ledger.replay(call.idempotency_key) is None
    assert scripted_ollama.chats[0]["messages"] == HELLO, "the model reads what was asked"


async def test_vectors_that_are_all_known_are_a_row_that_needed_no_model(two: Settings, ledger: Ledger) -> None:
    async with open_models(two.model_copy(update={"providers": {}}), ledger, ledger.engine) as models:
        for journey in ("j1", "j2"):
            with scoped(journey_id=journey):
                await models.embed(["disk full"], purpose="link")
    assert [call.status for call in [*await ledger.calls("j1"), *await ledger.calls("j2")]] == ["success", "cached"]
