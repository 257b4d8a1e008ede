"""Documents from the web, of hosts that the operator lists, and of no other: not by a redirect, not by a name that
leads elsewhere a moment later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import unquote

import httpx

from agents.knowledge.documents import READERS, check_size
from agents.knowledge.ingest.importing import Fetched
from shared import __version__
from shared.addresses import METADATA, pin, real, resolve
from shared.errors import InvalidInput, SourceUnavailable
from shared.settings import Network

_SECONDS = 60.0
_REDIRECTS = 5
_TYPES = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}


class ListedHosts:
    """Fetches from `hosts`: names, each at whatever address it has, and networks. Where clouds hand out credentials is
    open only if that address itself is listed."""

    def __init__(self, hosts: Sequence[Network | str]) -> None:
        self._hosts = hosts

    async def fetch(self, url: str, etag: str | None) -> Fetched | None:
        """None when it is what `etag` says. Raises InvalidInput for a host not listed, or a document too large or of a
        kind that nothing reads; SourceUnavailable when it can't be had."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._fetch(_parsed(url), etag)
        except TimeoutError as error:
            raise SourceUnavailable(f"{url} took longer than {_SECONDS:g} seconds") from error
        except httpx.HTTPError as error:
            raise SourceUnavailable(f"can't read {url}: {error or type(error).__name__}") from error

    async def _fetch(self, url: httpx.URL, etag: str | None) -> Fetched | None:
        headers = {"Accept-Encoding": "identity", "User-Agent": f"lexiquery/{__version__}"}
        headers |= {"If-None-Match": etag} if etag else {}
        async with httpx.AsyncClient(trust_env=False, timeout=_SECONDS) as client:
            for _ in range(_REDIRECTS + 1):
                request = client.build_request("GET", url, headers=headers)
                pin(request, await self._address(url))
                response = await client.send(request, stream=True)
                try:
                    if not response.has_redirect_location:
                        return await _read(url, response)
                    url = _parsed(str(url.join(response.headers["Location"])))
                finally:
                    await response.aclose()
        raise SourceUnavailable(f"{url} leads on and on")

    async def _address(self, url: httpx.URL) -> str:
        """One to connect to; every one of the host's is judged."""
        suggestion = f"allow it by LEXIQUERY_DOCUMENT_HOSTS={url.host}"
        try:
            addresses = await resolve(url) if self._hosts else []
        except (OSError, UnicodeError) as error:
            raise SourceUnavailable(f"can't resolve the host '{url.host}'") from error
        networks = [host for host in self._hosts if not isinstance(host, str)]
        named = url.host.lower().rstrip(".") in self._hosts
        for address in (real(one) for one in addresses):
            itself = any(network.num_addresses == 1 and address in network for network in networks)
            if address in METADATA and not itself:
                raise InvalidInput(f"'{url.host}' is at {address}, where clouds hand out a machine's credentials")
            if address.is_unspecified or not (named or any(address in network for network in networks)):
                raise InvalidInput(f"documents are not read from '{url.host}'", suggestion=suggestion)
        if not addresses:
            raise InvalidInput(f"documents are not read from '{url.host}'", suggestion=suggestion)
        return str(addresses[0])


def _parsed(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidInput(f"'{url[:200]}' is no web address") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInput(f"'{url[:200]}' is no web address")
    if parsed.userinfo:
        raise InvalidInput("a web address with a password in it is not read: it would be kept and shown")
    return parsed.copy_with(fragment=None)


async def _read(url: httpx.URL, response: httpx.Response) -> Fetched | None:
    if response.status_code == HTTPStatus.NOT_MODIFIED:
        return None
    if response.status_code != HTTPStatus.OK:
        raise SourceUnavailable(f"{url} answered {response.status_code}")
    name = _name(url, response.headers.get("Content-Type", ""))
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise InvalidInput("it came packed, which nobody asked for")
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        check_size(len(content))
    return Fetched(name, bytes(content), response.headers.get("ETag"))


def _name(url: httpx.URL, content_type: str) -> str:
    """The last part of the address, with the ending of its format."""
    last = PurePosixPath(unquote(url.path)).name or url.host
    kind = content_type.partition(";")[0].strip().lower()
    ending = PurePosixPath(last).suffix.lower()
    if known := _TYPES.get(kind):
        return last if READERS.get(ending) is READERS[known] else f"{last}{known}"
    if ending in READERS:
        return last
    if kind.startswith("text/") or not kind:
        return f"{last}.txt"
    raise InvalidInput(f"it is {kind}, which nothing here reads")
