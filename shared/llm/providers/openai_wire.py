"""What servers of OpenAI's API answer, as types; llama.cpp's `timings` beside them. An unknown field is left alone.

Sources: platform.openai.com/docs/api-reference (chat, embeddings, models); llama.cpp's tools/server/README.md.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from shared.llm.providers.base import ChatRequest, Reply

TOO_LONG = frozenset(
    {
        "context_length_exceeded",  # `code` of OpenAI
        "exceed_context_size_error",  # `type` of llama.cpp
        "input_tokens",  # `param` of vLLM: what is wrong is the number of them
    }
)
_DONE = "[DONE]"


class Delta(BaseModel):
    content: str | None = None


class Choice(BaseModel):
    delta: Delta | None = None
    logprobs: Any = None
    finish_reason: str | None = None


class PromptDetails(BaseModel):
    cached_tokens: int | None = None


class Usage(BaseModel):
    """prompt_tokens holds the cached ones too."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None


class Timings(BaseModel):
    """llama.cpp's own: milliseconds, and tokens read now, found in its cache, and predicted."""

    cache_n: int | None = None
    prompt_n: int | None = None
    prompt_ms: float | None = None
    predicted_n: int | None = None
    predicted_ms: float | None = None


class Chunk(BaseModel):
    choices: list[Choice] = []
    usage: Usage | None = None
    timings: Timings | None = None
    error: Any = None


class Embedding(BaseModel):
    index: int
    embedding: list[float]


class Embeddings(BaseModel):
    data: list[Embedding]
    usage: Usage | None = None


class ModelName(BaseModel):
    id: str


class ModelNames(BaseModel):
    data: list[ModelName]


class Refusal(BaseModel):
    """An error's body. signs: what of it is made for programs to read; the message is for people."""

    message: str = ""
    code: str | int | None = None
    type: str | None = None
    param: str | None = None

    @property
    def signs(self) -> set[str | int | None]:
        return {self.code, self.type, self.param}

    @classmethod
    def of(cls, body: Any) -> Refusal:
        """From what stands in `error`, or in the whole body; as its message when it is neither's form."""
        try:
            return cls.model_validate(body.get("error", body) if isinstance(body, dict) else body)
        except ValidationError:
            return cls(message=str(body)[:200])


class NotOpenAI(ValueError):
    """The server sent what OpenAI's API does not have."""


async def chunks(response: httpx.Response) -> AsyncIterator[Chunk]:
    """The server-sent events of a streamed answer, to its `[DONE]`. Raises NotOpenAI or ValidationError."""
    async for line in response.aiter_lines():
        field, _, value = line.partition(":")
        if field == "error":  # older llama.cpp's
            field, value = "data", f'{{"error": {value}}}'
        if field == "data" and value.strip() != _DONE:
            yield Chunk.model_validate_json(value)
        elif field not in ("data", "", "event", "id", "retry"):
            raise NotOpenAI("a line that is no server-sent event")


def chat_body(request: ChatRequest, model: str, *, logprobs: bool) -> dict[str, Any]:
    """logprobs: whether to ask how likely the answer's tokens are to the model."""
    body: dict[str, Any] = {
        "model": model,
        "messages": request.messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if logprobs:
        body["logprobs"] = True
    if request.seed is not None:
        body["seed"] = request.seed
    if request.stop:
        body["stop"] = list(request.stop)
    if request.format is not None:
        schema = {"name": "answer", "schema": request.format}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def logprobs_of(choice: Choice) -> list[float]:
    """Of the chunk's tokens; none where the server tells them in another form: they are an extra."""
    try:
        return [float(token["logprob"]) for token in choice.logprobs["content"] or ()]
    except (TypeError, KeyError, ValueError, OverflowError):
        return []


def reply_of(finish: str | None, usage: Usage | None, timings: Timings | None) -> Reply:
    """Usage where it was sent, else what llama.cpp timed; None where neither says."""
    used, timed = usage or Usage(), timings or Timings()
    read = [count for count in (timed.prompt_n, timed.cache_n) if count is not None]
    cached = used.prompt_tokens_details.cached_tokens if used.prompt_tokens_details else None
    return Reply(
        text="",
        finish="length" if finish == "length" else "stop",
        prompt_tokens=_first(used.prompt_tokens, sum(read) if read else None),
        cached_tokens=_first(cached, timed.cache_n),
        completion_tokens=_first(used.completion_tokens, timed.predicted_n),
        prompt_seconds=_seconds(timed.prompt_ms),
        generation_seconds=_seconds(timed.predicted_ms),
    )


def asked_pause(headers: httpx.Headers) -> float | None:
    """Seconds of `Retry-After`, a number or a date (RFC 9110); None when it says neither."""
    value = headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _first(*counts: int | None) -> int | None:
    return next((count for count in counts if count is not None), None)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
