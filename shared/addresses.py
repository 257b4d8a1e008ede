"""What a host's name leads to, and whose an address is. A connection goes to an address that was judged: a name that
resolves differently a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

Address = IPv4Address | IPv6Address

METADATA = frozenset(
    ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google Cloud, Oracle, OpenStack, DigitalOcean
        "169.254.170.2",  # AWS ECS
        "169.254.170.23",  # AWS EKS
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure's host, a public address
        "192.0.0.192",  # Oracle Cloud, before it took the common address
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS EKS
        "fd20:ce::254",  # Google Cloud
    )
)
"""Where clouds hand out a machine's credentials to whoever asks from it."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: the last four bytes are an IPv4 address."""
_OWN = tuple(
    ip_network(network)
    for network in (
        *("127.0.0.0/8", "::1/128"),  # loopback
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),  # private: RFC 1918, RFC 4193
        *("169.254.0.0/16", "fe80::/10"),  # link-local: RFC 3927, RFC 4291
        *("0.0.0.0/32", "::/128"),  # a connection to the unspecified address ends on this machine
    )
)


RESOLVE_SECONDS = 5.0
"""Longest wait for a name server, and for a thread to ask it."""
_resolving = ThreadPoolExecutor(16, thread_name_prefix="resolve")
"""Their own: whoever has a name server that never answers takes no thread from the rest of the process."""


async def resolve(url: httpx.URL) -> list[Address]:
    """Every address of the URL's host, within RESOLVE_SECONDS. Raises OSError or UnicodeError when it has none."""
    port = url.port or (443 if url.scheme == "https" else 80)
    find = partial(socket.getaddrinfo, url.host, port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await asyncio.get_running_loop().run_in_executor(_resolving, find)
    except OverflowError as error:
        raise OSError(f"{port} is no port") from error
    return [ip_address(str(info[4][0]).partition("%")[0]) for info in found]


def real(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does: that is where a connection ends."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def is_own(address: Address) -> bool:
    """Whether it is this machine, or one of its own network: loopback, private or link-local, and no cloud's.

    What a tunnel leads to (6to4, NAT64) is not: the way there may go through anybody's network.
    """
    ends = address if isinstance(address, IPv4Address) else address.ipv4_mapped or address
    return ends not in METADATA and any(ends in network for network in _OWN)


def pin(request: httpx.Request, address: str) -> None:
    """Send the request to `address`. The Host header and TLS keep the name."""
    request.extensions["sni_hostname"] = request.url.host
    request.url = request.url.copy_with(host=address)
