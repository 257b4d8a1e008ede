"""The configured providers in their order of failover, each with its breaker and a queue for each of its models."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from shared.errors import ModelUnavailable
from shared.llm.providers.base import ModelMissing, Provider
from shared.llm.providers.breaker import Breaker
from shared.llm.providers.queue import FairQueue

_LACKS_SECONDS = 60.0
"""After this a provider is asked again whether it has a model."""
_ONE_AT_A_TIME = "embedded"
"""It answers one call after the other, in the order of their coming: only our queue is fair."""
_PIPELINED = 2
"""Calls of a model whose next one is sent while one is computed."""


class Fleet:
    """It makes no calls itself. concurrency: most calls at a time of one model on one provider. pipelined: models whose
    next call the embedded server gets while it computes one: embeddings, for their answers are long to read and store.
    clock: seconds.

    For each of `candidates(model)`: make the call within `turn`; go on to the next when ModelUnavailable is raised.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        concurrency: int,
        pipelined: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.providers = tuple(providers)
        self._concurrency = concurrency
        self._pipelined = pipelined
        self._clock = clock
        self._breakers = {provider.name: Breaker(provider.name, clock=clock) for provider in providers}
        self._lacks_until: dict[tuple[str, str], float] = {}
        self._has_until: dict[tuple[str, str], float] = {}
        self._queues: dict[tuple[str, str], FairQueue] = {}

    def candidates(self, model: str) -> list[Provider]:
        """Those that may be tried now, first to last; of those that had no such model a while ago only if all hadn't.

        Raises the first one's ModelUnavailable when none may.
        """
        found = [provider for provider in self.providers if self._breakers[provider.name].lets_through]
        if not found:
            raise self._breakers[self.providers[0].name].refusal()
        having = [one for one in found if self._clock() >= self._lacks_until.get((one.name, model), 0.0)]
        return having or found

    @asynccontextmanager
    async def turn(self, provider: Provider, model: str, journey_id: str | None) -> AsyncIterator[float]:
        """Make the call within the block, and let its error leave it: the breaker counts it. Gives seconds queued.

        Raises ModelUnavailable, before anything is sent, when the provider was given up while the call waited.
        """
        async with self.queue(provider, model).turn(journey_id) as queued:
            with self._breakers[provider.name].watched():
                try:
                    yield queued
                except ModelMissing:
                    self._lacks_until[provider.name, model] = self._clock() + _LACKS_SECONDS
                    raise

    async def has(self, provider: Provider, model: str) -> bool:
        """Whether the provider answers and has the model, by what it listed within the last minute."""
        key, now = (provider.name, model), self._clock()
        if now < self._lacks_until.get(key, 0.0) or not self._breakers[provider.name].lets_through:
            return False
        if now >= self._has_until.get(key, 0.0):
            try:
                provider.require(model, await provider.models())
            except ModelMissing:
                self._lacks_until[key] = now + _LACKS_SECONDS
                return False
            except ModelUnavailable:
                return False  # the call meets the same error, and writes it down
            self._has_until[key] = now + _LACKS_SECONDS
        return True

    async def close(self) -> None:
        async with AsyncExitStack() as stack:  # each is closed, whatever becomes of the others
            for provider in self.providers:
                stack.push_async_callback(provider.close)

    def queue(self, provider: Provider, model: str) -> FairQueue:
        """Of one model on one provider."""
        if (provider.name, model) not in self._queues:
            embedded = _PIPELINED if model in self._pipelined else 1
            limit = embedded if provider.name == _ONE_AT_A_TIME else self._concurrency
            self._queues[provider.name, model] = FairQueue(limit, clock=self._clock)
        return self._queues[provider.name, model]
