"""A real HTTP server in a thread that speaks Ollama's API and says what the test tells it to."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
Reply = Callable[[Json], str] | list[str] | str
DIMENSIONS = 384


class ScriptedOllama:
    """reply: what chat and generate answer: one text, a list used up in order, or a function of the request body.

    Attributes:
        requests: (path, body) of every POST, as they came; `chats` and `embeds` are the bodies by kind.
        models: names that are installed; any other gets Ollama's 404.
        counts: False leaves the token counts out, as an Ollama with a full prompt cache did.
        prompt_eval_count: reported instead of the real count, when set.
    """

    def __init__(self, reply: Reply = "ok") -> None:
        self.reply: Reply = reply
        self.models = ["qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b", "all-minilm:latest", "nomic-embed-text:latest"]
        self.requests: list[tuple[str, Json]] = []
        self.counts = True
        self.prompt_eval_count: int | None = None
        self.raw: str | None = None
        self.arrived = threading.Event()
        self._failures: list[tuple[int, str]] = []
        self._released = threading.Event()
        self._released.set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def chats(self) -> list[Json]:
        return [body for path, body in self.requests if path in ("/api/chat", "/api/generate")]

    @property
    def embeds(self) -> list[Json]:
        return [body for path, body in self.requests if path == "/api/embed"]

    def start(self) -> ScriptedOllama:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.release()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail(self, status: int = 500, error: str = "scripted failure", times: int = 1) -> None:
        """The next `times` POSTs get this status; 0 closes the connection without an answer."""
        self._failures += [(status, error)] * times

    def hang(self) -> None:
        """POSTs wait until `release`; `arrived` is set when one does."""
        self.arrived.clear()
        self._released.clear()

    def release(self) -> None:
        self._released.set()

    def take_failure(self) -> tuple[int, str] | None:
        with self._lock:
            return self._failures.pop(0) if self._failures else None

    def wait(self) -> None:
        self.arrived.set()
        self._released.wait()

    def answer(self, body: Json) -> str:
        with self._lock:
            if isinstance(self.reply, str):
                return self.reply
            if isinstance(self.reply, list):
                return self.reply.pop(0)
            return self.reply(body)


@contextmanager
def scripted_server(reply: Reply = "ok") -> Iterator[ScriptedOllama]:
    server = ScriptedOllama(reply).start()
    try:
        yield server
    finally:
        server.stop()


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def embedding(text: str) -> list[float]:
    """Hashed bag of words, unit length: texts that share words are near."""
    vector = [0.0] * DIMENSIONS
    for word in words(text):
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % DIMENSIONS] += 1.0
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def digest_of(model: str) -> str:
    return hashlib.sha256(model.encode()).hexdigest()


def _handler(script: ScriptedOllama) -> type[BaseHTTPRequestHandler]:
    return type("ScriptedHandler", (_Handler,), {"script": script})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two packets: Nagle would cost each answer 40 ms
    script: ScriptedOllama

    def do_GET(self) -> None:
        models = [
            {"name": name, "model": name, "digest": digest_of(name), "size": 1, "details": {"format": "gguf"}}
            for name in self.script.models
        ]
        pages: dict[str, Json] = {
            "/api/tags": {"models": models},
            "/api/version": {"version": "0.30.0"},
            "/api/ps": {"models": models},
        }
        if self.path in pages:
            self._json(pages[self.path])
        elif self.path == "/":
            self._send(200, b"Ollama is running", "text/plain")
        else:
            self._json({"error": "page not found"}, 404)

    def do_POST(self) -> None:
        body: Json = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.requests.append((self.path, body))
        self.script.wait()
        if failure := self.script.take_failure():
            self._fail(*failure)
        elif self.script.raw is not None:
            self._send(200, self.script.raw.encode(), "application/json")
        elif not self._installed(body["model"]):
            self._json({"error": f"model '{body['model']}' not found"}, 404)
        elif self.path in ("/api/chat", "/api/generate"):
            self._complete(body)
        elif self.path == "/api/embed":
            self._embed(body)
        elif self.path == "/api/show":
            self._json({"details": {"format": "gguf"}, "model_info": {}, "capabilities": ["completion"]})
        else:
            self._json({"error": "page not found"}, 404)

    def _complete(self, body: Json) -> None:
        text = self.script.answer(body)
        last = self._part(body, text, done=True)
        if not body.get("stream", True):
            self._json(last)
            return
        pieces = [self._part(body, piece, done=False) for piece in re.findall(r"\S+\s*|\s+", text)]
        lines = [*pieces, {**last, **self._text(body, "")}]
        self._send(200, b"".join(json.dumps(line).encode() + b"\n" for line in lines), "application/x-ndjson")

    def _part(self, body: Json, text: str, *, done: bool) -> Json:
        part = {"model": body["model"], "created_at": datetime.now(UTC).isoformat(), "done": done}
        part |= self._text(body, text)
        if done:
            prompt = " ".join(message["content"] for message in body.get("messages", [])) + body.get("prompt", "")
            limit = body.get("options", {}).get("num_predict", 1 << 30)
            part["done_reason"] = "length" if len(words(text)) >= limit else "stop"
            part |= self._counts(len(words(prompt)), len(words(text)))
        return part

    def _text(self, body: Json, text: str) -> Json:
        return {"response": text} if "prompt" in body else {"message": {"role": "assistant", "content": text}}

    def _embed(self, body: Json) -> None:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        counts = self._counts(sum(len(words(text)) for text in texts), None)
        self._json({"model": body["model"], "embeddings": [embedding(text) for text in texts], **counts})

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

    def _fail(self, status: int, error: str) -> None:
        if status:
            self._json({"error": error}, status)
        else:
            self.close_connection = True

    def _json(self, body: Json, status: int = 200) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, content: bytes, content_type: str) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True  # the client went away: that is what some tests do

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the test reads `requests`."""
