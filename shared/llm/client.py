"""The metered client: the only place that talks to a model. No call without a row on the ledger.

Within a journey the same request of the same agent is answered from the ledger once it succeeded, so a journey that
is resumed after a crash repeats no call. (Unless LEXIQUERY_CALL_TEXT is full the ledger has no text to answer from.)
Across journeys the response cache answers what was asked before, word for word, of the same model.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from shared import context
from shared.calls import CallRecord
from shared.errors import ContextExceeded, LexiQueryError, ModelUnavailable
from shared.ledger import Ledger, Reservation
from shared.ledger.recording import new_call, recorded
from shared.llm import rows
from shared.llm.caching import CachedReply, EmbeddingCache, ResponseCache, SingleFlight
from shared.llm.caching.embeddings import text_hash, unit
from shared.llm.caching.store import batches
from shared.llm.energy import EnergyMeter
from shared.llm.prompt_history import PromptHistory
from shared.llm.prompts import Prompt
from shared.llm.providers.base import ChatRequest, Heard, Provider, Reply, Vectors
from shared.llm.providers.fleet import Fleet
from shared.llm.rates import RateCard, TokenRate, price
from shared.llm.tokens import SURELY, estimate_tokens
from shared.masking import mask_all
from shared.settings import Settings

_SEED = 7
_TEXTS_A_CALL = 64
_TOO_LONG = "ask about fewer tables, or raise LEXIQUERY_NUM_CTX if the model and memory allow"
T = TypeVar("T", bound=Reply | Vectors)


@dataclass(frozen=True)
class Completion:
    """A chat answer. cut: the model was stopped by max_tokens, so the text may end in the middle."""

    text: str
    call: CallRecord
    cut: bool = False


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
        self,
        settings: Settings,
        ledger: Ledger,
        fleet: Fleet,
        caches: Caches,
        *,
        card: RateCard,
        history: PromptHistory,
        meter: EnergyMeter | None = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._fleet = fleet
        self._caches = caches
        self._card = card
        self._history = history
        self._meter = meter or EnergyMeter()
        self._here = {name for name, url in settings.provider_urls.items() if _is_here(name, url)}
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
        record = self._record("chat", request.model, purpose, body, prompt)
        landed = await self._in_journey.fly(record.idempotency_key, lambda: self._answer(record, request, prompt))
        return landed.value

    async def embed(self, texts: list[str], *, purpose: str) -> list[list[float]]:
        """One unit vector a text, in order. A text beyond the model's window is embedded by its beginning."""
        model = self._settings.embedding_model_name
        cache_name = await self._digest(model) or model
        hashed = {text_hash(text): text for text in texts}
        key = " ".join([cache_name, *sorted(hashed)])
        landed = await self._vectors.fly(key, lambda: self._embed_unknown(hashed, model, purpose, cache_name))
        if hashed and landed.spared:
            await self._spare(self._record("embeddings", model, purpose, {"texts": len(hashed)}))
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
        if (done := await self._done_before(record)) and done.response is not None:
            return _completion(done.response, done)
        estimate = await self._check_window(request)
        if prompt:
            await self._history.keep(prompt)
        key = self._caches.responses.key(
            request,
            await self._digest(request.model),
            prompt_name=record.prompt_name,
            prompt_version=record.prompt_version,
        )
        if kept := await self._caches.responses.get(key):
            return await self._from_cache(record, kept)
        landed = await self._anywhere.fly(key, lambda: self._ask(record, request, estimate, key))
        return await self._from_call(record, landed.value) if landed.spared else landed.value

    async def _done_before(self, record: CallRecord) -> CallRecord | None:
        """The call in this journey's log, or in that of the journey which this one replays: that must have it."""
        scope = context.current()
        if not scope.journey_id:
            return None
        if done := await self._ledger.replay(record.idempotency_key):
            return done
        if not scope.replay_of:
            return None
        logged = await self._ledger.replay(rows.key(scope.replay_of, record))
        if logged is None or logged.response is None:
            raise ModelUnavailable(
                f"the log of journey '{scope.replay_of}' has no such call of '{record.agent}' ({record.purpose}): "
                "its prompt, the catalog or LexiQuery has changed since",
                suggestion="replay it with --model to ask a model again",
            )
        await self._spare(record, logged, logged.response)
        return record

    async def _ask(self, record: CallRecord, request: ChatRequest, estimate: int | None, key: str | None) -> Completion:
        async def ask(provider: Provider, heard: Heard) -> Reply:
            return await provider.chat(request, heard)

        def keep(reply: Reply) -> None:
            record.response = self._kept(reply.text)
            if reply.prompt_tokens is None and estimate is not None:
                record.metadata["estimated_prompt_tokens"] = estimate
            self._check_cut(reply, estimate)

        reserved = self._reservation(record, (estimate or 0) + request.max_tokens)
        reply = await self._on_any(record, reserved, ask, keep)
        await self._caches.responses.put(
            key, reply, record.id, cost=record.cost, currency=record.currency, seconds=record.total_seconds
        )
        return Completion(reply.text, record, reply.finish == "length")

    async def _embed_unknown(
        self, hashed: dict[str, str], model: str, purpose: str, cache_name: str
    ) -> dict[str, list[float]]:
        """A vector for each text, by its hash: from the cache, or the model."""
        known = await self._caches.embeddings.get(cache_name, hashed)
        wanted = [key for key in hashed if key not in known]
        if hashed and not wanted:
            await self._spare(self._record("embeddings", model, purpose, {"texts": len(hashed)}))
        for batch in batches(wanted, _TEXTS_A_CALL):
            vectors = await self._embed_batch([hashed[key] for key in batch], model, purpose, cache_name)
            known |= dict(zip(batch, vectors, strict=True))
        return known

    async def _embed_batch(self, texts: list[str], model: str, purpose: str, cache_name: str) -> list[list[float]]:
        """Vectors go to the cache before the row says success, so that no later run makes this call again."""
        window = self._settings.num_ctx
        record = self._record("embeddings", model, purpose, {"input": texts, "options": {"num_ctx": window}})
        vectors: list[list[float]] = []

        async def ask(provider: Provider, heard: Heard) -> Vectors:
            answer = await provider.embed(model, texts, window, heard)
            if len(answer.vectors) != len(texts):
                raise ModelUnavailable(f"'{model}' gave {len(answer.vectors)} vectors for {len(texts)} texts")
            vectors[:] = map(unit, answer.vectors)
            await self._caches.embeddings.put(cache_name, dict(zip(map(text_hash, texts), vectors, strict=True)))
            return answer

        def keep(_: Vectors) -> None:
            record.response = self._kept({"vectors": len(vectors), "dimensions": len(vectors[0])})

        await self._on_any(record, self._reservation(record, None), ask, keep)
        return vectors

    async def _on_any(
        self,
        record: CallRecord,
        reserved: Reservation,
        ask: Callable[[Provider, Heard], Awaitable[T]],
        keep: Callable[[T], None],
    ) -> T:
        """The answer of the first provider that gives one. Each that is tried is a row, `record` the last of them."""
        failed: list[str] = []
        problem: ModelUnavailable | None = None
        for provider in self._fleet.candidates(record.model):
            if failed:
                record.metadata["after"] = list(failed)
                rows.renew(record)
            try:
                async with self._on(provider, record, reserved) as heard:
                    answer = await ask(provider, heard)
                    rows.take_counts(record, answer)
                    keep(answer)
                return answer
            except ModelUnavailable as error:
                problem = problem or error
                failed.append(provider.name)
        assert problem is not None, "there is at least one provider"
        raise problem

    @asynccontextmanager
    async def _on(self, provider: Provider, record: CallRecord, reserved: Reservation) -> AsyncIterator[Heard]:
        """The block is one call on one provider, on the ledger, in its turn."""

        def retry() -> None:
            record.retries += 1

        def piece(_: str) -> None:
            record.first_token_at = record.first_token_at or datetime.now(UTC)

        record.provider = provider.name
        async with (
            recorded(self._ledger, record, reserved, self._settle),
            self._fleet.turn(provider, record.model, record.journey_id) as waited,
        ):
            record.queue_seconds = waited
            record.model_digest = await provider.digest(record.model)
            with self._measured(provider, record):
                yield Heard(piece, retry)

    def _settle(self, record: CallRecord) -> None:
        rows.set_price(record, price(record, self._card, record.joules))

    @contextmanager
    def _measured(self, provider: Provider, record: CallRecord) -> Iterator[None]:
        """The energy of the block, where this machine is the one that computes."""
        if provider.name not in self._here:
            yield
            return
        self._meter.start(record.id)
        try:
            yield
        finally:
            record.joules = self._meter.stop(record.id)

    async def _from_cache(self, record: CallRecord, kept: CachedReply) -> Completion:
        origin = await self._ledger.call(kept.call_id)
        record.cache_of = kept.call_id
        await self._spare(record, origin, kept.reply.text)
        return Completion(kept.reply.text, record, kept.reply.finish == "length")

    async def _from_call(self, record: CallRecord, made: Completion) -> Completion:
        await self._spare(record, made.call, made.text)
        return replace(made, call=record)

    async def _spare(self, record: CallRecord, origin: CallRecord | None = None, text: str | None = None) -> None:
        """A row for a call that needed no model. origin: the call whose answer it got."""
        record.response = None if text is None else self._kept(text)
        rows.spare(record, origin)
        await self._ledger.add(record)

    def _record(
        self,
        operation: Literal["chat", "embeddings"],
        model: str,
        purpose: str,
        body: dict[str, Any],
        prompt: Prompt | None = None,
    ) -> CallRecord:
        record = new_call(
            operation=operation,
            purpose=purpose,
            provider=self._fleet.providers[0].name,
            model=model,
            prompt_name=prompt.name if prompt else None,
            prompt_version=prompt.version if prompt else None,
            request=self._kept(body),
        )
        record.metadata["content"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if self._settings.call_text == "masked":
            record.metadata["masked"] = True
        if record.journey_id:  # outside a journey nothing is replayed: a call's key is its own
            record.idempotency_key = rows.key(record.journey_id, record)
        return record

    def _kept(self, value: Any) -> str | None:
        if self._settings.call_text == "off":
            return None
        shown = mask_all(value) if self._settings.call_text == "masked" else value
        return shown if isinstance(shown, str) else json.dumps(shown)

    def _reservation(self, record: CallRecord, tokens: int | None) -> Reservation:
        rate = self._card.rate(record.provider, record.model)
        per_token = max(rate.prompt, rate.completion) / 1e6 if isinstance(rate, TokenRate) else None
        cost = None if tokens is None or per_token is None else tokens * per_token
        return Reservation(tokens, cost, context.current().budget)

    async def _digest(self, model: str) -> str | None:
        try:
            return await self._fleet.candidates(model)[0].digest(model)
        except LexiQueryError:
            return None  # the call meets the same error, and writes it down

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

    def _check_cut(self, reply: Reply, estimate: int | None) -> None:
        """Ollama cuts a long prompt silently: it then reports a full window, or far less than was sent."""
        window, counted = self._settings.num_ctx, reply.prompt_tokens
        if counted is None:
            return
        dropped = estimate is not None and estimate > window * SURELY and counted < estimate * SURELY / 2
        if counted >= window or dropped:
            raise ContextExceeded(
                f"the model server cut the prompt: it read {counted} tokens, the window has {window}",
                suggestion=_TOO_LONG,
            )


def _is_here(provider: str, url: str) -> bool:
    return provider == "embedded" or EnergyMeter.covers(url)


def _completion(text: str, call: CallRecord) -> Completion:
    return Completion(text, call, call.metadata.get("finish") == "length")
