"""Ollama's JSON: its requests as types, its errors, its answers. Source: github.com/ollama/ollama, docs/api.md."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Json = dict[str, Any]


class ApiError(Exception):
    """An answer `{"error": message}` with that status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Request(BaseModel):
    """Fields of Ollama's that are not named here change nothing in the answer, or are refused by the route."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1)
    keep_alive: float | str | None = None


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
    raw: bool = False


class EmbedRequest(_Request):
    input: str | list[str] = []
    truncate: bool = True
    dimensions: int | None = Field(default=None, gt=0)


class EmbeddingsRequest(_Request):
    prompt: str = ""


class ShowRequest(BaseModel):
    model: str = ""
    name: str = ""


def bad_body(error: ValidationError) -> ApiError:
    """`options.num_ctx: Input should be greater than 0`."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    if place == "model":
        return ApiError(400, "model is required")
    return ApiError(400, f"{place}: {first['msg']}" if place else first["msg"])


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
