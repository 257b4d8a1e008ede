"""A server that speaks Ollama's API: an Ollama, or the embedded one. Source: github.com/ollama/ollama, docs/api.md."""

from __future__ import annotations

import math
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from http import HTTPStatus
from typing import Any, TypeVar, cast

import httpx
import ollama
from pydantic import ValidationError

from shared.errors import ContextExceeded, LexiQueryError, ModelUnavailable, first_problem
from shared.llm.providers.base import ChatRequest, Heard, ModelMissing, Provider, Reply, Vectors
from shared.llm.providers.egress import CONNECT_SECONDS, Egress
from shared.llm.providers.stream import LOOK, Part, Patience, Transient, in_time, listen, tried

T = TypeVar("T")
Connect = Callable[[], Awaitable[str]]
"""Gives the server's URL when it is ready; it may start it, and may raise ModelUnavailable."""

# What Ollama's client lets through for a body that is not JSON, not an object, or not of its fields.
_NOT_OLLAMA = (ValueError, TypeError, AttributeError, RecursionError)
_UNREACHED = (ConnectionError, httpx.RequestError)
_TRANSIENT = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_TOO_LONG = "exceed_context_size_error"
"""The type of llama.cpp's error for a prompt beyond the window, which newer Ollamas pass on."""
_LOGPROBS = "logprobs"
_KEEP_ALIVE = "30m"
_EMBEDDED_LOG = "see logs/embedded.log in the data directory"
_DIGEST_SECONDS = 60.0
"""After this a server is asked again what a name stands for: `ollama pull` may have brought another model."""
_NANOSECONDS = 1e9


class OllamaProvider(Provider):
    """hosted: whether it may be outside the user's network. names: what this server calls a model, where it differs."""

    def __init__(
        self,
        connect: Connect,
        *,
        name: str = "ollama",
        timeout: float,
        idle_timeout: float,
        hosted: bool = False,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.is_local = not hosted
        self._connect = connect
        self._patience = Patience(timeout, idle_timeout)
        self._names = names or {}
        self._logprobs = self.is_local  # hosted models that reason refuse to tell them, each in other words
        self._clients: dict[str, ollama.AsyncClient] = {}
        self._open = AsyncExitStack()
        self._digests: dict[tuple[str, str], tuple[float, str | None]] = {}
        self._windows: dict[tuple[str, str, str], int | None] = {}

    async def chat(self, request: ChatRequest, heard: Heard) -> Reply:
        async def once() -> Reply:
            parts = self._parts(await self._client(), model, request)
            return await listen(parts, request, heard, self._who(model), self._patience)

        model = self._theirs(request.model)
        return await tried(once, heard.retry)

    async def embed(self, model: str, texts: list[str], num_ctx: int, heard: Heard) -> Vectors:
        def ask(client: ollama.AsyncClient) -> Awaitable[ollama.EmbedResponse]:
            return client.embed(model=theirs, input=texts, options={"num_ctx": num_ctx}, keep_alive=_KEEP_ALIVE)

        theirs = self._theirs(model)
        answer = await self._whole(ask, theirs, heard.retry)
        if len(answer.embeddings) != len(texts):
            raise ModelUnavailable(f"'{theirs}' gave {len(answer.embeddings)} vectors for {len(texts)} texts")
        return Vectors(
            [list(vector) for vector in answer.embeddings],
            prompt_tokens=answer.prompt_eval_count,
            load_seconds=_seconds(answer.load_duration),
            prompt_seconds=_embedding_seconds(answer),
        )

    async def models(self) -> dict[str, str | None]:
        listed = await self._whole(lambda client: client.list(), None, lambda: None)
        return {model.model: model.digest for model in listed.models if model.model}

    async def digest(self, model: str) -> str | None:
        url, theirs = await self._connect(), self._theirs(model)
        told, found = self._digests.get((url, theirs), (-math.inf, None))
        if time.monotonic() - told < _DIGEST_SECONDS:
            return found
        there = await self.models()
        if not _is_there(theirs, there):
            return None  # it may be installed a moment later
        found = there.get(theirs, there.get(f"{theirs}:latest"))
        self._digests[url, theirs] = (time.monotonic(), found)
        return found

    async def window(self, model: str) -> int | None:
        theirs = self._theirs(model)
        place = (await self._connect(), theirs)
        _, digest = self._digests.get(place, (-math.inf, None))
        if digest is None:
            return None  # it did not answer a moment ago: the call will tell why
        if (*place, digest) not in self._windows:
            shown = await self._whole(lambda client: client.show(theirs), theirs, lambda: None)
            self._windows[*place, digest] = _window(shown.modelinfo or {})
        return self._windows[*place, digest]

    def require(self, model: str, there: dict[str, str | None]) -> None:
        """As everywhere; a name without a tag is that of `latest`."""
        theirs = self._theirs(model)
        if not _is_there(theirs, there):
            raise self._missing(theirs)

    async def close(self) -> None:
        self._clients.clear()
        await self._open.aclose()

    async def _parts(self, client: ollama.AsyncClient, model: str, request: ChatRequest) -> AsyncGenerator[Part, None]:
        asked: dict[str, Any] = {"messages": request.messages, "format": request.format, "options": _options(request)}
        asked |= {_LOGPROBS: True} if self._logprobs else {}
        try:
            stream = await client.chat(model=model, **asked, keep_alive=_KEEP_ALIVE, stream=True)
            async with aclosing(cast("AsyncGenerator[ollama.ChatResponse, None]", stream)) as chunks:
                async for chunk in chunks:
                    logprobs = [one.logprob for one in chunk.logprobs or ()]
                    yield Part(chunk.message.content or "", _reply(chunk) if chunk.done else None, logprobs)
        except (*_NOT_OLLAMA, *_UNREACHED, ollama.ResponseError) as error:
            problem = self._problem(error, model)
            if _LOGPROBS in asked and _LOGPROBS in str(error) and getattr(error, "status_code", 0) == 400:
                self._logprobs = False  # from now on: it can't tell them
                raise Transient(self._refused(cast("ollama.ResponseError", error), model)) from error
            raise problem from error

    async def _whole(
        self, ask: Callable[[ollama.AsyncClient], Awaitable[T]], model: str | None, on_retry: Callable[[], None]
    ) -> T:
        """The answer to a request that is not streamed."""

        async def once() -> T:
            client = await self._client()
            async with in_time(self._who(model), self._patience):
                try:
                    return await ask(client)
                except (*_NOT_OLLAMA, *_UNREACHED, ollama.ResponseError) as error:
                    raise self._problem(error, model) from error

        return await tried(once, on_retry)

    async def _client(self) -> ollama.AsyncClient:
        url = await self._connect()
        if url not in self._clients:
            client = ollama.AsyncClient(
                url,
                timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
                transport=Egress(self.name, hosted=not self.is_local),
                follow_redirects=False,
                trust_env=False,
            )
            self._clients[url] = await self._open.enter_async_context(client)
        return self._clients[url]

    def _problem(self, error: Exception, model: str | None) -> LexiQueryError | Transient:
        if isinstance(error, ollama.ResponseError):
            refused = self._refused(error, model)
            return Transient(refused) if error.status_code in _TRANSIENT else refused
        if isinstance(error, _UNREACHED):
            unreached = self._unreached(error)
            return Transient(unreached) if _is_transient(error) else unreached
        detail = first_problem(error) if isinstance(error, ValidationError) else error
        return ModelUnavailable(
            f"{self._who(model)} gave an answer that is not Ollama's: {detail}", suggestion=self._look()
        )

    def _refused(self, error: ollama.ResponseError, model: str | None) -> LexiQueryError:
        said: Any = error.error
        message = said.get("message", said) if isinstance(said, dict) else said
        too_long = isinstance(said, dict) and said.get("type") == _TOO_LONG
        if too_long or error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return ContextExceeded(str(message))
        if error.status_code == HTTPStatus.NOT_FOUND and model:
            return self._missing(model)
        # In the middle of a stream an error has no status of its own.
        status = f" (HTTP {error.status_code})" if error.status_code > 0 else ""
        broke = error.status_code <= 0 or error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
        look = self._look() if broke else None
        return ModelUnavailable(f"{self._who(model)} failed: {message}{status}", suggestion=look)

    def _unreached(self, error: Exception) -> ModelUnavailable:
        detail = str(error.__cause__ or error.__context__ or error) or type(error).__name__
        return ModelUnavailable(f"{self._who(None)} can't be reached: {detail}", suggestion=self._start())

    def _missing(self, model: str) -> ModelMissing:
        pull = "lexiquery models pull" if self.name == "embedded" else "ollama pull"
        return ModelMissing(f"model '{model}' is not installed", suggestion=f"run `{pull} {model}`")

    def _who(self, model: str | None) -> str:
        where = ", ".join(re.sub("[^/]*@", "", url) for url in self._clients) or "no address"  # no password
        who = f"model '{model}'" if model else "the model server"
        return f"{who} at {where}"

    def _look(self) -> str:
        return _EMBEDDED_LOG if self.name == "embedded" else LOOK

    def _start(self) -> str:
        if self.name == "embedded":
            return _EMBEDDED_LOG
        return "start Ollama there, or mend OLLAMA_HOST and LEXIQUERY_PROVIDERS (docs/providers.md)"

    def _theirs(self, model: str) -> str:
        return self._names.get(model, model)


def _embedding_seconds(answer: ollama.EmbedResponse) -> float | None:
    """For an embedding the servers tell the whole time and that of loading; the rest is the prompt's."""
    if answer.prompt_eval_duration is not None or answer.total_duration is None:
        return _seconds(answer.prompt_eval_duration)
    return _seconds(max(answer.total_duration - (answer.load_duration or 0), 0))


def _options(request: ChatRequest) -> dict[str, Any]:
    options: dict[str, Any] = {
        "num_ctx": request.num_ctx,
        "num_predict": request.max_tokens,
        "temperature": request.temperature,
    }
    if request.seed is not None:
        options["seed"] = request.seed
    return {**options, "stop": list(request.stop)} if request.stop else options


def _reply(last: ollama.ChatResponse) -> Reply:
    """What Ollama counted; it gives durations in nanoseconds."""
    return Reply(
        text="",
        finish="length" if last.done_reason == "length" else "stop",
        prompt_tokens=last.prompt_eval_count,
        completion_tokens=last.eval_count,
        load_seconds=_seconds(last.load_duration),
        prompt_seconds=_seconds(last.prompt_eval_duration),
        generation_seconds=_seconds(last.eval_duration),
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _window(about: Mapping[str, Any]) -> int | None:
    found = about.get(f"{about.get('general.architecture')}.context_length")
    return found if isinstance(found, int) and found > 0 else None


def _is_there(model: str, there: dict[str, str | None]) -> bool:
    return model in there or f"{model}:latest" in there


def _is_transient(error: Exception) -> bool:
    return isinstance(error, ConnectionError | httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)
