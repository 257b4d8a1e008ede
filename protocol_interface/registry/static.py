"""Other parties' agents that the operator's settings name: by card files, folders of them, and URLs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import structlog
from a2a.types import AgentCard

from protocol_interface.card_check import CARD_LIMIT, parse_card
from protocol_interface.registry.registry import Registry, home_of, place_of
from shared.errors import AgentUnavailable, Conflict, InvalidInput

log = structlog.get_logger(__name__)


async def register_cards(registry: Registry, cards: Sequence[str], *, again: bool = False) -> None:
    """Register what LEXIQUERY_AGENT_CARDS names; what it named before, and names no more, goes.

    again: only the URLs that are not registered yet; what of them can't be had now is tried again later. Raises
    InvalidInput for a file that is no card, Conflict for one with a name that reads like one of ours.
    """
    urls = [place_of(card) for card in cards if "://" in card]
    if not again:
        files = [(home_of(card), card) for entry in cards if "://" not in entry for card in read_cards(Path(entry))]
        await _drop_others(registry, {*urls, *(url for url, _ in files)})
        for url, card in files:
            await registry.register_static(url, card)
    there = {url for places in (await _static(registry)).values() for url in places} if urls else set()
    for url in urls:
        if not again or url not in there:
            await _try(registry, url)


async def _try(registry: Registry, url: str) -> None:
    try:
        await registry.register_static(url)
    except (AgentUnavailable, InvalidInput, Conflict) as error:
        log.warning("agent not registered", url=url, reason=str(error))


async def _drop_others(registry: Registry, urls: set[str]) -> None:
    static = await _static(registry)
    if gone := [name for name, places in static.items() if not places & urls]:
        await registry.forget(gone)
    for name, places in static.items():
        if places & urls and places - urls:
            await registry.keep_only(name, sorted(places & urls))


async def _static(registry: Registry) -> dict[str, set[str]]:
    """The URLs of each agent that the settings name, or named before."""
    names = [agent.id for agent in await registry.discover() if agent.source == "static"]
    return {name: await registry.places(name) for name in names}


def read_cards(path: Path) -> Iterator[AgentCard]:
    """The card of a file, or of each `.json` file in a folder. Raises InvalidInput naming the file that is none."""
    for file in sorted(path.glob("*.json")) if path.is_dir() else [path]:
        try:
            with file.open("rb") as opened:
                content = opened.read(CARD_LIMIT + 1)
        except OSError as error:
            raise InvalidInput(f"can't read the card {file}: {error.strerror}") from error
        yield parse_card(content, str(file))
