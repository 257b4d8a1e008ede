"""Where the embedded server differs from Ollama by design: that it does as it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import HELLO, SHORT, WINDOW, Target, read

pytestmark = pytest.mark.real_model

ONE = SHORT | {"num_predict": 1}


@shows("models-are-read-only")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/pull"),
        ("POST", "/api/push"),
        ("POST", "/api/create"),
        ("POST", "/api/copy"),
        ("DELETE", "/api/delete"),
        ("POST", f"/api/blobs/sha256:{'0' * 64}"),
    ],
)
def test_models_are_not_changed_over_http_and_the_error_says_how_else(embedded: Target, method: str, path: str) -> None:
    answer = read(embedded.http.request(method, path, json={"model": embedded.model}))
    assert answer.status == 501
    assert "`lexiquery models pull`" in answer.json["error"]
    assert embedded.post("/api/show", {"model": embedded.model}).status == 200


@shows("stays-loaded")
def test_a_model_stays_beyond_the_time_it_should_be_kept(embedded: Target) -> None:
    embedded.post("/api/generate", {"model": embedded.model, "options": SHORT, "keep_alive": "1ms"})
    (running,) = [model for model in embedded.http.get("/api/ps").json()["models"] if model["name"] == embedded.model]
    assert datetime.fromisoformat(running["expires_at"]) - datetime.now(UTC) > timedelta(days=365)


@shows("no-template", "no-context", "text-only")
@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"template": "{{ .Prompt }}"}, "template"),
        ({"context": [1, 2, 3]}, "context"),
        ({"images": ["aGVsbG8="]}, "images"),
        ({"suffix": "return result"}, "insert"),
        ({"think": True}, "thinking"),
        ({"raw": True, "system": "be brief"}, "raw mode"),
    ],
)
def test_what_would_change_the_answer_is_refused_by_name(embedded: Target, fields: dict[str, Any], named: str) -> None:
    answer = embedded.generate("hi", stream=False, **fields)
    assert answer.status == 400
    assert named in answer.json["error"]


@shows("no-context")
def test_an_answer_has_no_context_to_send_back(embedded: Target) -> None:
    assert "context" not in embedded.generate("hi", stream=False, options=ONE).json


@shows("text-only")
def test_tools_and_images_of_a_chat_are_refused(embedded: Target) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    messages = [{"role": "user", "content": "hi", "images": ["aGVsbG8="]}]
    answers = [embedded.chat("hi", tools=tools), embedded.chat("", messages=messages)]
    assert [answer.status for answer in answers] == [400, 400]
    assert embedded.post("/api/show", {"model": embedded.model}).json["capabilities"] == ["completion"]


@shows("beyond-the-window")
@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_beyond_the_window_is_refused_and_never_cut(embedded: Target, stream: bool) -> None:
    answer = embedded.chat("word " * (WINDOW + 1), stream=stream)
    assert answer.status == 413
    assert f"does not fit the context window of {WINDOW}" in answer.json["error"]


@shows("beyond-the-window")
def test_one_token_over_the_window_is_refused_and_one_less_is_read(embedded: Target) -> None:
    small, asked = 512, {"options": ONE | {"num_ctx": 512}, "stream": False}
    around = embedded.chat("word " * 10, **asked).json["prompt_eval_count"] - 10
    fits, over = (embedded.chat("word " * (tokens - around), **asked) for tokens in (small - 1, small))
    assert (fits.status, fits.json["prompt_eval_count"]) == (200, small - 1)
    assert (over.status, f"has {small} tokens" in over.json["error"]) == (413, True)


@shows("hardware-is-set-at-start")
def test_options_of_the_hardware_change_nothing_and_reload_nothing(embedded: Target) -> None:
    embedded.post("/api/generate", {"model": embedded.model, "options": SHORT})
    hardware = {"num_batch": 2, "num_gpu": 1, "main_gpu": 0, "use_mmap": True, "num_thread": 8, "numa": False}
    answer = embedded.generate(HELLO, stream=False, options=ONE | hardware)
    assert (answer.status, answer.json["load_duration"]) == (200, 0)


@shows("embeds-with-its-own-models")
def test_a_chat_model_embeds_nothing(embedded: Target) -> None:
    answer = embedded.post("/api/embed", {"model": embedded.model, "input": "hi"})
    assert (answer.status, answer.json) == (400, {"error": f'"{embedded.model}" does not support embeddings'})


@shows("embed-has-one-window")
def test_a_smaller_window_for_an_embedding_changes_nothing(embedded: Target) -> None:
    answer = embedded.embed("a b c d e", options={"num_ctx": 4})
    assert answer["prompt_eval_count"] == embedded.embed("a b c d e")["prompt_eval_count"] > 4


@shows("show-is-short")
def test_show_has_nothing_of_what_lies_in_the_model_s_file(embedded: Target) -> None:
    shown = embedded.post("/api/show", {"model": embedded.model, "verbose": True}).json
    assert not {"template", "parameters"} & shown.keys()
    assert not any(name.startswith("tokenizer.") for name in shown["model_info"])


@shows("no-openai-routes")
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings", "/v1/messages"])
def test_the_apis_of_others_are_not_here(embedded: Target, path: str) -> None:
    assert embedded.post(path, {"model": embedded.model}).status == 404
