"""Ids of what is written down in the order in which it happens."""

from __future__ import annotations

import secrets
import time
from uuid import UUID


def time_ordered() -> UUID:
    """A UUID of version 7 (RFC 9562): the milliseconds since 1970, then 74 random bits.

    An index gets such ids at its end; random ones go to a page each.
    """
    chance = secrets.randbits(74)
    return UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | chance >> 62 << 64 | 2 << 62 | chance & (1 << 62) - 1)
