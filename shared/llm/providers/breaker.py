"""A circuit breaker: a provider that keeps failing is left alone for a while, then tried by one call."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from shared.errors import ModelUnavailable
from shared.llm.providers.base import ModelMissing

FAILURES = 5
"""In a row, before a provider is left alone."""
REST_SECONDS = 30.0


class Breaker:
    """closed: calls pass. open: after FAILURES in a row none does, for REST_SECONDS. half-open: then one does, alone.

    It closes again when a call succeeds. Only ModelUnavailable is a failure: a prompt that is too long, a model that
    the server lacks and a cancelled call say nothing of the server. clock: seconds.
    """

    def __init__(
        self,
        provider: str,
        *,
        failures: int = FAILURES,
        rest: float = REST_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._most = failures
        self._rest = rest
        self._clock = clock
        self._failures = 0
        self._opened: float | None = None
        self._trial = False
        self._last: ModelUnavailable | None = None

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        if self._opened is None:
            return "closed"
        return "half-open" if self._clock() >= self._opened + self._rest else "open"

    @property
    def lets_through(self) -> bool:
        """Whether a call that comes now may be made."""
        return self.state == "closed" or (self.state == "half-open" and not self._trial)

    def refusal(self) -> ModelUnavailable:
        """The error of a call that is not let through; it tells the last failure."""
        waiting = max(0.0, (self._opened or 0.0) + self._rest - self._clock())
        when = "while another call tries it" if self._trial else f"for {waiting:.0f} s"
        last = f"; the last: {self._last.message}" if self._last else ""
        return ModelUnavailable(
            f"the provider '{self._provider}' is left alone {when}: {self._failures} calls in a row failed{last}",
            suggestion=self._last.suggestion if self._last else None,
        )

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A call within. Raises ModelUnavailable, before anything is sent, when it is not let through."""
        if not self.lets_through:
            raise self.refusal()
        alone = self._trial = self.state == "half-open"
        try:
            yield
        except ModelMissing:
            raise
        except ModelUnavailable as error:
            self._failed(error, alone)
            raise
        else:
            self._failures, self._opened = 0, None
        finally:
            if alone:
                self._trial = False

    def _failed(self, error: ModelUnavailable, alone: bool) -> None:
        """A call that began before the breaker opened does not lengthen the rest."""
        self._failures += 1
        self._last = error
        if alone or (self._opened is None and self._failures >= self._most):
            self._opened = self._clock()
