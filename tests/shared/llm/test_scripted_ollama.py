"""The scripted server speaks Ollama's API as Ollama's own client reads it."""

from __future__ import annotations

import ollama
import pytest

from tests.scripted_ollama import ScriptedOllama


@pytest.fixture
def client(scripted_ollama: ScriptedOllama) -> ollama.Client:
    return ollama.Client(scripted_ollama.url)


def test_a_stream_ends_with_the_counts(scripted_ollama: ScriptedOllama, client: ollama.Client) -> None:
    scripted_ollama.reply = lambda request: f"echo {request['messages'][-1]['content']}"
    parts = list(client.chat("qwen2.5-coder:1.5b", [{"role": "user", "content": "two words"}], stream=True))
    assert "".join(part.message.content or "" for part in parts) == "echo two words"
    assert [part.done for part in parts] == [False, False, False, True]
    assert (parts[-1].prompt_eval_count, parts[-1].eval_count, parts[-1].done_reason) == (2, 3, "stop")


def test_generate_show_and_lists_answer(scripted_ollama: ScriptedOllama, client: ollama.Client) -> None:
    assert client.generate("qwen2.5-coder:1.5b", "hi").response == "ok"
    assert client.show("all-minilm").capabilities == ["completion"]
    assert [model.model for model in client.list().models] == scripted_ollama.models


def test_an_unknown_model_gets_ollama_s_error(client: ollama.Client) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'llama9' not found") as raised:
        client.embed("llama9", "x")
    assert raised.value.status_code == 404
