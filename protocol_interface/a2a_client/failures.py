"""What goes wrong with a peer, said so that a reader knows which agent it was and what it did."""

from __future__ import annotations

import grpc  # type: ignore[import-untyped]
import httpx
from a2a.client.errors import A2AClientError
from a2a.utils.errors import A2AError
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError

from protocol_interface.bounded import AnsweredTooMuch
from shared.errors import AgentUnavailable

SHOWN = 300
"""Characters of a foreign text that an error shows."""
NONSENSE = (
    A2AError,
    ParseError,
    DecodeError,
    grpc.RpcError,
    grpc.aio.BaseError,
    NotImplementedError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
)
"""What the SDK raises for an agent that can't be reached, and for an answer or a card that is not A2A."""
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LIES = (AnsweredTooMuch, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


def is_unsent(error: BaseException) -> bool:
    """Whether no connection was made, so that the agent knows nothing of the request."""
    return isinstance(error.__cause__, _UNSENT)


def is_broken(error: BaseException) -> bool:
    """Whether the connection was lost, so that the agent may go on with what it was asked."""
    cause = error.__cause__
    if isinstance(cause, grpc.aio.AioRpcError):
        return cause.code() is grpc.StatusCode.UNAVAILABLE
    return isinstance(cause, httpx.TransportError) and not isinstance(cause, (*_UNSENT, *_LIES))


def too_much(what: str) -> A2AClientError:
    """what: as in "agent 'kql' answered more than 16 MiB", from its verb on."""
    error = A2AClientError(what)
    error.__cause__ = AnsweredTooMuch(what)
    return error


def unavailable(agent: str, url: str, error: BaseException) -> AgentUnavailable:
    cause = error.__cause__
    if isinstance(cause, AnsweredTooMuch):
        return AgentUnavailable(f"agent '{agent}' {cause}")
    if isinstance(cause, httpx.TransportError) or is_broken(error):
        return AgentUnavailable(f"can't reach agent '{agent}' at {url}: {brief(cause or error)}")
    if isinstance(cause, httpx.HTTPStatusError):
        return AgentUnavailable(f"agent '{agent}' answered HTTP {cause.response.status_code}")
    return AgentUnavailable(f"agent '{agent}' answered nonsense: {brief(error)}")


def brief(error: BaseException) -> str:
    said = error.details() if isinstance(error, grpc.aio.AioRpcError) else str(error)
    return f"{type(error).__name__}: {said}"[:SHOWN] if said else type(error).__name__
