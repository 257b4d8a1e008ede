"""The wire to a model server that speaks Ollama's API: retries what is transient, names what is wrong."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TypeVar

import httpx
import ollama
from pydantic import ValidationError

from shared.errors import ContextExceeded, LexiQueryError, ModelUnavailable

# What Ollama's client lets through for a body that is not JSON, not an object, or not of its fields.
_NOT_OLLAMA = (json.JSONDecodeError, ValidationError, TypeError, AttributeError)

T = TypeVar("T")
Connect = Callable[[], Awaitable[str]]

RETRIES = 2
_BACKOFF_SECONDS = 0.25
_WHEN_LATE = "on a slow or busy machine raise LEXIQUERY_MODEL_TIMEOUT or name a smaller LEXIQUERY_MODEL"
_CONNECT_SECONDS = 10.0
_TRANSIENT = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class Connection:
    """One model server. connect: gives its URL when it is ready; it may start it, and may raise ModelUnavailable."""

    def __init__(self, connect: Connect, *, provider: str, timeout: float) -> None:
        self._connect = connect
        self._provider = provider
        self._timeout = timeout
        self._clients: dict[str, ollama.AsyncClient] = {}
        self._open = AsyncExitStack()
        self._digests: dict[tuple[str, str], str | None] = {}

    async def send(
        self, request: Callable[[ollama.AsyncClient], Awaitable[T]], *, model: str | None, on_retry: Callable[[], None]
    ) -> T:
        """The server's answer, after at most RETRIES more tries. Raises LexiQueryError."""
        for tries_left in reversed(range(RETRIES + 1)):
            try:
                return await self._once(request)
            except (ConnectionError, httpx.TransportError, ollama.ResponseError) as error:
                if not tries_left or not _is_transient(error):
                    raise self._problem(error, model) from error
            except TimeoutError as error:
                late = f"{_who(model)} did not answer within {self._timeout:g} s"
                raise ModelUnavailable(late, suggestion=_WHEN_LATE) from error
            except _NOT_OLLAMA as error:
                raise ModelUnavailable(f"{_who(model)} gave an answer that is not Ollama's: {error}") from error
            on_retry()
            await asyncio.sleep(_BACKOFF_SECONDS * (RETRIES - tries_left + 1) * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter, not a secret
        raise AssertionError("the last try returns or raises")

    async def models(self) -> dict[str, str | None]:
        """Digest of each model that is there, by name."""
        listed = await self.send(lambda client: client.list(), model=None, on_retry=lambda: None)
        return {model.model: model.digest for model in listed.models if model.model}

    async def digest(self, model: str) -> str | None:
        """What exactly answers to that name; None when the server doesn't say."""
        url = await self._connect()
        if (url, model) not in self._digests:
            self._digests[url, model] = named(model, await self.models())
        return self._digests[url, model]

    def require(self, model: str, there: dict[str, str | None]) -> None:
        """Raises ModelUnavailable when `model` is not among those `there`."""
        if named(model, there, default="missing") == "missing":
            raise self._missing(model)

    async def close(self) -> None:
        self._clients.clear()
        await self._open.aclose()

    async def _once(self, request: Callable[[ollama.AsyncClient], Awaitable[T]]) -> T:
        url = await self._connect()
        if url not in self._clients:
            # No proxy from the environment: a prompt goes to the named server and to nobody else.
            timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
            client = ollama.AsyncClient(url, timeout=timeout, trust_env=False)
            self._clients[url] = await self._open.enter_async_context(client)
        async with asyncio.timeout(self._timeout):
            return await request(self._clients[url])

    def _problem(self, error: Exception, model: str | None) -> LexiQueryError:
        if not isinstance(error, ollama.ResponseError):
            detail = str(error.__cause__ or error) or type(error).__name__
            where = ", ".join(re.sub("[^/]*@", "", url) for url in self._clients) or "no address"  # no password
            return ModelUnavailable(f"the model server at {where} can't be reached: {detail}", suggestion=self._start())
        if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return ContextExceeded(error.error)
        if error.status_code == HTTPStatus.NOT_FOUND and model:
            return self._missing(model)
        return ModelUnavailable(f"{_who(model)} failed: {error.error} (HTTP {error.status_code})")

    def _missing(self, model: str) -> ModelUnavailable:
        pull = "lexiquery models pull" if self._provider == "embedded" else "ollama pull"
        return ModelUnavailable(f"model '{model}' is not installed", suggestion=f"run `{pull} {model}`")

    def _start(self) -> str:
        if self._provider == "embedded":
            return "see logs/embedded.log in the data directory"
        return "start Ollama there, or unset OLLAMA_HOST to use the embedded model"


def _who(model: str | None) -> str:
    return f"model '{model}'" if model else "the model server"


def named(model: str, there: dict[str, str | None], default: str | None = None) -> str | None:
    """The digest of `model`, whose tag is `latest` if it has none."""
    return there.get(model, there.get(f"{model}:latest", default))


def _is_transient(error: Exception) -> bool:
    if isinstance(error, ollama.ResponseError):
        return error.status_code in _TRANSIENT
    return isinstance(error, ConnectionError | httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)
