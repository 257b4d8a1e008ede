"""Both APIs, scripted, and a provider on each; a listener that writes down what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.llm.providers import stream
from shared.llm.providers.base import ChatRequest, Heard, Provider
from shared.llm.providers.configured import always
from shared.llm.providers.ollama import OllamaProvider
from shared.llm.providers.openai import OpenAIProvider
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI
from tests.scripted_server import ScriptedServer

MODEL = "qwen2.5-coder:1.5b"
HELLO = ChatRequest(MODEL, [{"role": "user", "content": "how many failed sign-ins"}], max_tokens=64, num_ctx=8192)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BACKOFF_SECONDS", 0.0)


class Ears:
    """pieces: of the answer, as they came; retries: how often a call was made again."""

    def __init__(self, on_piece: Callable[[], None] = lambda: None) -> None:
        self.pieces: list[str] = []
        self.retries = 0
        self.heard = Heard(piece=self._piece, retry=self._retry)
        self._on_piece = on_piece

    def _piece(self, text: str) -> None:
        self.pieces.append(text)
        self._on_piece()

    def _retry(self) -> None:
        self.retries += 1


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def scripted_openai() -> Iterator[ScriptedOpenAI]:
    server = ScriptedOpenAI().start()
    yield server
    server.stop()


@pytest.fixture
async def ollama(scripted_ollama: ScriptedOllama) -> AsyncIterator[OllamaProvider]:
    provider = on_ollama(scripted_ollama.url)
    yield provider
    await provider.close()


@pytest.fixture
async def vllm(scripted_openai: ScriptedOpenAI) -> AsyncIterator[OpenAIProvider]:
    provider = on_openai(scripted_openai.url)
    yield provider
    await provider.close()


Both = tuple[ScriptedServer, Provider]


@pytest.fixture(params=["ollama", "openai"])
def both(request: pytest.FixtureRequest) -> Both:
    """The server and its provider; a test that takes it runs on each."""
    names = {"ollama": ("scripted_ollama", "ollama"), "openai": ("scripted_openai", "vllm")}
    server, provider = (request.getfixturevalue(name) for name in names[request.param])
    return server, provider


def on_ollama(url: str, **changes: Any) -> OllamaProvider:
    return OllamaProvider(always(url), **{"timeout": 20.0, "idle_timeout": 20.0} | changes)


def on_openai(url: str, **changes: Any) -> OpenAIProvider:
    given: dict[str, Any] = {"key": no_key, "is_local": True, "timeout": 20.0, "idle_timeout": 20.0}
    return OpenAIProvider("vllm", url, **given | changes)


async def no_key() -> str | None:
    return None


def asking(**changes: Any) -> ChatRequest:
    return replace(HELLO, **changes)
