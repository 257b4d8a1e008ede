"""A2A over gRPC: a port of its own beside HTTP, for protocols 1.0 and 0.3, with the same API key."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc.aio  # type: ignore[import-untyped, unused-ignore]  # it ships no types
from a2a.compat.v0_3.a2a_v0_3_pb2_grpc import add_A2AServiceServicer_to_server as add_service_0_3
from a2a.compat.v0_3.grpc_handler import CompatGrpcHandler
from a2a.extensions.common import get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import DefaultGrpcServerCallContextBuilder, GrpcHandler, RequestHandler
from a2a.types.a2a_pb2_grpc import add_A2AServiceServicer_to_server as add_service
from a2a.utils.constants import PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0
from a2a.utils.errors import InvalidParamsError
from google.protobuf.message import Message

from shared.a2a.edge import check_version
from shared.a2a.wire import EXTENSION
from shared.auth import KeyCheck
from shared.errors import AlreadyRunning

STOP_SECONDS = 5.0
_NAMED = ("a2a-extensions", EXTENSION)


@dataclass(frozen=True)
class GrpcPlace:
    """Where gRPC is served. port: 0 for a free one; name: the host's, for clients; limit: bytes of a request."""

    host: str
    port: int
    name: str
    api_key: str | None
    limit: int


class GrpcServer:
    """Must be made on the event loop. address: HOST:PORT by which clients reach it; values: most of a request.

    Raises AlreadyRunning when the port is taken.
    """

    def __init__(self, requests: RequestHandler, place: GrpcPlace, values: int) -> None:
        options = [("grpc.max_receive_message_length", place.limit), ("grpc.so_reuseport", 0)]
        guards = [_KeyRequired(place.api_key)] if place.api_key else []
        self._server = grpc.aio.server(interceptors=guards, options=options)
        newer = _Naming(requests, _Contexts(PROTOCOL_VERSION_1_0), values)
        add_service(newer, self._server)  # type: ignore[no-untyped-call]
        older = _Older(requests, _Contexts(PROTOCOL_VERSION_0_3), values)
        add_service_0_3(older, self._server)  # type: ignore[no-untyped-call]
        host = f"[{place.host}]" if ":" in place.host else place.host
        try:
            port = self._server.add_insecure_port(f"{host}:{place.port}")
        except RuntimeError as error:
            raise AlreadyRunning(
                f"can't serve gRPC on {host}:{place.port}", suggestion="choose another with LEXIQUERY_GRPC_PORT"
            ) from error
        self.address = f"[{place.name}]:{port}" if ":" in place.name else f"{place.name}:{port}"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(STOP_SECONDS)


class _Contexts(DefaultGrpcServerCallContextBuilder):
    """served: the version of the service that was called."""

    def __init__(self, served: str) -> None:
        self._served = served

    def build(self, context: grpc.aio.ServicerContext) -> ServerCallContext:
        check_version(_metadata(context.invocation_metadata()).get("a2a-version", ""), (self._served,))
        return super().build(context)


class _Naming(GrpcHandler):
    """Names the extension in the answer if the client asked for it, and refuses more values than `values`."""

    def __init__(self, requests: RequestHandler, contexts: _Contexts, values: int) -> None:
        super().__init__(requests, contexts)
        self._values = values

    def _build_call_context(self, context: Any, request: Any) -> ServerCallContext:
        _check_values(request, self._values)
        return super()._build_call_context(context, request)

    async def _handle_unary(self, request: Any, context: Any, handler_func: Any, default_response: Any) -> Any:
        await _name_extension(context)
        return await super()._handle_unary(request, context, handler_func, default_response)

    async def _handle_stream(self, request: Any, context: Any, handler_func: Any) -> AsyncIterable[Any]:
        await _name_extension(context)
        async for item in super()._handle_stream(request, context, handler_func):
            yield item


class _Older(CompatGrpcHandler):
    """Refuses more values than `values` before they are converted to 1.0."""

    def __init__(self, requests: RequestHandler, contexts: _Contexts, values: int) -> None:
        super().__init__(requests, contexts)
        self._values = values

    async def SendMessage(self, request: Any, context: Any) -> Any:  # noqa: N802 -- the service's name
        await self._check(request, context)
        return await super().SendMessage(request, context)

    async def SendStreamingMessage(self, request: Any, context: Any) -> AsyncIterable[Any]:  # noqa: N802 -- likewise
        await self._check(request, context)
        async for item in super().SendStreamingMessage(request, context):
            yield item

    async def _check(self, request: Any, context: Any) -> None:
        try:
            _check_values(request, self._values)
        except InvalidParamsError as error:
            await self.abort_context(error, context)


def _check_values(request: Message, most: int) -> None:
    """Raises InvalidParamsError; as soon as there are too many."""
    # A value is an item of what it lies in, and holds its own content.
    held, left = [request], 2 * most
    while held:
        for field, content in held.pop().ListFields():
            is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
            many = is_map or field.is_repeated
            left -= len(content) if many else 1
            if left < 0:
                raise InvalidParamsError(message=f"the request has more than {most:,} values")
            items = content.values() if is_map else content if many else (content,)
            held += [item for item in items if isinstance(item, Message)]


async def _name_extension(context: grpc.aio.ServicerContext) -> None:
    if EXTENSION in get_requested_extensions([_metadata(context.invocation_metadata()).get("a2a-extensions", "")]):
        await context.send_initial_metadata((_NAMED,))


class _KeyRequired(grpc.aio.ServerInterceptor):  # type: ignore[misc, unused-ignore]
    """UNAUTHENTICATED for a call without the key, whether or not its method exists."""

    def __init__(self, key: str) -> None:
        self._check = KeyCheck(key)
        self._refusal = grpc.unary_unary_rpc_method_handler(_refuse)

    async def intercept_service(
        self, continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        given = _metadata(details.invocation_metadata)
        allowed = self._check.allows(given.get("authorization", ""), given.get("x-api-key", ""))
        return await continuation(details) if allowed else self._refusal


async def _refuse(_: Any, context: grpc.aio.ServicerContext) -> None:
    said = "this server wants its API key; send it as metadata 'authorization: Bearer KEY' or 'x-api-key: KEY'"
    await context.abort(grpc.StatusCode.UNAUTHENTICATED, said)


def _metadata(pairs: Any) -> dict[str, str]:
    """Texts by name; more than one of a name are joined, as HTTP would have them."""
    found: dict[str, str] = {}
    for name, value in pairs or ():
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        found[name] = f"{found[name]},{text}" if name in found else text
    return found
