"""HTTP to a peer that may answer without end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

ANSWER_LIMIT = 16 * 2**20
"""Bytes of the largest answer that is read from a peer."""
VALUES = 400_000
"""Most values of one answer, told by its commas. The event loop reads a value of a message in 2.6 µs (two cores,
2026-11-21), so that many take a second from everybody else."""


class AnsweredTooMuch(httpx.TransportError):
    """A peer sent more than ANSWER_LIMIT, or more than VALUES."""


class Bounded(httpx.AsyncBaseTransport):
    """A transport that reads at most ANSWER_LIMIT bytes of each answer, and none that is compressed.

    Compressed, a few bytes on the wire are as many in memory as their sender likes; so no client of this transport
    asks for compression. network: what connects.
    """

    def __init__(self, network: httpx.AsyncBaseTransport | None = None) -> None:
        self._network = network or httpx.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = await self._network.handle_async_request(request)
        encoding = response.headers.get("Content-Encoding", "identity").lower()
        if encoding != "identity":
            await response.aclose()
            raise httpx.DecodingError(f"content encoding '{encoding[:40]}', which was not asked for", request=request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Counted(response.stream)
        return response

    async def aclose(self) -> None:
        await self._network.aclose()


class _Counted(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = values = 0
        async for chunk in self._stream:
            read, values = read + len(chunk), values + chunk.count(b",")
            if read > ANSWER_LIMIT:
                raise AnsweredTooMuch(f"answered more than {ANSWER_LIMIT // 2**20} MiB")
            if values > VALUES:
                raise AnsweredTooMuch(f"answered more than {VALUES:,} values")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
