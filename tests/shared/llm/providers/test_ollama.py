"""What is Ollama's own: its options, its clocks, its digests, its words for what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from shared.errors import ContextExceeded, ModelUnavailable
from shared.llm.providers.base import ModelMissing
from shared.llm.providers.ollama import OllamaProvider
from tests.scripted_ollama import ScriptedOllama, digest_of
from tests.shared.llm.providers.conftest import HELLO, MODEL, Ears, asking, on_ollama


async def test_a_chat_is_streamed_with_the_window_and_all_options(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    await ollama.chat(asking(max_tokens=9, seed=7, stop=("```",), format={"type": "object"}), ears.heard)
    (sent,) = scripted_ollama.chats
    assert sent["options"] == {"num_ctx": 8192, "num_predict": 9, "temperature": 0.0, "seed": 7, "stop": ["```"]}
    assert (sent["stream"], sent["format"], sent["keep_alive"]) == (True, {"type": "object"}, "30m")


async def test_counts_and_seconds_are_the_server_s_own(ollama: OllamaProvider, ears: Ears) -> None:
    reply = await ollama.chat(HELLO, ears.heard)
    assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (5, 1, None)
    assert (reply.load_seconds, reply.prompt_seconds, reply.generation_seconds) == (0.01, 0.02, 0.01)


async def test_counts_that_the_server_left_out_are_unknown(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    scripted_ollama.counts = False
    reply = await ollama.chat(HELLO, ears.heard)
    vectors = await ollama.embed("all-minilm", ["a"], 8192, ears.heard)
    assert (reply.prompt_tokens, reply.completion_tokens, vectors.prompt_tokens) == (None, None, None)


async def test_embeddings_are_asked_with_the_window_too(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    vectors = await ollama.embed("all-minilm", ["a b", "c"], 4096, ears.heard)
    assert scripted_ollama.embeds[0]["options"] == {"num_ctx": 4096}
    assert (len(vectors.vectors), vectors.prompt_tokens) == (2, 3)
    assert vectors.load_seconds == 0.01
    assert vectors.prompt_seconds == pytest.approx(0.03)  # of 0.04 s in all


async def test_a_server_that_refuses_to_tell_logprobs_is_asked_without_from_then_on(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    scripted_ollama.refused = "logprobs"
    replies = await asyncio.gather(*(ollama.chat(HELLO, ears.heard) for _ in range(2)))
    assert [reply.text for reply in replies] == ["ok", "ok"]
    await ollama.chat(HELLO, ears.heard)
    asked = ["logprobs" in body for body in scripted_ollama.chats]
    assert asked[0]
    assert sum(asked) <= 2  # the second may have begun before the first was refused
    assert len(asked) - sum(asked) == 3


async def test_a_digest_is_asked_once(ollama: OllamaProvider, scripted_ollama: ScriptedOllama) -> None:
    assert [await ollama.digest(MODEL), await ollama.digest(MODEL)] == [digest_of(MODEL)] * 2
    assert await ollama.digest("all-minilm") == digest_of("all-minilm:latest")
    assert scripted_ollama.listed == 2


async def test_the_digest_of_a_model_that_is_pulled_later_is_found_then(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama
) -> None:
    assert await ollama.digest("new:1b") is None
    scripted_ollama.models.append("new:1b")
    assert await ollama.digest("new:1b") == digest_of("new:1b")


@pytest.mark.parametrize(("name", "command"), [("ollama", "ollama pull"), ("embedded", "lexiquery models pull")])
async def test_a_missing_model_names_the_command_that_gets_it(
    scripted_ollama: ScriptedOllama, ears: Ears, name: str, command: str
) -> None:
    provider = on_ollama(scripted_ollama.url, name=name)
    with pytest.raises(ModelMissing) as raised:
        await provider.chat(asking(model="llama9"), ears.heard)
    assert str(raised.value) == f"model 'llama9' is not installed; run `{command} llama9`"
    there = await provider.models()
    with pytest.raises(ModelMissing, match="not installed"):
        provider.require("llama9", there)
    provider.require("all-minilm", there)
    await provider.close()


async def test_a_dead_server_is_named_without_its_password(ears: Ears) -> None:
    provider = on_ollama("http://user:secret@127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match=r"http://127\.0\.0\.1:9 can't be reached") as raised:
        await provider.chat(HELLO, ears.heard)
    assert "secret" not in str(raised.value)
    assert ears.retries == 2
    await provider.close()


async def test_the_error_that_newer_ollamas_pass_on_from_llama_cpp_is_context_exceeded(
    ollama: OllamaProvider, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    scripted_ollama.fail(400, {"type": "exceed_context_size_error", "message": "request (9000 tokens) exceeds"})
    with pytest.raises(ContextExceeded, match="9000 tokens"):
        await ollama.chat(HELLO, ears.heard)


async def test_another_name_of_a_model_is_sent_where_the_server_has_one(
    scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    provider = on_ollama(scripted_ollama.url, names={"ours": MODEL})
    await provider.chat(asking(model="ours"), ears.heard)
    assert scripted_ollama.chats[0]["model"] == MODEL
    assert await provider.digest("ours") == digest_of(MODEL)
    provider.require("ours", await provider.models())
    await provider.close()
