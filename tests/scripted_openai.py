"""A real HTTP server in a thread that speaks OpenAI's API: chat as server-sent events, embeddings, models.

Source: platform.openai.com/docs/api-reference.
"""

from __future__ import annotations

import json

from tests.scripted_server import Json, Reply, ScriptedHandler, ScriptedServer, Stream, embedding, pieces_of, words


class _Handler(ScriptedHandler):
    script: ScriptedOpenAI

    def get(self) -> None:
        if self.path == "/v1/models":
            models = [{"id": name, "object": "model", "created": 1, "owned_by": "test"} for name in self.script.models]
            self.send_json({"object": "list", "data": models})
        else:
            self.send_json(self.error_body(404, "no such page"), 404)

    def post(self, body: Json) -> None:
        if self.script.key and self.headers["Authorization"] != f"Bearer {self.script.key}":
            self.send_json(self.error_body(401, "Incorrect API key provided: sk-wrong"), 401)
        elif body["model"] not in self.script.models:
            self.send_json(self.error_body(404, f"The model `{body['model']}` does not exist"), 404)
        elif self.path == "/v1/chat/completions" and self.script.refused in body:
            error = {"message": "unexpected field", "type": "invalid_request_error", "param": self.script.refused}
            self.send_json(self.error_body(400, {**error, "code": 400}), 400)
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        elif self.path == "/v1/embeddings":
            self._embed(body)
        else:
            self.send_json(self.error_body(404, "no such page"), 404)

    def error_body(self, status: int, error: str | Json) -> Json:
        if isinstance(error, dict):
            return {"error": error}
        return {"error": {"message": error, "type": "invalid_request_error", "param": None, "code": None}}

    def _chat(self, body: Json) -> None:
        text = self.script.answer(body)
        pieces = [
            _event(self._chunk(body, {"content": piece}, told=self._logprobs(body, piece))) for piece in pieces_of(text)
        ]
        cut = len(words(text)) >= body["max_tokens"]
        last = self._chunk(body, {}, finish=self.script.finish or ("length" if cut else "stop"))
        usage = [] if not self.script.counts else [_event(self._chunk(body, None) | {"usage": self._usage(body, text)})]
        timings = [_event(self._chunk(body, None) | {"timings": self.script.timings})] if self.script.timings else []
        end = [_event(last), *usage, *timings, b"data: [DONE]\n\n"]
        error = _event({"error": {"message": "the engine died", "type": "InternalServerError", "code": 500}})
        head = (b": keep-alive\n\n", _event(self._chunk(body, {"role": "assistant", "content": ""})))
        broken = b'data: {"choices": [{"del\n\n'
        self.send_stream(Stream(pieces, end, broken=broken, error=error, head=head), "text/event-stream")

    def _logprobs(self, body: Json, piece: str) -> Json | None:
        if self.script.logprob is None or not body.get("logprobs"):
            return None
        return {"content": [{"token": piece, "logprob": self.script.logprob, "bytes": None, "top_logprobs": []}]}

    def _chunk(self, body: Json, delta: Json | None, finish: str | None = None, told: Json | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": told, "finish_reason": finish}
        choices = [] if delta is None else [choice]
        head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        return {**head, "choices": choices, "usage": None}

    def _usage(self, body: Json, text: str) -> Json:
        prompt = sum(len(words(message["content"])) for message in body["messages"])
        details = {} if self.script.cached is None else {"prompt_tokens_details": {"cached_tokens": self.script.cached}}
        return {"prompt_tokens": prompt, "completion_tokens": len(words(text)), **details}

    def _embed(self, body: Json) -> None:
        if self.script.window and any(len(text) > self.script.window for text in body["input"]):
            self.send_json(self.error_body(400, {"message": "too long", "code": "context_length_exceeded"}), 400)
            return
        data = [
            {"object": "embedding", "index": at, "embedding": embedding(text)} for at, text in enumerate(body["input"])
        ]
        count = sum(len(words(text)) for text in body["input"])
        usage = {"usage": {"prompt_tokens": count, "total_tokens": count}} if self.script.counts else {}
        self.send_json({"object": "list", "data": data[::-1], "model": body["model"], **usage})


class ScriptedOpenAI(ScriptedServer):
    """Attributes, besides those of every scripted server:

    models: names that are served; any other gets OpenAI's 404. key: what the client must send, when set.
    cached, timings: `prompt_tokens_details.cached_tokens` and llama.cpp's `timings`, when set.
    finish: the `finish_reason`, instead of that of the text's length. window: characters of the longest embedded text.
    `fail` takes a text as an error's message, or the whole `error` object.
    """

    handler = _Handler

    def __init__(self, reply: Reply = "ok") -> None:
        super().__init__(reply)
        self.models = ["qwen2.5-coder:1.5b", "nomic-embed-text"]
        self.key: str | None = None
        self.cached: int | None = None
        self.timings: Json | None = None
        self.finish: str | None = None
        self.window: int | None = None


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
