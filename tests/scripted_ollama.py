"""A real HTTP server in a thread that speaks Ollama's API and says what the test tells it to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from tests.scripted_server import (
    DIMENSIONS,
    Json,
    Reply,
    ScriptedHandler,
    ScriptedServer,
    Stream,
    embedding,
    pieces_of,
    words,
)

__all__ = ["DIMENSIONS", "Json", "Reply", "ScriptedOllama", "digest_of", "embedding", "scripted_server", "words"]


def digest_of(model: str) -> str:
    return hashlib.sha256(model.encode()).hexdigest()


class _Handler(ScriptedHandler):
    script: ScriptedOllama
    at_once = frozenset({"/api/show"})

    def get(self) -> None:
        models = [
            {"name": name, "model": name, "digest": digest_of(name), "size": 1, "details": {"format": "gguf"}}
            for name in self.script.models
        ]
        pages: dict[str, Json] = {
            "/api/tags": {"models": models},
            "/api/version": {"version": "0.30.0"},
            "/api/ps": {"models": models},
        }
        self.script.listed += self.path == "/api/tags"
        if self.path in pages:
            self.send_json(pages[self.path])
        elif self.path == "/":
            self.send(200, b"Ollama is running", "text/plain")
        else:
            self.send_json({"error": "page not found"}, 404)

    def post(self, body: Json) -> None:
        if not self._installed(body["model"]):
            self.send_json({"error": f"model '{body['model']}' not found"}, 404)
        elif self.path == "/api/chat" and self.script.refused in body:
            self.send_json({"error": f"this server does not support {self.script.refused}"}, 400)
        elif self.path in ("/api/chat", "/api/generate"):
            self._complete(body)
        elif self.path == "/api/embed":
            self._embed(body)
        elif self.path == "/api/show":
            self.script.shown += 1
            info = {"general.architecture": "qwen2", "qwen2.context_length": self.script.window}
            self.send_json({"details": {"format": "gguf"}, "model_info": info, "capabilities": ["completion"]})
        else:
            self.send_json({"error": "page not found"}, 404)

    def error_body(self, status: int, error: str | Json) -> Json:
        return {"error": error}

    def _complete(self, body: Json) -> None:
        text = self.script.answer(body)
        last = self._part(body, text, done=True)
        if not body.get("stream", True):
            self.send_json(last)
            return
        pieces = [
            _line({**self._part(body, piece, done=False), **self._logprobs(body, piece)}) for piece in pieces_of(text)
        ]
        end = [_line({**last, **self._text(body, "")})]
        error = _line({"error": "an error was encountered while running the model"})
        self.send_stream(Stream(pieces, end, broken=b'{"message": {"ro\n', error=error), "application/x-ndjson")

    def _part(self, body: Json, text: str, *, done: bool) -> Json:
        part = {"model": body["model"], "created_at": datetime.now(UTC).isoformat(), "done": done}
        part |= self._text(body, text)
        if done:
            prompt = " ".join(message.get("content", "") for message in body.get("messages", [])) + body.get(
                "prompt", ""
            )
            limit = body.get("options", {}).get("num_predict", 1 << 30)
            part["done_reason"] = "length" if len(words(text)) >= limit else "stop"
            part |= self._counts(len(words(prompt)), len(words(text)))
        return part

    def _text(self, body: Json, text: str) -> Json:
        return {"response": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}

    def _logprobs(self, body: Json, piece: str) -> Json:
        if self.script.logprob is None or not body.get("logprobs"):
            return {}
        return {"logprobs": [{"token": piece, "logprob": self.script.logprob}]}

    def _embed(self, body: Json) -> None:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        counts = self._counts(sum(len(words(text)) for text in texts), None)
        counts.pop("prompt_eval_duration", None)  # Ollama tells none for an embedding
        self.send_json({"model": body["model"], "embeddings": [embedding(text) for text in texts], **counts})

    def _counts(self, prompt: int, completion: int | None) -> Json:
        durations = {"total_duration": 40_000_000, "load_duration": 10_000_000}
        if not self.script.counts:
            return durations
        counts = {"prompt_eval_count": self.script.prompt_eval_count or prompt, "prompt_eval_duration": 20_000_000}
        if completion is not None:
            counts |= {"eval_count": completion, "eval_duration": 10_000_000}
        return {**durations, **counts}

    def _installed(self, model: str) -> bool:
        return model in self.script.models or f"{model}:latest" in self.script.models


class ScriptedOllama(ScriptedServer):
    """Attributes, besides those of every scripted server:

    models: names that are installed; any other gets Ollama's 404.
    prompt_eval_count: reported instead of the real count, when set.
    window: the context that its models were made for, in tokens, when set.
    listed, shown: how often the models were asked for, and one of them.
    `chats` and `embeds` are the bodies of the requests by kind.
    """

    handler = _Handler

    def __init__(self, reply: Reply = "ok") -> None:
        super().__init__(reply)
        self.models = ["qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b", "all-minilm:latest", "nomic-embed-text:latest"]
        self.prompt_eval_count: int | None = None
        self.window: int | None = None
        self.listed = self.shown = 0

    @property
    def chats(self) -> list[Json]:
        return [body for path, body in self.requests if path in ("/api/chat", "/api/generate")]

    @property
    def embeds(self) -> list[Json]:
        return [body for path, body in self.requests if path == "/api/embed"]


@contextmanager
def scripted_server(reply: Reply = "ok") -> Iterator[ScriptedOllama]:
    server = ScriptedOllama(reply).start()
    try:
        yield server
    finally:
        server.stop()


def _line(part: Json) -> bytes:
    return json.dumps(part).encode() + b"\n"
