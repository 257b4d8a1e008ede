"""Requests that are wrong, and what the server still does after them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.shared.llm.ollama_contract.contract import shows
from tests.shared.llm.ollama_contract.target import UNKNOWN, Answer, Target, read

pytestmark = pytest.mark.real_model

POSTED = ["/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show"]
ASKING = {"messages": [{"role": "user", "content": "hi"}], "prompt": "hi", "input": "hi"}
"""Enough for each of them, but for the model."""


def refused(answer: Answer, status: int) -> str:
    """What it says, when it is an error as the docs have it."""
    assert (answer.status, answer.kind) == (status, "application/json")
    assert isinstance(answer.json["error"], str)
    return str(answer.json["error"])


@shows("errors:unknown-model", "errors:shape")
@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("stream", [True, False])
def test_an_unknown_model_is_not_found_and_named(target: Target, path: str, stream: bool) -> None:
    answer = target.post(path, {**ASKING, "model": UNKNOWN, "stream": stream})
    assert UNKNOWN in refused(answer, 404)


@shows("errors:missing-model", "errors:shape")
@pytest.mark.parametrize("model", [{}, {"model": ""}])
@pytest.mark.parametrize("path", POSTED)
def test_a_request_without_a_model_is_refused(target: Target, path: str, model: dict[str, Any]) -> None:
    assert "model" in refused(target.post(path, {**ASKING, **model}), 400)


@shows("errors:missing-body", "errors:shape")
@pytest.mark.parametrize("path", POSTED)
def test_a_request_without_a_body_is_refused(target: Target, path: str) -> None:
    refused(read(target.http.post(path)), 400)


@shows("errors:malformed-json", "errors:shape")
@pytest.mark.parametrize("body", [b"{nonsense", b'{"model": "a"', b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("path", POSTED)
def test_a_body_that_is_no_json_object_is_refused(target: Target, path: str, body: bytes) -> None:
    refused(read(target.http.post(path, content=body)), 400)


@shows("errors:wrong-type", "errors:shape")
@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("/api/chat", {"model": 5}),
        ("/api/chat", {"messages": "hi"}),
        ("/api/chat", {"messages": ["hi"]}),
        ("/api/chat", {"messages": [{"role": "user", "content": 5}]}),
        ("/api/chat", {"stream": "yes"}),
        ("/api/chat", {"options": "fast"}),
        ("/api/chat", {"keep_alive": True}),
        ("/api/chat", {"tools": "all"}),
        ("/api/generate", {"model": ["a"]}),
        ("/api/generate", {"prompt": 7}),
        ("/api/generate", {"system": ["be brief"]}),
        ("/api/generate", {"raw": "yes"}),
        ("/api/embed", {"input": 5}),
        ("/api/embed", {"input": [1, 2]}),
        ("/api/embed", {"truncate": "no"}),
        ("/api/embed", {"dimensions": "few"}),
        ("/api/embeddings", {"prompt": ["a", "b"]}),
        ("/api/show", {"model": 5}),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(target: Target, path: str, wrong: dict[str, Any]) -> None:
    model = target.embedding_model if "embed" in path else target.model
    refused(target.post(path, {**ASKING, "model": model, **wrong}), 400)


@shows("body:content-type-is-not-asked")
def test_a_body_is_read_whatever_its_content_type_says(target: Target) -> None:
    body = f'{{"model": "{target.model}"}}'
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert target.http.post("/api/show", content=body, headers=form).status_code == 200


@shows("errors:wrong-method")
@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/chat"), ("GET", "/api/generate"), ("DELETE", "/api/embed"), ("POST", "/api/tags"), ("PUT", "/")],
)
def test_a_route_asked_by_a_wrong_method_says_so(target: Target, method: str, path: str) -> None:
    assert target.http.request(method, path).status_code == 405


@shows("errors:unknown-route")
@pytest.mark.parametrize("path", ["/api/nothing", "/nothing", "/api/chat/more"])
def test_a_route_that_is_not_there_is_not_found(target: Target, path: str) -> None:
    assert target.http.post(path, json={}).status_code == 404


@shows("errors:the-server-goes-on")
def test_after_all_that_the_server_answers_as_before(target: Target, whole_chat: Answer) -> None:
    for body in (b"{nonsense", b"\x00" * 1000, b"[" * 100_000):
        target.http.post("/api/chat", content=body)
    assert target.http.get("/").text == "Ollama is running"
    assert whole_chat.status == 200
