"""The embedded server as a process, with the real 0.5B model, through Ollama's own client and through plain HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from shared.llm.runtime import EmbeddedServer
from shared.settings import Settings
from tests.conftest import SMALL_MODEL
from tests.shared.llm.ollama_contract.target import ENDLESS as NEVER_ENDS

pytestmark = pytest.mark.real_model

HI = [{"role": "user", "content": "Say hello."}]
SHORT = {"num_ctx": 512, "temperature": 0, "seed": 1, "num_predict": 12}
# Left alone it writes until the window is full, for minutes: longer than the test may take.
ENDLESS = {
    "model": SMALL_MODEL,
    "messages": [{"role": "user", "content": "Boxes in boxes, in JSON."}],
    "format": NEVER_ENDS,
    "options": {"num_ctx": 32768, "temperature": 0, "num_predict": -1},
}


@pytest.fixture(scope="module")
def url(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for the module: loading is most of the time. One thread is fastest where tests run side by side."""
    data = tmp_path_factory.mktemp("data")
    server = EmbeddedServer(Settings(data_dir=data, model_dir=model_dir, model=SMALL_MODEL, model_threads=1))
    yield server.start()
    server.stop()


@pytest.fixture
def client(url: str) -> ollama.Client:
    return ollama.Client(url)


@pytest.fixture
def http(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, timeout=None) as opened:
        yield opened


def test_a_chat_tells_its_counts_and_times(client: ollama.Client) -> None:
    answer = client.chat(SMALL_MODEL, HI, options=SHORT)
    assert "hello" in (answer.message.content or "").lower()
    assert answer.done
    assert (answer.prompt_eval_count, answer.message.role) == (32, "assistant")
    assert answer.eval_count is not None
    assert 0 < answer.eval_count <= 12
    assert (answer.total_duration or 0) >= (answer.eval_duration or 0) > 0


def test_a_loaded_model_is_not_loaded_again_until_the_window_changes(client: ollama.Client) -> None:
    loads = [
        bool(client.chat(SMALL_MODEL, HI, options={**SHORT, "num_predict": 1, "num_ctx": window}).load_duration)
        for window in (256, 256, 512)
    ]
    assert loads == [True, False, True]


def test_a_prompt_in_the_cache_counts_in_full(client: ollama.Client) -> None:
    counts = {client.chat(SMALL_MODEL, HI, options=SHORT).prompt_eval_count for _ in range(2)}
    assert counts == {32}


def test_a_stream_is_the_same_text_in_pieces_with_the_counts_last(client: ollama.Client) -> None:
    whole = client.chat(SMALL_MODEL, HI, options=SHORT)
    parts = list(client.chat(SMALL_MODEL, HI, options=SHORT, stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].eval_count, parts[-1].done_reason) == (whole.eval_count, whole.done_reason)


def test_an_answer_stopped_by_num_predict_says_length(client: ollama.Client) -> None:
    answer = client.generate(SMALL_MODEL, "Count to 100.", options={**SHORT, "num_predict": 5})
    assert (answer.done_reason, answer.eval_count) == ("length", 5)


def test_a_stop_word_ends_the_answer(client: ollama.Client) -> None:
    answer = client.generate(SMALL_MODEL, "Count: 1, 2, 3,", raw=True, options={**SHORT, "stop": [" 5"]})
    assert answer.response == " 4,"
    assert answer.done_reason == "stop"


def test_a_json_schema_shapes_the_answer(client: ollama.Client) -> None:
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {"table": {"enum": ["SigninLogs", "Heartbeat"]}, "limit": {"type": "integer"}},
        "required": ["table", "limit"],
        "additionalProperties": False,
    }
    asked = [{"role": "user", "content": "Which table has failed sign-ins? At most 10 rows."}]
    answer = client.chat(SMALL_MODEL, asked, format=shape, options={**SHORT, "num_predict": 60})
    assert json.loads(answer.message.content or "").keys() == {"table", "limit"}


def test_format_json_gives_json(client: ollama.Client) -> None:
    answer = client.generate(
        SMALL_MODEL, "One colour as a JSON object.", format="json", options={**SHORT, "num_predict": 60}
    )
    assert isinstance(json.loads(answer.response or ""), dict)


def test_a_schema_that_llama_cpp_can_t_use_is_refused(http: httpx.Client) -> None:
    body = {"model": SMALL_MODEL, "messages": HI, "format": {"type": "no such type"}, "options": SHORT}
    answer = http.post("/api/chat", json=body)
    assert answer.status_code == 400
    assert "no such type" in answer.json()["error"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_beyond_the_window_is_an_error_never_cut(http: httpx.Client, stream: bool) -> None:
    long = [{"role": "user", "content": "word " * 600}]
    answer = http.post("/api/chat", json={"model": SMALL_MODEL, "messages": long, "options": SHORT, "stream": stream})
    assert answer.status_code == 413
    assert answer.json() == {"error": "the prompt has 630 tokens and does not fit the context window of 512"}


def test_a_client_that_leaves_mid_stream_frees_the_model(http: httpx.Client, client: ollama.Client) -> None:
    with http.stream("POST", "/api/chat", json=ENDLESS) as answer:
        assert json.loads(next(answer.iter_lines()))["done"] is False
    assert client.chat(SMALL_MODEL, HI, options=SHORT).done


def test_a_client_that_leaves_without_streaming_frees_the_model(http: httpx.Client, client: ollama.Client) -> None:
    with pytest.raises(httpx.ReadTimeout):
        http.post("/api/chat", json={**ENDLESS, "stream": False}, timeout=httpx.Timeout(None, read=0.5))
    assert client.chat(SMALL_MODEL, HI, options=SHORT).done


def test_an_embedding_does_not_wait_for_a_chat(http: httpx.Client, client: ollama.Client) -> None:
    with http.stream("POST", "/api/chat", json=ENDLESS) as answer:
        next(answer.iter_lines())
        assert len(client.embed("all-minilm", "disk full").embeddings) == 1


def test_an_empty_request_loads_and_unloads(client: ollama.Client) -> None:
    assert client.generate(SMALL_MODEL, options=SHORT).done_reason == "load"
    assert [model.model for model in client.ps().models if model.model == SMALL_MODEL] == [SMALL_MODEL]
    assert client.generate(SMALL_MODEL, keep_alive=0).done_reason == "unload"
    assert [model.model for model in client.ps().models if model.model == SMALL_MODEL] == []


def test_embeddings_put_like_texts_near_and_do_not_depend_on_their_neighbours(client: ollama.Client) -> None:
    texts = ["failed sign-ins by user", "login failures per account", "the disk is full", "disk " * 300]
    together = client.embed("all-minilm", texts)
    alone = client.embeddings("all-minilm", texts[1]).embedding
    first, second, third, fourth = together.embeddings
    assert dot(first, first) == pytest.approx(1.0)
    assert dot(first, second) > 0.5 > 0.2 > dot(first, third)
    assert dot(first, fourth) < dot(third, fourth)
    assert list(alone) == pytest.approx(list(second), abs=1e-6)
    assert together.prompt_eval_count == 21 + 302


def test_a_long_text_is_embedded_by_its_beginning_or_refused(client: ollama.Client) -> None:
    assert client.embed("all-minilm", "word " * 600).prompt_eval_count == 512
    with pytest.raises(ollama.ResponseError, match="exceeds the context length of 512"):
        client.embed("all-minilm", "word " * 600, truncate=False)


def test_fewer_dimensions_are_again_of_unit_length(client: ollama.Client) -> None:
    (vector,) = client.embed("all-minilm", "disk full", dimensions=64).embeddings
    assert len(vector) == 64
    assert dot(vector, vector) == pytest.approx(1.0)


def dot(left: Any, right: Any) -> float:
    return float(sum(a * b for a, b in zip(left, right, strict=True)))
