"""What is OpenAI's own: keys, usage, pauses that a server asks for, and its codes for what is wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from shared.errors import ContextExceeded, ModelUnavailable
from shared.llm.providers.base import ModelMissing
from shared.llm.providers.openai import OpenAIProvider
from shared.llm.providers.openai_wire import Choice, asked_pause, logprobs_of
from tests.scripted_openai import ScriptedOpenAI
from tests.shared.llm.providers.conftest import HELLO, MODEL, Ears, asking, on_openai


async def test_a_chat_is_streamed_with_its_options_and_asks_for_the_counts(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    await vllm.chat(asking(max_tokens=9, seed=7, stop=("```",), format={"type": "object"}), ears.heard)
    ((path, sent),) = scripted_openai.requests
    assert path == "/v1/chat/completions"
    assert sent == {
        "model": MODEL, "messages": HELLO.messages, "max_tokens": 9, "temperature": 0.0, "seed": 7, "stop": ["```"],
        "stream": True, "stream_options": {"include_usage": True}, "logprobs": True,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
    }  # fmt: skip
    assert "authorization" not in scripted_openai.headers[0]


async def test_tokens_from_the_server_s_cache_are_counted(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.cached = 3
    reply = await vllm.chat(HELLO, ears.heard)
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (5, 3, 1)
    assert (reply.load_seconds, reply.prompt_seconds, reply.generation_seconds) == (None, None, None)


async def test_counts_that_the_server_left_out_are_unknown(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.counts = False
    reply = await vllm.chat(HELLO, ears.heard)
    vectors = await vllm.embed("nomic-embed-text", ["a"], 8192, ears.heard)
    assert (reply.prompt_tokens, reply.completion_tokens, vectors.prompt_tokens) == (None, None, None)


async def test_llama_cpp_s_timings_give_seconds_and_what_usage_does_not_say(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.counts = False
    scripted_openai.timings = {
        "cache_n": 236,
        "prompt_n": 1,
        "prompt_ms": 30.0,
        "predicted_n": 35,
        "predicted_ms": 661.0,
    }
    reply = await vllm.chat(HELLO, ears.heard)
    assert (reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens) == (237, 236, 35)
    assert (reply.prompt_seconds, reply.generation_seconds) == (0.03, 0.661)


async def test_a_server_that_refuses_to_tell_logprobs_is_asked_without_from_then_on(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.refused = "logprobs"
    replies = [await vllm.chat(HELLO, ears.heard) for _ in range(2)]
    assert [(reply.text, reply.likelihood) for reply in replies] == [("ok", None)] * 2
    assert ["logprobs" in body for _, body in scripted_openai.requests] == [True, False, False]
    assert ears.retries == 1


@pytest.mark.parametrize("told", [None, {}, {"content": "none"}, {"content": [{"logprob": None}]}, [], "none"])
def test_logprobs_in_another_form_are_none(told: Any) -> None:
    assert logprobs_of(Choice(logprobs=told)) == []


async def test_two_chats_at_once_are_both_asked_again_without_logprobs(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.refused = "logprobs"
    replies = await asyncio.gather(*(vllm.chat(HELLO, ears.heard) for _ in range(2)))
    assert [reply.text for reply in replies] == ["ok", "ok"]


async def test_a_hosted_model_is_not_asked_for_logprobs(scripted_openai: ScriptedOpenAI, ears: Ears) -> None:
    hosted = on_openai(scripted_openai.url, is_local=False)
    await hosted.chat(HELLO, ears.heard)
    ((_, sent),) = scripted_openai.requests
    assert "logprobs" not in sent
    await hosted.close()


async def test_the_key_is_sent_and_a_wrong_one_names_the_command_that_sets_it(
    scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    keys = ["sk-wrong", "sk-right"]

    async def key() -> str | None:
        return keys[0]

    scripted_openai.key = "sk-right"
    provider = on_openai(scripted_openai.url, key=key)
    with pytest.raises(ModelUnavailable, match="the provider 'vllm' refused") as raised:
        await provider.chat(HELLO, ears.heard)
    assert "lexiquery providers set-key vllm" in str(raised.value)
    assert "sk-wrong" not in str(raised.value)
    keys.pop(0)
    assert (await provider.chat(HELLO, ears.heard)).text == "ok"
    await provider.close()


async def test_a_missing_model_names_the_nearest(vllm: OpenAIProvider, ears: Ears) -> None:
    with pytest.raises(ModelMissing) as raised:
        await vllm.chat(asking(model="qwen2.5-coder:15b"), ears.heard)
    assert str(raised.value) == "'vllm' has no model 'qwen2.5-coder:15b'; did you mean 'qwen2.5-coder:1.5b'?"
    with pytest.raises(ModelMissing, match="did you mean"):
        vllm.require("nomic-embed", await vllm.models())


async def test_a_route_that_a_model_lacks_is_told_from_a_missing_model(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.fail(404, "Not Found")
    with pytest.raises(ModelMissing, match=f"does not offer this use of its model '{MODEL}'"):
        await vllm.embed(MODEL, ["a"], 8192, ears.heard)


async def test_a_server_that_does_no_embeddings_lacks_the_model_for_them(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.fail(501, "This server does not support embeddings")
    with pytest.raises(ModelMissing, match="can't do that: This server does not support embeddings"):
        await vllm.embed(MODEL, ["a"], 8192, ears.heard)


async def test_an_address_without_the_api_says_so(scripted_openai: ScriptedOpenAI) -> None:
    provider = on_openai(f"{scripted_openai.url}/api")
    with pytest.raises(ModelUnavailable, match=r"no API of OpenAI's at http://127\.0\.0\.1:\d+/api; .* ends in /v1"):
        await provider.models()
    await provider.close()


TOO_LONG = [
    {"message": "9000 tokens", "code": "context_length_exceeded", "type": "invalid_request_error", "param": "messages"},
    {"message": "9000 tokens", "code": 400, "type": "exceed_context_size_error", "n_ctx": 8192},
    {"message": "9000 tokens", "code": 400, "type": "BadRequestError", "param": "input_tokens"},
]


@pytest.mark.parametrize("error", TOO_LONG, ids=["OpenAI", "llama.cpp", "vLLM"])
async def test_a_prompt_that_is_too_long_is_known_by_its_code(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears, error: dict[str, Any]
) -> None:
    scripted_openai.fail(400, error)
    with pytest.raises(ContextExceeded, match="9000 tokens"):
        await vllm.chat(HELLO, ears.heard)
    scripted_openai.fail(400, {"message": "the context length of your patience", "code": "other"})
    with pytest.raises(ModelUnavailable, match="HTTP 400"):
        await vllm.chat(HELLO, ears.heard)


async def test_a_text_beyond_the_window_is_embedded_by_its_beginning(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.window = 10
    found = await vllm.embed("nomic-embed-text", ["login failed again and again", "login"], 8192, ears.heard)
    sent = [body["input"] for _, body in scripted_openai.requests]
    assert sent[1:] == [["login failed again and again"], ["login failed a"], ["login f"], ["login"]]
    assert len(found.vectors) == 2


async def test_a_pause_that_the_server_asks_for_is_made_unless_it_is_long(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.fail(429, "slow down", Retry_After="0")
    assert (await vllm.chat(HELLO, ears.heard)).text == "ok"
    scripted_openai.fail(429, "slow down", Retry_After="3600")
    with pytest.raises(ModelUnavailable, match="slow down"):
        await vllm.chat(HELLO, ears.heard)
    assert (ears.retries, len(scripted_openai.requests)) == (1, 3)


async def test_a_spent_account_is_not_asked_again(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.fail(429, {"message": "no money left", "code": "insufficient_quota"})
    with pytest.raises(ModelUnavailable, match="no money left"):
        await vllm.chat(HELLO, ears.heard)
    assert ears.retries == 0


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None), ("", None)]
)
def test_retry_after_is_a_number_or_a_date(value: str, seconds: float | None) -> None:
    assert asked_pause(httpx.Headers({"Retry-After": value})) == seconds


async def test_a_withheld_answer_is_no_answer(
    vllm: OpenAIProvider, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    scripted_openai.finish = "content_filter"
    with pytest.raises(ModelUnavailable, match="content filter"):
        await vllm.chat(HELLO, ears.heard)


async def test_another_name_of_a_model_is_sent_where_the_server_has_one(
    scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    provider = on_openai(scripted_openai.url, names={"ours": MODEL})
    assert (await provider.chat(asking(model="ours"), ears.heard)).text == "ok"
    provider.require("ours", await provider.models())
    assert await provider.digest("ours") is None
    await provider.close()
