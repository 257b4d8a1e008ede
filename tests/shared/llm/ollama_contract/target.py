"""The server under test, and how it is asked: every request is seeded, short, and in one window, so nothing reloads."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx

from tests.conftest import SMALL_MODEL

Json = dict[str, Any]

# Read at import: inside a test the developer's environment is out of sight.
OLLAMA = os.environ.get("LEXIQUERY_CONTRACT_OLLAMA") or os.environ.get("OLLAMA_HOST")
MODEL = os.environ.get("LEXIQUERY_CONTRACT_MODEL", SMALL_MODEL)
EMBEDDING_MODEL = os.environ.get("LEXIQUERY_CONTRACT_EMBEDDING_MODEL", "all-minilm")

UNKNOWN = "no-such-model-9"
WINDOW = 16384
SHORT = {"num_ctx": WINDOW, "temperature": 0, "seed": 1, "num_predict": 8}
HELLO = "Say hello and count to one hundred."
# A box has a box in it: no text that ends fits this shape, so an answer goes on until the window is full, which takes
# many minutes on a CPU. A model that is asked to go on for ever stops by itself.
ENDLESS: Json = {
    "$ref": "#/$defs/box",
    "$defs": {"box": {"type": "object", "properties": {"box": {"$ref": "#/$defs/box"}}, "required": ["box"]}},
}
_LOOKS = 1000


@dataclass(frozen=True)
class Answer:
    """kind: its content type; lines: one object, or those of a stream; seconds: by the client's clock."""

    status: int
    kind: str
    lines: list[Json]
    seconds: float

    @property
    def json(self) -> Json:
        """The one object of an answer that is not a stream."""
        assert len(self.lines) == 1
        return self.lines[0]

    @property
    def last(self) -> Json:
        return self.lines[-1]

    @property
    def text(self) -> str:
        return "".join(text_of(line) for line in self.lines)


@dataclass(frozen=True)
class Target:
    """A server with one chat model and one embedding model."""

    name: str
    http: httpx.Client
    model: str
    embedding_model: str

    def post(self, path: str, body: Json) -> Answer:
        return read(self.http.post(path, json=body))

    def chat(self, content: str, /, **fields: Any) -> Answer:
        messages = [{"role": "user", "content": content}]
        return self.post("/api/chat", {"model": self.model, "messages": messages, "options": SHORT} | fields)

    def generate(self, prompt: str, /, **fields: Any) -> Answer:
        return self.post("/api/generate", {"model": self.model, "prompt": prompt, "options": SHORT} | fields)

    def embed(self, given: Any, /, **fields: Any) -> Json:
        answer = self.post("/api/embed", {"model": self.embedding_model, "input": given} | fields)
        assert answer.status == 200, answer.lines
        return answer.json

    def loaded(self) -> set[str]:
        """Names without the default tag."""
        models = self.http.get("/api/ps").json()["models"]
        return {model["name"].removesuffix(":latest") for model in models}

    def has_unloaded(self, name: str) -> bool:
        """Asked again and again: an Ollama may answer before it has let go."""
        return any(name not in self.loaded() for _ in range(_LOOKS))


def read(response: httpx.Response) -> Answer:
    kind = response.headers.get("content-type", "").partition(";")[0]
    lines = [json.loads(line) for line in response.text.splitlines() if line]
    return Answer(response.status_code, kind, lines, response.elapsed.total_seconds())


def text_of(line: Json) -> str:
    return str(line["message"]["content"] if "message" in line else line["response"])
