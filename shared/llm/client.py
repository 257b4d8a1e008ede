"""The metered client: the only place that talks to a model. No call without a row on the ledger.

Within a journey the same request of the same agent is answered from the ledger once it succeeded, so a journey that
is resumed after a crash repeats no call. (Unless LEXIQUERY_CALL_TEXT is full the ledger has no text to answer from.)
Across journeys the response cache answers what was asked before, word for word, of the same model.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace
from typing import Any

from shared import context
from shared.calls import CallRecord
from shared.errors import ContextExceeded, LexiQueryError, ModelUnavailable
from shared.ledger import Ledger
from shared.llm import rows
from shared.llm.caching import CachedReply, EmbeddingCache, ResponseCache, SingleFlight
from shared.llm.caching.embeddings import text_hash, unit
from shared.llm.caching.store import batches
from shared.llm.calling import Calls
from shared.llm.prompt_history import PromptHistory
from shared.llm.prompts import Prompt
from shared.llm.providers.base import ChatRequest, Heard, Likelihood, Provider, Reply, Vectors
from shared.llm.providers.fleet import Fleet
from shared.llm.providers.stream import repeats
from shared.llm.tokens import SURELY, estimate_tokens
from shared.settings import Settings

_SEED = 7
_TEXTS_A_CALL = 64
_LETTERS_A_TOKEN = 4
"""Roughly, of a text to embed: what is held back of a budget need not be exact."""
_TOO_LONG = "ask about fewer tables, or raise LEXIQUERY_NUM_CTX if the model and memory allow"


@dataclass(frozen=True)
class Completion:
    """A chat answer. cut: the model was stopped by max_tokens, so the text may end in the middle;
    likelihood: None where the server did not tell."""

    text: str
    call: CallRecord
    cut: bool = False
    likelihood: Likelihood | None = None

    @property
    def repeats(self) -> bool:
        """Whether the model was stopped while it said the same over and over."""
        return self.cut and repeats(self.text)


@dataclass(frozen=True)
class Caches:
    """What needs no second call: answers, and vectors of texts."""

    responses: ResponseCache
    embeddings: EmbeddingCache


class Models:
    """Chat and embeddings on the providers of the settings.

    Every method raises ModelUnavailable (unreachable, not installed, too slow, nonsense), ContextExceeded or
    BudgetExceeded.
    """

    def __init__(
        self, settings: Settings, ledger: Ledger, fleet: Fleet, calls: Calls, caches: Caches, history: PromptHistory
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._fleet = fleet
        self._calls = calls
        self._caches = caches
        self._history = history
        self._in_journey: SingleFlight[Completion] = SingleFlight()
        self._anywhere: SingleFlight[Completion] = SingleFlight()
        self._vectors: SingleFlight[dict[str, list[float]]] = SingleFlight()

    async def chat(
        self,
        messages: list[dict[str, str]],
        *,
        purpose: str,
        prompt: Prompt | None = None,
        format: dict[str, Any] | None = None,
        max_tokens: int = 512,
        temperature: float = 0.0,
        stop: list[str] | None = None,
    ) -> Completion:
        """The model's answer to `messages` ([{role, content}]). format: a JSON schema that the answer will match.

        prompt: which prompt the messages were rendered from, for the ledger.
        """
        request = ChatRequest(
            model=self._settings.model,
            messages=messages,
            max_tokens=max_tokens,
            num_ctx=self._settings.num_ctx,
            temperature=temperature,
            seed=_SEED,
            stop=tuple(stop or ()),
            format=format,
        )
        options = {"num_predict": max_tokens, "temperature": temperature, "seed": _SEED, "num_ctx": request.num_ctx}
        body = {"messages": messages, "format": format, "options": options | ({"stop": stop} if stop else {})}
        record = self._calls.record("chat", request.model, purpose, body, prompt)
        landed = await self._in_journey.fly(record.idempotency_key, lambda: self._answer(record, request, prompt))
        return landed.value

    async def embed(self, texts: list[str], *, purpose: str) -> list[list[float]]:
        """One unit vector a text, in order. A text beyond the model's window is embedded by its beginning.

        All are vectors of one model: another provider answers only if it has the very same one.
        """
        model = self._settings.embedding_model_name
        space, provider = await self._space(model)
        hashed = {text_hash(text): text for text in texts}
        key = " ".join([space or model, *sorted(hashed)])
        landed = await self._vectors.fly(key, lambda: self._embed_unknown(hashed, model, purpose, space, provider))
        if hashed and landed.spared:
            await self._spare_vectors(len(hashed), model, purpose, provider)
        return [landed.value[text_hash(text)] for text in texts]

    async def check(self) -> list[str]:
        """Names of the models that are there; raises ModelUnavailable when one that is set is not."""
        problem: ModelUnavailable | None = None
        for provider in self._fleet.providers:
            try:
                there = await provider.models()
                for model in (self._settings.model, self._settings.embedding_model_name):
                    provider.require(model, there)
            except ModelUnavailable as error:
                problem = problem or error
            else:
                return sorted(there)
        assert problem is not None, "there is at least one provider"
        raise problem

    async def _answer(self, record: CallRecord, request: ChatRequest, prompt: Prompt | None) -> Completion:
        """From the ledger, the cache, another call in flight, or the model; in this order."""
        if logged := await self._logged(record):
            return logged
        first = self._fleet.candidates(request.model)[0]
        digest = await self._calls.digest(first, request.model)
        request = await _within_window(request, first)
        estimate = await self._check_window(request)
        if prompt:
            await self._history.keep(prompt)
        key = self._key(request, record, digest)
        if kept := await self._caches.responses.get(key):
            return await self._from_cache(record, kept)
        landed = await self._anywhere.fly(key, lambda: self._ask(record, request, estimate))
        return await self._from_call(record, landed.value) if landed.spared else landed.value

    async def _logged(self, record: CallRecord) -> Completion | None:
        """From this journey's log, or that of the journey which this one replays: that must have it."""
        scope = context.current()
        if not scope.journey_id:
            return None
        if (done := await self._ledger.replay(record.idempotency_key)) and done.response is not None:
            return Completion(done.response, done, _is_cut(done), rows.likelihood(done))
        if not scope.replay_of:
            return None
        logged = await self._ledger.replay(rows.key(scope.replay_of, record))
        if logged is None or logged.response is None:
            raise ModelUnavailable(
                f"the log of journey '{scope.replay_of}' has no answer to this call of '{record.agent}' "
                f"({record.purpose}): it failed then, its text was not kept, or the model, its prompt, the catalog or "
                "LexiQuery has changed since",
                suggestion="replay it with --model to ask a model again",
            )
        await self._calls.spare(record, logged, logged.response)
        return Completion(logged.response, record, _is_cut(logged), rows.likelihood(logged))

    async def _ask(self, record: CallRecord, request: ChatRequest, estimate: int | None) -> Completion:
        async def ask(provider: Provider, heard: Heard) -> Reply:
            return await provider.chat(request, heard)

        def keep(reply: Reply) -> None:
            record.response = self._calls.kept(reply.text)
            if reply.prompt_tokens is None and estimate is not None:
                record.metadata["estimated_prompt_tokens"] = estimate
            self._check_cut(reply, estimate, request)

        reply = await self._calls.make(record, (estimate or 0) + request.max_tokens, ask, keep)
        # Or a process that dies in between leaves an answer to use, of a call that is lost to the ledger.
        await self._ledger.settled()
        # Under the model that answered, which after a failover may be another than the one that was asked first.
        await self._caches.responses.put(
            self._key(request, record, record.model_digest),
            reply,
            record.id,
            cost=record.cost,
            currency=record.currency,
            seconds=record.total_seconds,
        )
        return Completion(reply.text, record, reply.finish == "length", reply.likelihood)

    def _key(self, request: ChatRequest, record: CallRecord, digest: str | None) -> str | None:
        named = {"prompt_name": record.prompt_name, "prompt_version": record.prompt_version}
        return self._caches.responses.key(request, digest, **named)

    async def _space(self, model: str) -> tuple[str | None, Provider]:
        """Whose vectors are asked for: the first provider's that can be told; None while none can, and the first."""
        for provider in self._fleet.providers:
            if space := await self._space_of(provider, model):
                return space, provider
        return None, self._fleet.providers[0]

    async def _space_of(self, provider: Provider, model: str) -> str | None:
        """The digest of the provider's model; its name where the server has the model and tells no digest."""
        if digest := await self._calls.digest(provider, model):
            return digest
        return f"{provider.name}/{model}" if await self._fleet.has(provider, model) else None

    async def _embed_unknown(
        self, hashed: dict[str, str], model: str, purpose: str, space: str | None, provider: Provider
    ) -> dict[str, list[float]]:
        """A vector for each text, by its hash: from the cache, or the model. provider: whose space it is."""
        known = await self._caches.embeddings.get(space, hashed) if space else {}
        wanted = [key for key in hashed if key not in known]
        if hashed and not wanted:
            await self._spare_vectors(len(hashed), model, purpose, provider)
        among = await self._alike(model, space) if wanted else []
        for batch in batches(wanted, _TEXTS_A_CALL):
            vectors = await self._embed_batch([hashed[key] for key in batch], model, purpose, among)
            known |= dict(zip(batch, vectors, strict=True))
        return known

    async def _spare_vectors(self, texts: int, model: str, purpose: str, provider: Provider) -> None:
        """The row of vectors that another call made, under the provider that would have been asked."""
        record = self._calls.record("embeddings", model, purpose, {"texts": texts})
        record.provider, record.model_digest = provider.name, await self._calls.digest(provider, model)
        await self._calls.spare(record)

    async def _embed_batch(
        self, texts: list[str], model: str, purpose: str, among: list[Provider]
    ) -> list[list[float]]:
        """Vectors go to the cache before the row says success, so that no later run makes this call again."""
        window = self._settings.num_ctx
        record = self._calls.record("embeddings", model, purpose, {"input": texts, "options": {"num_ctx": window}})
        vectors: list[list[float]] = []

        async def ask(provider: Provider, heard: Heard) -> Vectors:
            answer = await provider.embed(model, texts, window, heard)
            if len(answer.vectors) != len(texts):
                raise ModelUnavailable(f"'{model}' gave {len(answer.vectors)} vectors for {len(texts)} texts")
            if not _are_vectors(answer.vectors):
                raise ModelUnavailable(f"'{model}' gave vectors that are none: empty, zero, or not of finite numbers")
            vectors[:] = map(unit, answer.vectors)
            theirs = record.model_digest or f"{provider.name}/{model}"
            await self._caches.embeddings.put(theirs, dict(zip(map(text_hash, texts), vectors, strict=True)))
            return answer

        def keep(_: Vectors) -> None:
            record.response = self._calls.kept({"vectors": len(vectors), "dimensions": len(vectors[0])})

        tokens = sum(map(len, texts)) // _LETTERS_A_TOKEN
        await self._calls.make(record, tokens, ask, keep, among)
        return vectors

    async def _alike(self, model: str, space: str | None) -> list[Provider]:
        """The providers whose vectors can be compared; one that can't tell now is tried, and fails on the ledger."""
        found = self._fleet.candidates(model)
        spaces = [await self._space_of(provider, model) for provider in found]
        alike = [provider for provider, own in zip(found, spaces, strict=True) if space is None or own in (space, None)]
        if not alike:
            raise ModelUnavailable(
                f"the provider whose '{model}' made the vectors does not answer, and no other has the very same model",
                suggestion="`lexiquery providers list` shows how they are",
            )
        return alike

    async def _from_cache(self, record: CallRecord, kept: CachedReply) -> Completion:
        origin = await self._ledger.call(kept.call_id)
        record.cache_of = kept.call_id
        if origin is None:  # its row was removed by age
            record.saved_seconds, record.saved_cost, record.currency = kept.seconds, kept.cost, kept.currency
        await self._calls.spare(record, origin, kept.reply.text)
        return Completion(kept.reply.text, record, kept.reply.finish == "length", kept.reply.likelihood)

    async def _from_call(self, record: CallRecord, made: Completion) -> Completion:
        await self._calls.spare(record, made.call, made.text)
        return replace(made, call=record)

    async def _check_window(self, request: ChatRequest) -> int | None:
        """The estimated prompt tokens. Raises ContextExceeded, before anything is sent, when they surely don't fit."""
        estimate = await asyncio.to_thread(estimate_tokens, request.messages, self._settings.models_path)
        if estimate is not None and estimate * SURELY + request.max_tokens > request.num_ctx:
            raise ContextExceeded(
                f"a prompt of about {estimate} tokens and {request.max_tokens} for the answer don't fit the window of "
                f"{request.num_ctx}",
                suggestion=_TOO_LONG,
            )
        return estimate

    def _check_cut(self, reply: Reply, estimate: int | None, request: ChatRequest) -> None:
        """Ollama cuts a long prompt silently: it then reports a full window, or less than was sent.

        Only a prompt that may not have fitted is doubted: servers have also counted less than they read.
        """
        counted = reply.prompt_tokens
        if counted is None:
            return
        doubtful = estimate is not None and estimate > request.num_ctx - request.max_tokens
        if counted >= request.num_ctx or (doubtful and estimate is not None and counted < estimate * SURELY):
            raise ContextExceeded(
                f"the model server cut the prompt: it read {counted} tokens, the window has {request.num_ctx}",
                suggestion=_TOO_LONG,
            )


async def _within_window(request: ChatRequest, provider: Provider) -> ChatRequest:
    """With no larger window than that of the provider's model, beyond which a server cuts a prompt without a word."""
    try:
        most = await provider.window(request.model)
    except LexiQueryError:
        return request  # the call meets the same error, and writes it down
    return replace(request, num_ctx=min(request.num_ctx, most)) if most else request


def _are_vectors(found: list[list[float]]) -> bool:
    """Whether all have one length and a direction: what is kept in the cache is never asked for again."""
    return len({len(vector) for vector in found}) == 1 and all(
        math.isfinite(length := math.hypot(*vector)) and length > 0 for vector in found
    )


def _is_cut(call: CallRecord) -> bool:
    return call.metadata.get("finish") == "length"
