"""What a model server must be able to do. Ollama, the embedded one and OpenAI-compatible servers are each one class."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.errors import ModelUnavailable, did_you_mean


class ModelMissing(ModelUnavailable):
    """The server answers, and has no such model or not for this use: nothing is wrong with it, and another may."""


@dataclass(frozen=True)
class ChatRequest:
    """messages: [{role, content}]. format: a JSON schema that the answer must match. num_ctx: the window, in tokens."""

    model: str
    messages: list[dict[str, str]]
    max_tokens: int
    num_ctx: int
    temperature: float = 0.0
    seed: int | None = None
    stop: tuple[str, ...] = ()
    format: dict[str, Any] | None = None


@dataclass(frozen=True)
class Likelihood:
    """How likely the tokens of an answer were to the model that wrote them: the mean and the least of the natural
    logarithms of their probabilities, 0 or less."""

    mean: float
    least: float

    @classmethod
    def of(cls, logprobs: Sequence[float]) -> Likelihood | None:
        """None of no token, and of what is no logarithm; one above 0 is a rounding of it."""
        if not logprobs or not math.isfinite(total := sum(logprobs)):
            return None
        return cls(min(0.0, total / len(logprobs)), min(0.0, *logprobs))


@dataclass(frozen=True)
class Reply:
    """What a chat came to. Times in seconds, counts in tokens as the server counted them; None where it did not say.

    prompt_tokens holds the cached ones too. finish: `length` when max_tokens stopped it, or when it was not read to its
    end because it repeated itself; the counts are then None, for servers tell them last.
    """

    text: str
    finish: Literal["stop", "length"] = "stop"
    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    load_seconds: float | None = None
    prompt_seconds: float | None = None
    generation_seconds: float | None = None
    likelihood: Likelihood | None = None


@dataclass(frozen=True)
class Vectors:
    """One vector a text, in order, of any length; counts and times as in Reply."""

    vectors: list[list[float]]
    prompt_tokens: int | None = None
    load_seconds: float | None = None
    prompt_seconds: float | None = None


@dataclass(frozen=True)
class Heard:
    """Told while a call runs: each piece of the answer as it comes, and each try that is made again."""

    piece: Callable[[str], None]
    retry: Callable[[], None]


class Provider(ABC):
    """One model server. Every method raises ModelUnavailable (unreachable, not installed, too slow, nonsense) or
    ContextExceeded; a cancelled call closes its connection, so that the server stops generating.

    name: by which settings, rates and the ledger know it. is_local: prompts stay on the user's own machines.
    """

    name: str
    is_local: bool

    @abstractmethod
    async def chat(self, request: ChatRequest, heard: Heard) -> Reply: ...

    @abstractmethod
    async def embed(self, model: str, texts: list[str], num_ctx: int, heard: Heard) -> Vectors:
        """A text beyond the model's window is embedded by its beginning."""

    @abstractmethod
    async def models(self) -> dict[str, str | None]:
        """Digest of each model that is there, by name; None where the server tells none."""

    @abstractmethod
    async def digest(self, model: str) -> str | None:
        """What exactly answers to that name; None when the server doesn't say. Asked once a minute at most."""

    async def window(self, model: str) -> int | None:
        """The longest context that the model there was made for, in tokens: asked for more, a server cuts a long prompt
        without a word. None where the server doesn't say. Asked once for each digest that `digest` has given."""
        return None

    def require(self, model: str, there: dict[str, str | None]) -> None:
        """Raises ModelMissing, naming the nearest fix, when `model` is not among those `there` (what models() gave)."""
        if model not in there:
            raise ModelMissing(f"'{self.name}' has no model '{model}'", suggestion=did_you_mean(model, there))

    @abstractmethod
    async def close(self) -> None: ...
