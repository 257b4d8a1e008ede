"""Of identical calls in flight one is made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.errors import BudgetExceeded

T = TypeVar("T")


@dataclass(frozen=True)
class Landed(Generic[T]):
    """What a call came to. spared: somebody else made it, and this caller only waited."""

    value: T
    spared: bool


class SingleFlight(Generic[T]):
    """Calls of one process by key: who comes first makes the call, the others wait for what it comes to.

    The maker makes it as its own, in its own scope. Cancelled, it stops the call and the first who waits makes it
    anew: a call that went on for others would be on the ledger of a journey that is over. A waiter that is cancelled
    just leaves.

    A failure is everybody's: it is the server's or the request's, was tried again already, and if each who waits met
    it in turn, the last would wait as many timeouts as there are callers. Not so the maker's own end, its spent
    budget (`own`): the first who waits then makes the call.
    """

    def __init__(self, own: tuple[type[BaseException], ...] = (BudgetExceeded,)) -> None:
        self._own: tuple[type[BaseException], ...] = (asyncio.CancelledError, *own)
        self._flights: dict[str, asyncio.Future[T]] = {}

    async def fly(self, key: str | None, make: Callable[[], Awaitable[T]]) -> Landed[T]:
        """What `make` gives, or what it gave to the caller that was first. key: None shares with nobody."""
        if key is None:
            return Landed(await make(), spared=False)
        while (flight := self._flights.get(key)) is not None:
            await asyncio.wait([flight])  # which neither cancels the flight nor raises its error
            if not flight.cancelled():
                return Landed(flight.result(), spared=True)
        return Landed(await self._make(key, make), spared=False)

    async def _make(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        flight: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            value = await make()
            flight.set_result(value)
            return value
        except self._own:
            flight.cancel()
            raise
        except BaseException as error:
            flight.set_exception(error)
            flight.exception()  # so that asyncio doesn't complain where nobody waited
            raise
        finally:
            del self._flights[key]
