"""An Agent Card and the routes behind it: JSON-RPC and REST, protocol 1.0, and 0.3 for older peers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from email.utils import formatdate

from a2a.server.request_handlers import RequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    APIKeySecurityScheme,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from a2a.utils.constants import (
    AGENT_CARD_WELL_KNOWN_PATH,
    PROTOCOL_VERSION_0_3,
    PROTOCOL_VERSION_1_0,
    VERSION_HEADER,
    TransportProtocol,
)
from google.protobuf.json_format import MessageToDict
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from shared.a2a.edge import Binding, CallContexts, Edge
from shared.a2a.wire import EXTENSION, EXTENSION_DESCRIPTION, JSON, TEXT, VALUES

JSONRPC_PATH = "/a2a/jsonrpc"
REST_PATH = "/a2a/rest"
OLDER_CARD_PATH = "/.well-known/agent.json"
"""Where a card was before 0.3."""
CACHE = "public, max-age=300"
"""Of the card: what it says changes when the server is started anew."""


def build_card(
    *, name: str, description: str, version: str, url: str, skills: Sequence[AgentSkill], secured: bool
) -> AgentCard:
    """url: where the routes of `protocol_routes` are reached; secured: whether they want the API key."""
    card = AgentCard(
        name=name,
        description=description,
        version=version,
        supported_interfaces=_interfaces(url.rstrip("/")),
        capabilities=AgentCapabilities(
            streaming=True, extensions=[AgentExtension(uri=EXTENSION, description=EXTENSION_DESCRIPTION)]
        ),
        default_input_modes=[JSON, TEXT],
        default_output_modes=[JSON, TEXT],
        skills=skills,
    )
    if secured:
        _declare_key(card)
    return card


def _interfaces(url: str) -> list[AgentInterface]:
    bindings = ((TransportProtocol.JSONRPC, JSONRPC_PATH), (TransportProtocol.HTTP_JSON, REST_PATH))
    return [
        AgentInterface(url=f"{url}{path}", protocol_binding=binding.value, protocol_version=version)
        for version in (PROTOCOL_VERSION_1_0, PROTOCOL_VERSION_0_3)
        for binding, path in bindings
    ]


def _declare_key(card: AgentCard) -> None:
    """What shared.auth.ApiKeyRequired enforces: either of the two."""
    bearer = SecurityScheme(http_auth_security_scheme=HTTPAuthSecurityScheme(scheme="bearer"))
    header = SecurityScheme(api_key_security_scheme=APIKeySecurityScheme(location="header", name="X-API-Key"))
    card.security_schemes["bearer"].CopyFrom(bearer)
    card.security_schemes["api_key"].CopyFrom(header)
    for scheme in ("bearer", "api_key"):
        card.security_requirements.append(SecurityRequirement(schemes={scheme: StringList()}))


def add_grpc(card: AgentCard, address: str) -> None:
    """Name the gRPC interfaces: each version's after those over HTTP, which more clients have."""
    for version in (PROTOCOL_VERSION_1_0, PROTOCOL_VERSION_0_3):
        versions = [one.protocol_version for one in card.supported_interfaces]
        last = len(versions) - versions[::-1].index(version)
        grpc = AgentInterface(url=address, protocol_binding=TransportProtocol.GRPC.value, protocol_version=version)
        card.supported_interfaces.insert(last, grpc)


def protocol_routes(handler: RequestHandler, card: AgentCard) -> list[BaseRoute]:
    """The card, JSON-RPC and REST.

    The SDK's tenant mount is left out: it would swallow every path of a host app.
    """
    contexts = CallContexts()
    # Some clients take the JSON-RPC address as a folder, and none follows a redirect of a POST.
    calls = [
        route
        for path in (JSONRPC_PATH, f"{JSONRPC_PATH}/")
        for route in create_jsonrpc_routes(handler, path, context_builder=contexts, enable_v0_3_compat=True)
    ]
    rest = create_rest_routes(handler, context_builder=contexts, enable_v0_3_compat=True, path_prefix=REST_PATH)
    return [
        *(_dated(route) for route in _card_routes(card)),
        *(_at_the_edge(route, "JSONRPC") for route in calls),
        *(_at_the_edge(route, "HTTP+JSON") for route in rest if isinstance(route, Route)),
    ]


def _card_routes(card: AgentCard) -> list[Route]:
    """The card as 1.0 has it, and with the fields of 0.3 beside them, as the SDK makes it, for who says that it is of
    0.3, or asks where cards were before."""
    [older] = create_agent_card_routes(card, card_url=OLDER_CARD_PATH, cache_control=CACHE)

    async def give(request: Request) -> Response:
        said = request.headers.get(VERSION_HEADER) or request.query_params.get(VERSION_HEADER)
        if said == PROTOCOL_VERSION_0_3:
            answer: Response = await older.endpoint(request)
        else:
            answer = _unless_known(json.dumps(MessageToDict(card)).encode(), request.headers.get("if-none-match", ""))
        answer.headers["Vary"] = VERSION_HEADER
        return answer

    return [Route(AGENT_CARD_WELL_KNOWN_PATH, give, methods=["GET"]), older]


def _unless_known(body: bytes, known: str) -> Response:
    """304 for who has it: If-None-Match compares weakly (RFC 9110, 13.1.2)."""
    etag = f'"{hashlib.sha256(body).hexdigest()}"'
    headers = {"ETag": etag, "Cache-Control": CACHE}
    if {one.strip().removeprefix("W/") for one in known.split(",")} & {etag, "*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=JSON, headers=headers)


def _dated(route: Route) -> Route:
    """The card is as old as the server."""
    app, dated = route.app, formatdate(usegmt=True)

    async def with_date(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Last-Modified"] = dated
            await send(message)

        await app(scope, receive, sending)

    route.app = with_date
    return route


def _at_the_edge(route: Route, binding: Binding) -> Route:
    route.app = Edge(route.app, binding, VALUES)
    return route
