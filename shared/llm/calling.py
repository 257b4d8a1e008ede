"""One metered call, on whichever provider answers: its row, its turn, its reservation, its energy and its price."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

from shared import context
from shared.calls import CallRecord
from shared.errors import LexiQueryError, ModelUnavailable
from shared.ledger import Ledger, Reservation
from shared.ledger.recording import new_call, recorded
from shared.llm import rows
from shared.llm.energy import EnergyMeter
from shared.llm.prompts import Prompt
from shared.llm.providers.base import Heard, Provider, Reply, Vectors
from shared.llm.providers.fleet import Fleet
from shared.llm.rates import RateCard, TokenRate, price
from shared.masking import mask, mask_all
from shared.settings import Settings

T = TypeVar("T", bound=Reply | Vectors)
_NEWEST_SHARE = 0.2
"""How much the newest call counts in what a call typically takes."""


@dataclass(frozen=True)
class _Typical:
    """What calls of a model on a provider took lately: held back where nothing better foretells the next one."""

    seconds: float
    cost: float | None


class Calls:
    """Makes calls on the providers in their order of failover. Each that is tried is a row of the ledger."""

    def __init__(
        self, settings: Settings, ledger: Ledger, fleet: Fleet, card: RateCard, meter: EnergyMeter | None = None
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._fleet = fleet
        self._card = card
        self._meter = meter or EnergyMeter()
        self._here = {name for name, url in settings.provider_urls.items() if _is_here(name, url)}
        self._typical: dict[tuple[str, str], _Typical] = {}

    def record(
        self,
        operation: Literal["chat", "embeddings"],
        model: str,
        purpose: str,
        body: dict[str, Any],
        prompt: Prompt | None = None,
    ) -> CallRecord:
        """A pending call. body: all that its answer depends on."""
        record = new_call(
            operation=operation,
            purpose=purpose,
            provider=self._fleet.providers[0].name,
            model=model,
            prompt_name=prompt.name if prompt else None,
            prompt_version=prompt.version if prompt else None,
            request=self.kept(body),
        )
        record.metadata["content"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
        if self._settings.call_text == "masked":
            record.metadata["masked"] = True
        if record.journey_id:  # outside a journey nothing is replayed: a call's key is its own
            record.idempotency_key = rows.key(record.journey_id, record)
        return record

    def kept(self, value: Any) -> str | None:
        """What the ledger may keep of a text, or of a JSON value as text."""
        if self._settings.call_text == "off":
            return None
        shown = mask_all(value) if self._settings.call_text == "masked" else value
        return shown if isinstance(shown, str) else json.dumps(shown)

    async def digest(self, provider: Provider, model: str) -> str | None:
        """What answers there to that name, or did when it last could say; None when it never said."""
        if provider in self._fleet.candidates(model):
            try:
                return await provider.digest(model)
            except LexiQueryError:
                pass  # the call meets the same error, and writes it down
        return await self._ledger.last_digest(provider.name, model)

    async def make(
        self,
        record: CallRecord,
        tokens: int,
        ask: Callable[[Provider, Heard], Awaitable[T]],
        keep: Callable[[T], None],
        among: Sequence[Provider] | None = None,
    ) -> T:
        """The answer of the first provider that gives one; `record` is the row of the last that was tried.

        tokens: what the call may come to; keep: told the answer before the row is written; among: only these.
        """
        failed: list[str] = []
        problem: ModelUnavailable | None = None
        for provider in self._fleet.candidates(record.model) if among is None else among:
            if failed:
                record.metadata["after"] = list(failed)
                rows.renew(record)
            try:
                async with self._on(provider, record, tokens) as heard:
                    answer = await ask(provider, heard)
                    rows.take_counts(record, answer)
                    keep(answer)
                return answer
            except ModelUnavailable as error:
                problem = problem or error
                failed.append(provider.name)
        assert problem is not None, "there is at least one provider"
        raise problem

    async def spare(self, record: CallRecord, origin: CallRecord | None = None, text: str | None = None) -> None:
        """A row for a call that needed no model. origin: the call whose answer it got."""
        record.response = None if text is None else self.kept(text)
        rows.spare(record, origin)
        await self._ledger.add(record)

    @asynccontextmanager
    async def _on(self, provider: Provider, record: CallRecord, tokens: int) -> AsyncIterator[Heard]:
        """The block is one call on one provider, on the ledger, in its turn."""

        def retry() -> None:
            record.retries += 1

        def piece(_: str) -> None:
            record.first_token_at = record.first_token_at or datetime.now(UTC)

        record.provider = provider.name
        # The turn comes first: a call that is never made, since its process dies in the queue, has no row.
        async with (
            self._fleet.turn(provider, record.model, record.journey_id) as waited,
            recorded(self._ledger, record, self._reservation(record, tokens), self._settle),
        ):
            record.queue_seconds = waited
            record.model_digest = await provider.digest(record.model)
            with self._measured(provider, record):
                yield Heard(piece, retry)

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

    def _reservation(self, record: CallRecord, tokens: int) -> Reservation:
        """Tokens at their price; where not tokens are priced, and for seconds, what calls took lately."""
        rate, typical = self._card.rate(record.provider, record.model), self._typical.get(_kind(record))
        cost = typical.cost if typical else None
        if isinstance(rate, TokenRate):
            cost = tokens * max(rate.prompt, rate.completion) / 1e6
        seconds = typical.seconds if typical else None
        return Reservation(tokens, cost, seconds, context.current().budget, self._card.known_currency)

    def _settle(self, record: CallRecord) -> None:
        """The price of a call that has ended, and what it says of the next one. Its error may quote what was sent."""
        rows.set_price(record, price(record, self._card, record.joules))
        if record.error and self._settings.call_text != "full":
            record.error = mask(record.error)
        if record.status == "success" and record.total_seconds is not None:
            seconds = record.total_seconds
            before = self._typical.get(_kind(record), _Typical(seconds, record.cost))
            self._typical[_kind(record)] = _Typical(
                _blend(before.seconds, seconds),
                record.cost if record.cost is None or before.cost is None else _blend(before.cost, record.cost),
            )


def _blend(before: float, newest: float) -> float:
    return (1 - _NEWEST_SHARE) * before + _NEWEST_SHARE * newest


def _kind(record: CallRecord) -> tuple[str, str]:
    return record.provider, record.model


def _is_here(provider: str, url: str) -> bool:
    return provider == "embedded" or EnergyMeter.covers(url)
