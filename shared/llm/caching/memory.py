"""The level in front of every store: what this process used a moment ago."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_OVERHEAD = 256
"""Bytes that an entry takes besides its value: its keys (two texts of up to 64 characters), tuples, dict and list."""


class Memory:
    """Values by key, at most max_bytes of them: what was not used for longest goes first.

    seconds: how long a value is held, however often it is used; None is for ever. clock: seconds, only ever growing.
    """

    def __init__(
        self, max_bytes: int, *, seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], tuple[bytes, float]] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[str, str]) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, since = entry
        if self._seconds is not None and self._clock() - since >= self._seconds:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: tuple[str, str], value: bytes) -> None:
        """A value that would take more than all there is isn't held."""
        if key in self._entries:
            self._drop(key)
        self._entries[key] = (value, self._clock())
        self._bytes += len(value) + _OVERHEAD
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: tuple[str, str]) -> None:
        value, _ = self._entries.pop(key)
        self._bytes -= len(value) + _OVERHEAD
