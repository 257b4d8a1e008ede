"""Any server of OpenAI's API: vLLM, llama.cpp's server, LM Studio, and those hosted elsewhere.

The context window can't be asked of such a server: it is what the server was started with (vLLM `--max-model-len`,
llama.cpp `--ctx-size`), and LEXIQUERY_NUM_CTX must not be more. Nor does it tell a model's digest.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from shared.errors import ContextExceeded, LexiQueryError, ModelUnavailable, did_you_mean, first_problem
from shared.llm.providers.base import ChatRequest, Heard, ModelMissing, Provider, Reply, Vectors
from shared.llm.providers.egress import CONNECT_SECONDS, Egress
from shared.llm.providers.openai_wire import (
    TOO_LONG,
    Embeddings,
    ModelNames,
    NotOpenAI,
    Refusal,
    asked_pause,
    chat_body,
    chunks,
    logprobs_of,
    reply_of,
)
from shared.llm.providers.stream import LOOK, Part, Patience, Transient, in_time, listen, tried

B = TypeVar("B", bound=BaseModel)
Key = Callable[[], Awaitable[str | None]]
"""Gives the provider's key, or None when it has none; asked for each request, so that a new one counts at once."""

_NOT_ALLOWED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
_REJECTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
_LOGPROBS = "logprobs"
_SPENT = "insufficient_quota"
"""OpenAI's code for an account without money, which comes as 429 and does not pass."""


class OpenAIProvider(Provider):
    """url: of the API, as in http://gpu:8000/v1; a URL without a path is that of its /v1.

    is_local: whether it must be in the user's network; names: what this server calls a model, where it differs.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        key: Key,
        is_local: bool,
        timeout: float,
        idle_timeout: float,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.is_local = is_local
        self._key = key
        self._patience = Patience(timeout, idle_timeout)
        self._names = names or {}
        self._logprobs = is_local  # hosted models that reason refuse to tell them, each in other words
        base = httpx.URL(url)
        self._url = base if base.path.strip("/") else base.copy_with(path="/v1")
        self._http = httpx.AsyncClient(
            base_url=self._url,
            transport=Egress(name, hosted=not is_local),
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            follow_redirects=False,
            trust_env=False,
        )

    async def chat(self, request: ChatRequest, heard: Heard) -> Reply:
        async def once() -> Reply:
            return await listen(self._parts(request, model), request, heard, self._who(model), self._patience)

        model = self._theirs(request.model)
        return await tried(once, heard.retry)

    async def embed(self, model: str, texts: list[str], num_ctx: int, heard: Heard) -> Vectors:
        """The API refuses a text beyond the window: then each is sent alone, and such a one by halves until it fits."""
        theirs = self._theirs(model)
        try:
            return await self._embed(theirs, texts, heard)
        except ContextExceeded:
            if len(texts) == 1 and len(texts[0]) > 1:
                return await self.embed(model, [texts[0][: len(texts[0]) // 2]], num_ctx, heard)
            if len(texts) == 1:
                raise
        each = [await self.embed(model, [text], num_ctx, heard) for text in texts]
        counts = [one.prompt_tokens for one in each if one.prompt_tokens is not None]
        vectors = [vector for one in each for vector in one.vectors]
        return Vectors(vectors, prompt_tokens=sum(counts) if len(counts) == len(each) else None)

    async def models(self) -> dict[str, str | None]:
        return await tried(self._listed, lambda: None)

    async def digest(self, model: str) -> str | None:
        return None

    def require(self, model: str, there: dict[str, str | None]) -> None:
        super().require(self._theirs(model), there)

    async def close(self) -> None:
        await self._http.aclose()

    async def _embed(self, model: str, texts: list[str], heard: Heard) -> Vectors:
        async def once() -> Embeddings:
            body = {"model": model, "input": texts, "encoding_format": "float"}
            return await self._whole("POST", "embeddings", Embeddings, model, body)

        answer = await tried(once, heard.retry)
        if sorted(one.index for one in answer.data) != list(range(len(texts))):
            raise ModelUnavailable(f"'{model}' gave {len(answer.data)} vectors for {len(texts)} texts")
        vectors = [one.embedding for one in sorted(answer.data, key=lambda one: one.index)]
        return Vectors(vectors, prompt_tokens=answer.usage.prompt_tokens if answer.usage else None)

    async def _parts(self, request: ChatRequest, model: str) -> AsyncGenerator[Part, None]:
        """Pieces; then, once the server said why it stopped, the counts, which come in an event of their own."""
        finish, usage, timings = None, None, None
        headers = await self._headers()
        asked = self._logprobs
        body = chat_body(request, model, logprobs=asked)
        try:
            async with self._http.stream("POST", "chat/completions", json=body, headers=headers) as response:
                await self._check(response, model, logprobs=asked)
                async for chunk in chunks(response):
                    if chunk.error is not None:
                        raise self._refused(Refusal.of(chunk.error), HTTPStatus.OK, model)
                    usage, timings = chunk.usage or usage, chunk.timings or timings
                    for choice in chunk.choices[:1]:
                        finish = choice.finish_reason or finish
                        text = (choice.delta.content if choice.delta else None) or ""
                        yield Part(text, logprobs=logprobs_of(choice))
        except (httpx.RequestError, ValueError, RecursionError, NotOpenAI) as error:
            raise self._problem(error, model) from error
        if finish == "content_filter":
            raise ModelUnavailable(f"{self._who(model)} withheld its answer: its content filter stopped it")
        if finish:
            yield Part(reply=reply_of(finish, usage, timings))

    async def _listed(self) -> dict[str, str | None]:
        listed = await self._whole("GET", "models", ModelNames, None)
        return {model.id: None for model in listed.data}

    async def _whole(self, method: str, path: str, form: type[B], model: str | None, body: Any = None) -> B:
        """The answer to a request that is not streamed."""
        headers = await self._headers()
        try:
            async with (
                in_time(self._who(model), self._patience),
                self._http.stream(method, path, json=body, headers=headers) as response,
            ):
                await self._check(response, model)
                return form.model_validate_json(await response.aread())
        except (httpx.RequestError, ValueError, RecursionError) as error:
            raise self._problem(error, model) from error

    async def _headers(self) -> dict[str, str]:
        key = await self._key()
        return {"Authorization": f"Bearer {key}"} if key else {}

    async def _check(self, response: httpx.Response, model: str | None, *, logprobs: bool = False) -> None:
        """Raises what an answer other than 200 means. logprobs: whether they were asked for."""
        if response.status_code == HTTPStatus.OK:
            return
        if response.is_redirect:
            raise ModelUnavailable(
                f"the provider '{self.name}' sends the request elsewhere (HTTP {response.status_code})",
                suggestion="name its real address in LEXIQUERY_PROVIDERS",
            )
        if response.status_code == HTTPStatus.NOT_FOUND:
            raise await self._not_found(model)
        content = await response.aread()
        try:
            refusal = Refusal.of(json.loads(content))
        except (ValueError, RecursionError):
            refusal = Refusal(message=content.decode(errors="replace")[:200])
        problem = self._refused(refusal, response.status_code, model)
        if logprobs and response.status_code in _REJECTED and _LOGPROBS in f"{refusal.message} {refusal.param}":
            self._logprobs = False  # from now on: it can't tell them
            raise Transient(problem)
        raise Transient(problem, asked_pause(response.headers)) if _passes(response, refusal) else problem

    def _refused(self, refusal: Refusal, status: int, model: str | None) -> LexiQueryError:
        if status in _NOT_ALLOWED:
            # Its message is not repeated: it may hold the key.
            return ModelUnavailable(
                f"the provider '{self.name}' refused the request: its key is missing, wrong or not allowed this",
                suggestion=f"set it by `lexiquery providers set-key {self.name}`",
            )
        told = refusal.message or "no reason given"
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or (
            status in (*_REJECTED, HTTPStatus.OK) and refusal.signs & TOO_LONG
        ):
            return ContextExceeded(told)
        if status == HTTPStatus.NOT_IMPLEMENTED:  # a llama.cpp that was started for chats is asked for vectors
            return ModelMissing(f"{self._who(model)} can't do that: {told}")
        code = f" (HTTP {status})" if status != HTTPStatus.OK else ""
        broke = status == HTTPStatus.OK or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        return ModelUnavailable(f"{self._who(model)} failed: {told}{code}", suggestion=LOOK if broke else None)

    async def _not_found(self, model: str | None) -> LexiQueryError:
        """404 is said of a model, of a route that this model or server lacks, and where there is no such API."""
        if model is None:
            return ModelUnavailable(
                f"'{self.name}' has no API of OpenAI's at {without_password(self._url)}",
                suggestion="its address in LEXIQUERY_PROVIDERS mostly ends in /v1",
            )
        try:
            there = await self._listed()
        except (LexiQueryError, Transient):
            there = {}
        if model in there:
            return ModelMissing(f"'{self.name}' does not offer this use of its model '{model}'")
        return ModelMissing(f"'{self.name}' has no model '{model}'", suggestion=did_you_mean(model, there))

    def _problem(self, error: Exception, model: str | None) -> LexiQueryError | Transient:
        if isinstance(error, httpx.RequestError):
            detail = str(error) or type(error).__name__
            unreached = ModelUnavailable(
                f"the provider '{self.name}' at {without_password(self._url)} can't be reached: {detail}",
                suggestion="start it there, or mend LEXIQUERY_PROVIDERS",
            )
            transient = (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ConnectTimeout)
            return Transient(unreached) if isinstance(error, transient) else unreached
        detail = first_problem(error) if isinstance(error, ValidationError) else str(error)
        return ModelUnavailable(f"{self._who(model)} gave an answer that is not OpenAI's: {detail}", suggestion=LOOK)

    def _who(self, model: str | None) -> str:
        who = f"model '{model}' of '{self.name}'" if model else f"the provider '{self.name}'"
        return f"{who} at {without_password(self._url)}"

    def _theirs(self, model: str) -> str:
        return self._names.get(model, model)


def without_password(url: httpx.URL) -> str:
    """Without a password, and without a query, which may hold one."""
    return str(url.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def _passes(response: httpx.Response, refusal: Refusal) -> bool:
    """Whether a later try may get through."""
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _SPENT not in refusal.signs
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
