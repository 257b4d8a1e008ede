"""Fetch an Agent Card from a URL that somebody gave, without being led into the private network.

The host is resolved once, and the connection goes to the address that was judged (protocol_interface/hosts.py).
Redirects are not followed. What a card may hold is protocol_interface/card_check.py.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
from a2a.types import AgentCard
from a2a.utils.constants import AGENT_CARD_WELL_KNOWN_PATH

from protocol_interface.card_check import CARD_LIMIT, has_port, parse_card, too_large
from protocol_interface.hosts import HostRule
from shared.addresses import pin
from shared.errors import AgentUnavailable, InvalidInput

TIMEOUT = 5.0
"""Seconds for the whole fetch, so that a card that drips in doesn't hold a connection."""
_ETAG_LIMIT = 512


class NoCard(AgentUnavailable):
    """Something answers there, and it is no card. status: HTTP's."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Fetched:
    """card: None when it is still the one that the given ETag named; etag: of what is there now, where it has one."""

    card: AgentCard | None
    etag: str | None


async def fetch_card(url: str, *, seconds: float = TIMEOUT) -> AgentCard:
    """The card at a URL that the operator named, as `fetch_changed` fetches it."""
    found = await fetch_changed(url, None, seconds=seconds)
    assert found.card is not None, "without an ETag every answer is a card"
    return found.card


async def fetch_changed(
    url: str,
    etag: str | None,
    *,
    client: httpx.AsyncClient | None = None,
    hosts: HostRule | None = None,
    seconds: float = TIMEOUT,
) -> Fetched:
    """The card at `url`, or at its well-known path when `url` has none, unless `etag` says that it is known.

    hosts: where the card may be; None for a URL that the operator named, which may be anywhere.
    Raises InvalidInput for a URL that must not be called and for a card that can't be used, AgentUnavailable for one
    that can't be had.
    """
    target = card_url(url)
    opened = client or httpx.AsyncClient(follow_redirects=False, trust_env=False)
    try:
        async with asyncio.timeout(seconds):
            # Within the time: a name server may be slow too.
            pinned = await hosts.address(target) if hosts else None
            content, found = await _get(opened, target, pinned, etag)
    except TimeoutError as error:
        raise AgentUnavailable(f"the card at {target} did not come within {seconds:g} s") from error
    except httpx.HTTPError as error:
        raise AgentUnavailable(f"can't fetch the card at {target}: {error or type(error).__name__}") from error
    finally:
        if client is None:
            await opened.aclose()
    return Fetched(None if content is None else parse_card(content, str(target)), found)


def card_url(url: str) -> httpx.URL:
    """Where the card of the agent at `url` is. Raises InvalidInput for what is no URL of one."""
    try:
        target = httpx.URL(url.strip())
    except httpx.InvalidURL as error:
        raise InvalidInput(f"'{url[:200]}' is no URL: {error}") from error
    if target.scheme not in ("http", "https") or not target.host:
        raise InvalidInput(f"'{url[:200]}' is no http or https URL", suggestion="give one like http://host:9020")
    if not has_port(target):
        raise InvalidInput(f"'{url[:200]}' has the port {target.port}", suggestion="give one of 1 to 65535")
    if target.userinfo:
        raise InvalidInput("the URL holds a password", suggestion="give it without 'user:password@'")
    if target.path.endswith(".json"):
        return target
    return target.copy_with(path=target.path.rstrip("/") + AGENT_CARD_WELL_KNOWN_PATH, query=None, fragment=None)


async def _get(
    client: httpx.AsyncClient, target: httpx.URL, pinned: str | None, etag: str | None
) -> tuple[bytes | None, str | None]:
    # Not compressed: a few bytes could become a lot before they are counted.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | ({"If-None-Match": etag} if etag else {})
    request = client.build_request("GET", target, headers=headers)
    if pinned is not None:
        pin(request, pinned)
    response = await client.send(request, stream=True)
    try:
        if etag and response.status_code == httpx.codes.NOT_MODIFIED:
            return None, etag
        if response.status_code != httpx.codes.OK:
            raise NoCard(f"{target} answered {response.status_code}, not a card", response.status_code)
        return await _body(response, target), _etag(response)
    finally:
        await response.aclose()


async def _body(response: httpx.Response, target: httpx.URL) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise InvalidInput(f"the card at {target} is compressed, which was not asked for")
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > CARD_LIMIT:
            raise too_large(str(target))
    return bytes(content)


def _etag(response: httpx.Response) -> str | None:
    etag = response.headers.get("etag")
    return etag if etag and len(etag) <= _ETAG_LIMIT and etag.isascii() and etag.isprintable() else None
