"""Connections to an agent's interface: JSON-RPC and REST over HTTP, and gRPC, each within the same limits."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

import grpc  # type: ignore[import-untyped]
import httpx
from a2a.client import Client, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.compat.v0_3.grpc_transport import CompatGrpcTransport
from a2a.compat.v0_3.versions import is_legacy_version
from a2a.types import AgentCard, AgentInterface
from a2a.utils.constants import TransportProtocol

from protocol_interface.bounded import ANSWER_LIMIT
from protocol_interface.card_check import interface_url
from protocol_interface.hosts import HostRule
from shared.errors import AgentUnavailable, InvalidInput

CONNECT_SECONDS = 10.0
_KEPT = 200
"""Most agents whose HTTP client is kept from one call to the next."""
_GRPC = TransportProtocol.GRPC.value
_BINDINGS = (TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value, _GRPC)
_OPTIONS: dict[str, str | int] = {
    "grpc.max_receive_message_length": ANSWER_LIMIT,
    # Compressed, a few bytes on the wire are as many in memory as their sender likes.
    "grpc.per_message_decompression": 0,
    # A message is sent once; who lost the answer asks for the task.
    "grpc.enable_retries": 0,
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
}


class Connection:
    """The SDK's client of one interface of a card, and what has to be closed with it."""

    def __init__(self, client: Client, *, streams: bool, channel: grpc.aio.Channel | None) -> None:
        self.client = client
        self.streams = streams
        self._channel = channel

    @property
    def is_shared(self) -> bool:
        """Whether nothing of it is one caller's alone: it can be used again, by several at once, and needs no end."""
        return self._channel is None

    async def close(self) -> None:
        if self._channel:
            await self._channel.close()


class Connections:
    """`connect`, but that over HTTP an agent's client is made once for as long as its card is the same object."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[AgentCard, httpx.AsyncClient, Connection]] = OrderedDict()

    async def to(
        self, agent: str, url: str, card: AgentCard, http: httpx.AsyncClient, hosts: HostRule | None, *, streaming: bool
    ) -> Connection:
        known_card, known_http, connection = self._kept.get((agent, url), (None, None, None))
        if connection and known_card is card and known_http is http:
            return connection
        made = await connect(card, http, hosts, streaming=streaming)
        if made.is_shared:
            self._kept[agent, url] = card, http, made
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


async def connect(card: AgentCard, http: httpx.AsyncClient, hosts: HostRule | None, *, streaming: bool) -> Connection:
    """A connection to the first interface of the card that we speak.

    hosts: where a gRPC server may be (`http` has its own rule); anywhere, if None. streaming: events as they come,
    where the card says so. Raises what `failures.NONSENSE` names, with a httpx.ConnectError as the cause if a gRPC
    server can't be reached; HTTP connects with its first request.
    """
    interface = _chosen(card)
    one = AgentCard()
    one.CopyFrom(card)
    del one.supported_interfaces[:]
    one.supported_interfaces.append(interface)
    channel = await _open(interface, hosts) if interface.protocol_binding == _GRPC else None
    streams = streaming and card.capabilities.streaming
    config = ClientConfig(
        streaming=streams,
        httpx_client=http,
        supported_protocol_bindings=list(_BINDINGS),
        grpc_channel_factory=lambda _: channel,
    )
    factory = ClientFactory(config)
    if channel and is_legacy_version(interface.protocol_version):
        # The SDK's own factory takes 1.0 for it where a2a.compat was imported before a2a.client (a2a-sdk 1.3.0).
        factory.register(_GRPC, CompatGrpcTransport.create)
    return Connection(factory.create(one), streams=streams, channel=channel)


def host_of(card: AgentCard) -> str:
    """Where the interface is that `connect` takes."""
    return interface_url(_chosen(card)).host


def _chosen(card: AgentCard) -> AgentInterface:
    """The binding that the card prefers of those that we speak, in its 1.0 form if it has one."""
    ours = [one for one in card.supported_interfaces if one.protocol_binding in _BINDINGS]
    if not ours:
        raise ValueError("no compatible transports found.")
    same = [one for one in ours if one.protocol_binding == ours[0].protocol_binding]
    return next((one for one in same if not is_legacy_version(one.protocol_version)), same[0])


async def _open(interface: AgentInterface, hosts: HostRule | None) -> grpc.aio.Channel:
    target = grpc_url(interface)
    secure = target.scheme == "https"
    host, port = target.host, target.port or (443 if secure else 80)
    options = dict(_OPTIONS)
    address = host
    if hosts:
        address = await _judged(target, hosts)
        options["grpc.default_authority"] = f"{_bracketed(host)}:{port}"
    where = f"{'ipv6:' if ':' in address else 'ipv4:' if hosts else 'dns:///'}{_bracketed(address)}:{port}"
    given = tuple(options.items())
    channel = (
        grpc.aio.secure_channel(where, grpc.ssl_channel_credentials(), options=given)
        if secure
        else grpc.aio.insecure_channel(where, options=given)
    )
    try:
        await _ready(channel, interface.url)
    except BaseException:
        await channel.close()
        raise
    return channel


def grpc_url(interface: AgentInterface) -> httpx.URL:
    """As cards write it: an http or https URL, or HOST:PORT alone, which is without TLS but on 443."""
    found = interface_url(interface)
    is_bare = "://" not in interface.url
    return found.copy_with(scheme="https") if is_bare and interface.url.endswith(":443") else found


async def _judged(target: httpx.URL, hosts: HostRule) -> str:
    try:
        return await hosts.address(target)
    except (InvalidInput, AgentUnavailable) as error:
        raise A2AClientError(str(error)) from httpx.ConnectError(str(error))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


async def _ready(channel: grpc.aio.Channel, url: str) -> None:
    """The first attempt to connect decides; gRPC by itself would try again for ever."""
    state = channel.get_state(try_to_connect=True)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while state in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.CONNECTING):
                await channel.wait_for_state_change(state)
                state = channel.get_state()
    except TimeoutError:
        state = grpc.ChannelConnectivity.TRANSIENT_FAILURE
    if state is not grpc.ChannelConnectivity.READY:
        raise A2AClientError("no connection") from httpx.ConnectError(f"no gRPC server answers at {url}")
