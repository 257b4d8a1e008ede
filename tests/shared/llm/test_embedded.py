"""The embedded server's face without a model: what it lists, and what it says to a wrong request."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.llm.embedded.app import embedded_app
from shared.llm.models import read_manifest


@pytest.fixture
async def face(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A folder that holds a (corrupt) chat model and a (corrupt) embedding model, both of the right size."""
    for model in read_manifest().models[1:3]:
        for file in model.files:
            with (tmp_path / file.file).open("wb") as out:
                out.truncate(file.size if file.size < 100_000_000 else 10)
    app = embedded_app(tmp_path, num_ctx=1024, threads=1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://embedded") as client:
        yield client


async def test_it_says_that_it_runs(face: httpx.AsyncClient) -> None:
    assert (await face.get("/")).text == "Ollama is running"
    assert "version" in (await face.get("/api/version")).json()


async def test_only_models_whose_files_are_whole_are_listed(face: httpx.AsyncClient) -> None:
    (listed,) = (await face.get("/api/tags")).json()["models"]
    assert (listed["name"], listed["size"], listed["details"]["family"]) == ("all-minilm:latest", 23394866, "bert")
    assert (await face.get("/api/ps")).json() == {"models": []}


async def test_show_tells_the_window_and_what_the_model_can_do(face: httpx.AsyncClient) -> None:
    shown = (await face.post("/api/show", json={"model": "all-minilm"})).json()
    assert shown["capabilities"] == ["embedding"]
    assert shown["model_info"]["bert.context_length"] == 512


CHAT = {"model": "qwen2.5-coder:0.5b", "messages": [{"role": "user", "content": "hi"}]}
SOON = "keep_alive: 'soon' is no duration; write 5m, 300 (seconds) or -1 (for ever)"
READ_ONLY = "the models of the embedded server are files: `lexiquery models pull` fetches them"


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {**CHAT, "model": "llama9"}, 404, "model 'llama9' not found"),
        ("/api/chat", {**CHAT, "model": "qwen2.5-coder:1.5b"}, 404, "model 'qwen2.5-coder:1.5b' not found"),
        ("/api/chat", {"messages": []}, 400, "model is required"),
        ("/api/chat", {**CHAT, "model": "all-minilm"}, 400, '"all-minilm" does not support chat'),
        ("/api/chat", {**CHAT, "tools": [{"type": "function"}]}, 400, '"qwen2.5-coder:0.5b" does not support tools'),
        ("/api/chat", {**CHAT, "think": True}, 400, '"qwen2.5-coder:0.5b" does not support thinking'),
        ("/api/chat", {**CHAT, "options": {"num_ctx": 0}}, 400, "options.num_ctx: Input should be greater than 0"),
        ("/api/embed", {"model": CHAT["model"], "input": "x"}, 400, '"qwen2.5-coder:0.5b" does not support embeddings'),
        ("/api/show", {"model": "llama9"}, 404, "model 'llama9' not found"),
        ("/api/show", {}, 400, "model is required"),
        ("/api/chat", {**CHAT, "keep_alive": "soon"}, 400, SOON),
        ("/api/pull", {"model": "llama9"}, 501, READ_ONLY),
        ("/api/train", {"model": "llama9"}, 404, "404 not found"),
    ],
)
async def test_a_wrong_request_gets_ollama_s_kind_of_error(
    face: httpx.AsyncClient, path: str, body: dict[str, Any], status: int, error: str
) -> None:
    answer = await face.post(path, json=body)
    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.mark.parametrize(("content", "error"), [(b"", "missing request body"), (b"{nonsense", "Invalid JSON")])
async def test_a_body_that_is_not_json_is_refused(face: httpx.AsyncClient, content: bytes, error: str) -> None:
    answer = await face.post("/api/chat", content=content)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(error)


@pytest.mark.parametrize(
    ("path", "body", "file"),
    [
        ("/api/chat", CHAT, "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
        ("/api/embed", {"model": "all-minilm", "input": "x"}, "all-minilm-l6-v2-int8.onnx"),
    ],
)
async def test_a_corrupt_model_file_is_named(
    face: httpx.AsyncClient, path: str, body: dict[str, Any], file: str
) -> None:
    answer = await face.post(path, json=body)
    assert answer.status_code == 500
    assert f"{file} is corrupt" in answer.json()["error"]


def test_onnxruntime_keeps_nothing_to_send_to_its_makers(tmp_path: Path) -> None:
    code = "from shared.llm.embedded.embedder import import_onnxruntime; import_onnxruntime()"
    subprocess.run([sys.executable, "-c", code], env={"HOME": str(tmp_path)}, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []
