"""The metered client: the only place that talks to a model. No call without a row in the ledger.

Within a journey the same request of the same agent is answered from the ledger once it succeeded, so a journey that
is resumed after a crash repeats no call. (With LEXIQUERY_CALL_TEXT=off the ledger has no text to answer from.)
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from weakref import WeakValueDictionary

from ollama import AsyncClient, ChatResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import context
from shared.errors import BudgetExceeded, ContextExceeded, LexiQueryError, ModelUnavailable
from shared.ledger import Ledger
from shared.llm.connection import Connect, Connection
from shared.llm.embeddings import EmbeddingCache, batches, text_hash, unit
from shared.llm.prompts import Prompt
from shared.llm.rates import price, read_rates
from shared.llm.tokens import SURELY, estimate_tokens
from shared.models import CallRecord
from shared.settings import Settings

_SEED = 7
_KEEP_ALIVE = "30m"
_TEXTS_A_CALL = 64
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Completion:
    """A chat answer. cut: the model was stopped by max_tokens, so the text may end in the middle."""

    text: str
    call: CallRecord
    cut: bool = False


class Models:
    """Chat and embeddings on one model server. host_url: its URL, or what gives it when it is ready.

    Every method raises ModelUnavailable (unreachable, not installed, too slow, nonsense), ContextExceeded or
    BudgetExceeded.
    """

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        host_url: str | Connect,
        engine: AsyncEngine,
        *,
        provider: str = "ollama",
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._provider = provider
        connect = _always(host_url) if isinstance(host_url, str) else host_url
        self._connection = Connection(connect, provider=provider, timeout=settings.model_timeout)
        self._cache = EmbeddingCache(engine)
        self._in_flight: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._finishing: set[asyncio.Task[None]] = set()

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
        options: dict[str, Any] = {"num_predict": max_tokens, "temperature": temperature, "seed": _SEED}
        if stop:
            options["stop"] = stop
        body = {"messages": messages, "format": format, "options": options | {"num_ctx": self._settings.num_ctx}}
        record = self._record("chat", self._settings.model, purpose, body, prompt)
        async with self._one_at_a_time(record.idempotency_key):
            if (done := await self._replayed(record)) and done.response is not None:
                return Completion(done.response, done, _is_cut(done, max_tokens))
            await self._check_budget(record)
            estimate = await self._check_window(messages, max_tokens)
            async with self._recorded(record):
                text = await self._chat(record, body, estimate)
        return Completion(text, record, _is_cut(record, max_tokens))

    async def embed(self, texts: list[str], *, purpose: str) -> list[list[float]]:
        """One unit vector a text, in order. A text beyond the model's window is embedded by its beginning."""
        model = self._settings.embedding_model_name
        try:
            cache_name = await self._connection.digest(model) or model
        except LexiQueryError:
            cache_name = model  # the call below meets the same error, and writes it down
        hashed = {text_hash(text): text for text in texts}
        known = await self._cache.get(cache_name, hashed)
        for batch in batches((key for key in hashed if key not in known), _TEXTS_A_CALL):
            vectors = await self._embed_batch([hashed[key] for key in batch], model, purpose, cache_name)
            known |= dict(zip(batch, vectors, strict=True))
        return [known[text_hash(text)] for text in texts]

    async def check(self) -> list[str]:
        """Names of the models that are there; raises ModelUnavailable when one that is set is not."""
        there = await self._connection.models()
        for model in (self._settings.model, self._settings.embedding_model_name):
            self._connection.require(model, there)
        return sorted(there)

    async def close(self) -> None:
        if self._finishing:
            await asyncio.wait(self._finishing)
        await self._connection.close()

    async def _chat(self, record: CallRecord, body: dict[str, Any], estimate: int | None) -> str:
        def request(client: AsyncClient) -> Any:
            return client.chat(model=record.model, keep_alive=_KEEP_ALIVE, stream=False, **body)

        await self._name_digest(record)
        answer: ChatResponse = await self._connection.send(request, model=record.model, on_retry=_retry(record))
        _take_counts(record, answer)
        self._check_cut(answer, estimate)
        text = answer.message.content or ""
        record.response = self._kept(text)
        return text

    async def _embed_batch(self, texts: list[str], model: str, purpose: str, cache_name: str) -> list[list[float]]:
        """Vectors go to the cache before the row says success, so that no later run makes this call again."""

        def request(client: AsyncClient) -> Any:
            return client.embed(model=model, input=texts, options=body["options"], keep_alive=_KEEP_ALIVE)

        body: dict[str, Any] = {"input": texts, "options": {"num_ctx": self._settings.num_ctx}}
        record = self._record("embeddings", model, purpose, body)
        await self._check_budget(record)
        async with self._recorded(record):
            await self._name_digest(record)
            answer = await self._connection.send(request, model=model, on_retry=_retry(record))
            if len(answer.embeddings) != len(texts):
                raise ModelUnavailable(f"'{model}' gave {len(answer.embeddings)} vectors for {len(texts)} texts")
            _take_counts(record, answer)
            vectors = [unit(vector) for vector in answer.embeddings]
            await self._cache.put(cache_name, dict(zip(map(text_hash, texts), vectors, strict=True)))
            record.response = self._kept(json.dumps({"vectors": len(vectors), "dimensions": len(vectors[0])}))
        return vectors

    def _record(
        self,
        operation: Literal["chat", "embeddings"],
        model: str,
        purpose: str,
        body: dict[str, Any],
        prompt: Prompt | None = None,
    ) -> CallRecord:
        scope, call_id = context.current(), uuid.uuid4().hex
        content = json.dumps([scope.journey_id, scope.agent, operation, model, body], sort_keys=True)
        # Outside a journey nothing is replayed: a call's key is its own.
        key = hashlib.sha256(content.encode()).hexdigest() if scope.journey_id else f"call:{call_id}"
        return CallRecord(
            id=call_id,
            idempotency_key=key,
            journey_id=scope.journey_id,
            parent_id=scope.parent_call_id,
            agent=scope.agent,
            operation=operation,
            purpose=purpose,
            provider=self._provider,
            model=model,
            prompt_name=prompt.name if prompt else None,
            prompt_version=prompt.version if prompt else None,
            request=self._kept(json.dumps(body)),
            status="pending",
            started_at=datetime.now(UTC),
        )

    def _kept(self, text: str) -> str | None:
        return text if self._settings.call_text == "full" else None

    @asynccontextmanager
    async def _recorded(self, record: CallRecord) -> AsyncIterator[None]:
        """The row is there before the call, and says afterwards how the call ended, whatever ended it."""
        record.started_at = datetime.now(UTC)
        await self._ledger.begin(record)
        began = time.monotonic()
        try:
            yield
            record.status = "success"
        except asyncio.CancelledError:
            record.status = "cancelled"
            raise
        except BaseException as error:
            record.status = "error"
            code = error.code if isinstance(error, LexiQueryError) else type(error).__name__
            record.error = f"{code}: {error}"
            raise
        finally:
            record.total_seconds = time.monotonic() - began
            record.completed_at = datetime.now(UTC)
            record.cost, record.currency = price(record, read_rates()) or (None, None)
            await self._finish(record)

    async def _finish(self, record: CallRecord) -> None:
        """Shielded: a cancelled call still gets its last row."""
        task = asyncio.create_task(self._ledger.finish(record))
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        await asyncio.shield(task)

    @asynccontextmanager
    async def _one_at_a_time(self, key: str) -> AsyncIterator[None]:
        """Of identical calls in flight one is made; the others wait for it and are replayed."""
        lock = self._in_flight.setdefault(key, asyncio.Lock())
        async with lock:
            yield

    async def _replayed(self, record: CallRecord) -> CallRecord | None:
        return await self._ledger.replay(record.idempotency_key) if record.journey_id else None

    async def _check_budget(self, record: CallRecord) -> None:
        budget = context.current().budget
        if budget is None or record.journey_id is None:
            return
        spent = await self._ledger.spent(record.journey_id)
        for unit_name in ("calls", "tokens", "seconds"):
            limit, used = getattr(budget, unit_name), getattr(spent, unit_name)
            if limit is not None and used >= limit:
                missing = f" ({spent.uncounted_calls} calls uncounted)" if spent.uncounted_calls else ""
                raise BudgetExceeded(f"the journey's budget of {limit:g} {unit_name} is spent: {used:g} used{missing}")

    async def _check_window(self, messages: list[dict[str, str]], max_tokens: int) -> int | None:
        """The estimated prompt tokens. Raises ContextExceeded, before anything is sent, when they surely don't fit."""
        estimate = await asyncio.to_thread(estimate_tokens, messages, self._settings.models_path)
        window = self._settings.num_ctx
        if estimate is not None and estimate * SURELY + max_tokens > window:
            raise ContextExceeded(
                f"a prompt of about {estimate} tokens and {max_tokens} for the answer don't fit the window of {window}",
                suggestion="ask about fewer tables, or raise LEXIQUERY_NUM_CTX if the model and memory allow",
            )
        return estimate

    def _check_cut(self, answer: ChatResponse, estimate: int | None) -> None:
        """Ollama cuts a long prompt silently: it then reports a full window, or far less than was sent."""
        window, counted = self._settings.num_ctx, answer.prompt_eval_count
        if counted is None:
            return
        dropped = estimate is not None and estimate > window * SURELY and counted < estimate * SURELY / 2
        if counted >= window or dropped:
            raise ContextExceeded(
                f"the model server cut the prompt: it read {counted} tokens, the window has {window}",
                suggestion="ask about fewer tables, or raise LEXIQUERY_NUM_CTX if the model and memory allow",
            )

    async def _name_digest(self, record: CallRecord) -> None:
        record.model_digest = await self._connection.digest(record.model)


def _always(url: str) -> Connect:
    async def connect() -> str:
        return url

    return connect


def _retry(record: CallRecord) -> Any:
    def count() -> None:
        record.retries += 1

    return count


def _take_counts(record: CallRecord, answer: Any) -> None:
    """What Ollama counted; it gives durations in nanoseconds."""
    record.prompt_tokens = answer.prompt_eval_count
    record.completion_tokens = answer.eval_count
    record.load_seconds = _seconds(answer.load_duration)
    record.prompt_seconds = _seconds(answer.prompt_eval_duration)
    record.generation_seconds = _seconds(answer.eval_duration)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _is_cut(record: CallRecord, max_tokens: int) -> bool:
    return record.completion_tokens is not None and record.completion_tokens >= max_tokens
