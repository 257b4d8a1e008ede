"""Fetch an Agent Card from a URL that somebody gave, without being led into the private network.

The host is resolved once, and the connection goes to the address that was judged (protocol_interface/hosts.py).
Redirects are not followed.
"""

from __future__ import annotations

import asyncio
import json

import httpx
from a2a.client.card_resolver import parse_agent_card
from a2a.types import AgentCard
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH
from google.protobuf.json_format import ParseError

from protocol_interface.hosts import HostRule
from shared.addresses import pin
from shared.errors import AgentUnavailable, InvalidInput

CARD_LIMIT = 256 * 1024
"""Bytes of the largest card that is read."""
TIMEOUT = 5.0
"""Seconds for the whole fetch, so that a card that drips in doesn't hold a connection."""
NAME_LIMIT = 64


async def fetch_card(
    url: str,
    *,
    client: httpx.AsyncClient | None = None,
    hosts: HostRule | None = None,
    seconds: float = TIMEOUT,
) -> AgentCard:
    """The card at `url`, or at its well-known path when `url` has none.

    hosts: where the card may be; None for a URL that the operator named, which may be anywhere.
    Raises InvalidInput for a URL that must not be called and for a card that can't be used, AgentUnavailable for one
    that can't be had.
    """
    target = _target(url)
    pinned = await hosts.address(target) if hosts else None
    opened = client or httpx.AsyncClient(follow_redirects=False, trust_env=False)
    try:
        async with asyncio.timeout(seconds):
            content = await _get(opened, target, pinned)
    except TimeoutError as error:
        raise AgentUnavailable(f"the card at {target} did not come within {seconds:g} s") from error
    except httpx.HTTPError as error:
        raise AgentUnavailable(f"can't fetch the card at {target}: {error or type(error).__name__}") from error
    finally:
        if client is None:
            await opened.aclose()
    return parse_card(content, str(target))


def _target(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise InvalidInput(f"'{url[:200]}' is no URL: {error}") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise InvalidInput(f"'{url[:200]}' is no http or https URL", suggestion="give one like http://host:9020")
    if target.userinfo:
        raise InvalidInput("the URL holds a password", suggestion="give it without 'user:password@'")
    if target.path.endswith(".json"):
        return target
    return target.copy_with(path=target.path.rstrip("/") + AGENT_CARD_WELL_KNOWN_PATH, query=None, fragment=None)


async def _get(client: httpx.AsyncClient, target: httpx.URL, pinned: str | None) -> bytes:
    request = client.build_request("GET", target, headers={"Accept": "application/json"})
    if pinned is not None:
        pin(request, pinned)
    response = await client.send(request, stream=True)
    try:
        if response.status_code != httpx.codes.OK:
            raise AgentUnavailable(f"{target} answered {response.status_code}, not a card")
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > CARD_LIMIT:
                raise InvalidInput(f"the card at {target} is larger than {CARD_LIMIT // 1024} KiB")
        return bytes(content)
    finally:
        await response.aclose()


def parse_card(content: bytes, source: str) -> AgentCard:
    """A card that can be used. Raises InvalidInput naming what is wrong with it."""
    try:
        card = parse_agent_card(json.loads(content))
    except (ValueError, ParseError) as error:
        raise InvalidInput(f"the card at {source} is no Agent Card: {error}") from error
    check_card(card, source)
    return card


def check_card(card: AgentCard, source: str) -> None:
    """Raises InvalidInput for a card without a usable name, interface or skill, or with two skills of one id."""
    if not 0 < len(card.name) <= NAME_LIMIT:
        raise InvalidInput(f"the card at {source} has a name of {len(card.name)} characters, not 1 to {NAME_LIMIT}")
    if not card.supported_interfaces:
        raise InvalidInput(f"the card of '{card.name}' names no interface")
    for interface in card.supported_interfaces:
        if httpx.URL(interface.url).scheme not in ("http", "https"):
            raise InvalidInput(f"the card of '{card.name}' has an interface at '{interface.url[:200]}', no http URL")
    skills = [skill.id for skill in card.skills]
    if not skills or not all(skills):
        raise InvalidInput(f"the card of '{card.name}' has no skills, or one without an id")
    if len(set(skills)) < len(skills):
        twice = next(skill for skill in skills if skills.count(skill) > 1)
        raise InvalidInput(f"the card of '{card.name}' has two skills '{twice}'")
