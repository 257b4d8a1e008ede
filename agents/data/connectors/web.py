"""What connectors over HTTP share: their URLs, one request with its limits, and what an answer other than 200 means."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import httpx

from agents.data.connectors.connector import CONNECT_SECONDS
from shared.errors import InvalidInput, LexiQueryError, QueryFailed, QueryTimeout, SourceUnavailable, did_you_mean

_MIB = 2**20
_ANSWER_LIMIT = 64 * _MIB
_BUSY = (429, 503)


@dataclass(frozen=True)
class Address:
    """The parts of `scheme://user:password@host:port?option=value`; host keeps its spelling."""

    scheme: str
    host: str
    port: int | None = None
    user: str | None = None
    password: str | None = None
    options: dict[str, str] = field(default_factory=dict)


def address(url: str, known: Collection[str], expected: str) -> Address:
    """Raises InvalidInput, which does not repeat the URL, for what is no such address or has an unknown option."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput("that is not the URL of a platform", suggestion=f"expected {expected}") from error
    _, _, place = parts.netloc.rpartition("@")
    host = place if port is None else place.rpartition(":")[0]
    if not host or parts.path not in ("", "/") or parts.fragment:
        raise InvalidInput(f"that is not the URL of a {parts.scheme} connection", suggestion=f"expected {expected}")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := options.keys() - set(known):
        name = min(unknown)
        raise InvalidInput(f"unknown option '{name}' of the URL", suggestion=did_you_mean(name, known))
    user, password = (unquote(text) if text else None for text in (parts.username, parts.password))
    return Address(parts.scheme, host.strip("[]"), port, user, password, options)


def check_private(base: str) -> None:
    """Raises InvalidInput for an address whose requests others could read: plain HTTP leaves this machine."""
    parts = urlsplit(base)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not is_loopback(parts.hostname or ""):
        raise InvalidInput(f"'{base}' is not an https address", suggestion="plain http is for this machine only")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True)
class Reply:
    """status: HTTP's; value: the JSON of the body, None where there is none."""

    status: int
    value: Any


class Web:
    """One API for the time of one query. until: the event loop's time at which the query's own time is over."""

    def __init__(self, client: httpx.AsyncClient, place: str, until: float) -> None:
        self._client = client
        self._place = place
        self._until = until

    async def send(self, method: str, url: str, **more: Any) -> Reply:
        """The reply, whatever its status; one that says when to come again is waited for, if there is time.

        Raises SourceUnavailable where there is none, or it is not JSON; QueryFailed where it has more than 64 MiB.
        """
        while True:
            try:
                async with self._client.stream(method, url, **more) as response:
                    wait = self._wait(response)
                    if wait is None:
                        return Reply(response.status_code, self._value(response, await self._body(response)))
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceUnavailable(f"can't reach {self._place}: {error or type(error).__name__}") from error
            await asyncio.sleep(wait)

    def _wait(self, response: httpx.Response) -> float | None:
        """Seconds until the request may come again; None where its reply stands."""
        after = _retry_after(response) if response.status_code in _BUSY else None
        if after is None:
            return None
        if asyncio.get_running_loop().time() + after >= self._until:
            message = f"{self._place} is busy (HTTP {response.status_code})"
            raise SourceUnavailable(message, suggestion=f"try again in {after:g} s")
        return after

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _ANSWER_LIMIT:
                message = f"{self._place} answers with more than {_ANSWER_LIMIT // _MIB} MiB"
                raise QueryFailed(message, suggestion="keep fewer columns or rows")
        return bytes(body)

    def _value(self, response: httpx.Response, body: bytes) -> Any:
        if not body.strip():
            return None
        try:
            return json.loads(body)
        except ValueError as error:
            if not response.is_success:
                return None
            raise SourceUnavailable(f"{self._place} answered something that is not JSON") from error


def client(verify: Any = True) -> httpx.AsyncClient:
    """Patient with answers, since the query's own time is over first. verify: as httpx takes it."""
    return httpx.AsyncClient(timeout=httpx.Timeout(None, connect=CONNECT_SECONDS), verify=verify)


def refusal(place: str, status: int, said: str) -> LexiQueryError:
    """What a status other than success means. said: the platform's own words, if any."""
    words = f": {said}" if said else ""
    if status in (400, 413, 422):
        return QueryFailed(said or f"{place} refuses the query (HTTP {status})")
    if status in (408, 504):
        return QueryTimeout(f"{place} stopped the query{words}", suggestion="narrow its time range")
    if status in (401, 403):
        return SourceUnavailable(f"{place} refuses the credentials (HTTP {status}){words}")
    return SourceUnavailable(f"{place} answered HTTP {status}{words}")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds, of a header that gives them or a date."""
    said = response.headers.get("retry-after", "").strip()
    if said.isdecimal():
        return float(said)
    try:
        then = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
