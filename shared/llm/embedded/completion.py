"""Chat and generate: Ollama's request to llama.cpp's, llama.cpp's events to Ollama's answer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from shared.llm.embedded.llama import Llama, Loaded
from shared.llm.embedded.wire import ApiError, ChatRequest, GenerateRequest, Json, Options, now

_NANOSECONDS = 1_000_000_000
_CHAT, _RAW = "/v1/chat/completions", "/completion"


async def complete(llama: Llama, wanted: Loaded, request: ChatRequest | GenerateRequest) -> AsyncIterator[Json]:
    """The answer in parts, as Ollama streams it; the last has `done` and the counts. Raises ApiError."""
    began, text = time.monotonic(), _text_of(request)
    path, body = _llama_request(request)
    head = {"model": request.model}
    async with llama.use(wanted, keep=not request.unloads) as load_seconds:
        reason, timings = "stop", None
        tokens: list[Json] = []  # of a character that has not ended yet
        async for event in llama.stream(path, body):
            piece, ended = _piece(event)
            reason = ended or reason
            timings = event.get("timings", timings)
            tokens += _logprobs(event, request.top_logprobs)
            if piece:
                yield {**head, "created_at": now(), **text(piece), "done": False, **_told(tokens)}
                tokens = []
    last = {**head, "created_at": now(), **text(""), "done": True, "done_reason": reason}
    yield last | _counts(timings, load_seconds, time.monotonic() - began)


async def whole(parts: AsyncIterator[Json]) -> Json:
    """The parts as one answer, for `"stream": false`."""
    pieces: list[Json] = [part async for part in parts]
    last = pieces[-1]
    if "message" in last:
        last["message"]["content"] = "".join(part["message"]["content"] for part in pieces)
    else:
        last["response"] = "".join(part["response"] for part in pieces)
    return last | _told([token for part in pieces for token in part.get("logprobs", ())])


def loads_only(request: ChatRequest | GenerateRequest) -> bool:
    """A request without any prompt asks to load the model, or with `keep_alive: 0` to unload it."""
    if isinstance(request, ChatRequest):
        return not request.messages
    return not request.prompt and not request.suffix


def nothing_said(request: ChatRequest | GenerateRequest, reason: str) -> Json:
    return {
        "model": request.model,
        "created_at": now(),
        **_text_of(request)(""),
        "done": True,
        "done_reason": reason,
    }


def check_supported(request: ChatRequest | GenerateRequest) -> None:
    """Raises ApiError 400: what would change the answer is refused, not passed over."""
    _check_model_can(request)
    if isinstance(request, GenerateRequest) and request.raw and (request.system or request.template or request.context):
        raise ApiError(400, "raw mode does not support template, system, or context")
    for field in ("template", "context"):
        if getattr(request, field, None):
            raise ApiError(400, f"the embedded server does not support {field}")


def _check_model_can(request: ChatRequest | GenerateRequest) -> None:
    """Ollama's own words for what a model can't do."""
    messages = request.messages if isinstance(request, ChatRequest) else []
    asked = {
        "tools": isinstance(request, ChatRequest) and bool(request.tools),
        "thinking": bool(request.think),
        "images": bool(request.images) or any(message.images for message in messages),
        "insert": isinstance(request, GenerateRequest) and bool(request.suffix),
    }
    for feature, wanted in asked.items():
        if wanted:
            raise ApiError(400, f'"{request.model}" does not support {feature}')


def _text_of(request: ChatRequest | GenerateRequest) -> Any:
    if isinstance(request, ChatRequest):
        return lambda piece: {"message": {"role": "assistant", "content": piece}}
    return lambda piece: {"response": piece}


def _llama_request(request: ChatRequest | GenerateRequest) -> tuple[str, Json]:
    body = _sampling(request.options) | _probabilities(request)
    if isinstance(request, GenerateRequest) and request.raw:
        return _RAW, {**body, "prompt": request.prompt, **_raw_format(request.format)}
    if isinstance(request, ChatRequest):
        messages = [{"role": message.role, "content": message.content} for message in request.messages]
    else:
        system = [{"role": "system", "content": request.system}] if request.system else []
        messages = [*system, {"role": "user", "content": request.prompt}]
    return _CHAT, {**body, "messages": messages, **_chat_format(request.format)}


def _sampling(options: Options) -> Json:
    known = options.model_dump(exclude={"num_ctx", "num_predict", "seed", "stop"})
    stop = [options.stop] if isinstance(options.stop, str) else options.stop
    # -2 is Ollama's "fill the window", which is what llama.cpp does without a limit when the window can't shift.
    body = {**known, "n_predict": max(options.num_predict, -1), "stop": stop}
    return body if options.seed is None else {**body, "seed": options.seed}


def _probabilities(request: ChatRequest | GenerateRequest) -> Json:
    """llama.cpp tells a token's probability along with the likeliest ones, of which it needs one at least."""
    return {"n_probs": max(request.top_logprobs, 1)} if request.logprobs else {}


def _chat_format(wanted: str | Json | None) -> Json:
    if not wanted:
        return {}
    if wanted == "json":
        return {"response_format": {"type": "json_object"}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": wanted}}}


def _raw_format(wanted: str | Json | None) -> Json:
    if not wanted:
        return {}
    return {"json_schema": {"type": "object"} if wanted == "json" else wanted}


def _piece(event: Json) -> tuple[str, str | None]:
    """Text and, in the last event, Ollama's reason for the end."""
    if "choices" in event:
        choices = event["choices"]
        if not choices:
            return "", None
        return choices[0]["delta"].get("content") or "", choices[0]["finish_reason"]
    ended = event.get("stop")
    return event.get("content", ""), ("length" if event.get("stop_type") == "limit" else "stop") if ended else None


def _logprobs(event: Json, alternatives: int) -> list[Json]:
    """The event's tokens as Ollama tells them, natural logarithms; the likeliest at each place where asked for."""
    choices = event.get("choices") or [{}]
    found = event.get("completion_probabilities") or (choices[0].get("logprobs") or {}).get("content") or []
    return [
        {
            **_token(one),
            **({"top_logprobs": [*map(_token, one["top_logprobs"][:alternatives])]} if alternatives else {}),
        }
        for one in found
    ]


def _token(one: Json) -> Json:
    return {"token": one["token"], "logprob": one["logprob"], "bytes": one["bytes"]}


def _told(tokens: list[Json]) -> Json:
    return {"logprobs": tokens} if tokens else {}


def _counts(timings: Json | None, load_seconds: float, total_seconds: float) -> Json:
    """Durations in nanoseconds. The prompt's tokens are those read now and those still in llama.cpp's cache."""
    times = {
        "total_duration": int(total_seconds * _NANOSECONDS),
        "load_duration": int(load_seconds * _NANOSECONDS),
    }
    if timings is None:
        return times
    return times | {
        "prompt_eval_count": timings["prompt_n"] + timings["cache_n"],
        "prompt_eval_duration": int(timings["prompt_ms"] / 1000 * _NANOSECONDS),
        "eval_count": timings["predicted_n"],
        "eval_duration": int(timings["predicted_ms"] / 1000 * _NANOSECONDS),
    }
