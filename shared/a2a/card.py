"""An Agent Card and the routes behind it: JSON-RPC and REST, protocol 1.0, and 0.3 for older peers."""

from __future__ import annotations

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
from a2a.utils.constants import PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0, TransportProtocol
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from shared.a2a.edge import Binding, CallContexts, Edge
from shared.a2a.wire import EXTENSION, EXTENSION_DESCRIPTION, JSON, TEXT, VALUES

JSONRPC_PATH = "/a2a/jsonrpc"
REST_PATH = "/a2a/rest"
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


def protocol_routes(handler: RequestHandler, card: AgentCard, *, values: int = VALUES) -> list[BaseRoute]:
    """The card, JSON-RPC and REST; values: most commas and colons of a body.

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
        *(_dated(route) for route in create_agent_card_routes(card, cache_control=CACHE)),
        *(_at_the_edge(route, "JSONRPC", values) for route in calls),
        *(_at_the_edge(route, "HTTP+JSON", values) for route in rest if isinstance(route, Route)),
    ]


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


def _at_the_edge(route: Route, binding: Binding, values: int) -> Route:
    route.app = Edge(route.app, binding, values)
    return route
