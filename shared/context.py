"""Who is at work: set once at each entry (HTTP, A2A, CLI), read by the ledger and the log.

Carried as contextvars in a process, as `X-Journey-ID` on HTTP and as task metadata on A2A.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from shared.models import Budget


@dataclass(frozen=True)
class Scope:
    """journey_id: None outside a journey (catalog import, `models pull`); agent: who makes the call; user: who asks;
    replay_of: the journey from whose log model calls are answered."""

    journey_id: str | None = None
    agent: str = "core_engine"
    parent_call_id: str | None = None
    budget: Budget | None = None
    user: str | None = None
    tags: tuple[str, ...] = ()
    replay_of: str | None = None


_scope: ContextVar[Scope | None] = ContextVar("lexiquery_scope", default=None)
_OUTSIDE = Scope()


def current() -> Scope:
    return _scope.get() or _OUTSIDE


@contextmanager
def scoped(
    *,
    journey_id: str | None = None,
    agent: str | None = None,
    parent_call_id: str | None = None,
    budget: Budget | None = None,
    user: str | None = None,
    tags: Sequence[str] = (),
    replay_of: str | None = None,
) -> Iterator[Scope]:
    """Within the block, the scope with the given fields changed; what is not given keeps the outer value."""
    given: dict[str, Any] = {
        "journey_id": journey_id,
        "agent": agent,
        "parent_call_id": parent_call_id,
        "budget": budget,
        "user": user,
        "tags": tuple(tags),
        "replay_of": replay_of,
    }
    scope = replace(current(), **{name: value for name, value in given.items() if value})
    token = _scope.set(scope)
    try:
        yield scope
    finally:
        _scope.reset(token)
