"""Where prompts may go: to this machine and its own network; outside it only where the operator listed the provider."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx

from shared.addresses import Address, is_own, pin, resolve
from shared.errors import ModelUnavailable

CONNECT_SECONDS = 10.0
_MOST_BYTES = 64 << 20
"""Of one answer: 64 vectors of 4,096 dimensions as JSON are 6 MiB."""


class Egress(httpx.AsyncBaseTransport):
    """The network as one provider may use it. The rule is kept on the addresses that its host's name really has, when
    a request is made; no proxy of the environment is asked.

    hosted: whether the provider may be outside the user's network.
    """

    def __init__(self, provider: str, *, hosted: bool) -> None:
        self._provider = provider
        self._hosted = hosted
        self._network = httpx.AsyncHTTPTransport(verify=_certificates(), trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises ModelUnavailable when the provider may not be there."""
        url = request.url
        try:
            addresses = await resolve(url)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(f"can't resolve the host '{url.host}'", request=request) from error
        if not self._hosted:
            check_own(self._provider, url.host, addresses)
        return await self._send(request, addresses)

    async def _send(self, request: httpx.Request, addresses: list[Address]) -> httpx.Response:
        """To the first address that takes the connection: `localhost` has two, and a server may listen on one."""
        url = request.url
        for address in addresses[:-1]:
            try:
                return await self._to(address, request, url)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._to(addresses[-1], request, url)

    async def _to(self, address: Address, request: httpx.Request, url: httpx.URL) -> httpx.Response:
        request.url = url
        pin(request, str(address))
        request.headers["accept-encoding"] = "identity"  # a few kilobytes of gzip may be gigabytes
        response = await self._network.handle_async_request(request)
        response.headers.pop("content-encoding", None)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Bounded(response.stream, request)
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


class _Bounded(httpx.AsyncByteStream):
    """Raises httpx.RequestError for an answer that is longer than any that a model gives."""

    def __init__(self, stream: httpx.AsyncByteStream, request: httpx.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for block in self._stream:
            taken += len(block)
            if taken > _MOST_BYTES:
                raise httpx.RequestError(f"an answer of more than {_MOST_BYTES >> 20} MiB", request=self._request)
            yield block

    async def aclose(self) -> None:
        await self._stream.aclose()


@cache
def _certificates() -> ssl.SSLContext:
    """Read once, which takes a while; with SSL_CERT_FILE, a server in the house may have the house's own authority."""
    return httpx.create_ssl_context()


def check_own(provider: str, host: str, addresses: list[Address]) -> None:
    """Raises ModelUnavailable when one of the host's addresses is outside the user's network."""
    outside = next((address for address in addresses if not is_own(address)), None)
    if outside is not None:
        raise ModelUnavailable(
            f"the provider '{provider}' is at {host} ({outside}), outside your network, and prompts stay inside",
            suggestion=f"if they may go there, allow it by LEXIQUERY_HOSTED={provider}",
        )
