"""Ollama's JSON: its requests as types, its errors, its answers. Source: github.com/ollama/ollama, docs/api.md."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator

Json = dict[str, Any]

# `1h30m`, `-1s`, `0`: Go's durations, which Ollama reads.
_DURATION = re.compile(r"[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h))+)")


class ApiError(Exception):
    """An answer `{"error": message}` with that status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Request(BaseModel):
    """Fields of Ollama's that are not named here change nothing in the answer, or are refused by the route.

    Strict: to Ollama a text is neither a number nor a yes. keep_alive: seconds or a duration; below zero is for ever.
    """

    model_config = ConfigDict(extra="ignore", strict=True)

    model: str = Field(min_length=1)
    keep_alive: float | str | None = None

    @field_validator("keep_alive")
    @classmethod
    def _readable(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, str) and not _DURATION.fullmatch(value):
            raise ValueError(f"'{value}' is no duration; write 5m, 300 (seconds) or -1 (for ever)")
        return value

    @property
    def unloads(self) -> bool:
        """Zero, in whatever form."""
        return self.keep_alive is not None and not re.search("[1-9]", str(self.keep_alive))


class Options(BaseModel):
    """What llama.cpp is told, by Ollama's names and with Ollama's defaults. num_predict: -1 is no limit."""

    model_config = ConfigDict(extra="ignore")

    num_ctx: int | None = Field(default=None, gt=0)
    num_predict: int = Field(default=-1, ge=-2)
    temperature: float = Field(default=0.8, ge=0)
    top_k: int = 40
    top_p: float = Field(default=0.9, ge=0, le=1)
    min_p: float = Field(default=0.0, ge=0, le=1)
    seed: int | None = None
    stop: list[str] | str = []
    repeat_penalty: float = 1.0
    repeat_last_n: int = 64
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0


class _Completion(_Request):
    stream: bool = True
    format: Literal["", "json"] | Json | None = None
    options: Options = Options()
    think: bool | str | None = None
    images: list[str] | None = None
    logprobs: bool = False
    top_logprobs: int = Field(default=0, ge=0, le=20)


class Message(BaseModel):
    model_config = ConfigDict(extra="ignore")

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    images: list[str] | None = None


class ChatRequest(_Completion):
    messages: list[Message] = []
    tools: list[Json] | None = None


class GenerateRequest(_Completion):
    prompt: str = ""
    system: str | None = None
    suffix: str | None = None
    template: str | None = None
    context: list[int] | None = None
    raw: bool = False


class EmbedRequest(_Request):
    input: str | list[str] = []
    truncate: bool = True
    dimensions: int | None = Field(default=None, gt=0)


class EmbeddingsRequest(_Request):
    prompt: str = ""


class ShowRequest(BaseModel):
    """`name` is what older clients call the model."""

    model: str = Field(min_length=1, validation_alias=AliasChoices("model", "name"))


def bad_body(error: ValidationError) -> ApiError:
    """`options.num_ctx: Input should be greater than 0`."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if place in ("model", "name") and first["type"] in ("missing", "string_too_short"):
        return ApiError(400, "model is required")
    message = first["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{place}: {message}" if place else message)


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
