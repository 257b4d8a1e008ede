"""The ledger's calls by what they share; a name that no call of the ledger has is said, with the nearest one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal, get_args

from core_engine.store import Store
from shared.calls import CallRecord
from shared.errors import NotFound
from shared.ledger.statistics import CallFilter, Statistics

Named = Literal["agent", "provider", "model", "operation", "purpose", "prompt_name", "prompt_version", "user", "tag"]
_NAMED: tuple[Named, ...] = get_args(Named)
_ALL_DAYS = 36_500
"""A century."""


async def search_calls(
    statistics: Statistics, store: Store, wanted: CallFilter, limit: int, offset: int = 0
) -> list[CallRecord]:
    """The newest first. Raises NotFound for a journey, agent, model and the like that are unknown here."""
    found = await statistics.find(wanted, limit, offset)
    if not found and not offset:
        if wanted.journey_id is not None:
            await store.status(wanted.journey_id)
        async for error in _unknown(statistics, wanted):
            raise error
    return found


async def _unknown(statistics: Statistics, wanted: CallFilter) -> AsyncIterator[NotFound]:
    """For each name asked for that no call has, where others do: an empty ledger knows nobody, and that is no error."""
    for name in _NAMED:
        value = getattr(wanted, name)
        if value is None or await statistics.find(CallFilter.model_validate({name: value}), 1):
            continue
        if known := await _known(statistics, name):
            yield NotFound.named(name.replace("_", " "), value, known)


async def _known(statistics: Statistics, name: Named) -> set[str]:
    if name in ("user", "tag"):
        by: Literal["user", "tag"] = "user" if name == "user" else "tag"
        return {line.value for line in await statistics.stats(by, days=_ALL_DAYS)}
    if name in ("prompt_name", "prompt_version"):
        return await statistics.prompts(name)
    return {getattr(kind, name) for kind in await statistics.kinds()}
