"""Where a server listens: a free port, loopback unless there is an API key."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from shared.errors import AlreadyRunning, InvalidInput
from shared.settings import Settings


def open_socket(settings: Settings) -> socket.socket:
    """A listening socket. Raises AlreadyRunning when the port is taken, InvalidInput for an open host without a key."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Connections inherit it. asyncio sets it only on sockets that name their protocol, and without it the first event
    # of a stream waits 40 ms for the client's system to confirm the headers.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        message = f"can't listen on {settings.host}:{settings.port}: {error.strerror or error}"
        raise AlreadyRunning(message, suggestion="choose another with LEXIQUERY_PORT or --port") from error
    if settings.api_key is None and not ip_address(listener.getsockname()[0]).is_loopback:
        listener.close()
        raise InvalidInput(
            f"listening on {settings.host} opens LexiQuery to the network and needs an API key",
            suggestion="set LEXIQUERY_API_KEY, or listen on 127.0.0.1",
        )
    return listener


def address(settings: Settings, listener: socket.socket) -> str:
    """The URL by which clients reach the server on `listener`."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}"
