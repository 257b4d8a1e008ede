"""What the server has and holds: its lists, loading and unloading."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import SHORT, UNKNOWN, Target

pytestmark = pytest.mark.real_model

LISTED = {"name", "model", "size", "digest", "details"}


@shows("root:says-it-runs")
def test_the_root_says_that_ollama_runs(target: Target) -> None:
    answer = target.http.get("/")
    assert (answer.status_code, answer.text) == (200, "Ollama is running")
    head = target.http.head("/")
    assert (head.status_code, head.content) == (200, b"")


@shows("version:is-told")
def test_the_version_is_a_text(target: Target) -> None:
    answer = target.http.get("/api/version")
    assert answer.status_code == 200
    assert answer.json()["version"]


@shows("tags:list")
def test_the_models_are_listed_with_size_digest_and_details(target: Target) -> None:
    models = target.http.get("/api/tags").json()["models"]
    assert all(model.keys() >= LISTED | {"modified_at"} for model in models)
    assert all(model["size"] > 0 and len(model["digest"]) == 64 for model in models)
    assert all(datetime.fromisoformat(model["modified_at"]).tzinfo for model in models)
    names = {model["name"].removesuffix(":latest") for model in models}
    assert {target.model, target.embedding_model} <= names


@shows("names:latest-is-the-default-tag")
def test_a_name_without_a_tag_means_latest(target: Target) -> None:
    if ":" in target.embedding_model:
        pytest.skip(f"{target.embedding_model} has a tag")
    shown = [
        target.post("/api/show", {"model": name}).json
        for name in (target.embedding_model, f"{target.embedding_model}:latest")
    ]
    assert shown[0] == shown[1]


@shows("show:known")
def test_show_tells_details_the_window_and_what_a_model_can_do(target: Target) -> None:
    shown = target.post("/api/show", {"model": target.model}).json
    assert shown.keys() >= {"modelfile", "details", "model_info", "capabilities"}
    assert shown["details"].keys() >= {"format", "family", "families", "parameter_size", "quantization_level"}
    family = shown["model_info"]["general.architecture"]
    assert shown["model_info"][f"{family}.context_length"] > 0
    assert "completion" in shown["capabilities"]


@shows("show:unknown", "errors:unknown-model")
def test_show_of_an_unknown_model_is_not_found(target: Target) -> None:
    answer = target.post("/api/show", {"model": UNKNOWN})
    assert answer.status == 404
    assert UNKNOWN in answer.json["error"]


@shows("ps:list", "chat:load")
def test_a_chat_without_messages_loads_the_model_which_is_then_listed(target: Target) -> None:
    answer = target.post("/api/chat", {"model": target.model, "messages": [], "options": SHORT})
    assert (answer.json["done"], answer.json["done_reason"], answer.text) == (True, "load", "")
    assert answer.json["message"]["role"] == "assistant"
    running = target.http.get("/api/ps").json()["models"]
    assert all(model.keys() >= LISTED | {"expires_at", "size_vram"} for model in running)
    assert all(datetime.fromisoformat(model["expires_at"]).tzinfo for model in running)
    assert target.model in target.loaded()


@shows("generate:load")
def test_a_generate_without_a_prompt_loads_the_model_in_one_object(target: Target) -> None:
    answer = target.post("/api/generate", {"model": target.model, "options": SHORT})
    assert (answer.kind, answer.json["done"], answer.text) == ("application/json", True, "")
    assert target.model in target.loaded()


@shows("generate:unload", "ps:unloaded-is-gone")
def test_unloading_one_model_leaves_the_other(target: Target) -> None:
    target.post("/api/generate", {"model": target.model, "options": SHORT})
    target.embed("hi")
    answer = target.post("/api/generate", {"model": target.embedding_model, "keep_alive": 0})
    assert (answer.json["done"], answer.json["done_reason"], answer.text) == (True, "unload", "")
    assert target.has_unloaded(target.embedding_model)
    assert target.model in target.loaded()


@shows("embed:keep-alive")
def test_an_embedding_model_goes_after_an_answer_that_is_kept_for_no_time(target: Target) -> None:
    target.embed("hi")
    assert target.embedding_model in target.loaded()
    assert len(target.embed("hi", keep_alive="0s")["embeddings"]) == 1
    assert target.has_unloaded(target.embedding_model)


@shows("keep-alive:zero-unloads-afterwards", "chat:unload")
def test_a_model_goes_after_an_answer_that_is_kept_for_no_time_and_when_told_to(target: Target) -> None:
    one = SHORT | {"num_predict": 1}
    assert target.chat("hi", options=one, keep_alive=0).last["done_reason"] == "length"
    assert target.has_unloaded(target.model)
    assert target.chat("hi", options=one).last["load_duration"] > 0
    assert target.model in target.loaded()
    answer = target.post("/api/chat", {"model": target.model, "messages": [], "keep_alive": 0})
    assert (answer.json["done"], answer.json["done_reason"]) == (True, "unload")
    assert target.has_unloaded(target.model)


@shows("keep-alive:forms")
@pytest.mark.parametrize("keep_alive", ["10m", "1h30m", 3600, -1, "-1m"])
def test_a_model_is_kept_for_a_duration_some_seconds_or_for_ever(target: Target, keep_alive: Any) -> None:
    answer = target.post("/api/generate", {"model": target.model, "options": SHORT, "keep_alive": keep_alive})
    assert (answer.status, answer.json["done_reason"]) == (200, "load")
    assert target.model in target.loaded()


@shows("keep-alive:malformed", "errors:shape")
def test_a_time_to_keep_that_nobody_can_read_is_refused(target: Target) -> None:
    answer = target.post("/api/generate", {"model": target.model, "keep_alive": "soon"})
    assert answer.status == 400
    assert isinstance(answer.json["error"], str)


@shows("blobs:unknown")
def test_a_blob_that_nobody_pushed_is_not_there(target: Target) -> None:
    assert target.http.head(f"/api/blobs/sha256:{'0' * 64}").status_code == 404
