"""MCP over HTTP as an OAuth resource server: whose tokens open it, and what they allow.

A token is a JWT of the issuer for this server. The scope `read` opens everything but running queries, which takes
`execute`. An API key, where there is one, allows both. On stdio, and without an issuer, there are no tokens.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import structlog
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken

from shared.errors import Forbidden, InvalidInput

log = structlog.get_logger(__name__)
READ, EXECUTE = "read", "execute"
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures that the issuer alone can make: none that a key which is known here could."""
_CLAIMS = ("exp", "iss", "aud")
_CLOCKS_DIFFER = 30.0
"""Seconds that the issuer's clock may be ahead or behind."""
_FETCH_SECONDS = 5.0
_FETCH_AGAIN_SECONDS = 60.0
"""How soon keys are fetched again for a token with an unknown one: anybody can send such tokens."""
_KEYS_LAST_SECONDS = 3600.0
_KEYS_BYTES = 2**18


def may_execute() -> bool:
    token = get_access_token()
    return token is None or EXECUTE in token.scopes


def needs_execute() -> None:
    """Raises Forbidden when the token of the request does not allow to run queries."""
    if not may_execute():
        raise Forbidden(
            f"running queries takes the scope '{EXECUTE}', which the token does not have",
            suggestion="get a token with it, or prove the query without running it",
        )


class IssuerKeys:
    """The issuer's public keys, a JWKS: from a file, read once, or from a web address, fetched when they are needed."""

    def __init__(self, place: str) -> None:
        """Raises InvalidInput for a file that holds none."""
        self._url = place if place.startswith(("https://", "http://")) else None
        self._keys: dict[str | None, jwt.PyJWK] = {} if self._url else _read(_file(Path(place)), place)
        self._fetched = float("-inf")
        self._fetching = asyncio.Lock()

    async def key(self, name: str | None) -> jwt.PyJWK | None:
        """None where there is no such key, or the address does not answer. name: `kid`; may be left out of one key."""
        async with self._fetching:
            age = time.monotonic() - self._fetched
            is_known = name in self._keys or (name is None and self._keys)
            if self._url and (age > _KEYS_LAST_SECONDS or (not is_known and age > _FETCH_AGAIN_SECONDS)):
                await self._fetch(self._url)
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name)

    async def _fetch(self, url: str) -> None:
        self._fetched = time.monotonic()
        try:
            async with httpx.AsyncClient(timeout=_FETCH_SECONDS, trust_env=False) as http:
                self._keys = _read(await _body(http, url), url)
        except (httpx.HTTPError, InvalidInput) as error:
            log.warning("the issuer's keys were not read", url=url, problem=str(error) or type(error).__name__)


class Tokens:
    """The SDK's TokenVerifier."""

    def __init__(self, *, issuer: str, audience: str, keys: IssuerKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    async def verify_token(self, token: str) -> AccessToken | None:
        """None for whatever is not a token of the issuer, for this server, of this time; the log says why."""
        try:
            claims = await self._claims(token)
        except jwt.PyJWTError as error:
            log.info("token refused", reason=str(error) or type(error).__name__)
            return None
        named = (claims.get(name) for name in ("client_id", "azp", "sub"))
        return AccessToken(
            token=token,
            client_id=next((str(name) for name in named if name), "unnamed"),
            scopes=_scopes(claims),
            expires_at=int(claims["exp"]),
            resource=self._audience,
            subject=str(claims["sub"]) if claims.get("sub") else None,
            claims=claims,
        )

    async def _claims(self, token: str) -> dict[str, Any]:
        key = await self._keys.key(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("it is signed by no key of the issuer")
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(_ALGORITHMS),
            audience=self._audience,
            issuer=self._issuer,
            leeway=_CLOCKS_DIFFER,
            options={"require": list(_CLAIMS)},
        )
        return claims


def _scopes(claims: dict[str, Any]) -> list[str]:
    """`scope` of RFC 9068, a text; `scp` of some issuers, a text or a list."""
    said = claims.get("scope") or claims.get("scp") or ""
    return said.split() if isinstance(said, str) else [str(one) for one in said] if isinstance(said, list) else []


async def _body(http: httpx.AsyncClient, url: str) -> bytes:
    """Raises InvalidInput for one that is too long."""
    found = bytearray()
    async with http.stream("GET", url) as response:
        response.raise_for_status()
        async for piece in response.aiter_bytes():
            found += piece
            if len(found) > _KEYS_BYTES:
                raise InvalidInput(f"{url} answers more than {_KEYS_BYTES} bytes, which are no keys")
    return bytes(found)


def _file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"LEXIQUERY_OAUTH_KEYS: {path} can't be read: {error.strerror or error}") from error


def _read(text: bytes, place: str) -> dict[str | None, jwt.PyJWK]:
    """Keys by their `kid`. Raises InvalidInput for what is no JWKS, or has no key that can be used."""
    try:
        keys = jwt.PyJWKSet.from_dict(json.loads(text)).keys
    except (ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise InvalidInput(f"{place} holds no keys (JWKS): {error}") from error
    return {key.key_id: key for key in keys}
