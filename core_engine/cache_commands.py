"""What `lexiquery cache` does, as commands.py has it of the other commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import get_args

from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.results import Result, as_table, opened_state
from shared.llm.caching import CacheStores, open_stores
from shared.llm.caching.savings import Savings, read_savings
from shared.llm.caching.store import Kind
from shared.models import Model
from shared.render import render_amount
from shared.settings import Settings

_KINDS: tuple[Kind, ...] = get_args(Kind)
_MIB = 2**20


class CacheLine(Model):
    """What is kept of one kind. oldest_use: None where no time of use is kept."""

    cache: Kind
    entries: int
    bytes: int
    oldest_use: datetime | None


class CacheReport(Model):
    """place: the database or the Redis, without its password. off: why answers are not kept there, if they are not."""

    place: str
    caches: list[CacheLine]
    off: str | None
    saved: Savings

    def render(self) -> str:
        rows = [
            (
                line.cache,
                line.entries,
                f"{line.bytes / _MIB:.1f} MiB",
                line.oldest_use and f"{line.oldest_use:%F %H:%M}",
            )
            for line in self.caches
        ]
        notes = [self.off] if self.off else []
        table = as_table(rows, ("cache", "entries", "size", "oldest use"))
        return "\n".join([f"in {self.place}", table, *notes, _said(self.saved)])


async def cache_stats() -> Result:
    """Raises SourceUnavailable for a Redis that is set and can't be reached."""
    async with opened_state() as state, _stores(state.settings, state.engine) as stores:
        kept = {kind: await stores.of(kind).kept() for kind in _KINDS}
        report = CacheReport(
            place=stores.responses.place,
            caches=[
                CacheLine(cache=kind, entries=one.entries, bytes=one.bytes, oldest_use=one.oldest_use)
                for kind, one in kept.items()
            ],
            off=_why_off(state.settings),
            saved=await read_savings(state.engine),
        )
    return Result(report, report.render())


async def cache_clear(responses: bool = False, embeddings: bool = False) -> Result:
    """Neither means both. Raises SourceUnavailable for a Redis that is set and can't be reached."""
    asked: tuple[tuple[Kind, bool], ...] = (("responses", responses), ("embeddings", embeddings))
    kinds = [kind for kind, is_asked in asked if is_asked] or list(_KINDS)
    async with opened_state() as state, _stores(state.settings, state.engine) as stores:
        cleared = {kind: await stores.of(kind).clear() for kind in kinds}
    lines = [f"{number} {kind} dropped" for kind, number in cleared.items()]
    return Result(cleared, "; ".join(lines) + "; a running server may answer from its memory for ten minutes more")


@asynccontextmanager
async def _stores(settings: Settings, engine: AsyncEngine) -> AsyncIterator[CacheStores]:
    stores = open_stores(settings, engine)
    try:
        yield stores
    finally:
        await stores.close()


def _why_off(settings: Settings) -> str | None:
    if settings.response_cache_days == 0:
        return "answers are not kept: LEXIQUERY_RESPONSE_CACHE_DAYS is 0"
    if settings.call_text != "full":
        return f"answers are kept in memory only: LEXIQUERY_CALL_TEXT is {settings.call_text}"
    return None


def _said(saved: Savings) -> str:
    if not saved.hits:
        return "no call was spared yet"
    costs = [render_amount(amount, currency) for currency, amount in sorted(saved.cost.items())]
    tokens = "tokens unknown" if saved.tokens is None else f"{saved.tokens} tokens"
    seconds = "time unknown" if saved.seconds is None else f"{saved.seconds:.1f} s"
    spared = [tokens, seconds, *costs]
    others = f"the other {saved.vectors} {'was' if saved.vectors == 1 else 'were'} for vectors, which tell none of it"
    gap = f" (of {saved.hits - saved.vectors}; {others})" if saved.vectors else ""
    return f"{saved.hits} call{'s' * (saved.hits != 1)} spared: {', '.join(spared)}{gap}"
