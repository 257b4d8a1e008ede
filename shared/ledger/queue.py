"""What waits for the ledger's next transaction."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
from sqlalchemy import Connection

from shared.ledger.changes import Change, Finish, sum_missing
from shared.ledger.transactions import in_transaction
from shared.ledger.writing import is_of_the_database, write_all

Waiting = tuple[Change, asyncio.Future[None]]
log = structlog.get_logger(__name__)
_SUMS_AFTER, _SUMS_OF = 1.0, 500
"""Seconds after a call has ended, or calls. Its sums are more rows than its own, and the same ones for the calls of
that time; what is in no sum yet is read before every call that has a budget. A database that took nothing is asked
again with them."""
NOTHING: tuple[list[Waiting], bool] = ([], False)
_AT_ONCE = 200  # changes in a transaction; PostgreSQL takes 32,767 parameters in a statement
_KEPT = 200  # ends of calls that the database did not take; they may have texts


class Queue:
    """Changes that wait for the next transaction, and whether the sums of days are behind what was written."""

    def __init__(self) -> None:
        self._waiting: list[Waiting] = []
        self._kept: list[Change] = []
        self._is_draining = False
        self._are_sums_due = False
        self._summing: asyncio.TimerHandle | None = None
        self._ended = 0
        self._changing = threading.Lock()

    def add(self, change: Waiting) -> bool:
        """Whether nobody takes what waits yet: the caller has to see to it."""
        with self._changing:
            self._waiting.append(change)
            return self._starts()

    def sum_later(self, start: Callable[[], None], *, ended: int = 0) -> None:
        """And write what was kept. start: called in the loop when that is due and nobody takes what waits; ended: calls
        that the sums lack."""
        self._ended += ended
        if self._ended >= _SUMS_OF:
            self._sum(start)
        elif self._summing is None:
            self._summing = asyncio.get_running_loop().call_later(_SUMS_AFTER, self._sum, start)

    @property
    def has_kept(self) -> bool:
        return bool(self._kept)

    def next(self) -> tuple[list[Waiting], bool]:
        """What goes into the next transaction, and whether the sums follow it; nothing at all: whoever asks is done."""
        with self._changing:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            are_sums_due, self._are_sums_due = self._are_sums_due, False
            self._is_draining = bool(batch) or are_sums_due
            return batch, are_sums_due

    def keep(self, changes: Sequence[Change], problems: Sequence[Exception | None]) -> None:
        """Keep how calls ended that the database did not take, the newest of them, to be written with the sums: a call
        whose end nobody writes would count as lost, without its tokens."""
        ends = [
            change
            for change, problem in zip(changes, problems, strict=True)
            if isinstance(change, Finish) and problem and is_of_the_database(problem)
        ]
        self._kept = [*self._kept, *ends][-_KEPT:]

    def catch_up(self, connection: Connection) -> None:
        """Write what was kept, and add to the sums what they lack."""
        kept, self._kept = self._kept, []
        if kept:
            self.keep(kept, write_all(connection, kept))
        while in_transaction(connection, sum_missing):
            pass

    def close(self) -> None:
        if self._summing:
            self._summing.cancel()
            self._summing = None

    def _sum(self, start: Callable[[], None]) -> None:
        self.close()
        self._ended = 0
        with self._changing:
            self._are_sums_due = True
            starts = self._starts()
        if starts:
            start()

    def _starts(self) -> bool:
        starts, self._is_draining = not self._is_draining, True
        return starts


@contextmanager
def sums_may_wait() -> Iterator[None]:
    """What can't be added to the sums now is added with the next calls, at the next start, or by who reads them."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- calls are written all the same
        log.warning("calls are not in the sums of their day yet", reason=str(getattr(error, "orig", error)))


def tell(batch: Sequence[Waiting], refused: Sequence[Exception | None]) -> None:
    for (_, written), problem in zip(batch, refused, strict=True):
        if written.done():
            continue
        if problem:
            written.set_exception(problem)
        else:
            written.set_result(None)
