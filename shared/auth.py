"""The API key of a server: one ASGI middleware for the HTTP API, MCP and every agent."""

from __future__ import annotations

import hashlib
import hmac

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import Unauthorized
from shared.problems import error_response

PUBLIC_PATHS = frozenset({"/.well-known/agent-card.json", "/.well-known/agent.json", "/health", "/ready"})
"""What a client needs before it has a key: who is there, which schemes it wants, and whether it lives."""


class KeyCheck:
    """Whether a request carries the key, by what it says in its two headers (gRPC: metadata)."""

    def __init__(self, key: str) -> None:
        self._digest = _digest(key)

    def allows(self, authorization: str, x_api_key: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        bearer = token.strip() if scheme.lower() == "bearer" else ""
        # Digests have one length, so that the comparison tells nothing of the key's.
        return hmac.compare_digest(_digest(x_api_key or bearer), self._digest)


class ApiKeyRequired:
    """Lets a request through that carries the key as `Authorization: Bearer KEY` or `X-API-Key: KEY`.

    Anything else gets 401 as problem details (a WebSocket is closed with 1008), whether or not the path exists.
    """

    def __init__(self, app: ASGIApp, *, key: str, public: frozenset[str] = PUBLIC_PATHS) -> None:
        self._app = app
        self._check = KeyCheck(key)
        self._public = public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in self._public or self._allowed(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "API key missing or wrong"})
        else:
            await _refuse(scope, receive, send)

    def _allowed(self, headers: Headers) -> bool:
        return self._check.allows(headers.get("authorization", ""), headers.get("x-api-key", ""))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    error = Unauthorized(
        "this server wants its API key, and the request carries none or a wrong one",
        suggestion="send it as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
    )
    response = error_response(error, scope["path"], {"www-authenticate": 'Bearer realm="lexiquery"'})
    await response(scope, receive, send)
