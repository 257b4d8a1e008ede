"""An Agent Card and the routes behind it: JSON-RPC and REST, protocol 1.0, and 0.3 for older peers."""

from __future__ import annotations

from collections.abc import Sequence

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
from starlette.routing import BaseRoute, Route

from shared.a2a.wire import EXTENSION, EXTENSION_DESCRIPTION, JSON, TEXT

JSONRPC_PATH = "/a2a/jsonrpc"
REST_PATH = "/a2a/rest"


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


def protocol_routes(handler: RequestHandler, card: AgentCard) -> list[BaseRoute]:
    """The card, JSON-RPC and REST. The SDK's tenant mount is left out: it would swallow every path of a host app."""
    rest = create_rest_routes(handler, enable_v0_3_compat=True, path_prefix=REST_PATH)
    return [
        *create_agent_card_routes(card),
        *create_jsonrpc_routes(handler, rpc_url=JSONRPC_PATH, enable_v0_3_compat=True),
        *(route for route in rest if isinstance(route, Route)),
    ]
