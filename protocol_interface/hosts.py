"""Where an agent that nobody vouches for may be: public addresses, and what the operator lists.

A host is resolved once, every address of it is judged, and the connection goes to a judged address: a name that
resolves differently a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_network

import httpx

from shared.addresses import METADATA, Address, pin, real, resolve
from shared.errors import AgentUnavailable, InvalidInput
from shared.settings import Network, Settings

_NOT_PUBLIC = tuple(
    ip_network(network)
    for network in (
        *("64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96"),  # an IPv4 address behind them: RFC 8215, RFC 2765, RFC 4291
        *("fec0::/10", "3fff::/20", "5f00::/16"),  # site-local, documentation, segment routing
    )
)
"""What is not public, though Python's ipaddress calls it global."""


@dataclass(frozen=True)
class HostRule:
    """Which hosts may be called. loopback: this machine; listed: what the operator allows beside public addresses.

    A listed name may be at any address, a listed network holds any of its addresses; but neither opens a metadata
    address, which must be listed itself. Unspecified and multicast addresses are nobody's.
    """

    loopback: bool = False
    listed: tuple[Network | str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> HostRule:
        """What the settings allow; agents of this machine only where nobody else is served."""
        return cls(loopback=settings.is_local, listed=tuple(settings.allow_hosts))

    async def address(self, url: httpx.URL) -> str:
        """An address of the URL's host to connect to.

        Raises AgentUnavailable if it has none, InvalidInput if one of them may not be called.
        """
        try:
            addresses = await resolve(url)
        except (OSError, UnicodeError) as error:
            raise AgentUnavailable(f"can't resolve the host '{url.host}'") from error
        for address in addresses:
            self._check(url.host, address)
        return str(addresses[0])

    def _check(self, host: str, address: Address) -> None:
        ends = real(address)
        if ends in METADATA and not self._is_itself_listed(ends):
            raise InvalidInput(
                f"'{host}' is at {address}, where clouds hand out a machine's credentials",
                suggestion=f"if an agent is there all the same, list {ends} itself in LEXIQUERY_ALLOW_HOSTS",
            )
        if not self._allows(host, ends):
            raise InvalidInput(
                f"'{host}' is at {address}, which is not public",
                suggestion=f"allow it by LEXIQUERY_ALLOW_HOSTS={host} (names, addresses, networks); "
                "LexiQuery's own agents in your network are named in LEXIQUERY_AGENTS",
            )

    def _allows(self, host: str, address: Address) -> bool:
        if address.is_unspecified or address.is_multicast:
            return False
        if host.lower().rstrip(".") in self.listed or any(address in network for network in self._networks()):
            return True
        if address.is_loopback:
            return self.loopback
        # is_global is false for private, link-local, shared (RFC 6598) and reserved addresses.
        return address.is_global and not any(address in network for network in _NOT_PUBLIC)

    def _networks(self) -> list[Network]:
        return [entry for entry in self.listed if not isinstance(entry, str)]

    def _is_itself_listed(self, address: Address) -> bool:
        return any(network.num_addresses == 1 and address in network for network in self._networks())


class Judged(httpx.AsyncBaseTransport):
    """A transport that judges the host of each request before it connects to it."""

    def __init__(self, rule: HostRule) -> None:
        self._rule = rule
        # No connection is kept: two names at one address would share one that TLS made for the first.
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=0)
        self._network = httpx.AsyncHTTPTransport(trust_env=False, limits=limits)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            address = await self._rule.address(request.url)
        except (InvalidInput, AgentUnavailable) as error:
            raise httpx.ConnectError(str(error), request=request) from error
        pin(request, address)
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()
